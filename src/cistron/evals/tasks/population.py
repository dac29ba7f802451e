"""Population of a person from one haplotype: personal sequences from genotypes and the reference.

Two sets of the 1000 Genomes Project: whole mitochondrial genomes of five super-populations, and chr20:1-4 Mb
of Europeans, of which each person has two haplotypes. Published tasks have several sequences of each person
and split by sequence; here people are split, and `population/chr20-by-sequence` shows what that changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from cistron.errors import InputError
from cistron.evals.cohort import Cohort
from cistron.evals.haplotypes import densest_windows, personal, require_reference
from cistron.evals.outcome import Outcome
from cistron.evals.people import by_person, by_sequence, given_away
from cistron.evals.probing.examples import Examples, cross_validation
from cistron.evals.probing.fit import tell
from cistron.evals.probing.outcomes import outcome_of
from cistron.evals.probing.plan import OPTIONS, probe_beside, probe_plan
from cistron.evals.task import Badge, Baseline, Option, Plan, Published, Setting, Task
from cistron.formats.fasta import Fasta
from cistron.formats.haploid_genotypes import read_haploid
from cistron.formats.labelled_sequences import Labelled, read_rows
from cistron.formats.phased_genotypes import Diploid, joined, read_diploid
from cistron.genome.contigs import ContigNames

VCF = "populations/kg_chrMT/ALL.chrMT.phase3_callmom-v0_4.20130502.genotypes.vcf.gz"
PHASED = "populations/kg_chr20_1_4Mb/reference.vcf.gz"
PARTLY_PHASED = "populations/kg_chr20_1_4Mb/unphased.vcf.gz"
PANEL = "populations/integrated_call_samples_v3.20130502.ALL.panel"
FASTA = "human/chrM_rCRS.fa.gz"
CHR20 = "human/chr20.fa.gz"
METRIC = "accuracy"
_TREES: dict[str, Option] = {**OPTIONS, "probe": "xgboost"}
_SAME_LOCUS = Badge(
    "warn",
    "everybody has the same locus: equal sequences are on one side, but relatives are not",
)
_TWO_FILES = Badge(
    "warn",
    "one file of genotypes holds CEU and TSI, the other FIN, GBR and IBS: what differs between the files"
    " tells these apart too",
)


def prepare_mitochondria(setting: Setting) -> Plan:
    """Read genotypes and labels, cut the window with most variants for each person, and make the plan.

    Raises:
        InputError: A file is missing or damaged, they do not belong together, or the width does not fit.
    """
    width = int(setting.options["width"])
    genotypes, bases = read_haploid(setting.path(VCF)), _bases(setting, FASTA, "chrM")
    _require_width("population/chrM", width, len(bases))
    require_reference(genotypes, bases)
    (start,) = densest_windows(np.array(genotypes.starts), len(bases), width)
    panel = _panel(setting, "super_pop")
    records = [
        Labelled(name, personal(genotypes, person, bases, start, start + width), panel[name])
        for person, name in enumerate(genotypes.samples)
        if name in panel
    ]
    most = setting.limit or int(setting.options["people"]) or None
    examples = cross_validation(records, limit=most, seed=setting.seed)
    plan = probe_plan(
        examples,
        setting,
        METRIC,
        badges=(_SAME_LOCUS,),
        notes=(
            f"{len(examples.names):,} of {len(records):,} people with a label and"
            f" {len(np.unique(examples.groups)):,} different sequences;"
            f" {len(genotypes.samples) - len(records)} people without a label left out",
            f"{genotypes.chrom}:{start + 1:,}-{start + width:,}, the window with most variants",
        ),
    )
    inside = [site for site, at in enumerate(genotypes.starts) if start <= at < start + width]
    columns = [genotypes.samples.index(name) for name in examples.names]
    alleles = (genotypes.calls[np.ix_(inside, columns)] > 0).T.astype(np.float64)
    own = _alleles(alleles, examples, setting, "the window's")
    return replace(plan, baselines=(*plan.baselines, *own))


Split = Callable[..., Examples]


def prepare_autosome(split: Split, setting: Setting) -> Plan:
    """Read genotypes, cut the densest windows of both haplotypes of each phased person, and make the plan.

    Raises:
        InputError: A file is missing or damaged, they do not belong together, or too few people are left.
    """
    width = int(setting.options["width"])
    genotypes, bases = _genotypes(setting), _bases(setting, CHR20, "chr20")
    _require_width("population/chr20", width, len(bases))
    require_reference(genotypes, bases)
    number = int(setting.options["windows"])
    starts = densest_windows(np.array(genotypes.starts), len(bases), width, number)
    most = setting.limit or int(setting.options["people"]) or None
    panel = _panel(setting, "pop")
    people = Cohort.of(genotypes, panel, starts, width, most=most, seed=setting.seed)
    records, owners = people.haplotypes(bases)
    examples = split(records, owners, seed=setting.seed)
    copies, known = given_away(examples)
    shared = Badge(
        "leak" if copies or known else "clean",
        f"{copies:,} of {len(records):,} test haplotypes are in the training part too, and {known:,} belong"
        " to a person in it",
    )
    left = sum(len(fold.train) + len(fold.test) for fold in examples.folds) / len(examples.folds)
    notes = (
        people.told,
        f"{', '.join(f'{genotypes.chrom}:{at + 1:,}-{at + width:,}' for at in starts)}: the windows with most"
        f" variants; {len(set(examples.sequences)):,} different sequences",
        f"on average {len(records) - left:.0f} training haplotypes of a fold are left out, which its test"
        " part has too",
    )
    plan = probe_plan(examples, setting, METRIC, badges=(shared, _SAME_LOCUS, _TWO_FILES), notes=notes)
    own = _alleles(people.alleles(), examples, setting, "the windows'")
    return replace(plan, baselines=(*plan.baselines, *own, _region(people, examples, setting)))


def _alleles(
    features: Float[np.ndarray, "N sites"], examples: Examples, setting: Setting, whose: str
) -> tuple[Baseline, Baseline]:
    """Probes on the genotypes themselves: what all there is to know allows."""

    def judge(probe: str) -> Outcome:
        return outcome_of(
            tell(features, examples, seed=setting.seed, probe=probe), examples, METRIC, setting.seed
        )

    what = f"on the genotypes of {whose} {features.shape[1]:,} sites"
    probe = probe_beside(setting)
    return (
        Baseline("alleles", f"the same probe {what}", partial(judge, probe)),
        Baseline(
            "alleles, PCA", f"logistic regression on 20 principal components {what}", partial(judge, "pca")
        ),
    )


def _region(people: Cohort, examples: Examples, setting: Setting) -> Baseline:
    """What the genotypes of the whole file tell, many windows' worth."""
    features = people.region()

    def judge() -> Outcome:
        told = tell(features, examples, seed=setting.seed, probe="pca")
        return outcome_of(told, examples, METRIC, setting.seed)

    statement = (
        f"logistic regression on 20 principal components of the person's {features.shape[1]:,} common sites"
        " in all of the file"
    )
    return Baseline("alleles of the region, PCA", statement, judge)


