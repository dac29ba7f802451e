"""Genes by name or place, from what annotates a genome: GFF3, GTF, GENCODE tables in Parquet, BED."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final, Literal

from cistron.errors import InputError, UnknownNameError
from cistron.formats.bed import read_bed
from cistron.formats.feature_table import read_features
from cistron.formats.gff import read_gff
from cistron.genome import Interval, Reference
from cistron.genome.annotation import GeneModel, Span
from cistron.genome.contigs import ContigNames
from cistron.genome.splits import Regions
from cistron.registry import unknown

Feature = Literal["gene", "exon", "CDS"]

_TABLES: Final[dict[Feature, str]] = {"gene": "genes", "exon": "exons", "CDS": "CDSs"}
"""Names of the Parquet tables that lie in one folder."""


class GeneFile:
    """The annotation of a genome, with contigs called as the genome calls them.

    Reads `.gff`, `.gff3` and `.gtf` (plain or gzip), BED (genes alone), and GENCODE's features as Parquet
    tables: the folder that holds `genes.parquet`, `exons.parquet` and `CDSs.parquet`, or one of these.
    Coordinates of the tables are 1-based and include the end.

    Args:
        path: File or folder.
        reference: The genome. Features on contigs that it does not have are passed over.
    """

    def __init__(self, path: str | Path, reference: Reference) -> None:
        self.path: Final = Path(path)
        self._contigs: Final = reference.contigs
        self._resolved: Final = cache(ContigNames(reference.contigs).resolve)

    def features(self, kind: Feature, chrom: str | None = None) -> Iterator[Interval]:
        """The features of one kind, in file order.

        Args:
            kind: Genes, exons or coding sequence.
            chrom: Those of one contig alone, as the genome calls it.

        Raises:
            InputError: The file is missing, damaged or malformed, or reaches beyond a contig.
        """
        for found in self._read(kind):
            name = self._resolved(found.chrom)
            if name is None or chrom not in (None, name):
                continue
            if found.end > self._contigs[name]:
                raise InputError(
                    f"{self.path} has {kind} {found.name} at "
                    f"{found.chrom}:{found.start + 1:,}-{found.end:,}, beyond the "
                    f"{self._contigs[name]:,} bp of that contig; is it of another assembly?"
                )
            yield Interval(name, found.start, found.end, found.strand, found.name)

    def gene(self, name: str) -> GeneModel:
        """The gene of that symbol, the exons of all its transcripts merged; case counts only between two.

        Raises:
            UnknownNameError: There is no such gene on the genome; the message suggests others.
            InputError: It lies at several places.
        """
        genes = list(self.features("gene"))
        found = [gene for gene in genes if gene.name == name]
        found = found or [gene for gene in genes if gene.name.lower() == name.lower()]
        if not found:
            kind = f"gene of {self.path.name} on this reference"
            raise UnknownNameError(unknown(kind, name, {gene.name for gene in genes if gene.name}))
        places = sorted({(gene.chrom, gene.start, gene.end) for gene in found})
        if len(places) > 1:
            shown = ", ".join(f"{chrom}:{start + 1}-{end}" for chrom, start, end in places[:3])
            raise InputError(f"gene {name} lies at {len(places)} places; give a region: {shown}")
        return self._models(found[:1])[0]

    def genes_in(self, region: Interval) -> list[GeneModel]:
        """The genes that share a base with `region`, widest first."""
        found = [
            g for g in self.features("gene", region.chrom) if g.start < region.end and region.start < g.end
        ]
        return self._models(sorted(found, key=lambda gene: (-len(gene), gene.start, gene.name)))

    def _models(self, genes: Sequence[Interval]) -> list[GeneModel]:
        exons, cds = (self._near(kind, genes) for kind in ("exon", "CDS"))
        return [
            GeneModel(
                gene.name,
                gene.chrom,
                gene.strand,
                _parts(gene, exons) or ((gene.start, gene.end),),
                _parts(gene, cds),
            )
            for gene in genes
        ]

    def _near(self, kind: Feature, genes: Sequence[Interval]) -> list[Interval]:
        around = Regions(genes)
        chrom = genes[0].chrom if genes else None
        return [f for f in self.features(kind, chrom) if around.overlaps(f.chrom, f.start, f.end)]

    def _read(self, kind: Feature) -> Iterator[Interval]:
        ending = "".join(self.path.suffixes[-2:]).removesuffix(".gz")
        if tables := _tables(self.path):
            return read_features(tables[kind], one_based=True)
        if ending.endswith(".bed"):
            return read_bed(self.path) if kind == "gene" else iter(())
        if ending.endswith((".gff", ".gff3", ".gtf")):
            return read_gff(self.path, kind)
        raise InputError(
            f"{self.path} is no annotation by its name; give GFF3, GTF, BED, or a folder with genes.parquet"
        )


def gene_files(path: str | Path) -> list[Path]:
    """The files that `GeneFile` reads for `path`."""
    return list(_tables(Path(path)).values()) or [Path(path)]


def _tables(path: Path) -> dict[Feature, Path]:
    """The Parquet tables that `path` means; none where it is a file of another kind."""
    if not path.is_dir() and path.suffix != ".parquet":
        return {}
    folder = path if path.is_dir() else path.parent
    return {kind: folder / f"{name}.parquet" for kind, name in _TABLES.items()}


def _parts(gene: Interval, features: Sequence[Interval]) -> tuple[Span, ...]:
    """The gene's own features, merged; those of its span and strand where features bear other names."""
    inside = [
        f
        for f in features
        if f.chrom == gene.chrom and f.strand == gene.strand and gene.start <= f.start and f.end <= gene.end
    ]
    own = [f for f in inside if f.name == gene.name] or inside
    return tuple((part.start, part.end) for part in Regions(own))
