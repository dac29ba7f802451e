"""Writing a VCF or BCF: the lines of a reader with INFO fields added."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Literal, NamedTuple

import pysam.bcftools
from pysam.utils import SamtoolsError

from cistron.errors import InputError, OutputError
from cistron.formats.atomic import STREAM, atomic_output, writing
from cistron.formats.bgzf import bgzf_output
from cistron.formats.htslib import quiet_htslib
from cistron.formats.numbers import format_float
from cistron.formats.vcf_index import SUFFIXES, build_index
from cistron.formats.vcf_reader import VcfReader, VcfRecord

_INFO_COLUMN: Final = 7

Values = Mapping[str, Sequence[float | int | str | None]]
"""INFO field → one value per ALT; None is missing."""


class InfoField(NamedTuple):
    """An INFO field to add, with one value per ALT.

    Attributes:
        id: Its name.
        type: `Float`, `Integer` or `String`.
        description: What it is, in words.
    """

    id: str
    type: Literal["Float", "Integer", "String"]
    description: str

    def header_line(self) -> str:
        """Its `##INFO` line."""
        words = self.description.replace("\\", "\\\\").replace('"', '\\"')
        return f'##INFO=<ID={self.id},Number=A,Type={self.type},Description="{words}">'


class VcfWriter:
    """Writes a reader's records in order, unchanged but for added INFO fields; a context manager.

    The ending of `path` decides: `.vcf.gz` (or `.bgz`) is BGZF with a tabix index beside it, `.bcf` is BCF
    with a CSI index, all else and `-` (standard output) is plain VCF. The file appears under its name only
    when the block ends without an exception. The same input gives the same bytes.

    Args:
        path: Where to write.
        reader: Where the records come from.
        fields: INFO fields that may be written.
        command_line: Becomes the header line `##cistronCommand=`; none when empty.
        header_lines: More header lines; each begins with `##cistron`.
        drop: INFO fields of the input that are left out, definition and values.
        index: Write an index where the format has one and the records are sorted.

    Attributes:
        index_note: Why there is no index although one was asked for; None otherwise. Set when the block has
            ended.

    Raises:
        InputError: The input already has one of the fields and it is not dropped.
        OutputError: `path` cannot be written.
    """

    def __init__(
        self,
        path: str | Path,
        reader: VcfReader,
        fields: Sequence[InfoField],
        command_line: str = "",
        header_lines: Sequence[str] = (),
        drop: Collection[str] = (),
        index: bool = True,
    ) -> None:
        self.index_note: str | None = None
        self._path: Final = path
        self._reader: Final = reader
        self._names: Final = [field.id for field in fields]
        self._drop: Final = frozenset(drop)
        self._index: Final = index
        # BCF refers to everything by its definition; VCF text does not, so there nothing but ours is added.
        needed = reader.undeclared if str(path).endswith(".bcf") else []
        added = [*needed, *header_lines, *([f"##cistronCommand={command_line}"] if command_line else [])]
        self._header: Final = _new_header(reader, fields, added, self._drop)
        self._resources: Final = ExitStack()
        self._stream: IO[bytes] | None = None

    def __enter__(self) -> VcfWriter:
        with ExitStack() as opening:
            self._stream = opening.enter_context(self._output())
            self._stream.write(_encoded(self._header))
            self._resources.push(opening.pop_all())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._stream = None
        return self._resources.__exit__(kind, error, trace)

    def write(self, record: VcfRecord, values: Values | None = None) -> None:
        """Write one record.

        Args:
            record: A record of the reader.
            values: Field → one value per ALT; None is missing. A field that is absent, or missing for every
                ALT, is not written.

        Raises:
            ValueError: A field has another number of values than the record has ALTs.
            OutputError: The disk is full.
        """
        if self._stream is None:
            raise ValueError("a VcfWriter writes only inside its with block")
        line = record.line
        if values or self._drop:
            added = self._entries(record, values) if values else []
            head, info, tail = _around_info(line)
            if info == ".":
                info = ""
            elif self._drop:
                info = ";".join(
                    entry for entry in info.split(";") if entry.split("=", 1)[0] not in self._drop
                )
            info = ";".join([info, *added] if info else added)
            line = f"{head}{info or '.'}{tail}"
        self._stream.write((line + "\n").encode("utf-8", "surrogateescape"))

    def _entries(self, record: VcfRecord, values: Values) -> list[str]:
        """The INFO entries of `values`, in the order of the fields."""
        entries = []
        given = 0
        alts = len(record.variants)
        for name in self._names:
            column = values.get(name)
            if column is None:
                continue
            given += 1
            if len(column) != alts:
                raise ValueError(f"{name} has {len(column)} values for {alts} ALT alleles")
            if alts == 1 and column[0] is not None:
                entries.append(f"{name}={_value_text(column[0])}")
            elif any(value is not None for value in column):
                entries.append(f"{name}={','.join(map(_value_text, column))}")
        if given != len(values):
            unknown = sorted(values.keys() - set(self._names))
            raise ValueError(f"{', '.join(unknown)} not among the fields of this writer")
        return entries

    @contextmanager
    def _output(self) -> Iterator[IO[bytes]]:
        """The binary stream to write text to; closing it makes the file."""
        if str(self._path) == STREAM:
            with writing("standard output"):
                yield sys.stdout.buffer
                sys.stdout.buffer.flush()
            return
        path = Path(self._path)
        is_bcf, is_bgzf = path.suffix == ".bcf", path.suffix in (".gz", ".bgz")
        with atomic_output(path) as temporary:
            if is_bcf:
                with _as_bcf(temporary) as stream:
                    yield stream
            else:
                with bgzf_output(temporary) if is_bgzf else temporary.open("wb") as stream:
                    yield stream
            made = self._indexed(temporary, is_bcf) if is_bcf or is_bgzf else None
        if is_bcf or is_bgzf:
            for suffix in SUFFIXES:
                path.with_name(path.name + suffix).unlink(missing_ok=True)
        if made is not None:
            made.replace(path.with_name(path.name + made.suffix))

    def _indexed(self, path: Path, is_bcf: bool) -> Path | None:
        """The index of a finished file, beside it; None, with a note, when it cannot have one."""
        if not self._index or not path.is_file():
            return None
        if not self._reader.is_sorted:
            self.index_note = f"{self._path} has no index because {self._reader.name} is not sorted"
            return None
        try:
            return build_index(path, is_bcf, self._reader.contig_lengths.values())
        except OSError as error:
            self.index_note = f"{self._path} has no index: {error}"
            return None


def _new_header(
    reader: VcfReader, fields: Sequence[InfoField], added: Sequence[str], drop: Collection[str]
) -> list[str]:
    """The reader's header without the dropped fields, the added lines before `#CHROM`."""
    taken = [field.id for field in fields if field.id in reader.info_fields and field.id not in drop]
    if taken:
        raise InputError(
            f"{reader.name} already has INFO {' and '.join(taken)}; choose another name or overwrite it"
        )
    dropped = tuple(f"##INFO=<ID={field}{end}" for field in drop for end in ",>")
    kept = [line for line in reader.header_lines[:-1] if not line.startswith(dropped)]
    return [*kept, *(field.header_line() for field in fields), *added, reader.header_lines[-1]]


