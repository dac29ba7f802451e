"""Genomic Benchmarks with the official split: all nine sets by coordinates, cut from the user's genomes.

The tables of coordinates are those of the repository, a folder a set below `benchmarks/
genomic_benchmarks_coords`. The genomes are the user's: see `GENOMES` for where they are looked for. In
`demo_coding_vs_intergenomic_seqs` one class is cut from transcripts, so it tells spliced from unspliced DNA.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from cistron.errors import InputError
from cistron.evals.probing.examples import drawn, official_split
from cistron.evals.probing.plan import OPTIONS, probe_plan
from cistron.evals.regions import audit_intervals, cut, require_build
from cistron.evals.task import Plan, Published, Setting, Task
from cistron.formats.fasta import Fasta
from cistron.formats.labelled_sequences import Labelled, read_rows
from cistron.genome import Interval

FOLDER: Final = "benchmarks/genomic_benchmarks_coords"
GENOMES: Final = {
    "human": "genomes/GRCh38.fa.gz",
    "transcripts": "genomes/GRCh38.cdna.fa.gz",
    "mouse": "genomes/GRCm38.fa.gz",
    "fly": "genomes/BDGP6.fa.gz",
    "worm": "genomes/WBcel235.fa.gz",
}
"""Genome → FASTA below the data folder, plain or BGZF; contigs may be called `1` or `chr1`."""

SETS: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "demo_coding_vs_intergenomic_seqs": (
        "Coding sequence, from transcripts, against DNA between genes (200 bp)",
        {"coding_seqs": "transcripts", "intergenomic_seqs": "human"},
    ),
    "demo_human_or_worm": ("Human against worm (200 bp)", {"human": "human", "worm": "worm"}),
    "human_enhancers_cohn": ("Human enhancers of Cohn (500 bp)", {}),
    "human_enhancers_ensembl": ("Human enhancers of Ensembl (2 to 573 bp)", {}),
    "human_nontata_promoters": ("Human promoters without TATA box (251 bp)", {}),
    "human_ocr_ensembl": ("Human open chromatin (71 to 593 bp)", {}),
    "human_ensembl_regulatory": (
        "Human enhancers, promoters and open chromatin (3 classes)",
        dict.fromkeys(("enhancer", "ocr", "promoter"), "human"),
    ),
    "drosophila_enhancers_stark": (
        "Fly enhancers of Stark (236 to 3,237 bp)",
        dict.fromkeys(("negative", "positive"), "fly"),
    ),
    "dummy_mouse_enhancers_ensembl": (
        "Mouse enhancers of Ensembl (331 to 4,776 bp)",
        dict.fromkeys(("negative", "positive"), "mouse"),
    ),
}
"""Set → what it is, and the genome of each class; without any, `negative` and `positive` are human."""

_REPOSITORY = "repository of Genomic Benchmarks, read 2026"
_PUBLISHED: Final = {
    "demo_coding_vs_intergenomic_seqs": {"CNN": 0.876, "HyenaDNA": 0.913},
    "human_enhancers_cohn": {"CNN": 0.695, "HyenaDNA": 0.742},
    "human_ocr_ensembl": {"CNN": 0.680, "HyenaDNA": 0.809},
}


def prepare(name: str, setting: Setting) -> Plan:
    """Read the tables, draw from them, cut the sequences, and make the plan.

    Raises:
        InputError: A file is missing or damaged, or a genome is of another build.
    """
    parts = {part: list(_intervals(name, part, setting)) for part in ("train", "test")}
    sequences = {
        part: list(_cut(name, [rows[at] for at in drawn(len(rows), setting.limit, setting.seed)], setting))
        for part, rows in parts.items()
    }
    examples = official_split(sequences["train"], sequences["test"], limit=None, seed=setting.seed)
    badges = audit_intervals(*((interval for _, interval in rows) for rows in parts.values()))
    return probe_plan(examples, setting, "accuracy", badges=badges)


def _classes(name: str) -> dict[str, str]:
    return SETS[name][1] or dict.fromkeys(("negative", "positive"), "human")


def _intervals(name: str, part: str, setting: Setting) -> Iterator[tuple[str, Interval]]:
    """Class and interval of every row of a part."""
    for label in _classes(name):
        path = setting.path(f"{FOLDER}/{name}/{part}/{label}.csv.gz")
        for number, row in enumerate(read_rows(path, ("id", "region", "start", "end", "strand"))):
            yield label, _interval(row, path, number)


def _interval(row: dict[str, str], path: Path, number: int) -> Interval:
    try:
        start, end = int(row["start"]), int(row["end"])
    except ValueError:
        raise InputError(f"{path}: row {number + 1} has start '{row['start']}', end '{row['end']}'") from None
    return Interval(row["region"], start, end, "-" if row["strand"] == "-" else "+", row["id"])


def _cut(name: str, rows: list[tuple[str, Interval]], setting: Setting) -> Iterator[Labelled]:
    for label, genome in _classes(name).items():
        with Fasta(setting.path(GENOMES[genome])) as reference:
            if genome == "human":
                require_build(reference, "GRCh38")
            for of, interval in rows:
                if of == label:
                    yield Labelled(f"{label}:{interval.name}", cut(reference, interval), label)


def _task(name: str) -> Task:
    what, _ = SETS[name]
    genomes = {GENOMES[genome]: None for genome in _classes(name).values()}
    return Task(
        name=f"genomic-benchmarks-full/{name}",
        version=1,
        summary=f"{what}, official split",
        metric="accuracy",
        source="Grešová et al. 2023, Genomic Benchmarks, BMC Genomic Data 24:25; its coordinates",
        licence="Apache-2.0",
        prepare=partial(prepare, name),
        needs=(f"{FOLDER}/{name}", *genomes),
        suites=("probe", "genos-short") if name in _PUBLISHED else ("probe",),
        options=OPTIONS,
        published=tuple(
            Published(model, value, "accuracy", _REPOSITORY, "official split")
            for model, value in _PUBLISHED.get(name, {}).items()
        ),
    )


TASK = tuple(map(_task, SETS))
