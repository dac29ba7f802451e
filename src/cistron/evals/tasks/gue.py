"""GUE: the sequence classification sets of DNABERT-2, by a frozen embedding and a linear probe."""

from __future__ import annotations

from functools import partial

from cistron.evals.probing.audit import audit
from cistron.evals.probing.examples import official_split
from cistron.evals.probing.plan import OPTIONS, probe_plan
from cistron.evals.task import Plan, Setting, Task
from cistron.formats.labelled_sequences import read_delimited

FOLDER = "benchmarks/gue"
SETS = {
    **{f"tf/{number}": f"Binding of a human transcription factor, set {number}" for number in range(5)},
    **{f"mouse/{number}": f"Binding of a mouse transcription factor, set {number}" for number in range(5)},
    "prom/prom_core_all": "Human core promoters (70 bp)",
    "prom/prom_core_notata": "Human core promoters without TATA box (70 bp)",
    "prom/prom_core_tata": "Human core promoters with TATA box (70 bp)",
    "prom/prom_300_all": "Human promoters (300 bp)",
    "prom/prom_300_notata": "Human promoters without TATA box (300 bp)",
    "prom/prom_300_tata": "Human promoters with TATA box (300 bp)",
    **{
        f"EMP/{mark}": f"{mark} in yeast (500 bp)"
        for mark in (
            "H3", "H3K14ac", "H3K36me3", "H3K4me1", "H3K4me2", "H3K4me3", "H3K79me3", "H3K9ac", "H4", "H4ac",
        )
    },
    "splice/reconstructed": "Splice donors, acceptors and neither (400 bp, 3 classes)",
}  # fmt: skip
TRAINED_ON_DEV = frozenset(
    {"mouse/1", "prom/prom_300_all", "prom/prom_300_notata", "splice/reconstructed"}
    | {name for name in SETS if name.startswith("EMP/")}
)
"""Sets whose training part is not at hand: the probe is fitted to the development part, an eighth of it."""


def prepare(name: str, setting: Setting) -> Plan:
    """Read both parts of a set and make its plan.

    Raises:
        InputError: A file is missing or damaged.
    """
    part = "dev" if name in TRAINED_ON_DEV else "train"
    train, test = (
        read_delimited(setting.path(f"{FOLDER}/{name}/{each}.csv.gz"), sequence="sequence", label="label")
        for each in (part, "test")
    )
    notes = (
        ("The training part is not at hand: fitted to the development part, an eighth of its size.",)
        if part == "dev"
        else ()
    )
    badges = audit(official_split(train, test, limit=None, seed=setting.seed))
    examples = official_split(train, test, limit=setting.limit, seed=setting.seed)
    return probe_plan(examples, setting, "mcc", badges=badges, notes=notes)


def _task(name: str, what: str) -> Task:
    part = "dev" if name in TRAINED_ON_DEV else "train"
    return Task(
        name=f"gue/{name}",
        version=1,
        summary=what,
        metric="mcc",
        source="Zhou et al. 2024, DNABERT-2, arXiv 2306.15006; official files and split",
        licence="Apache-2.0 (as distributed with DeepGene)",
        prepare=partial(prepare, name),
        needs=tuple(f"{FOLDER}/{name}/{each}.csv.gz" for each in (part, "test")),
        suites=("probe", "yeast" if name.startswith("EMP/") else "vertebrate"),
        options=OPTIONS,
    )


TASK = tuple(_task(name, what) for name, what in SETS.items())
