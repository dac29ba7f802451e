"""Gene completion: does a model that reads the beginning of a gene write the rest of its protein?

Prompt: 1,000 bp upstream and the first 30 % of the coding sequence, as published for the prokaryotic panel.
The eukaryotic panel needs a spliced aligner (exonerate) and is not part of this task.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from cistron.errors import InputError
from cistron.evals.answers import Continuations
from cistron.evals.outcome import Metric, Outcome
from cistron.evals.proteins import recovered, require_biopython, translated
from cistron.evals.requests import GenerateRequest
from cistron.evals.task import Answers, Control, MarkovRule, Plan, Published, Setting, Task
from cistron.formats.labelled_sequences import read_rows
from cistron.metrics.blocks import interval_of
from cistron.metrics.correlation import mean_of

FILE = "benchmarks/evo2_gene_completion/prokaryote_genes.csv.gz"
COLUMNS = ("gene", "organism", "cds_start", "reference_protein", "genomic_sequence")
UPSTREAM = 1000
SHOWN = 0.3
"""Share of the coding sequence that is part of the prompt."""

BACTERIAL = 11
"""Genetic code, as NCBI numbers them."""


class Gene(NamedTuple):
    """A gene to complete.

    Attributes:
        name: With its organism.
        prompt: What the model reads.
        begun: The part of the coding sequence in it.
        rest: Bases left to write, the stop codon included.
        protein: Reference, without the stop.
        before: Bases in front of the prompt; the Markov baseline is fitted to them.
    """

    name: str
    prompt: str
    begun: str
    rest: int
    protein: str
    before: str


def prepare(setting: Setting) -> Plan:
    """Read the panel and make the plan: one request a gene.

    Raises:
        InputError: The file is missing or damaged.
        MissingExtraError: Biopython is not installed.
    """
    require_biopython()
    genes = [_gene(row) for row in read_rows(setting.path(FILE), COLUMNS)][: setting.limit]
    requests = {
        gene.name: GenerateRequest(
            (gene.prompt,),
            tokens=gene.rest,
            samples=int(setting.options["samples"]),
            temperature=float(setting.options["temperature"]),
            top_k=int(setting.options["top_k"]) or None,
            seed=setting.seed,
        )
        for gene in genes
    }
    others = {gene.name: _crossed(gene, genes[(at + 1) % len(genes)]) for at, gene in enumerate(genes)}
    wrong = Control(
        "another protein",
        "compared with its own first 30 % followed by the rest of the next gene's protein",
        _judge(genes, others, setting.seed),
    )
    return Plan(
        requests,
        _judge(genes, {gene.name: gene.protein for gene in genes}, setting.seed),
        markov=MarkovRule(5, lambda: [gene.before for gene in genes], "the bases in front of the prompts"),
        controls=(wrong,) if len(genes) > 1 else (),
        notes=(
            f"{len(genes)} genes, {setting.options['samples']} samples each (50 as published); the interval"
            " draws genes, and so few of them make it a rough one.",
        ),
    )


def _gene(row: dict[str, str]) -> Gene:
    start = int(row["cds_start"])
    bases, protein = row["genomic_sequence"].upper(), row["reference_protein"].rstrip("*")
    coding = bases[start:]
    if translated(coding, BACTERIAL) != protein or start < UPSTREAM:
        raise InputError(f"{FILE}: {row['gene']} does not read as its protein from base {start + 1:,}")
    shown = int(SHOWN * len(coding)) // 3 * 3
    return Gene(
        f"{row['gene']} ({row['organism']})",
        bases[start - UPSTREAM : start + shown],
        coding[:shown],
        len(coding) - shown,
        protein,
        bases[: start - UPSTREAM],
    )


def _crossed(gene: Gene, other: Gene) -> str:
    """The beginning of a gene's protein and the end of another's, which nothing in the prompt tells."""
    return gene.protein[: int(SHOWN * len(gene.protein))] + other.protein[int(SHOWN * len(other.protein)) :]


def _judge(genes: list[Gene], proteins: Mapping[str, str], seed: int) -> Callable[[Answers], Outcome]:
    def judge(answers: Answers) -> Outcome:
        rows = [
            (f"{gene.name} {sample}", gene.name, _recovery(gene, text, proteins[gene.name]))
            for gene in genes
            for sample, text in enumerate(_texts(answers, gene))
        ]
        names, groups, scores = zip(*rows, strict=True)
        items = {"item": np.array(names), "group": np.array(groups), "score": np.array(scores)}
        whole = interval_of(mean_of(items["score"]), items["group"], seed=seed)
        each = [
            Metric(f"recovery:{gene.name}", float(items["score"][items["group"] == gene.name].mean()))
            for gene in genes
        ]
        return Outcome((Metric.of("recovery", whole, len(genes)), *each), items)

    return judge


def _texts(answers: Answers, gene: Gene) -> list[str]:
    found = answers[gene.name]
    assert isinstance(found, Continuations)
    return [str(text) for text in found.texts[0]]


def _recovery(gene: Gene, text: str, protein: str) -> float:
    written = translated(gene.begun + text, BACTERIAL)
    return recovered(written, protein, beyond=int(SHOWN * len(gene.protein)))


_EVO2 = "Brixi et al. 2025, Evo 2, gene completion, prokaryotic panel"
TASK = Task(
    name="evo2-gene-completion",
    version=1,
    summary="Share of a protein's amino acids that a model writes after reading the gene's first 30 %",
    metric="recovery",
    source="Brixi et al. 2025, Evo 2: scripts/gene_completion, prokaryotic panel",
    licence="Apache-2.0",
    prepare=prepare,
    needs=(FILE,),
    suites=("evo2", "generation"),
    options={"samples": 4, "temperature": 0.7, "top_k": 4},
    published=tuple(
        Published(f"Evo 2 {size}", value, "amino-acid recovery", _EVO2, "50 samples, T 0.7, top-k 4")
        for size, value in (("1B", 0.649), ("7B", 0.787), ("20B", 0.909), ("40B", 0.920))
    ),
)
