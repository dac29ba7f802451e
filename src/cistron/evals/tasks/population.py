"""Population of a person from one haplotype: mitochondrial genomes of the 1000 Genomes Project.

People with equal sequences are never on both sides, and intervals draw them together. Here a split by
sequence is one by person; published tasks have several sequences of each person, and split by sequence.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from cistron.errors import InputError
from cistron.evals.haplotypes import densest_window, personal, require_reference
from cistron.evals.outcome import Outcome
from cistron.evals.probing.examples import Examples, cross_validation
from cistron.evals.probing.fit import tell
from cistron.evals.probing.plan import OPTIONS, outcome_of, probe_plan
from cistron.evals.task import Badge, Baseline, Plan, Published, Setting, Task
from cistron.formats.fasta import Fasta
from cistron.formats.haploid_genotypes import Haploid, read_haploid
from cistron.formats.labelled_sequences import Labelled, read_rows
from cistron.genome.contigs import ContigNames

VCF = "populations/kg_chrMT/ALL.chrMT.phase3_callmom-v0_4.20130502.genotypes.vcf.gz"
PANEL = "populations/integrated_call_samples_v3.20130502.ALL.panel"
FASTA = "human/chrM_rCRS.fa.gz"
METRIC = "accuracy"
_COLUMNS = ("sample", "super_pop")
_SAME_LOCUS = Badge(
    "warn",
    "everybody has the same locus: equal sequences are on one side, but maternal relatives are not",
)


def prepare(setting: Setting) -> Plan:
    """Read genotypes and labels, cut the window with most variants for each person, and make the plan.

    Raises:
        InputError: A file is missing or damaged, they do not belong together, or the width does not fit.
    """
    width = int(setting.options["width"])
    genotypes, bases = read_haploid(setting.path(VCF)), _bases(setting)
    if not 1 <= width <= len(bases):
        raise InputError(f"population/chrM: width {width:,} is not between 1 and {len(bases):,} bp")
    require_reference(genotypes, bases)
    start = densest_window(np.array(genotypes.starts), len(bases), width)
    rows = read_rows(setting.path(PANEL), _COLUMNS, delimiter="\t")
    panel = {row["sample"]: row["super_pop"] for row in rows if row["super_pop"]}
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
            f"{len(examples.names):,} of {len(records):,} people with a label and {_different(examples):,}"
            f" different sequences; {len(genotypes.samples) - len(records)} people without a label left out",
            f"{genotypes.chrom}:{start + 1:,}-{start + width:,}, the window with most variants",
        ),
    )
    return replace(plan, baselines=(*plan.baselines, _alleles(genotypes, examples, start, width, setting)))


def _different(examples: Examples) -> int:
    return len(np.unique(examples.groups))


def _bases(setting: Setting) -> str:
    with Fasta(setting.path(FASTA)) as reference:
        name = ContigNames(reference.contigs).resolve("chrM")
        if name is None:
            raise InputError(f"{FASTA} has no mitochondrion")
        return reference.fetch(name, 0, reference.contigs[name])


def _alleles(genotypes: Haploid, examples: Examples, start: int, width: int, setting: Setting) -> Baseline:
    """The probe on the genotypes themselves: what all there is to know about a person allows."""
    inside = [site for site, at in enumerate(genotypes.starts) if start <= at < start + width]
    columns = [genotypes.samples.index(name) for name in examples.names]
    features = (genotypes.calls[np.ix_(inside, columns)] > 0).T.astype(np.float64)

    def judge() -> Outcome:
        told = tell(features, examples, seed=setting.seed)
        return outcome_of(told, examples, METRIC, setting.seed)

    return Baseline(
        "alleles", f"the same probe on the genotypes of the window's {len(inside):,} sites", judge
    )


_PUBLISHED = partial(
    Published, metric="not named", source="benchmark picture in the Genos repository, 2025-10-13",
    protocol="HPRC, chr9, three populations, 150 test sequences, split by sequence",
)  # fmt: skip
TASK = Task(
    name="population/chrM",
    version=1,
    summary="Super-population of a person from a window of the mitochondrial genome (5 classes)",
    metric=METRIC,
    source="1000 Genomes Project phase 3, 2,534 people; protocol after Genos's population task",
    licence="open (1000 Genomes)",
    prepare=prepare,
    needs=(VCF, PANEL, FASTA),
    suites=("probe", "vertebrate", "genos-long"),
    options={**OPTIONS, "width": 8192, "people": 500},
    published=(
        _PUBLISHED("Genos-1.2B (8K)", 0.6349),
        _PUBLISHED("Genos-10B (8K)", 0.6667),
        _PUBLISHED("Evo2-40b (8K)", 0.6309),
    ),
)
