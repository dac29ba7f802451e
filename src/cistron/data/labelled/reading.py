"""Items from the files of a data set; one reader a format, all checked alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from cistron.data.labelled import Item, LabelledData
from cistron.data.labelled.signal import Signals
from cistron.errors import InputError, UnknownContigError
from cistron.formats.bed import read_bed
from cistron.formats.fasta import Fasta
from cistron.formats.fasta_stream import stream_records
from cistron.formats.sequence_table import SequenceTable
from cistron.formats.vcf_reader import VcfReader
from cistron.genome import Interval, Reference
from cistron.genome.alleles import Allele, AlleleStatus, check_ref, classify, trim
from cistron.genome.contigs import ContigNames
from cistron.genome.sequence import is_nucleotides, reverse_complement
from cistron.genome.windows import allele_window

_NAME: Final = "name"


def read_items(data: LabelledData, paths: tuple[str, ...], *, width: int) -> Iterator[Item]:
    """Every item of the files, in order.

    Args:
        data: Says which columns and files mean what.
        paths: The files.
        width: Window in bp of alleles, where `data` does not say.

    Raises:
        InputError: A file is missing, damaged or of an unknown kind, lacks a column, or an item has no
            sequence or a sequence that is not DNA.
    """
    for path in paths:
        count = 0
        for item in _reader(Path(path))(Path(path), data, width):
            count += 1
            yield _checked(item, path)
        if not count:
            raise InputError(f"{path} holds no labelled items")


def _reader(path: Path) -> Callable[[Path, LabelledData, int], Iterator[Item]]:
    ending = path.name.lower().removesuffix(".gz").removesuffix(".bgz").rpartition(".")[2]
    readers: Mapping[str, Callable[[Path, LabelledData, int], Iterator[Item]]] = {
        **dict.fromkeys(("tsv", "csv", "txt", "parquet"), _table),
        **dict.fromkeys(("fa", "fasta", "fna"), _fasta),
        "bed": _bed,
        **dict.fromkeys(("vcf", "bcf"), _vcf),
    }
    if ending not in readers:
        raise InputError(f"{path} is of no known kind; known endings: {', '.join(readers)}")
    return readers[ending]


def _checked(item: Item, path: str) -> Item:
    for sequence in item.sequences:
        if not sequence or not is_nucleotides(sequence):
            found = f"holds '{sequence[:20]}…', which is not DNA" if sequence else "is empty"
            raise InputError(f"{path}: the sequence of {item.name} {found}")
    return item


def _table(path: Path, data: LabelledData, width: int) -> Iterator[Item]:
    table = SequenceTable(path, data.sequence)
    columns = _Columns(path, tuple(table.kept), data)
    for number, row in enumerate(table, 1):
        cells = ["" if cell is None else str(cell) for cell in row.kept]
        yield columns.item(cells, f"row {number:,}", row.sequence.upper())


def _fasta(path: Path, data: LabelledData, width: int) -> Iterator[Item]:
    if not data.labels:
        for name, pieces in stream_records(path):
            yield Item(name, (b"".join(pieces).decode("latin-1").upper(),), ())
        return
    if data.table is None:
        raise InputError(f"{path} has no labels; name their table with data.table: columns name, label")
    labels = SequenceTable(data.table, _NAME)
    columns = _Columns(Path(data.table), tuple(labels.kept), data)
    cells = {row.sequence: ["" if cell is None else str(cell) for cell in row.kept] for row in labels}
    missing = 0
    for name, pieces in stream_records(path):
        sequence = b"".join(pieces).decode("latin-1").upper()
        if name not in cells:
            raise InputError(f"{data.table} has no row for the sequence '{name}' of {path}")
        missing += 1
        yield columns.item(cells[name], name, sequence)
    if missing < len(cells):
        raise InputError(f"{data.table} has {len(cells):,} rows, {path} has {missing:,} of their sequences")


class _Columns:
    """Where labels, group and split stand in the cells of a row."""

    def __init__(self, path: Path, names: tuple[str, ...], data: LabelledData) -> None:
        wanted = (*data.labels, *(column for column in (data.group, data.split) if column))
        for column in wanted:
            if column not in names:
                raise InputError(f"{path} has no column '{column}'; it has {', '.join(names) or 'no others'}")
        self._labels = [names.index(column) for column in data.labels]
        self._group = names.index(data.group) if data.group else None
        self._split = names.index(data.split) if data.split else None
        self._name = names.index(_NAME) if _NAME in names else None

    def item(self, cells: list[str], name: str, sequence: str) -> Item:
        """The item that a row describes."""

        def cell(at: int | None) -> str:
            return "" if at is None else cells[at].strip()

        return Item(
            name=cell(self._name) or name,
            sequences=(sequence,),
            labels=tuple(cells[at].strip() for at in self._labels),
            group=cell(self._group),
            split=cell(self._split),
        )


def _reference(path: Path, data: LabelledData) -> Fasta:
    if data.reference is None:
        raise InputError(f"{path} needs the genome it lies on; name it with data.reference")
    return Fasta(data.reference)


def _bed(path: Path, data: LabelledData, width: int) -> Iterator[Item]:
    if not data.signal and data.labels not in ((_NAME,), ()):
        raise InputError(
            f'the label of {path} is its fourth column, with data.labels = ["name"], '
            "or the mean of bigWig files, named as data.signal"
        )
    with _reference(path, data) as genome:
        labels = _labels_of(data, genome)
        names = ContigNames(genome.contigs)
        for interval in read_bed(path):
            chrom = names.resolve(interval.chrom)
            if chrom is None:
                raise UnknownContigError(f"{path}: {data.reference} has no contig '{interval.chrom}'")
            start, end = _span(interval, data.width, genome.contigs[chrom])
            bases = genome.fetch(chrom, start, end).upper()
            yield Item(
                name=f"{interval.chrom}:{interval.start + 1}-{interval.end}",
                sequences=(reverse_complement(bases) if interval.strand == "-" else bases,),
                labels=labels(interval),
                place=(chrom, start, end),
            )


def _labels_of(data: LabelledData, genome: Reference) -> Callable[[Interval], tuple[str, ...]]:
    """What gives an interval its labels: the mean of signals over it, or its name."""
    if not data.signal:
        return lambda interval: (interval.name,) if data.labels else ()
    if len(data.labels) != len(data.signal):
        raise InputError(f"{len(data.labels)} names in data.labels for {len(data.signal)} in data.signal")
    return Signals(data.signal, genome.name, genome.contigs).of


def _span(interval: Interval, width: int | None, length: int) -> tuple[int, int]:
    """The interval, or so many bases around its middle; cut at the contig's ends."""
    if width is None:
        return interval.start, min(interval.end, length)
    start = (interval.start + interval.end) // 2 - width // 2
    return max(start, 0), min(start + width, length)


