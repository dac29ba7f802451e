"""The downstream tasks of the Nucleotide Transformer, original and revised, from their files.

Two sets with the same names and other data. Of the original one, the histone marks are *yeast* and half of
the enhancers are synthetic; the revised one is human throughout, with whole chromosomes held out. Put the
files into `benchmarks/nucleotide_transformer/original` or `…/revised` of the data folder: either `TASK/train`
and `TASK/test`, or `train` and `test` with a column `task`; FASTA with names ending in `|label`, CSV or
Parquet.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from cistron.evals.probing.audit import audit
from cistron.evals.probing.examples import official_split
from cistron.evals.probing.plan import OPTIONS, probe_plan
from cistron.evals.task import Plan, Published, Setting, Task
from cistron.formats.labelled_files import find_labelled, read_labelled
from cistron.formats.labelled_sequences import Labelled

FOLDER = "benchmarks/nucleotide_transformer"
_PROMOTERS_AND_SPLICING = (
    "promoter_all", "promoter_no_tata", "promoter_tata", "splice_sites_acceptors", "splice_sites_all",
    "splice_sites_donors",
)  # fmt: skip
ORIGINAL = (
    "H3", "H3K14ac", "H3K36me3", "H3K4me1", "H3K4me2", "H3K4me3", "H3K79me3", "H3K9ac", "H4", "H4ac",
    "enhancers", "enhancers_types", *_PROMOTERS_AND_SPLICING,
)  # fmt: skip
REVISED = (
    "H2AFZ", "H3K27ac", "H3K27me3", "H3K36me3", "H3K4me1", "H3K4me2", "H3K4me3", "H3K9ac", "H3K9me3",
    "H4K20me1", "enhancers", "enhancers_types", *_PROMOTERS_AND_SPLICING,
)  # fmt: skip
_SHORT = {"splice_sites_all", "H3", "H3K36me3"}
_PICTURE = "benchmark picture in the Genos repository, 2025-10-13"
_PUBLISHED = {
    "splice_sites_all": {"Genos-1.2B": 0.7819, "Genos-10B": 0.7990, "Evo2-40b": 0.9138, "NT-2.5b": 0.8603},
    "H3": {"Genos-1.2B": 0.8944, "Genos-10B": 0.9400, "Evo2-40b": 0.9311, "NT-2.5b": 0.9371},
    "H3K36me3": {"Genos-1.2B": 0.6883, "Genos-10B": 0.7658, "Evo2-40b": 0.8823, "NT-2.5b": 0.8288},
}


def prepare(edition: str, name: str, setting: Setting) -> Plan:
    """Read both parts of a task and make its plan.

    Raises:
        InputError: A file is missing or damaged.
    """
    folder = setting.path(f"{FOLDER}/{edition}")
    train, test = (_read(folder, name, part) for part in ("train", "test"))
    badges = audit(official_split(train, test, limit=None, seed=setting.seed))
    examples = official_split(train, test, limit=setting.limit, seed=setting.seed)
    return probe_plan(examples, setting, "mcc", badges=badges)


def _read(folder: Path, name: str, part: str) -> list[Labelled]:
    if (folder / name).is_dir():
        return read_labelled(find_labelled(folder / name, part))
    return read_labelled(find_labelled(folder, part), task=name)


def _organism(edition: str, name: str) -> str:
    if edition == "revised":
        return "human"
    if name.startswith("H"):
        return "yeast"
    return "human and synthetic" if name.startswith("enhancers") else "human and other animals"


def _task(edition: str, name: str) -> Task:
    short = edition == "original" and name in _SHORT
    organism = _organism(edition, name)
    return Task(
        name=f"nucleotide-transformer/{edition}/{name}",
        version=1,
        summary=f"{name} of the {edition} tasks ({organism})",
        metric="mcc",
        source="Dalla-Torre et al. 2024, Nucleotide Transformer, Nature Methods 22:287; official split",
        licence="CC BY-NC-SA 4.0",
        prepare=partial(prepare, edition, name),
        needs=(f"{FOLDER}/{edition}",),
        suites=(
            "probe",
            "yeast" if organism == "yeast" else "vertebrate",
            *(("genos-short",) if short else ()),
        ),
        options=OPTIONS,
        published=tuple(
            Published(model, value, "not named", _PICTURE)
            for model, value in (_PUBLISHED[name] if short else {}).items()
        ),
    )


TASK = tuple(
    _task(edition, name)
    for edition, names in (("original", ORIGINAL), ("revised", REVISED))
    for name in names
)
