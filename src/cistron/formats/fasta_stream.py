"""FASTA from first to last base: any gzip, no index, any letters; `fasta.py` reads from the middle."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final

from cistron.errors import InputError
from cistron.formats.bgzf import first_bytes, is_bgzf, read_chunks, require_complete

_BLANKS: Final = b"\r\n\t "


def stream_fasta(path: str | Path) -> Iterator[tuple[str, bytes]]:
    """Yield (contig name, some of its letters) in file order; the pieces of a contig follow one another.

    The name is the first word behind `>`. Letters are neither checked nor changed. A contig without letters
    gives one empty piece.

    Raises:
        InputError: The file is missing, empty, damaged, cut short or not FASTA, or a contig has no name or
            that of an earlier one.
    """
    return ((name, letters) for _, name, letters in _numbered(Path(path), set()))


def stream_records(path: str | Path, *, unique: bool = True) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield (name, its letters in pieces) for each record in file order; take the pieces before the next.

    Args:
        path: The file.
        unique: Refuse a name that comes again, which takes memory for all names. Otherwise records are told
            apart by their place in the file alone.

    Raises:
        InputError: As `stream_fasta`.
    """
    parts = _numbered(Path(path), set() if unique else None)
    for (_, name), pieces in groupby(parts, key=lambda part: part[:2]):
        yield name, (letters for *_, letters in pieces)


def _numbered(path: Path, seen: set[str] | None) -> Iterator[tuple[int, str, bytes]]:
    """Yield (number of the record, its name, some of its letters); names are collected in `seen`."""
    if is_bgzf(first_bytes(path)):
        require_complete(path)
    number, name = 0, ""
    for heading, text in _parts(path):
        if heading:
            number, name = number + 1, _name(text, path, seen)
            yield number, name, b""
        elif number:
            yield number, name, text.translate(None, _BLANKS)
        elif text.strip():
            break
    if not number:
        raise InputError(f"{path} is not FASTA: it does not begin with '>'")


def _parts(path: Path) -> Iterator[tuple[bool, bytes]]:
    """Yield (whether it is a heading, text): headings whole and without `>`, the rest in pieces."""
    kept, line_begins = b"", True
    for chunk in read_chunks(path):
        text, at = kept + chunk, 0
        while at < len(text):
            heading = line_begins and text.startswith(b">", at)
            end = text.find(b"\n" if heading else b"\n>", at) + 1
            if heading and not end:
                break
            end = end or len(text)
            yield heading, text[at + heading : end]
            line_begins = text.endswith(b"\n", at, end)
            at = end
        kept = text[at:]
    if kept:
        yield True, kept[1:]


def _name(heading: bytes, path: Path, seen: set[str] | None) -> str:
    words = heading.decode("utf-8", "replace").split()
    if not words:
        raise InputError(f"{path} has a contig without a name; write one behind its '>'")
    if seen is not None:
        if words[0] in seen:
            raise InputError(f"{path} has two contigs called '{words[0]}'; rename one")
        seen.add(words[0])
    return words[0]