def _vcf(path: Path, data: LabelledData, width: int) -> Iterator[Item]:
    """The alleles that can be scored and have a label, where labels are asked for."""
    with _reference(path, data) as genome, VcfReader(path) as reader:
        names = ContigNames(genome.contigs)
        for record in reader:
            info = _info(record.line.split("\t", 8)[7])
            labels = tuple(info.get(field, "") for field in data.labels)
            if data.labels and not any(labels):
                continue
            for number, variant in enumerate(record.variants):
                chrom = names.resolve(variant.chrom, reader.contig_lengths.get(variant.chrom))
                if chrom is None or classify(variant) is not None or check_ref(variant, genome, chrom):
                    continue
                pair = _pair(genome, trim(variant, chrom), data.width or width)
                if pair is not None:
                    yield Item(
                        name=f"{variant.chrom}:{variant.pos}:{variant.ref}>{variant.alt}",
                        sequences=pair[0],
                        sites=pair[1],
                        labels=tuple(_of_allele(text, number, len(record.variants)) for text in labels),
                        group=info.get(data.group, "") if data.group else "",
                        split=info.get(data.split, "") if data.split else "",
                        place=(chrom, variant.pos - 1, variant.pos - 1 + len(variant.ref)),
                    )


def _pair(
    genome: Reference, allele: Allele, width: int
) -> tuple[tuple[str, str], tuple[tuple[int, int], tuple[int, int]]] | None:
    window = allele_window(genome, allele, width, "+")
    if isinstance(window, AlleleStatus):
        return None
    at = len(window.upstream)
    sites = (at, at + len(window.ref)), (at, at + len(window.alt))
    return (window.ref_sequence, window.alt_sequence), sites


def _info(text: str) -> dict[str, str]:
    """Fields of an INFO column; flags are `1`."""
    found = (field.partition("=") for field in text.split(";"))
    return {name: value if equals else "1" for name, equals, value in found if name != "."}


def _of_allele(text: str, number: int, alleles: int) -> str:
    """The allele's own value where there is one for each, else the record's."""
    values = re.split(",", text)
    return values[number] if alleles > 1 and len(values) == alleles else text
