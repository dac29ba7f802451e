"""Mutation hotspots: windows with more variants than chance, told from other windows by their sequence.

The recipe of Genos's hotspot task on any VCF: fixed windows, right-tail Poisson test against the mean window,
Benjamini-Hochberg at 0.05, as many other windows drawn at random. The mean is that of windows the file
covers: with the rest of the chromosome in it, every covered window would be a hotspot. Counts vary four times
as much as Poisson's law allows; under a negative binomial of their own variance one window of the 365 stands
out, not 28, so most of these hotspots are places of an ordinary wide distribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Int

from cistron.errors import InputError
from cistron.evals.extras import require
from cistron.evals.hotspots import RULES, Windows, covered_share, on_contig, windows_of
from cistron.evals.outcome import Outcome
from cistron.evals.probing.audit import audit
from cistron.evals.probing.examples import Examples, cross_validation
from cistron.evals.probing.fit import tell
from cistron.evals.probing.outcomes import outcome_of
from cistron.evals.probing.plan import OPTIONS, probe_beside, probe_plan
from cistron.evals.probing.words import composition
from cistron.evals.task import Baseline, Plan, Published, Setting, Task
from cistron.formats.fasta import Fasta
from cistron.formats.feature_table import read_features
from cistron.formats.labelled_sequences import Labelled
from cistron.genome import Interval

VCF = "populations/kg_chr20_1_4Mb/reference.vcf.gz"
FASTA = "human/chr20.fa.gz"
REPEATS = "human/gencode_v19/hg19_repeats_chr20_22_X.parquet"
METRIC = "auroc"
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
    width, rule, mask = (setting.options[name] for name in ("width", "test", "mask"))
    with Fasta(setting.path(str(setting.options["fasta"]))) as reference:
        vcf = setting.path(str(setting.options["vcf"]))
        windows = windows_of(vcf, reference, int(width), str(mask), setting.data)
        hot = np.flatnonzero(windows.rates(str(rule)) < RATE)
        chosen = _balanced(hot, len(windows.starts), setting.seed)
        records = [
            Labelled(
                f"{windows.chrom}:{start + 1}-{start + windows.width}",
                reference.fetch(windows.chrom, start, start + windows.width),
                str(int(at in set(hot.tolist()))),
            )
            for at, start in ((at, int(windows.starts[at])) for at in chosen)
        ]
    blocks = [str(int(windows.starts[at]) // (BLOCK * windows.width)) for at in chosen]
    whole = cross_validation(records, limit=setting.limit, seed=setting.seed, groups=blocks)
    plan = probe_plan(
        whole, setting, METRIC, badges=audit(whole), notes=(_told(windows, len(hot), str(rule)),)
    )
    return replace(plan, baselines=(*plan.baselines, *_repeats(windows.chrom, whole, setting)))


def _told(windows: Windows, hot: int, rule: str) -> str:
    other = next(name for name in RULES if name != rule)
    share = windows.callable_share.mean()
    return (
        f"{len(windows.starts)} windows of {windows.width:,} bp, {windows.counts.mean():.1f} variants in the"
        f" mean one (variance {windows.counts.var():.1f}); {share:.1%} callable; {hot} hotspots at a"
        f" false-discovery rate of {RATE} by the {rule} test, {int((windows.rates(other) < RATE).sum())} by"
        f" the {other} one; {BLOCK} neighbouring windows stay together in folds and intervals"
    )


def _repeats(chrom: str, examples: Examples, setting: Setting) -> tuple[Baseline, ...]:
    """The probe on how much of a window is repeats, beside its composition; none without annotation."""
    path = None if setting.data is None else setting.data / REPEATS
    if path is None or not path.exists():
        return ()
    repeats = on_contig(read_features(path, one_based=False), chrom)

    def judge() -> Outcome:
        features = np.column_stack([composition(examples.sequences), _shares(examples.names, repeats)])
        told = tell(features, examples, seed=setting.seed, probe=probe_beside(setting))
        return outcome_of(told, examples, METRIC, setting.seed)

    return (Baseline("GC, CpG, repeats", "the same probe on composition and the share of repeats", judge),)


def _shares(names: Sequence[str], repeats: Sequence[Interval]) -> Float[np.ndarray, "N"]:
    """Share of each window, named by its place, that repeats cover."""
    places = [[int(edge) for edge in name.rpartition(":")[2].split("-")] for name in names]
    first, last = min(start for start, _ in places), max(end for _, end in places)
    near = [each for each in repeats if each.end >= first and each.start < last]
    return np.array([covered_share(near, start - 1, end - start + 1) for start, end in places])


def _balanced(hot: Int[np.ndarray, "N"], windows: int, seed: int) -> list[int]:
    """Hotspots and as many other windows, in order along the contig."""
    others = np.setdiff1d(np.arange(windows), hot)
    if len(hot) < 10 or len(others) < len(hot):
        raise InputError(
            f"{len(hot)} of {windows} windows are hotspots; at least 10, and as many others, are needed"
        )
    drawn = np.random.default_rng(seed).choice(others, size=len(hot), replace=False)
    return sorted([*hot.tolist(), *drawn.tolist()])


_PUBLISHED = {"Genos-1.2B": 0.9093, "Genos-10B": 0.9522, "Evo2-40b": 0.9401, "HyenaDNA-1M": 0.8914}
TASK = Task(
    name="hotspot/chr20",
    version=1,
    summary="Windows with more variants than chance against other windows, chr20:1-4 Mb",
    metric=METRIC,
    source="recipe of the Genos mutation-hotspot task; 1000 Genomes, chr20:1-4 Mb of GRCh37",
    licence="open (1000 Genomes)",
    prepare=prepare,
    needs=(VCF, FASTA),
    suites=("probe", "vertebrate", "genos-long"),
    options={**OPTIONS, "width": 8192, "test": "poisson", "mask": "", "vcf": VCF, "fasta": FASTA},
    published=tuple(
        Published(
            f"{model} (8K)",
            value,
            "not named",
            "benchmark picture in the Genos repository, 2025-10-13",
            "Chinese Pangenome Consortium, all chromosomes, official split",
        )
        for model, value in _PUBLISHED.items()
    ),
)
