"""GenBank flat files: sequences, coding sequences and RNA genes of one or more records.

Source: the DDBJ/ENA/GenBank Feature Table Definition, section 3.4 (locations) and appendix II (qualifiers).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cistron.errors import InputError
from cistron.formats.bgzf import read_lines
from cistron.formats.coding_genes_gff import RNA_KINDS
from cistron.genome import Interval, Strand
from cistron.genome.annotation import Span
from cistron.genome.coding import Annotation, CodingGene, RnaGene
from cistron.genome.sequence import require_nucleotides

_KEY: Final = re.compile(r" {5}(\S+)\s+(\S.*)")
_QUALIFIER: Final = re.compile(r' {21}/(\w+)(?:="?([^"]*)"?)?')
_SPAN: Final = re.compile(r"[<>]?(\d+)(?:\.\.[<>]?(\d+))?")
_ANTICODON: Final = re.compile(r"seq:([acgtuACGTU]{3})")
_NAMES: Final = ("gene", "locus_tag", "label", "product", "protein_id")


@dataclass
class _Feature:
    kind: str
    location: str
    qualifiers: dict[str, str] = field(default_factory=dict)


@dataclass
class _Record:
    name: str = ""
    circular: bool = False
    features: list[_Feature] = field(default_factory=list)
    bases: list[str] = field(default_factory=list)

    @property
    def sequence(self) -> str:
        return "".join(self.bases).upper()


def read_genbank(path: str | Path, *, table: int = 1) -> tuple[Annotation, dict[str, str]]:
    """The annotation of a GenBank file, plain or gzip, and the bases of its records by name.

    A record is called by its VERSION, else by its LOCUS. Features on other records are passed over.

    Args:
        path: The file.
        table: Genetic code of coding sequences without `/transl_table`.

    Raises:
        InputError: The file is missing or damaged, holds no record, or a record no sequence.
        SequenceError: A base is no nucleotide code.
    """
    genes: list[CodingGene] = []
    rna: list[RnaGene] = []
    genic: list[Interval] = []
    sequences: dict[str, str] = {}
    circular, reasons = set(), Counter[str]()
    for record in _records(Path(path)):
        bases = sequences[record.name] = record.sequence
        if not bases:
            raise InputError(f"{path} has no sequence for record {record.name}; save it with its ORIGIN")
        require_nucleotides(bases, f"{path} record {record.name}")
        circular |= {record.name} if record.circular else set()
        for feature in record.features:
            placed = _placed(feature, record, len(bases), reasons)
            if placed is None:
                continue
            strand, parts = placed
            low, high = min(start for start, _ in parts), max(end for _, end in parts)
            genic.append(Interval(record.name, low, high))
            if feature.kind == "CDS":
                genes.append(_gene(feature, record.name, strand, parts, table))
            elif feature.kind in RNA_KINDS:
                whole = Interval(record.name, low, high, strand, _name(feature))
                rna.append(RnaGene(RNA_KINDS[feature.kind], whole, _anticodon(feature)))
    if not sequences:
        raise InputError(f"{path} holds no GenBank record: no line begins with LOCUS")
    return Annotation(tuple(genes), tuple(rna), frozenset(circular), tuple(genic), dict(reasons)), sequences


def _records(path: Path) -> Iterator[_Record]:
    record, section = None, ""
    for line in read_lines(path):
        if line.startswith("LOCUS"):
            words = line.split()
            record, section = _Record(words[1] if len(words) > 1 else "", "circular" in words), ""
        elif record is None:
            continue
        elif line.startswith("//"):
            yield record
            record = None
        elif line[:1].strip():
            section = line.split()[0]
            if section == "VERSION" and len(line.split()) > 1:
                record.name = line.split()[1]
        elif section == "FEATURES":
            _read_feature(record.features, line)
        elif section == "ORIGIN":
            record.bases.append("".join(line.split()[1:]))
    if record is not None:
        raise InputError(f"{path} ends within record {record.name}; copy it again")


def _read_feature(features: list[_Feature], line: str) -> None:
    if found := _KEY.match(line):
        features.append(_Feature(found[1], found[2].strip()))
    elif features and (found := _QUALIFIER.match(line)):
        features[-1].qualifiers.setdefault(found[1], (found[2] or "").strip())
    elif features and not features[-1].qualifiers:
        features[-1].location += line.strip()


def _placed(
    feature: _Feature, record: _Record, length: int, reasons: Counter[str]
) -> tuple[Strand, tuple[Span, ...]] | None:
    """Strand and parts in reading order of a feature that is wanted and lies on this record."""
    if feature.kind not in {"CDS", "gene", *RNA_KINDS}:
        return None
    text = feature.location
    if ":" in text or "complement(" in text.removeprefix("complement("):
        reasons["feature on several records or strands"] += 1
        return None
    strand: Strand = "-" if text.startswith("complement(") else "+"
    spans = [(int(low) - 1, int(high or low)) for low, high in _SPAN.findall(text)]
    if not spans or any(not 0 <= start < end <= length for start, end in spans):
        raise InputError(f"record {record.name} of {length:,} bp has a feature at {text}, which is not on it")
    spans = _unrolled(spans, length) if record.circular else spans
    return strand, tuple(spans if strand == "+" else spans[::-1])


def _unrolled(spans: list[Span], length: int) -> list[Span]:
    """Ascending parts: those behind the origin of a circle are counted on from its length."""
    turned, shift = [], 0
    for number, (start, end) in enumerate(spans):
        if number and start < spans[number - 1][0]:
            shift += length
        turned.append((start + shift, end + shift))
    return turned


def _gene(feature: _Feature, chrom: str, strand: Strand, parts: tuple[Span, ...], table: int) -> CodingGene:
    number = feature.qualifiers.get("transl_table", str(table))
    if not number.isdecimal():
        raise InputError(f"gene '{_name(feature)}' has transl_table={number}; give a number")
    shifted = feature.qualifiers.get("codon_start", "1") != "1"
    partial = shifted or any(mark in feature.location for mark in "<>")
    return CodingGene(_name(feature), chrom, strand, parts, int(number), partial)


def _anticodon(feature: _Feature) -> str:
    found = _ANTICODON.search(feature.qualifiers.get("anticodon", ""))
    return found[1].upper().replace("U", "T") if found else ""


def _name(feature: _Feature) -> str:
    return next((feature.qualifiers[key] for key in _NAMES if key in feature.qualifiers), feature.location)
