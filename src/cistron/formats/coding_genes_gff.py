"""Coding sequences and RNA genes of a GFF3 or GTF file.

Source: GFF3 specification 1.26 of the Sequence Ontology (rows of one feature share an ID; column 8 of a CDS);
GTF as Ensembl and GENCODE write it (a CDS ends before its stop codon).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote

from cistron.errors import InputError
from cistron.formats.bgzf import read_lines
from cistron.genome import Interval, Strand
from cistron.genome.annotation import Span
from cistron.genome.coding import Annotation, CodingGene, RnaGene

RNA_KINDS: Final = {
    kind: kind
    for kind in ("tRNA", "rRNA", "ncRNA", "snoRNA", "snRNA", "miRNA", "lnc_RNA", "lncRNA", "antisense_RNA")
} | {"tmRNA": "ncRNA", "SRP_RNA": "ncRNA", "RNase_P_RNA": "ncRNA", "telomerase_RNA": "ncRNA"}
"""Type of a feature → kind of RNA gene."""

_COLUMNS: Final = 9
_ATTRIBUTE: Final = re.compile(r'(?:^|;)\s*(\w+)[= ]\s*"?([^";]*)')
_ANTICODON: Final = re.compile(r"\(([ACGUT]{3})\)")
_GENE: Final = ("gene", "gene_name", "locus_tag", "gene_id", "Name", "ID")
_GTF_GENE: Final = ("gene_name", "gene_id")
_EXTENTS: Final = frozenset({"gene", "pseudogene", "ncRNA_gene", "mobile_genetic_element", "CDS"})


class _Row(NamedTuple):
    kind: str
    chrom: str
    start: int
    end: int
    strand: str
    phase: str
    attributes: dict[str, str]

    @property
    def span(self) -> Span:
        return self.start, self.end


def read_gff_genes(path: str | Path, *, table: int = 1, first: int = 1) -> Annotation:
    """Genes of a GFF3 or GTF file, plain or gzip.

    Args:
        path: The file.
        table: Genetic code of coding sequences without an attribute `transl_table`.
        first: Number of a contig's first base in column 4; some tools write 0, which the format forbids.

    Raises:
        InputError: The file is missing, empty or damaged, or a line is malformed; the message names it.
    """
    coding: dict[str, list[_Row]] = {}
    stops: dict[str, list[Span]] = {}
    rna, genic, circular, reasons = [], [], set(), Counter[str]()
    for row in _rows(Path(path), first):
        if row.attributes.get("Is_circular", "").lower() == "true":
            circular.add(row.chrom)
        if row.kind == "CDS":
            coding.setdefault(_identity(row, len(coding)), []).append(row)
        elif row.kind == "stop_codon":
            stops.setdefault(_identity(row, -1), []).append(row.span)
        elif row.kind in RNA_KINDS:
            rna.append(_rna(row))
        if row.kind in _EXTENTS or row.kind in RNA_KINDS:
            genic.append(Interval(row.chrom, row.start, row.end))
    genes = []
    for identity, rows in coding.items():
        gene = _gene(rows, stops.get(identity, []), table)
        if gene is None:
            reasons["coding sequence without one strand"] += 1
        else:
            genes.append(gene)
    return Annotation(tuple(genes), tuple(rna), frozenset(circular), tuple(genic), dict(reasons))


def _rows(path: Path, first: int) -> Iterator[_Row]:
    for number, line in enumerate(read_lines(path), 1):
        if line.startswith(("##FASTA", ">")):
            return
        if line.strip() and not line.startswith("#"):
            yield _row(line.rstrip("\r\n").split("\t"), first, f"{path} line {number:,}")


def _row(columns: list[str], first: int, place: str) -> _Row:
    if len(columns) != _COLUMNS:
        raise InputError(
            f"{place} has {len(columns)} columns; GFF and GTF have {_COLUMNS}, separated by tabs"
        )
    chrom, _, kind, low, high, _, strand, phase, text = columns
    if not (low.isdecimal() and high.isdecimal() and first <= int(low) <= int(high)):
        raise InputError(f"{place} runs from '{low}' to '{high}'; starts count from {first}, not after ends")
    attributes = {key: unquote(value.strip()) for key, value in _ATTRIBUTE.findall(text)}
    return _Row(kind, unquote(chrom), int(low) - first, int(high), strand, phase, attributes)


def _identity(row: _Row, number: int) -> str:
    """What rows of one coding sequence share; a row that says nothing stands alone."""
    keys = ("transcript_id",) if "transcript_id" in row.attributes and "ID" not in row.attributes else ()
    found = next((row.attributes[key] for key in (*keys, "ID", "Parent") if key in row.attributes), None)
    return f"{row.chrom} {number if found is None else found}"


def _gene(rows: list[_Row], stops: list[Span], table: int) -> CodingGene | None:
    strand = _strand({row.strand for row in rows})
    if strand is None:
        return None
    ordered = sorted(rows, key=lambda row: row.start, reverse=strand == "-")
    head, attributes = ordered[0], ordered[0].attributes
    number = attributes.get("transl_table", str(table))
    if not number.isdecimal():
        raise InputError(f"gene '{_name(head)}' has transl_table={number}; give a number")
    return CodingGene(
        _name(head),
        head.chrom,
        strand,
        _joined([row.span for row in ordered], stops, strand),
        int(number),
        partial=attributes.get("partial") == "true" or head.phase in ("1", "2"),
    )


def _joined(parts: list[Span], stops: list[Span], strand: Strand) -> tuple[Span, ...]:
    """The parts with a stop codon that lies behind them; one that they already hold adds nothing."""
    for stop in sorted(stops, reverse=strand == "-"):
        start, end = parts[-1]
        if start <= stop[0] and stop[1] <= end:
            continue
        if strand == "+" and stop[0] == end:
            parts[-1] = start, stop[1]
        elif strand == "-" and stop[1] == start:
            parts[-1] = stop[0], end
        else:
            parts.append(stop)
    return tuple(parts)


def _strand(found: set[str]) -> Strand | None:
    if found == {"+"}:
        return "+"
    return "-" if found == {"-"} else None


def _name(row: _Row) -> str:
    keys = _GTF_GENE if "transcript_id" in row.attributes and "ID" not in row.attributes else _GENE
    return next((row.attributes[key] for key in (*keys, *_GENE) if key in row.attributes), "")


def _rna(row: _Row) -> RnaGene:
    strand: Strand = "-" if row.strand == "-" else "+"
    words = " ".join(row.attributes.get(key, "") for key in ("anticodon", "Note", "product", "Name"))
    found = _ANTICODON.search(words)
    anticodon = found[1].replace("U", "T") if found else ""
    return RnaGene(
        RNA_KINDS[row.kind], Interval(row.chrom, row.start, row.end, strand, _name(row)), anticodon
    )