def _genotypes(setting: Setting) -> Diploid:
    paths = [setting.path(each) for each in (PHASED, PARTLY_PHASED)]
    return _read(*((path, path.stat().st_mtime_ns) for path in paths))


@lru_cache(maxsize=1)
def _read(*files: tuple[Path, int]) -> Diploid:
    """Genotypes of all files; the second number of each changes with its content."""
    first, second = (read_diploid(path) for path, _ in files)
    return joined(first, second)


def _panel(setting: Setting, column: str) -> dict[str, str]:
    rows = read_rows(setting.path(PANEL), ("sample", column), delimiter="\t")
    return {row["sample"]: row[column] for row in rows if row[column]}


def _bases(setting: Setting, fasta: str, contig: str) -> str:
    with Fasta(setting.path(fasta)) as reference:
        name = ContigNames(reference.contigs).resolve(contig)
        if name is None:
            raise InputError(f"{fasta} has no contig {contig}")
        return reference.fetch(name, 0, reference.contigs[name])


def _require_width(task: str, width: int, length: int) -> None:
    if not 1 <= width <= length:
        raise InputError(f"{task}: width {width:,} is not between 1 and {length:,} bp")


def _published(width: str, *values: tuple[str, float]) -> tuple[Published, ...]:
    return tuple(
        Published(
            f"{model} ({width})",
            value,
            "not named",
            "benchmark picture in the Genos repository, 2025-10-13",
            "HPRC, chr9, three populations, 150 test sequences, split by sequence",
        )
        for model, value in values
    )


PUBLISHED = {
    8192: _published("8K", ("Genos-1.2B", 0.6349), ("Genos-10B", 0.6667), ("Evo2-40b", 0.6309)),
    32768: _published("32K", ("Genos-1.2B", 0.7357), ("Genos-10B", 0.7669), ("Evo2-40b", 0.7248)),
    131072: _published("128K", ("Genos-1.2B", 0.7732), ("Genos-10B", 0.8214), ("Evo2-40b", 0.7204)),
}
_SOURCE = "1000 Genomes Project phase 3; protocol after Genos's population task"
_LICENCE = "open (1000 Genomes)"
_SUITES = ("probe", "vertebrate", "genos-long")


def _autosome(name: str, what: str, split: Split, width: int, people: int) -> Task:
    return Task(
        name=f"population/{name}",
        version=1,
        summary=f"Population of a European from {width:,} bp of chr20:1-4 Mb (5 classes), {what}",
        metric=METRIC,
        source=_SOURCE,
        licence=_LICENCE,
        prepare=partial(prepare_autosome, split),
        needs=(PHASED, PARTLY_PHASED, PANEL, CHR20),
        suites=_SUITES,
        options={**_TREES, "width": width, "windows": 1, "people": people},
        published=PUBLISHED[width],
    )


TASK = (
    Task(
        name="population/chrM",
        version=2,
        summary="Super-population of a person from a window of the mitochondrial genome (5 classes)",
        metric=METRIC,
        source=_SOURCE,
        licence=_LICENCE,
        prepare=prepare_mitochondria,
        needs=(VCF, PANEL, FASTA),
        suites=_SUITES,
        options={**_TREES, "width": 8192, "people": 500},
        published=PUBLISHED[8192],
    ),
    _autosome("chr20", "split by person", by_person, 8192, 0),
    _autosome("chr20-by-sequence", "split by sequence as published, which leaks", by_sequence, 8192, 0),
    _autosome("chr20-32k", "split by person", by_person, 32768, 100),
    _autosome("chr20-128k", "split by person", by_person, 131072, 40),
)
