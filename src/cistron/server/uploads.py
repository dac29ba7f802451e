"""Files that arrive for a job: bounded, checked at once, without what nobody asked to send."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from cistron.errors import InputError
from cistron.formats.bgzf import read_chunks
from cistron.formats.fasta_stream import stream_records
from cistron.formats.vcf import VcfReader, VcfRecord
from cistron.server.problems import RefusedError
from cistron.server.settings import Limits

_FREE: Final = 1 << 20
"""Bytes for which no ratio is asked: small files compress by any factor."""

_FIXED: Final = 8
"""Columns of a VCF that are not about samples."""

_OF_SAMPLES: Final = ("##FORMAT=", "##SAMPLE=", "##PEDIGREE", "##META=")


def save(source: BinaryIO, target: Path, limits: Limits) -> None:
    """Write an upload to a file, and refuse it where it unpacks to too much.

    Raises:
        RefusedError: It is empty, too long, or unpacks to too much.
        InputError: It is compressed and damaged.
    """
    size = 0
    with target.open("wb") as out:
        while chunk := source.read(1 << 20):
            size += len(chunk)
            if size > limits.upload:
                raise RefusedError(413, f"a file of more than {limits.upload:,} bytes; split it")
            out.write(chunk)
    if not size:
        raise RefusedError(422, "the uploaded file is empty")
    unpacked = 0
    for block in read_chunks(target, name="the uploaded file"):
        unpacked += len(block)
        if unpacked > limits.decompressed:
            raise RefusedError(
                413, f"a file that unpacks to more than {limits.decompressed:,} bytes; split it"
            )
        if unpacked > _FREE + limits.ratio * size:
            raise RefusedError(
                413, f"a file that unpacks to more than {limits.ratio} times its size is refused"
            )


def take_variants(raw: Path, target: Path, limits: Limits, *, keep_samples: bool) -> int:
    """Check a VCF or BCF, write it as VCF, and return how many alternative alleles it has.

    Args:
        raw: What arrived.
        target: What the job reads.
        limits: The limits.
        keep_samples: Whether sample columns stay.

    Raises:
        InputError: It is no VCF or BCF, or malformed; the message names the line.
        RefusedError: It has too many variants or too long an allele.
    """
    alleles = 0
    with (
        _called_upload(raw),
        VcfReader(raw) as reader,
        target.open("w", encoding="utf-8", errors="surrogateescape") as out,
    ):
        if reader.count > limits.job_variants:
            raise RefusedError(
                413, f"{reader.count:,} records; {limits.job_variants:,} at most, split the file"
            )
        out.writelines(line + "\n" for line in _header(reader, keep_samples=keep_samples))
        for record in reader:
            _refuse_long_alleles(record, limits.allele)
            alleles += len(record.variants)
            out.write((record.line if keep_samples else _without_samples(record.line)) + "\n")
    return alleles


def take_sequences(raw: Path, target: Path, limits: Limits) -> tuple[int, int]:
    """Check a FASTA, write it unpacked, and return how many sequences and bases it has.

    Raises:
        InputError: It is no FASTA.
        RefusedError: A sequence is too long.
    """
    count = bases = 0
    with _called_upload(raw), _called_upload(target):
        with target.open("wb") as out:
            out.writelines(read_chunks(raw))
        for _, pieces in stream_records(target, unique=False):
            length = sum(map(len, pieces))
            if length > limits.sequence:
                raise RefusedError(413, f"a sequence of {length:,} bases; {limits.sequence:,} at most")
            count, bases = count + 1, bases + length
    return count, bases


@contextmanager
def _called_upload(path: Path) -> Iterator[None]:
    """Messages about `path` call it the uploaded file: where it lies is nobody's business."""
    try:
        yield
    except InputError as error:
        raise InputError(str(error).replace(str(path), "the uploaded file")) from None
    except UnicodeDecodeError:
        raise InputError("the uploaded file has text that is not UTF-8; convert it") from None


def _refuse_long_alleles(record: VcfRecord, most: int) -> None:
    longest = max((max(len(v.ref), len(v.alt)) for v in record.variants), default=0)
    if longest > most:
        raise RefusedError(
            413, f"record {record.index + 1:,} has an allele of {longest:,} bases; {most:,} at most"
        )


def _header(reader: VcfReader, *, keep_samples: bool) -> Iterator[str]:
    if keep_samples:
        yield from reader.header_lines
        return
    for line in reader.header_lines:
        if not line.startswith(_OF_SAMPLES):
            yield _without_samples(line) if line.startswith("#CHROM") else line


def _without_samples(line: str) -> str:
    return "\t".join(line.split("\t", _FIXED)[:_FIXED])
