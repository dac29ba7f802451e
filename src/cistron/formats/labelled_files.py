"""Sequences with one label each, in the layouts in which benchmarks are distributed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from cistron.errors import InputError
from cistron.formats.labelled_sequences import Labelled, labelled, read_fasta_records, text_of
from cistron.formats.sequence_table import SequenceTable

_SEQUENCE: Final = ("sequence", "seq", "Sequence")
_FASTA: Final = (".fa", ".fna", ".fasta")
_TABLES: Final = (".csv", ".tsv", ".parquet")
ENDINGS: Final = (".jsonl", ".parquet", *_FASTA, ".csv", ".tsv")
"""Endings that `read_labelled` knows, `.gz` aside."""


def read_labelled(path: str | Path, *, task: str | None = None, label: str = "label") -> list[Labelled]:
    """All sequences of a file with the label of each.

    JSON Lines, CSV, TSV and Parquet have a column `sequence` or `seq` and one called `label`; FASTA has names
    that end in `|label`.

    Args:
        path: The file, told apart by its ending; text may be gzip.
        task: Keep the rows alone whose column `task` is this, in files of several tasks.
        label: Name of the column of labels.

    Raises:
        InputError: The file is missing, cut short, empty, of another kind or lacks a column, a sequence is
            not DNA, or a label is missing.
    """
    path = Path(path)
    ending = Path(path.name.removesuffix(".gz")).suffix
    readers: dict[str, Callable[[], Iterator[tuple[str, str]]]] = {
        ".jsonl": lambda: _json_lines(path, task, label),
        **dict.fromkeys(_TABLES, lambda: _table(path, task, label)),
        **dict.fromkeys(_FASTA, lambda: _fasta(path)),
    }
    if ending not in readers:
        raise InputError(f"{path}: known endings of labelled sequences are {', '.join(ENDINGS)}")
    found = [
        labelled(str(number), sequence, text, path, number)
        for number, (sequence, text) in enumerate(readers[ending]())
    ]
    if not found:
        raise InputError(f"{path} holds no sequences" + (f" of the task {task}" if task else ""))
    return found


def find_labelled(folder: Path, stem: str) -> Path:
    """The file `stem` with any known ending in a folder.

    Raises:
        InputError: There is none.
    """
    for ending in ENDINGS:
        for name in (f"{stem}{ending}", f"{stem}{ending}.gz"):
            if (folder / name).is_file():
                return folder / name
    raise InputError(f"{folder} has no {stem} with one of the endings {', '.join(ENDINGS)}")


def _json_lines(path: Path, task: str | None, label: str) -> Iterator[tuple[str, str]]:
    with text_of(path) as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError:
                raise InputError(f"{path} line {number} is not JSON; get the file again") from None
            name = next((each for each in _SEQUENCE if isinstance(row, dict) and each in row), None)
            if name is None or label not in row:
                raise InputError(f'{path} line {number} lacks "seq" or "{label}"')
            if task is None or row.get("task") == task:
                yield str(row[name]), str(row[label])


def _table(path: Path, task: str | None, label: str) -> Iterator[tuple[str, str]]:
    table = _opened(path)
    names = list(table.kept)
    wanted = [label] if task is None else [label, "task"]
    missing = [name for name in wanted if name not in names]
    if missing:
        raise InputError(f"{path} has no column {', '.join(missing)}; it has: {', '.join(names)}")
    at, of_task = names.index(label), names.index("task") if task is not None else 0
    for row in table:
        if task is None or row.kept[of_task] == task:
            cell = row.kept[at]
            yield row.sequence, "" if cell is None else str(cell)


def _opened(path: Path) -> SequenceTable:
    for name in _SEQUENCE[:-1]:
        try:
            return SequenceTable(path, name)
        except InputError as problem:
            if "has no column" not in str(problem):
                raise
    return SequenceTable(path, _SEQUENCE[-1])


def _fasta(path: Path) -> Iterator[tuple[str, str]]:
    for record in read_fasta_records(path, ""):
        name, sign, text = record.name.rpartition("|")
        if not sign:
            raise InputError(f"{path}: record '{record.name or name}' has no |label behind its name")
        yield record.sequence, text
