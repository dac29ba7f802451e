"""Nats per base in regions of held-out DNA: which kinds of sequence has a model learned?

Pieces are drawn from each region of chr20:20,000,001-end, where nothing is trained on, and each is judged
after the bases before it: log P(context and piece) minus log P(context), both asked of the model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
from jaxtyping import Bool, Float

from cistron.errors import InputError
from cistron.evals.answers import Likelihoods
from cistron.evals.outcome import Metric, Outcome
from cistron.evals.requests import LikelihoodRequest
from cistron.evals.task import Answers, Baseline, MarkovRule, Plan, Setting, Task
from cistron.evals.zeroshot.genomes import sequences_of
from cistron.formats.fasta import Fasta
from cistron.formats.feature_table import read_features
from cistron.genome.annotation import covered, gene_partition
from cistron.genome.sequence import ACGT, is_acgt
from cistron.metrics.blocks import interval_of
from cistron.metrics.named import MEASURES

FASTA: Final = "human/chr20.fa.gz"
TABLES: Final = "human/gencode_v19"
_MARKOV: Final = "human/chr22_partial.fa.gz"
_ORDER: Final = 6
_CHROM: Final = "chr20"
FIRST: Final = 20_000_000
"""First base that is tested on, 0-based."""

REGIONS: Final = {
    "coding": "in a coding sequence of GENCODE v19",
    "exons": "in an exon of any transcript of any GENCODE v19 gene",
    "introns": "in a gene, in none of its exons",
    "intergenic": "in no gene",
    "repeats": "in an interval of RepeatMasker",
    "not repeats": "in none",
}
_BLOCK: Final = 100_000
_TRIES: Final = 20


@dataclass(frozen=True)
class _Piece:
    region: str
    start: int
    context: str
    bases: str


@dataclass(frozen=True)
class _Pieces:
    """Pieces of all regions and how they are judged."""

    pieces: tuple[_Piece, ...]

    def judge(self, answers: Answers) -> Outcome:
        whole, before = (cast(Likelihoods, answers[name]).total for name in ("pieces", "contexts"))
        return self._outcome(before - whole)

    def by_composition(self, share: dict[str, float]) -> Outcome:
        """Every base by its frequency elsewhere."""
        nats = [-sum(math.log(share[base]) for base in piece.bases) for piece in self.pieces]
        return self._outcome(np.array(nats))

    def _outcome(self, nats: Float[np.ndarray, "N"]) -> Outcome:
        regions = np.array([piece.region for piece in self.pieces])
        items = {
            "item": np.array([f"{piece.region} {_CHROM}:{piece.start + 1}" for piece in self.pieces]),
            "group": np.array([piece.start // _BLOCK for piece in self.pieces]),
            "region": regions,
            "score": nats / np.array([len(piece.bases) for piece in self.pieces]),
        }
        rows = {"nats": np.ones(len(regions), dtype=bool)}
        rows |= {f"nats:{name}": regions == name for name in dict.fromkeys(regions.tolist())}
        return Outcome(tuple(_nats(name, items, chosen) for name, chosen in rows.items()), items)


def _nats(name: str, items: dict[str, np.ndarray], rows: Bool[np.ndarray, "N"]) -> Metric:
    part = {column: values[rows] for column, values in items.items()}
    found = interval_of(MEASURES["nats"].on(part), part["group"])
    return Metric.of(name, found, len(np.unique(part["group"])), higher_is_better=False)


def prepare(setting: Setting) -> Plan:
    """Draw pieces of every region, and ask for the likelihood of each with its context.

    Raises:
        InputError: A file is missing or damaged, or a region has no piece of that length.
    """
    piece, context = int(setting.options["piece"]), int(setting.options["context"])
    most = setting.limit or int(setting.options["pieces"])
    random = np.random.default_rng(setting.seed)
    with Fasta(setting.path(FASTA)) as fasta:
        found = [
            drawn
            for name, flags in _regions(setting, fasta.contigs[_CHROM])
            for drawn in _drawn(name, flags(), fasta, (context, piece, most), random)
        ]
    pieces = _Pieces(tuple(found))
    chr22 = setting.path(_MARKOV)

    def training() -> Iterator[str]:
        return (bases for _, bases in sequences_of(chr22))

    def composed() -> Outcome:
        return pieces.by_composition(_frequencies(training()))

    def uniform() -> Outcome:
        return pieces.by_composition(dict.fromkeys(ACGT, 0.25))

    return Plan(
        {
            "pieces": LikelihoodRequest(tuple(each.context + each.bases for each in found)),
            "contexts": LikelihoodRequest(tuple(each.context for each in found)),
        },
        pieces.judge,
        markov=MarkovRule(_ORDER, training, "human chr22"),
        twin=True,
        baselines=(
            Baseline("uniform", "every base equally likely: ln 4", uniform),
            Baseline("composition", "frequencies of A, C, G and T in human chr22, both strands", composed),
        ),
        notes=(
            f"{len(found):,} pieces of {piece:,} bp after {context:,} bp of context, equally many of each"
            " region; forward strand; lower is better",
            "; ".join(f"{name}: {what}" for name, what in REGIONS.items()),
        ),
    )


_Flags = Callable[[], Bool[np.ndarray, "L"]]


def _regions(setting: Setting, length: int) -> Iterator[tuple[str, _Flags]]:
    """Regions with what tells which bases are in them, made one after the other: each is as long as chr20."""

    def covering(name: str, *, one_based: bool) -> Bool[np.ndarray, "L"]:
        path = setting.path(f"{TABLES}/{name}.parquet")
        return covered(read_features(path, one_based=one_based, chrom=_CHROM), length)

    def partition(name: str) -> Bool[np.ndarray, "L"]:
        tables = (setting.path(f"{TABLES}/{each}.parquet") for each in ("genes", "exons"))
        genes, exons = (read_features(path, one_based=True, chrom=_CHROM) for path in tables)
        return gene_partition(genes, exons, length)[name]

    yield "coding", lambda: covering("CDSs", one_based=True)
    yield "exons", lambda: partition("exons")
    yield "introns", lambda: partition("introns")
    yield "intergenic", lambda: partition("intergenic")
    yield "repeats", lambda: covering("hg19_repeats_chr20_22_X", one_based=False)
    yield "not repeats", lambda: ~covering("hg19_repeats_chr20_22_X", one_based=False)


def _drawn(
    name: str,
    flags: Bool[np.ndarray, "L"],
    fasta: Fasta,
    sizes: tuple[int, int, int],
    random: np.random.Generator,
) -> list[_Piece]:
    """Pieces that lie wholly in the region, without an N in them or their context, by place."""
    context, piece, most = sizes
    inside = np.concatenate(([0], np.cumsum(flags[FIRST:], dtype=np.int32)))
    starts = np.flatnonzero(inside[piece:] - inside[:-piece] == piece) + FIRST
    found: list[_Piece] = []
    for start in random.permutation(starts)[: most * _TRIES].tolist():
        bases = fasta.fetch(_CHROM, start - context, start + piece)
        if is_acgt(bases):
            found.append(_Piece(name, start, bases[:context], bases[context:]))
        if len(found) == most:
            break
    if not found:
        raise InputError(f"no {piece:,} bp in a row lie in {name} of chr20 without an N; use a shorter piece")
    return sorted(found, key=lambda each: each.start)


def _frequencies(sequences: Iterator[str]) -> dict[str, float]:
    """Of the four bases, both strands together."""
    counts = dict.fromkeys(ACGT, 0)
    for bases in sequences:
        for base in ACGT:
            counts[base] += bases.count(base)
    total = 2 * sum(counts.values())
    return {base: (counts[base] + counts[other]) / total for base, other in zip(ACGT, "TGCA", strict=True)}


TASK = Task(
    name="likelihood/regions",
    version=1,
    summary="Nats per base in six kinds of region of chr20:20,000,001-end",
    metric="nats",
    source="GRCh37, GENCODE v19, RepeatMasker; held out from training by this project's split",
    licence="open (GRCh37, GENCODE)",
    prepare=prepare,
    needs=(
        FASTA,
        _MARKOV,
        *(f"{TABLES}/{name}.parquet" for name in ("genes", "exons", "CDSs", "hg19_repeats_chr20_22_X")),
    ),
    suites=("vertebrate",),
    options={"piece": 64, "context": 1024, "pieces": 150},
)
