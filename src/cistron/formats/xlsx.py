"""XLSX: the rows of a spreadsheet as text, for tables that journals publish that way."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Final
from xml.etree import ElementTree

from cistron.errors import InputError

_MAIN: Final = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_SHARED: Final = "xl/sharedStrings.xml"
_SHEET: Final = "xl/worksheets/sheet{}.xml"


def read_xlsx(path: str | Path, *, header: int = 1, sheet: int = 1) -> Iterator[dict[str, str]]:
    """The rows of a sheet below its header, as column name → text; an empty cell is "".

    Numbers come as the file spells them, formulas as their last result. Rows without any content are
    skipped, and so are columns without a name.

    Args:
        path: The spreadsheet.
        header: Row that holds the column names, counted from 1.
        sheet: Which, counted from 1 in stored order.

    Raises:
        InputError: The file is missing or not XLSX, or the header row is empty or repeats a name.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            shared = _shared_texts(packed)
            with packed.open(_SHEET.format(sheet)) as stream:
                yield from _records(_rows(stream, shared), Path(path), header)
    except FileNotFoundError:
        raise InputError(f"there is no file {path}") from None
    except (OSError, zipfile.BadZipFile, KeyError, IndexError, ElementTree.ParseError) as problem:
        raise InputError(f"{path} is not a readable XLSX spreadsheet: {problem}") from None


def _shared_texts(packed: zipfile.ZipFile) -> list[str]:
    """Texts that cells refer to by number."""
    if _SHARED not in packed.namelist():
        return []
    with packed.open(_SHARED) as stream:
        return [_text(item) for item in _elements(stream, "si")]


def _rows(sheet: IO[bytes], shared: list[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Number of each stored row, and its cells by column letters."""
    for place, row in enumerate(_elements(sheet, "row"), 1):
        cells = {}
        for cell in row.iterfind(f"{_MAIN}c"):
            column = re.sub(r"\d", "", cell.get("r", ""))
            cells[column] = _content(cell, shared)
        yield int(row.get("r", place)), cells


def _elements(stream: IO[bytes], tag: str) -> Iterator[ElementTree.Element]:
    """Complete elements of one kind, each forgotten after use so that memory stays flat."""
    # Entities that expand without bound are stopped by expat itself (2.4.1 and later).
    for _, element in ElementTree.iterparse(stream):  # noqa: S314
        if element.tag == _MAIN + tag:
            yield element
            element.clear()


def _content(cell: ElementTree.Element, shared: list[str]) -> str:
    kind = cell.get("t")
    if kind == "inlineStr":
        return _text(cell)
    value = cell.findtext(f"{_MAIN}v") or ""
    return shared[int(value)] if kind == "s" and value else value


def _text(element: ElementTree.Element) -> str:
    """All runs of text in an element; a phonetic guide is not part of it."""
    runs = [element, *element.iterfind(f"{_MAIN}is"), *element.iterfind(f".//{_MAIN}r")]
    return "".join(piece.text or "" for run in runs for piece in run.iterfind(f"{_MAIN}t"))


def _records(rows: Iterable[tuple[int, dict[str, str]]], path: Path, header: int) -> Iterator[dict[str, str]]:
    remaining = (pair for pair in rows if pair[0] >= header)
    first = next(islice(remaining, 1), None)
    names = {} if first is None or first[0] != header else {k: v for k, v in first[1].items() if v}
    if not names or len(set(names.values())) < len(names):
        raise InputError(f"row {header} of {path} is empty or repeats a column name; name the header row")
    for _, cells in remaining:
        if any(cells.values()):
            yield {name: cells.get(column, "") for column, name in names.items()}
