"""The job behind `cistron genes tasks`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from cistron.cli.progress import note
from cistron.errors import InputError
from cistron.evals import Setting
from cistron.evals.genes.atlas import GENCODE
from cistron.evals.genes.labels import (
    FACTORS,
    GENE2GENE,
    PARTS,
    TISSUES,
    all_gene_pairs,
    elevated_tissues,
    factor_descriptions,
    factor_families,
    gene_chromosomes,
    gene_pairs,
    gene_types,
    transcription_factors,
)
from cistron.formats.gene_tasks import GeneTask, write_gene_task
from cistron.formats.gene_texts import write_descriptions
from cistron.formats.gene_types import read_gene_types

DESCRIPTIONS: Final = "descriptions.csv"
"""Full names of the candidates for transcription factors, for encoders of texts; beside the tasks."""


def write_tasks(output: Path, data: Path | None) -> None:
    """Write every task whose data is at hand, and say which are not.

    Raises:
        InputError: None is.
        OutputError: The folder cannot be written.
    """
    setting = Setting.usual(data)
    written = 0
    for need, make in _SOURCES.items():
        if setting.data is None or not (setting.data / need).exists():
            note(f"{need} is not in the data folder; its tasks are left out")
            continue
        for task in make(setting):
            write_gene_task(output, task)
            note(f"{task.name}: {len(task):,} rows, {len(task.columns)} outcomes")
            written += 1
    if not written:
        raise InputError("no gene task's data is at hand; give the data folder with --data or CISTRON_DATA")
    if setting.data is not None and (setting.data / FACTORS).exists():
        write_descriptions(output / DESCRIPTIONS, factor_descriptions(setting))
    note(f"wrote {written} tasks to {output}")


def _gencode(setting: Setting) -> list[GeneTask]:
    genes = read_gene_types(setting.path(f"{GENCODE}/genes.parquet"))
    return [
        gene_types({each.gene.name: each.kind for each in genes}),
        gene_chromosomes({each.gene.name: each.gene.chrom for each in genes}),
    ]


_SOURCES: Final[Mapping[str, Callable[[Setting], list[GeneTask]]]] = {
    FACTORS: lambda setting: [transcription_factors(setting), factor_families(setting)],
    TISSUES: lambda setting: [elevated_tissues(setting)],
    GENCODE: _gencode,
    GENE2GENE: lambda setting: [all_gene_pairs(setting), *(gene_pairs(setting, part) for part in PARTS)],
}
"""What must be in the data folder → the tasks that come of it."""
