"""Genomic Benchmarks: the sets whose sequences are at hand, cross-validated inside what there is.

The official training sequences need the genome; until they are there, folds are made inside the test
sequences (or a published sample of the training ones), so numbers are of the same items but not of the same
protocol as published ones.
"""

from __future__ import annotations

from functools import partial

from cistron.evals.probing.audit import audit
from cistron.evals.probing.examples import cross_validation
from cistron.evals.probing.plan import OPTIONS, probe_plan
from cistron.evals.task import Plan, Published, Setting, Task
from cistron.formats.labelled_sequences import read_delimited

FOLDER = "benchmarks/genomic_benchmarks_seqs"
SETS = {
    "human_enhancers_cohn": ("enhancers_cohn/test.tsv.gz", "Human enhancers of Cohn (500 bp), test part"),
    "human_nontata_promoters": (
        "promoters_nontata/test.tsv.gz",
        "Human promoters without TATA box (251 bp), test part",
    ),
    "human_ocr_ensembl": (
        "open_chromatin/train.tsv.gz",
        "Human open chromatin, 1,000 training sequences",
    ),
    "human_ensembl_regulatory": (
        "regulatory_ensembl/train.tsv.gz",
        "Human regulatory elements (3 classes), 1,500 training sequences",
    ),
}
_LEADERBOARD = "repository of Genomic Benchmarks, read 2026"
_GENOS = "benchmark picture in the Genos repository, 2025-10-13"
PUBLISHED = {
    "human_enhancers_cohn": (
        Published("CNN", 0.695, "accuracy", _LEADERBOARD, "trained from scratch, official split"),
        Published("HyenaDNA", 0.742, "accuracy", _LEADERBOARD, "fine-tuned, official split"),
        Published("Genos-1.2B", 0.8715, "not named", _GENOS),
        Published("Genos-10B", 0.8552, "not named", _GENOS),
        Published("Evo2-40b", 0.7756, "not named", _GENOS),
        Published("Nucleotide Transformer 2.5b", 0.7873, "not named", _GENOS),
    ),
    "human_ocr_ensembl": (
        Published("CNN", 0.680, "accuracy", _LEADERBOARD, "trained from scratch, official split"),
        Published("HyenaDNA", 0.809, "accuracy", _LEADERBOARD, "fine-tuned, official split"),
        Published("Genos-1.2B", 0.7569, "not named", _GENOS),
        Published("Genos-10B", 0.7623, "not named", _GENOS),
    ),
}
_NOTE = "Cross-validated inside the sequences at hand: not the official split, so not the published protocol."


def prepare(name: str, setting: Setting) -> Plan:
    """Read one set and make its plan.

    Raises:
        InputError: The file is missing or damaged.
    """
    path = setting.path(f"{FOLDER}/{SETS[name][0]}")
    records = read_delimited(path, sequence="seq", label="label", delimiter="\t")
    whole = cross_validation(records, limit=None, seed=setting.seed)
    examples = whole
    if setting.limit is not None:
        examples = cross_validation(records, limit=setting.limit, seed=setting.seed)
    return probe_plan(examples, setting, "accuracy", badges=audit(whole), notes=(_NOTE,))


def _task(name: str) -> Task:
    file, what = SETS[name]
    return Task(
        name=f"genomic-benchmarks/{name}",
        version=1,
        summary=what,
        metric="accuracy",
        source="Grešová et al. 2023, Genomic Benchmarks, BMC Genomic Data 24:25",
        licence="Apache-2.0",
        prepare=partial(prepare, name),
        needs=(f"{FOLDER}/{file}",),
        suites=("probe", "vertebrate", "genos-short"),
        options=OPTIONS,
        published=PUBLISHED.get(name, ()),
    )


TASK = tuple(map(_task, SETS))
