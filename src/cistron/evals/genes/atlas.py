"""Genes whose DNA is at hand: symbol → where its transcript lies, and in which file."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cistron.evals.task import Setting
from cistron.formats.fasta import Fasta
from cistron.formats.feature_table import read_features
from cistron.formats.gene_types import read_gene_types
from cistron.formats.labelled_sequences import read_rows
from cistron.genome import Interval
from cistron.genome.annotation import GeneModel, Span
from cistron.genome.splits import Regions

GENCODE: Final = "human/gencode_v19"
CHROMOSOMES: Final = ("human/chr20.fa.gz", "human/chr22_partial.fa.gz", "human/chrX_1_70M.fa.gz")
LRG: Final = "human/lrg_loci.fa.gz"
LRG_INDEX: Final = "human/lrg_index.tsv"
CANONICAL: Final = "human/gencode_canonical_exons_grch37.txt.gz"
NEEDS: Final = (*(f"{GENCODE}/{name}.parquet" for name in ("genes", "exons", "CDSs")), *CHROMOSOMES)
"""What `read_atlas` cannot do without; the LRG files are taken where they are there."""

_Key = tuple[str, str, str]


@dataclass(frozen=True)
class Atlas:
    """Where genes lie.

    Attributes:
        genes: Symbol → its transcript's model, in the coordinates of its file.
        files: Symbol → FASTA file.
        chromosomes: Symbol → chromosome of the genome, `chr20`.
        types: Symbol → biotype, of genes on whole chromosomes.
        repeated: Symbols that lie at several places; they are in none of the others.
    """

    genes: Mapping[str, GeneModel]
    files: Mapping[str, Path]
    chromosomes: Mapping[str, str]
    types: Mapping[str, str]
    repeated: frozenset[str]


def read_atlas(setting: Setting) -> Atlas:
    """The genes of chr20, chr22 and the first 70 Mb of chrX, and the loci of LRG that lie elsewhere (GRCh37).

    A gene of a chromosome has the exons and coding parts of all its transcripts, merged; one of LRG those of
    its canonical transcript, without coding parts.

    Raises:
        InputError: A file is missing or damaged.
    """
    folder = setting.path(GENCODE)
    typed = read_gene_types(folder / "genes.parquet")
    counts = Counter(each.gene.name for each in typed)
    repeated = frozenset(name for name, count in counts.items() if count > 1)
    once = [each for each in typed if each.gene.name not in repeated]
    exons, coding = (read_features(folder / f"{name}.parquet", one_based=True) for name in ("exons", "CDSs"))
    models = gene_models([each.gene for each in once], exons, coding)
    files = {name: path for path in map(setting.path, CHROMOSOMES) for name in _inside(models.values(), path)}
    genes = {name: models[name] for name in files}
    chromosomes = {name: gene.chrom for name, gene in genes.items()}
    for name, (gene, chromosome) in _lrg_genes(setting).items():
        if name not in genes and name not in repeated:
            genes[name], files[name] = gene, setting.path(LRG)
            chromosomes[name] = chromosome
    types = {each.gene.name: each.kind for each in once if each.gene.name in genes}
    return Atlas(genes, files, chromosomes, types, repeated)


def gene_models(
    genes: Iterable[Interval], exons: Iterable[Interval], coding: Iterable[Interval]
) -> dict[str, GeneModel]:
    """Symbol → its model, from features of one annotation; the parts of a gene's transcripts are merged.

    A gene without exons of its name is one exon. Parts are those of the same name, contig and strand.
    """
    parts = [_by_gene(features) for features in (exons, coding)]
    return {
        gene.name: GeneModel(
            gene.name,
            gene.chrom,
            gene.strand,
            _merged(gene, parts[0]) or ((gene.start, gene.end),),
            _merged(gene, parts[1]),
        )
        for gene in genes
    }


def _by_gene(features: Iterable[Interval]) -> dict[_Key, list[Interval]]:
    found: dict[_Key, list[Interval]] = defaultdict(list)
    for feature in features:
        found[feature.chrom, feature.name, feature.strand].append(feature)
    return found


def _merged(gene: Interval, parts: Mapping[_Key, list[Interval]]) -> tuple[Span, ...]:
    own = parts.get((gene.chrom, gene.name, gene.strand), [])
    inside = [part for part in own if gene.start <= part.start and part.end <= gene.end]
    return tuple((part.start, part.end) for part in Regions(inside))


def _inside(genes: Iterable[GeneModel], path: Path) -> list[str]:
    """Names of the genes that lie in a FASTA file, whose contigs are called as the annotation calls them."""
    with Fasta(path) as reference:
        contigs = reference.contigs
    return [gene.name for gene in genes if gene.end <= contigs.get(gene.chrom, 0)]


def _lrg_genes(setting: Setting) -> dict[str, tuple[GeneModel, str]]:
    """Symbol → model in the coordinates of its LRG sequence, and its chromosome."""
    if setting.data is None or not all(
        (setting.data / path).exists() for path in (LRG, LRG_INDEX, CANONICAL)
    ):
        return {}
    columns = ("lrg", "gene", "assembly", "chrom", "start1", "end", "strand")
    rows = read_rows(setting.path(LRG_INDEX), columns, delimiter="\t")
    with Fasta(setting.path(LRG)) as reference:
        known = reference.contigs
    loci = {row["gene"]: row for row in rows if row["assembly"].startswith("GRCh37") and row["lrg"] in known}
    return {
        gene.name: (gene, f"chr{loci[gene.name]['chrom']}")
        for gene in _canonical_on(loci, setting.path(CANONICAL))
    }


def _canonical_on(loci: Mapping[str, Mapping[str, str]], path: Path) -> Iterator[GeneModel]:
    """Canonical transcripts in the coordinates of the loci that hold them whole; loci read along the gene."""
    columns = ("#NAME", "CHROM", "STRAND", "EXON_START", "EXON_END")
    for row in read_rows(path, columns, delimiter="\t"):
        locus = loci.get(row["#NAME"])
        if locus is None or locus["chrom"] != row["CHROM"]:
            continue
        starts, ends = (
            [int(at) for at in row[name].strip(",").split(",")] for name in ("EXON_START", "EXON_END")
        )
        first, last = int(locus["start1"]) - 1, int(locus["end"])
        if first <= starts[0] and ends[-1] <= last and (locus["strand"] == "-1") == (row["STRAND"] == "-"):
            spans = [(start - first, end - first) for start, end in zip(starts, ends, strict=True)]
            if locus["strand"] == "-1":
                spans = [(last - first - end, last - first - start) for start, end in reversed(spans)]
            yield GeneModel(row["#NAME"], locus["lrg"], "+", tuple(spans))
