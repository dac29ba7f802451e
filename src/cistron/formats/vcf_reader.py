"""Reading VCF and BCF: records as their alleles and their lines.

A record travels as its line, so what is not added to it stays as it was, byte for byte. htslib checks every
record once and reads BCF; were it to write the records too, it would round floats and rewrite INFO/END.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Final

import pysam

from cistron.errors import InputError
from cistron.formats.atomic import STREAM, sha256_file
from cistron.formats.bgzf import read_lines
from cistron.formats.htslib import quiet_htslib
from cistron.formats.spool import seekable
from cistron.formats.vcf_scan import scan_vcf
from cistron.genome import Variant
from cistron.genome.contigs import recognise_build

PREFIX: Final = "CISTRON_"
"""What the INFO fields of this package begin with."""

_END: Final = re.compile(r"(?:^|;)END=(\d+)")
_SVLEN: Final = re.compile(r"(?:^|;)SVLEN=([^;]+)")
_INFO_ID: Final = re.compile(r"##INFO=<ID=([^,>]+)")
_BUILD_WORDS: Final = {
    "NCBI36": re.compile(r"NCBI36|hg18|\bb36", re.IGNORECASE),
    "GRCh37": re.compile(r"GRCh37|hg19|\bb37|hs37|g1k_v37", re.IGNORECASE),
    "GRCh38": re.compile(r"GRCh38|hg38|hs38", re.IGNORECASE),
    "T2T-CHM13v2": re.compile(r"CHM13|\bhs1\b", re.IGNORECASE),
}


@dataclass(slots=True)
class VcfRecord:
    """One record: where it is, its alleles, and its text.

    Attributes:
        index: Number of the record in its file, from 0.
        chrom: Contig as the file has it.
        pos: First base of REF, 1-based.
        id: Content of the ID column, `.` when there is none.
        variants: One per ALT, in order; empty when ALT is `.`.
        line: The record's line without its end.
    """

    index: int
    chrom: str
    pos: int
    id: str
    variants: list[Variant]
    line: str


class VcfReader:
    """A VCF or BCF file, checked and counted when opened, then iterated as often as needed in flat memory.

    Plain, BGZF, ordinary gzip and BCF are told apart by content. Line ends may be CRLF; contigs, filters and
    fields that the header does not define are allowed; records may be in any order.

    Args:
        path: The file; `-` is standard input, which is copied to a temporary file, as are pipes.

    Attributes:
        name: What to call it in messages.
        header: The header as htslib sees it, with everything that records use defined.
        header_lines: The header as it is in the file.
        undeclared: Definitions that records need and the header lacks.
        count: Number of records.
        is_sorted: Whether each contig comes once and its positions rise.

    Raises:
        InputError: The file is missing, empty, cut short, damaged, not VCF or BCF, or has a malformed record.
    """

    def __init__(self, path: str | Path) -> None:
        self.name: Final = "standard input" if str(path) == STREAM else str(path)
        self._resources = ExitStack()
        try:
            self._path = self._resources.enter_context(seekable(path))
            scan = scan_vcf(self._path, self.name)
        except BaseException:
            self.close()
            raise
        self.header: Final = scan.header
        self.header_lines: Final = scan.header_lines
        self.undeclared: Final = scan.undeclared
        self.count: Final = scan.count
        self.is_sorted: Final = scan.is_sorted
        self._is_bcf: Final = scan.is_bcf

    def __enter__(self) -> VcfReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the temporary copy, if there is one; calling it again does nothing."""
        self._resources.close()

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[VcfRecord]:
        """The records in file order."""
        return _records(self._lines())

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the file's bytes, compressed as they are."""
        return sha256_file(self._path)

    @cached_property
    def contig_lengths(self) -> dict[str, int | None]:
        """Contig → length in bp, None where the header gives none; also contigs that only records name."""
        return {name: contig.length or None for name, contig in self.header.contigs.items()}

    @property
    def samples(self) -> list[str]:
        """Names of the sample columns."""
        return list(self.header.samples)

    @property
    def cistron_fields(self) -> list[str]:
        """INFO fields of this package that the file already has."""
        return [field for field in self.info_fields if field.startswith(PREFIX)]

    @property
    def info_fields(self) -> list[str]:
        """INFO fields that the header defines, in its order, then those that only records have."""
        lines = [*self.header_lines, *self.undeclared]
        return [match[1] for line in lines if (match := _INFO_ID.match(line))]

    @cached_property
    def build_hint(self) -> str | None:
        """The human genome build by contig lengths or else by the header's words; None if unclear."""
        lengths = {name: length for name, length in self.contig_lengths.items() if length}
        words = "\n".join(
            line for line in self.header_lines if line.startswith(("##reference", "##contig", "##assembly"))
        )
        named = [build for build, pattern in _BUILD_WORDS.items() if pattern.search(words)]
        return recognise_build(lengths) or (named[0] if len(named) == 1 else None)

    def _lines(self) -> Iterator[str]:
        if not self._is_bcf:
            lines = read_lines(self._path, self.name)
            for _ in self.header_lines:
                next(lines)
            yield from lines
            return
        with quiet_htslib(), pysam.VariantFile(str(self._path)) as records:
            for record in records:
                yield str(record).rstrip("\n")


def _records(lines: Iterator[str]) -> Iterator[VcfRecord]:
    for index, line in enumerate(lines):
        chrom, position, identifier, ref, alts, rest = line.split("\t", 5)
        pos = int(position)
        if "," not in alts and "<" not in alts:
            variants = [Variant(chrom, pos, ref, alts)] if alts not in (".", "") else []
        else:
            names = alts.split(",")
            if "" in names:
                raise InputError(
                    f"the record at {chrom}:{pos} has an empty allele in ALT '{alts}'; correct it"
                )
            ends = _ends(pos, names, rest.split("\t", 3)[2]) if "<" in alts else [None] * len(names)
            variants = [Variant(chrom, pos, ref, alt, end) for alt, end in zip(names, ends, strict=True)]
        yield VcfRecord(index, chrom, pos, identifier, variants, line)


def _ends(pos: int, alts: Sequence[str], info: str) -> list[int | None]:
    """Last base that each symbolic allele covers, 1-based inclusive.

    A single allele ends at END, as it always did; several share END, so each deletion then goes by its SVLEN.
    Source: VCF 4.5 specification, sections 1.4.1, 3 and 5.4.
    """
    found = _END.search(info)
    end = int(found[1]) if found else None
    match = _SVLEN.search(info)
    sizes = match[1].split(",") if match else []
    ends: list[int | None] = []
    for number, alt in enumerate(alts):
        size = sizes[number].lstrip("-") if number < len(sizes) else ""
        by_size = pos + int(size) if alt.startswith("<DEL") and size.isdecimal() else None
        own = (end or by_size) if len(alts) == 1 else (by_size or end)
        ends.append(own if alt.startswith("<") else None)
    return ends
