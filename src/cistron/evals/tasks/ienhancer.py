"""iEnhancer-2L: enhancers against other sequences of 200 bp, with the independent test set."""

from __future__ import annotations

from cistron.evals.probing.audit import audit
from cistron.evals.probing.examples import official_split
from cistron.evals.probing.plan import OPTIONS, probe_plan
from cistron.evals.task import Plan, Setting, Task
from cistron.formats.labelled_sequences import read_fasta_records

FILES = {
    (part, label): f"benchmarks/ienhancer/{kind}.{part}.txt.gz"
    for part in ("cv", "ind")
    for label, kind in (("0", "non"), ("1", "enhancer"))
}


def prepare(setting: Setting) -> Plan:
    """Read the four files and make the plan.

    Raises:
        InputError: A file is missing or damaged.
    """
    train, test = (
        [
            record._replace(name=f"{label} {number} {record.name}")
            for label in ("0", "1")
            for number, record in enumerate(read_fasta_records(setting.path(FILES[part, label]), label))
        ]
        for part in ("cv", "ind")
    )
    badges = audit(official_split(train, test, limit=None, seed=setting.seed))
    examples = official_split(train, test, limit=setting.limit, seed=setting.seed)
    return probe_plan(examples, setting, "mcc", badges=badges)


TASK = Task(
    name="ienhancer",
    version=1,
    summary="Enhancers against other human sequences (200 bp), independent test set",
    metric="mcc",
    source="Liu et al. 2016, iEnhancer-2L, Bioinformatics 32:362; official benchmark and independent sets",
    licence="journal supplement",
    prepare=prepare,
    needs=tuple(FILES.values()),
    suites=("probe", "vertebrate"),
    options=OPTIONS,
)
