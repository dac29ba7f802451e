"""One quick pass over a VCF or BCF before it is used: is it whole, and what is in it?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pysam

from cistron.errors import InputError
from cistron.formats.bgzf import first_bytes, is_bgzf, read_chunks, read_lines, require_complete
from cistron.formats.htslib import quiet_htslib

_COLUMNS: Final = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]
_DEFINITION: Final = re.compile(r"##(contig|FILTER|INFO|FORMAT)=<ID=([^,>]+)")
_ADVICE: Final = "copy the file again, or see what `bcftools view` says"


@dataclass(frozen=True, slots=True)
class Scan:
    """What a pass over a file found.

    Attributes:
        header_lines: The header as it is in the file, its last line (`#CHROM`) included.
        undeclared: Definitions of contigs, filters and fields that records use and the header lacks.
        header: The header with the undeclared lines, as htslib sees it.
        count: Number of records.
        is_sorted: Whether each contig comes once and its positions rise, as an index needs.
        is_bcf: Whether the file is BCF.
    """

    header_lines: list[str]
    undeclared: list[str]
    header: pysam.VariantHeader
    count: int
    is_sorted: bool
    is_bcf: bool


def scan_vcf(path: Path, name: str) -> Scan:
    """Read a whole file once, check the form of every record, and tell what is in it.

    Args:
        path: A file, not a stream.
        name: What to call it in messages.

    Raises:
        InputError: The file is missing, empty, cut short, damaged, not VCF or BCF, or has a malformed record;
            the message names the line of a VCF, the record of a BCF.
    """
    if is_bgzf(first_bytes(path)):
        require_complete(path, name)
    is_bcf = next(read_chunks(path, 3, name), b"") == b"BCF"
    if is_bcf:
        for _ in read_chunks(path, name=name):  # checks every block, which htslib reports less clearly
            pass
    header_lines = [] if is_bcf else _check_lines(path, name)
    with quiet_htslib():
        try:
            records = pysam.VariantFile(str(path))
        except (OSError, ValueError) as error:
            raise InputError(f"{name} has no valid header; {_ADVICE}") from error
        with records:
            header_lines = header_lines or _lines_of(records.header, name)
            count, is_sorted = _walk(records, name, 0 if is_bcf else len(header_lines))
            header = records.header.copy()
    declared = {match[0] for line in header_lines if (match := _DEFINITION.match(line))}
    found = _lines_of(header, name)
    undeclared = [line for line in found if (match := _DEFINITION.match(line)) and match[0] not in declared]
    return Scan(header_lines, undeclared, header, count, is_sorted, is_bcf)


def _lines_of(header: pysam.VariantHeader, name: str) -> list[str]:
    try:
        return str(header).splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{name} has a header that is not UTF-8; convert it") from error


def _check_lines(path: Path, name: str) -> list[str]:
    """The header of a VCF, after checking that every record has its columns."""
    lines = read_lines(path, name)
    first = next(lines, "")
    if not first.startswith("##fileformat=VCF"):
        raise InputError(f"{name} is not VCF or BCF: it does not begin with ##fileformat=VCF")
    header = [first]
    while (line := next(lines, "")).startswith("##"):
        header.append(line)
    names = line.split("\t")
    if names[:8] != _COLUMNS or len(names) == 9:
        raise InputError(
            f"{name} line {len(header) + 1:,} should be the tab-separated line of column names that begins"
            f" {' '.join(_COLUMNS[:5])}; {_ADVICE}"
        )
    header.append(line)
    tabs = len(names) - 1
    for number, line in enumerate(lines, len(header) + 1):
        if line.count("\t") != tabs:
            found = f"{line.count(chr(9)) + 1} tab-separated columns" if line else "no columns"
            raise InputError(
                f"{name} line {number:,} has {found} where the header names {len(names)}; {_ADVICE}"
            )
    return header


def _walk(records: pysam.VariantFile, name: str, header_length: int) -> tuple[int, bool]:
    """Count the records and see whether they are sorted."""
    count, is_sorted = 0, True
    contig, position, seen = -1, -1, set[int]()
    try:
        for record in records:
            count += 1
            if record.rid != contig:
                contig, position = record.rid, -1
                is_sorted = is_sorted and contig not in seen
                seen.add(contig)
            is_sorted = is_sorted and record.pos >= position
            position = record.pos
    except (OSError, ValueError) as error:
        place = f"line {header_length + count + 1:,}" if header_length else f"record {count + 1:,}"
        raise InputError(f"{name} {place} is malformed; {_ADVICE}") from error
    return count, is_sorted
