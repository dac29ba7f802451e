"""What is known of genes, each as a task in gene-benchmark's form; all genes, whatever DNA is at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from cistron.errors import InputError
from cistron.evals.task import Setting
from cistron.formats.gene_tasks import GeneTask, Rows
from cistron.formats.labelled_sequences import read_rows, text_of

GENE2GENE: Final = "benchmarks/gene2gene"
FACTORS: Final = "benchmarks/humantfs/DatabaseExtract_v_1.01.csv.gz"
TISSUES: Final = "benchmarks/hpa_elevated_tissue"

PARTS: Final = ("train", "valid", "test")
"""Of Gene2vec's own split of Gene2Gene, in which no gene is on two sides."""

OUTCOME: Final = "Outcomes"
_SYMBOL: Final = ("symbol",)


def transcription_factors(setting: Setting) -> GeneTask:
    """Whether a candidate is a transcription factor: `Yes` or `No`, as curated by Lambert et al."""
    rows = read_rows(setting.path(FACTORS), ("HGNC symbol", "Is TF?"))
    return _one_outcome("TF vs non-TF", {row["HGNC symbol"]: row["Is TF?"] for row in rows})


def factor_families(setting: Setting) -> GeneTask:
    """Family of the DNA-binding domain of each transcription factor that has one."""
    rows = read_rows(setting.path(FACTORS), ("HGNC symbol", "Is TF?", "DBD"))
    factors = [row for row in rows if row["Is TF?"] == "Yes" and row["DBD"] not in ("", "Unknown")]
    return _one_outcome("TF family", {row["HGNC symbol"]: row["DBD"] for row in factors})


def factor_descriptions(setting: Setting) -> dict[str, str]:
    """Symbol → the gene's full name, of the candidates of `transcription_factors`."""
    rows = read_rows(setting.path(FACTORS), ("HGNC symbol", "EntrezGene Description"))
    return {row["HGNC symbol"]: row["EntrezGene Description"].partition(" [")[0] for row in rows}


def gene_types(types: Mapping[str, str]) -> GeneTask:
    """Biotype of each gene, from GENCODE."""
    return _one_outcome("Gene type", types)


def gene_chromosomes(chromosomes: Mapping[str, str]) -> GeneTask:
    """Chromosome of each gene: what a model can only know by having read it, or by local repeats."""
    return _one_outcome("Chromosome", chromosomes)


def elevated_tissues(setting: Setting) -> GeneTask:
    """Tissues in which a gene's expression is elevated: a column of 0 and 1 for each of the lists.

    Raises:
        InputError: A list is damaged, or there are none.
    """
    paths = sorted(setting.path(TISSUES).glob("*.tsv.gz"))
    if not paths:
        raise InputError(f"{TISSUES} holds no lists of genes, which end in .tsv.gz")
    lists = {
        path.name.removesuffix(".tsv.gz"): {row["Gene"] for row in read_rows(path, ("Gene",), delimiter="\t")}
        for path in paths
    }
    genes = sorted(set().union(*lists.values()) - {""})
    outcomes = tuple(tuple(str(int(gene in members)) for members in lists.values()) for gene in genes)
    return GeneTask("HPA elevated tissue", _SYMBOL, tuple((gene,) for gene in genes), tuple(lists), outcomes)


def gene_pairs(setting: Setting, part: str) -> GeneTask:
    """Pairs of genes that are expressed together (1) or are not (0): one part of Gene2vec's split.

    Raises:
        InputError: A file is damaged, or pairs and labels are not equally many.
    """
    pairs, labels = (
        _lines(setting.path(f"{GENE2GENE}/{part}_{kind}.txt.gz"), cells)
        for kind, cells in (("text", 2), ("label", 1))
    )
    if len(pairs) != len(labels):
        raise InputError(
            f"{GENE2GENE}: the part '{part}' has {len(pairs):,} pairs and {len(labels):,} labels"
        )
    return GeneTask(f"Gene2Gene/{part}", (*_SYMBOL, *_SYMBOL), pairs, (OUTCOME,), labels)


def all_gene_pairs(setting: Setting) -> GeneTask:
    """The pairs of all parts in one task, as gene-benchmark has them.

    Raises:
        InputError: A file is damaged.
    """
    return joined("Gene2Gene", [gene_pairs(setting, part) for part in PARTS])


def joined(name: str, tasks: Sequence[GeneTask]) -> GeneTask:
    """One task with the rows of several that have the same columns."""
    return replace(
        tasks[0],
        name=name,
        entities=tuple(row for task in tasks for row in task.entities),
        outcomes=tuple(row for task in tasks for row in task.outcomes),
    )


def _one_outcome(name: str, outcomes: Mapping[str, str]) -> GeneTask:
    known = {symbol: outcome for symbol, outcome in outcomes.items() if symbol and outcome}
    return GeneTask(
        name,
        _SYMBOL,
        tuple((symbol,) for symbol in known),
        (OUTCOME,),
        tuple((outcome,) for outcome in known.values()),
    )


def _lines(path: Path, cells: int) -> Rows:
    with text_of(path) as stream:
        rows = tuple(tuple(line.split()) for line in stream)
    for number, row in enumerate(rows, 1):
        if len(row) != cells:
            raise InputError(f"{path}: line {number} has {len(row)} words instead of {cells}")
    return rows
