"""Coding genes of an annotated genome, from whatever file annotates it, on the contigs of its FASTA."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from functools import cache
from pathlib import Path

from cistron.errors import InputError
from cistron.formats.coding_genes_gencode import read_gencode
from cistron.formats.coding_genes_gff import read_gff_genes
from cistron.formats.genbank import read_genbank
from cistron.formats.sgd import read_sgd
from cistron.genome import Interval, Reference
from cistron.genome.coding import Annotation
from cistron.genome.contigs import ContigNames

_GFF = (".gff", ".gff3", ".gtf")
_GENBANK = (".gb", ".gbk", ".gbff", ".genbank")


def read_coding_genes(
    path: str | Path,
    reference: Reference,
    *,
    table: int = 1,
    first: int = 1,
    circular: Collection[str] = (),
) -> Annotation:
    """The genes of an annotation, with contigs called as the genome calls them.

    Reads GFF3 and GTF, GenBank flat files, the feature table of SGD (`SGD_features.tab`), each plain or gzip,
    and a folder of GENCODE's Parquet tables.

    Args:
        path: File or folder.
        reference: The genome. Genes on contigs that it does not have are passed over and counted.
        table: Genetic code where the annotation names none.
        first: Number of a contig's first base in GFF3 and GTF; the format says 1.
        circular: Contigs whose features may pass the end, besides those that the annotation calls circular.

    Raises:
        InputError: The file is missing, damaged or of no known kind, lies on no contig of the genome, or
            reaches beyond one.
    """
    found = _read(Path(path), table, first)
    resolved = cache(ContigNames(reference.contigs).resolve)
    ring = frozenset(name for given in (*found.circular, *circular) if (name := resolved(given)) is not None)
    coding = [replace(g, chrom=name) for g in found.coding if (name := resolved(g.chrom)) is not None]
    rna = [
        replace(g, interval=replace(g.interval, chrom=name))
        for g in found.rna
        if (name := resolved(g.interval.chrom)) is not None
    ]
    genic = [replace(i, chrom=name) for i in found.genic if (name := resolved(i.chrom)) is not None]
    if not coding:
        raise InputError(
            f"{path} has no coding sequence on the contigs of {reference.name}"
            f" ({', '.join(list(reference.contigs)[:3])} …); is it of another assembly?"
        )
    extents = [
        Interval(g.chrom, min(g.parts)[0], max(end for _, end in g.parts), name=g.name) for g in coding
    ]
    for each in (*extents, *(g.interval for g in rna), *genic):
        _require_inside(each, reference, each.chrom in ring, str(path))
    reasons = Counter(found.passed_over)
    reasons["gene on a contig that the genome does not have"] += len(found.coding) - len(coding)
    return Annotation(tuple(coding), tuple(rna), ring, tuple(genic), dict(+reasons))


def _read(path: Path, table: int, first: int) -> Annotation:
    name = path.name.removesuffix(".gz").removesuffix(".bgz")
    if path.is_dir() and (path / "CDSs.parquet").exists():
        return read_gencode(path, table=table)
    if name.endswith(_GFF):
        return read_gff_genes(path, table=table, first=first)
    if name.endswith(_GENBANK):
        return read_genbank(path, table=table)[0]
    if name.startswith("SGD_features"):
        return read_sgd(path)
    raise InputError(
        f"{path} is no gene annotation by its name; give GFF3, GTF, GenBank, SGD_features.tab or a folder"
        " with CDSs.parquet"
    )


def _require_inside(feature: Interval, reference: Reference, circular: bool, source: str) -> None:
    length = reference.contigs[feature.chrom]
    if feature.end <= length or (circular and feature.start < length and feature.end <= 2 * length):
        return
    hint = "is it of another assembly?" if feature.start >= length else "is the contig circular?"
    raise InputError(
        f"{source} has {feature.name or 'a feature'} at {feature.chrom}:{feature.start + 1:,}-"
        f"{feature.end:,}, beyond the {length:,} bp of that contig; {hint}"
    )