@contextmanager
def _as_bcf(path: Path) -> Iterator[IO[bytes]]:
    """A stream for VCF text that becomes the BCF file `path`.

    Raises:
        OutputError: htslib cannot express the text as BCF, or the disk is full.
    """
    text = path.with_name(path.name + ".vcf.gz")
    try:
        with bgzf_output(text, level=1) as stream:
            yield stream
        with quiet_htslib():
            pysam.bcftools.view("-Ob", "--no-version", "-o", str(path), str(text), catch_stdout=False)
    except SamtoolsError as error:
        raise OutputError(
            f"cannot write BCF: {str(error).splitlines()[-1]}; write .vcf.gz instead"
        ) from error
    finally:
        text.unlink(missing_ok=True)


def _around_info(line: str) -> tuple[str, str, str]:
    """A record's line before, in and behind its INFO column."""
    if line.count("\t") == _INFO_COLUMN:
        cut = line.rindex("\t") + 1
        return line[:cut], line[cut:], ""
    columns = line.split("\t", _INFO_COLUMN + 1)
    head = "\t".join(columns[:_INFO_COLUMN])
    return f"{head}\t", columns[_INFO_COLUMN], f"\t{columns[_INFO_COLUMN + 1]}"


def _value_text(value: float | int | str | None) -> str:
    if isinstance(value, float):
        return format_float(value)
    return "." if value is None else str(value)


def _encoded(lines: Sequence[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode("utf-8", "surrogateescape")
