"""Indexes of FASTA files: found, checked against the file, or built where there is room for them."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

import pysam
from pysam.utils import SamtoolsError

from cistron.errors import InputError, OutputError
from cistron.formats.htslib import quiet_htslib

_COLUMNS: Final = 5


class FastaIndex(NamedTuple):
    """Where a FASTA file's index lies and what it says.

    Attributes:
        fai: samtools' index: contigs, lengths and offsets.
        gzi: Index of the BGZF blocks; None for a plain file.
        contigs: Contig name → length in bp, in file order.
    """

    fai: Path
    gzi: Path | None
    contigs: dict[str, int]


def find_index(path: Path, compressed: bool) -> FastaIndex:
    """The index of a FASTA file, built when there is none that is as new as the file.

    A missing index is built beside the file. Where that folder is read-only, or an index older than the file
    is in the way, it is built in the cache folder (`$XDG_CACHE_HOME/cistron/fasta`), under a name made from
    the file's path, size and time. Nothing that exists is replaced.

    Raises:
        InputError: The file cannot be indexed, holds no sequence, or an index as new as the file does not fit
            it.
        OutputError: Neither folder can be written.
    """
    suffixes = (".fai", ".gzi") if compressed else (".fai",)
    beside = {suffix: path.with_name(path.name + suffix) for suffix in suffixes}
    if beside[".fai"].is_file():
        _contigs(path, beside[".fai"], compressed)
    if not _current(path, beside):
        cached = {suffix: _cache_folder(path) / f"index{suffix}" for suffix in suffixes}
        stale = any(file.exists() for file in beside.values())
        if _current(path, cached):
            beside = cached
        elif stale or not _build(path, beside):
            if not _build(path, cached):
                raise OutputError(
                    f"no index of {path} can be written, neither beside it nor in {_cache_folder(path)};"
                    " make one of them writable or set XDG_CACHE_HOME"
                )
            beside = cached
    return FastaIndex(beside[".fai"], beside.get(".gzi"), _contigs(path, beside[".fai"], compressed))


def _current(path: Path, files: dict[str, Path]) -> bool:
    """Whether all index files exist and none is older than the FASTA file."""
    made = path.stat().st_mtime_ns
    return all(file.is_file() and file.stat().st_mtime_ns >= made for file in files.values())


def _cache_folder(path: Path) -> Path:
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    state = path.stat()
    identity = f"{path.resolve()}\0{state.st_size}\0{state.st_mtime_ns}"
    return root / "cistron" / "fasta" / hashlib.sha256(identity.encode()).hexdigest()[:16]


def _build(path: Path, files: dict[str, Path]) -> bool:
    """Build the index files; False when their folder cannot be written.

    Raises:
        InputError: The FASTA file is malformed.
    """
    folder = files[".fai"].parent
    try:
        if folder != path.parent:
            folder.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".index-", dir=folder))
    except OSError:
        return False
    try:
        made = {suffix: scratch / f"index{suffix}" for suffix in files}
        arguments = ["--fai-idx", str(made[".fai"])]
        if ".gzi" in made:
            arguments += ["--gzi-idx", str(made[".gzi"])]
        with quiet_htslib():
            pysam.faidx(str(path), *arguments)
        for suffix, file in files.items():
            made[suffix].replace(file)
    except SamtoolsError as error:
        raise InputError(
            f"{path} cannot be indexed; check that it is FASTA and that all lines of a contig"
            " but the last are equally long"
        ) from error
    except OSError:
        return False
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return True


def _contigs(path: Path, fai: Path, compressed: bool) -> dict[str, int]:
    """Contig name → length from the index, after checking that the file is as long as it says."""
    size = path.stat().st_size
    contigs: dict[str, int] = {}
    for line in fai.read_text(encoding="utf-8").splitlines():
        columns = line.split("\t")
        try:
            length, offset, bases, width = map(int, columns[1:_COLUMNS])
        except ValueError:
            raise InputError(f"{fai} is not a FASTA index; delete it and it will be built again") from None
        end = offset + (length // bases * width + length % bases if bases else 0)
        if not compressed and end - (width - bases) > size:
            raise InputError(
                f"{path} is cut short, or {fai.name} belongs to another file: contig {columns[0]} should"
                f" end at byte {end:,} but the file has {size:,}; copy the file again or delete the index"
            )
        contigs[columns[0]] = length
    if not contigs:
        raise InputError(f"{path} holds no sequence; check that it is the right file")
    return contigs
