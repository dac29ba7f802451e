"""Mutation hotspots: windows with more variants than chance, told from other windows by their sequence.

The recipe of Genos's hotspot task on any VCF: fixed windows, right-tail Poisson test against the mean window,
Benjamini-Hochberg at 0.05, as many other windows drawn at random. The mean is that of windows the file
covers: with the rest of the chromosome in it, every covered window would be a hotspot. Counts vary four times
as much as Poisson's law allows; under a negative binomial of their own variance one window of the 365 stands
out, not 28, so most of these hotspots are places of an ordinary wide distribution.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cistron.errors import InputError
from cistron.evals.extras import require
from cistron.evals.probing.audit import audit
from cistron.evals.probing.examples import cross_validation
from cistron.evals.probing.plan import OPTIONS, probe_plan
from cistron.evals.task import Plan, Setting, Task
from cistron.formats.fasta import Fasta
from cistron.formats.labelled_sequences import Labelled
from cistron.formats.vcf_reader import VcfReader
from cistron.genome import Reference
from cistron.genome.contigs import ContigNames
from cistron.genome.sequence import count_acgt
from cistron.metrics.discovery import benjamini_hochberg, negative_binomial_tail, poisson_tail

VCF = "populations/kg_chr20_1_4Mb/reference.vcf.gz"
FASTA = "human/chr20.fa.gz"
RATE = 0.05
"""False-discovery rate under which a window is a hotspot."""

BLOCK = 8
"""Neighbouring windows that stay in one fold and are drawn together."""


def prepare(setting: Setting) -> Plan:
    """Count, test, choose windows, and make the plan.

    Raises:
        InputError: A file is missing or damaged, they do not belong together, or there are too few hotspots.
    """
    require("scipy", "tests of counts need scipy")
    width, rule = int(setting.options["width"]), str(setting.options["test"])
    with Fasta(setting.path(FASTA)) as reference:
        chrom, positions = _positions(setting.path(VCF), reference)
        starts = _covered(reference, chrom, positions, width)
        counts = np.array([_between(positions, start, start + width) for start in starts])
        hot = np.flatnonzero(_rates(counts, rule) < RATE)
        chosen = _balanced(hot, len(starts), setting.seed)
        records = [
            Labelled(
                f"{chrom}:{starts[at] + 1}-{starts[at] + width}",
                reference.fetch(chrom, starts[at], starts[at] + width),
                str(int(at in set(hot.tolist()))),
            )
            for at in chosen
        ]
    blocks = [str(starts[at] // (BLOCK * width)) for at in chosen]
    whole = cross_validation(records, limit=setting.limit, seed=setting.seed, groups=blocks)
    note = (
        f"{len(starts)} windows of {width:,} bp, {counts.mean():.1f} variants in the mean one (variance"
        f" {counts.var():.1f}); {len(hot)} hotspots at a false-discovery rate of {RATE} by the {rule} test,"
        f" {int((_rates(counts, 'negative-binomial') < RATE).sum())} by the negative-binomial one; {BLOCK}"
        " neighbouring windows stay together in folds and intervals"
    )
    return probe_plan(whole, setting, "auroc", badges=audit(whole), notes=(note,))


def _positions(path: Path, reference: Reference) -> tuple[str, NDArray[np.int64]]:
    """The contig that the variants lie on, and their places, 0-based and sorted, each once."""
    with VcfReader(path) as records:
        places = {(record.chrom, record.pos - 1) for record in records}
    names = {name for name, _ in places}
    if len(names) != 1:
        raise InputError(
            f"{path} must have variants of one contig; it has {', '.join(sorted(names)) or 'none'}"
        )
    chrom = ContigNames(reference.contigs).resolve(names.pop())
    if chrom is None:
        raise InputError(f"{reference.name} has no contig of the variants in {path}")
    return chrom, np.sort(np.array([start for _, start in places]))


def _covered(reference: Reference, chrom: str, positions: NDArray[np.int64], width: int) -> Sequence[int]:
    """Starts of the whole windows from the first variant to the last that hold nothing but A, C, G and T."""

    def windows() -> Iterator[int]:
        first = -(-int(positions[0]) // width) * width
        for start in range(first, int(positions[-1]) - width + 1, width):
            if count_acgt(reference.fetch(chrom, start, start + width)) == width:
                yield start

    return list(windows())


def _between(positions: NDArray[np.int64], start: int, end: int) -> int:
    return int(np.searchsorted(positions, end) - np.searchsorted(positions, start))


def _rates(counts: NDArray[np.int64], rule: str) -> NDArray[np.float64]:
    if rule not in ("poisson", "negative-binomial"):
        raise InputError(f"hotspot: test={rule} is not known; use poisson or negative-binomial")
    if rule == "poisson":
        return benjamini_hochberg(poisson_tail(counts, counts.mean()))
    return benjamini_hochberg(negative_binomial_tail(counts, counts.mean(), counts.var()))


def _balanced(hot: NDArray[np.intp], windows: int, seed: int) -> list[int]:
    """Hotspots and as many other windows, in order along the contig."""
    others = np.setdiff1d(np.arange(windows), hot)
    if len(hot) < 10 or len(others) < len(hot):
        raise InputError(
            f"{len(hot)} of {windows} windows are hotspots; at least 10, and as many others, are needed"
        )
    drawn = np.random.default_rng(seed).choice(others, size=len(hot), replace=False)
    return sorted([*hot.tolist(), *drawn.tolist()])


TASK = Task(
    name="hotspot/chr20",
    version=1,
    summary="Windows with more variants than chance against other windows, chr20:1-4 Mb",
    metric="auroc",
    source="recipe of the Genos mutation-hotspot task; 1000 Genomes, chr20:1-4 Mb of GRCh37",
    licence="open (1000 Genomes)",
    prepare=prepare,
    needs=(VCF, FASTA),
    suites=("probe", "vertebrate", "genos-long"),
    options={**OPTIONS, "width": 8192, "test": "poisson"},
)
