"""Measured signal along held-out DNA: how near does a head for tracks come, beside composition and genes?

Regions are cut into bins of 128 bp, and what is predicted of a bin is compared with what was measured there,
both as log(1 + mean signal). Neighbouring bins are drawn together. Heads are given as models; the training
regions are those that the baselines without a model are fitted on, and that a head may have seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, cast

import numpy as np
from jaxtyping import Bool

from cistron.data.tracks import Track
from cistron.data.tracks.sources import TrackSource
from cistron.errors import InputError
from cistron.evals.answers import Signals
from cistron.evals.binned import Bins, binned, known_bases, regions_of
from cistron.evals.outcome import Outcome
from cistron.evals.probing.examples import drawn
from cistron.evals.regions import audit_intervals
from cistron.evals.requests import TracksRequest
from cistron.evals.task import Answers, Baseline, Control, Plan, Setting, Task
from cistron.formats.fasta import Fasta
from cistron.formats.feature_table import read_features
from cistron.genome import Interval
from cistron.genome.annotation import covered, gene_partition
from cistron.genome.contigs import plain_name
from cistron.metrics.tracks_baselines import Kinds, all_alike, annotation_kinds, cpg_kinds, fitted, gc_kinds

BIGWIG: Final = "tracks/encode_chr22/ENCFF826FLP.bw"
FASTA: Final = "human/chr22_partial.fa.gz"
TABLES: Final = "human/gencode_v19"
_REPEATS: Final = "hg19_repeats_chr20_22_X"

TRAIN: Final = " ".join(
    (
        "22:24,200,001-24,300,000",
        "22:29,000,001-29,100,000",
        "22:31,100,001-31,200,000",
        "22:36,000,001-36,100,000",
        "22:37,400,001-37,500,000",
        "22:43,200,001-43,300,000",
        "22:46,300,001-46,400,000",
        "22:50,200,001-50,300,000",
    )
)
TEST: Final = "22:40,600,001-40,950,000"
PIECE: Final = 2048
BLOCK: Final = 16_384


@dataclass(frozen=True)
class _Files:
    """What the task reads."""

    setting: Setting

    @property
    def fasta(self) -> Fasta:
        return Fasta(self.setting.path(str(self.setting.options["fasta"])))

    def measured(self, fasta: Fasta) -> TrackSource:
        truth = self.setting.path(str(self.setting.options["truth"]))
        return TrackSource(Track("measured", (str(truth),)), fasta)

    def regions(self, part: str, fasta: Fasta) -> list[Interval]:
        return regions_of(str(self.setting.options[part]), self.setting, fasta)

    def table(self, name: str, chrom: str) -> Iterator[Interval]:
        """Features of a contig, in the name that the genome has for it."""
        path = self.setting.path(f"{self.setting.options['annotation']}/{name}.parquet")
        found = read_features(path, one_based=name != _REPEATS, chrom=f"chr{plain_name(chrom)}")
        return (replace(each, chrom=chrom) for each in found)

    def classes(self, chrom: str, length: int) -> Iterator[tuple[str, Bool[np.ndarray, "L"]]]:
        """Kinds of sequence with the bases of a contig that are of them; none without annotation."""
        if not self.setting.options["annotation"]:
            return
        yield from gene_partition(self.table("genes", chrom), self.table("exons", chrom), length).items()
        repeats = covered(self.table(_REPEATS, chrom), length)
        yield "repeats", repeats
        yield "not repeats", ~repeats


def prepare(setting: Setting) -> Plan:
    """Read the signal of the test regions, and ask for it.

    Raises:
        InputError: A file is missing or damaged, they are of different assemblies, or no bin is left.
    """
    files = _Files(setting)
    with files.fasta as fasta, files.measured(fasta) as measured:
        train, test = (files.regions(part, fasta) for part in ("train", "test"))
        pieces = _pieces(test, setting)
        known = known_bases(fasta)
        bins = binned(pieces, measured.signal, known, int(setting.options["block"]))
        for chrom in dict.fromkeys(piece.chrom for piece in pieces):
            for name, flags in files.classes(chrom, fasta.contigs[chrom]):
                bins = bins.with_part(name, chrom, flags)
    request = TracksRequest(
        pieces, setting.path(str(setting.options["fasta"])), track=str(setting.options["track"])
    )

    def judge(answers: Answers) -> Outcome:
        return bins.outcome(cast(Signals, answers["regions"]).values, setting.seed)

    def elsewhere(answers: Answers) -> Outcome:
        order = np.random.default_rng(setting.seed).permutation(len(pieces))
        return bins.outcome(cast(Signals, answers["regions"]).values[order], setting.seed)

    return Plan(
        {"regions": request},
        judge,
        controls=(Control("regions shuffled", "the prediction of another region for each", elsewhere),),
        baselines=tuple(
            Baseline(name, what, partial(_fitted, files, train, bins, kinds, setting.seed))
            for name, (what, kinds) in _kinds(files).items()
        ),
        badges=audit_intervals(train, test),
        notes=(
            bins.told,
            f"training regions, which the baselines are fitted on: {setting.options['train']}; whether a head"
            " was trained on them alone cannot be seen from here",
        ),
    )


def _pieces(test: list[Interval], setting: Setting) -> tuple[Interval, ...]:
    """Test regions in pieces of one length side by side; what is left over at their ends is not asked."""
    size = int(setting.options["piece"])
    found = [
        Interval(region.chrom, start, start + size)
        for region in test
        for start in range(region.start, region.end - size + 1, size)
    ]
    if not found:
        raise InputError(f"no test region holds {size:,} bp; use a smaller piece")
    return tuple(found[at] for at in drawn(len(found), setting.limit, setting.seed))


MakeKinds = Callable[[Fasta, list[str]], Kinds]


def _kinds(files: _Files) -> Mapping[str, tuple[str, MakeKinds]]:
    """Name of each baseline, what it is, and what tells bases apart."""

    def genes(fasta: Fasta, chroms: list[str]) -> Kinds:
        del fasta
        return annotation_kinds(
            *([each for chrom in chroms for each in files.table(name, chrom)] for name in ("genes", "exons"))
        )

    found: dict[str, tuple[str, MakeKinds]] = {
        "mean signal": ("the mean of the training regions, everywhere", lambda fasta, chroms: all_alike),
        "GC": (
            "the mean of training bases with the same GC content in 1,024 bp",
            lambda fasta, chroms: gc_kinds(fasta),
        ),
        "CpG": (
            "the mean of training bases with as many CpG in 1,024 bp",
            lambda fasta, chroms: cpg_kinds(fasta),
        ),
    }
    if files.setting.options["annotation"]:
        found["annotation"] = (
            "the mean of training bases as far from a transcription start, in exon, intron or neither",
            genes,
        )
    return found


def _fitted(files: _Files, train: list[Interval], bins: Bins, make: MakeKinds, seed: int) -> Outcome:
    """A baseline fitted to the training regions and judged on the test regions."""
    with files.fasta as fasta, files.measured(fasta) as measured:
        chroms = list(dict.fromkeys(each.chrom for each in (*train, *bins.pieces)))
        signal = fitted(measured.signal, make(fasta, chroms), train, known=known_bases(fasta))
        return bins.outcome(bins.means_of(signal), seed)


TASK = Task(
    name="tracks/regions",
    version=1,
    summary="Measured signal in bins of 128 bp along held-out DNA, chr22:40.6-40.95 Mb by default",
    metric="pearson",
    source="ENCODE ENCFF826FLP over GRCh37 chr22, assay not identified; --set truth=… takes other data",
    licence="ENCODE data use policy",
    prepare=prepare,
    needs=(
        BIGWIG,
        FASTA,
        *(f"{TABLES}/{name}.parquet" for name in ("genes", "exons", _REPEATS)),
    ),
    options={
        "truth": BIGWIG,
        "fasta": FASTA,
        "annotation": TABLES,
        "train": TRAIN,
        "test": TEST,
        "track": "",
        "piece": PIECE,
        "block": BLOCK,
    },
)
