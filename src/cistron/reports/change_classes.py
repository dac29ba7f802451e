"""Classes of the changes of a mutagenesis: what kind each is, and where in a gene it lies."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Final

import numpy as np

from cistron.genome.annotation import GeneModel
from cistron.genome.sequence import ACGT
from cistron.inference.interpretation.mutation_map import MutationMap
from cistron.reports.figures import Style, class_figure, styles
from cistron.reports.page import figure
from cistron.reports.summary import ReportRow

KINDS: Final[tuple[str, ...]] = ("CpG transition", "transition", "transversion", "deletion")

PLACES: Final = ("between genes", "intron", "non-coding exon", "coding")

POINTS: Final = 2_000  # changes of a kind that its figure draws


def change_rows(found: MutationMap, genes: Sequence[GeneModel]) -> Iterator[ReportRow]:
    """One row for each change with a score: its kind as class, and its place in the genes as label."""
    for column, (base, place) in enumerate(zip(found.bases, _places(found, genes), strict=True)):
        around = found.bases[max(column - 1, 0) : column + 2]
        for row, alt in enumerate((*ACGT, "")):
            value = found.deletions[column] if alt == "" else found.llr[row, column]
            if np.isfinite(value):
                kind = kind_of(base, alt, around if column else " " + around)
                yield ReportRow(
                    found.chrom,
                    found.start + column + 1,
                    base,
                    alt or "del",
                    float(value),
                    None,
                    None,
                    "",
                    place,
                    kind,
                )


def kind_of(ref: str, alt: str, around: str) -> str:
    """One of `KINDS`.

    Args:
        ref: Reference base.
        alt: The base in its place; empty for a deletion.
        around: The reference from one base before to one behind.
    """
    if not alt:
        return "deletion"
    if {ref, alt} not in ({"A", "G"}, {"C", "T"}):
        return "transversion"
    methylated = (ref == "C" and around[1:] == "CG") or (ref == "G" and around[:2] == "CG")
    return "CpG transition" if methylated else "transition"


def _places(found: MutationMap, genes: Sequence[GeneModel]) -> list[str]:
    """Where in the genes each base lies: the most telling that any of them says; empty without genes."""
    if not genes:
        return [""] * len(found.bases)
    ranks = np.zeros(len(found.bases), dtype=np.int8)
    for gene in genes:
        if gene.chrom == found.chrom:
            for rank, spans in enumerate((((gene.start, gene.end),), gene.exons, gene.cds), 1):
                for start, end in spans:
                    part = ranks[max(start - found.start, 0) : max(end - found.start, 0)]
                    np.maximum(part, rank, out=part)
    return [PLACES[rank] for rank in ranks]


def class_sections(found: MutationMap, genes: Sequence[GeneModel]) -> list[str]:
    """Distribution of llr by kind of change, and a table of where the changes lie."""
    groups: dict[str, array[float]] = {}
    places: dict[str, array[float]] = {}
    for row in change_rows(found, genes):
        assert row.llr is not None
        groups.setdefault(row.group, array("d")).append(row.llr)
        places.setdefault(row.label, array("d")).append(row.llr)
    ordered = {kind: groups[kind] for kind in KINDS if kind in groups}
    drawn = {kind: values[:: max(1, len(values) // POINTS)] for kind, values in ordered.items()}
    counts = {kind: len(values) for kind, values in ordered.items()}
    text = "Box: middle half and median; line: all within 1.5 box lengths."
    if max(counts.values()) > POINTS:
        text += f" Of kinds with more than {POINTS:,} changes, every so many along the region are used."
    body = [
        f"<h2>By kind of change</h2>\n{figure(class_figure(drawn, counts, kind_styles()), text)}",
    ]
    if len(places) > 1:
        body.append(f"<h2>By place in the gene</h2>\n{_place_table(places)}")
    return body


def _place_table(places: Mapping[str, Sequence[float]]) -> str:
    lines = []
    for name, values in sorted(places.items(), key=lambda item: float(np.median(item[1]))):
        low, median, high = np.percentile(values, [5, 50, 95])
        numbers = "".join(f'<td class="number">{signed(float(x))}</td>' for x in (median, low, high))
        count = f'<td class="number">{len(values):,}</td>'
        lines.append(f'<tr><th scope="row">{escape(name)}</th>{count}{numbers}</tr>')
    heads = "".join(
        f'<th scope="col" class="number">{head}</th>'
        for head in ("changes", "median llr", "5th percentile", "95th percentile")
    )
    body = "\n".join(lines)
    return (
        f'<div class="scroll"><table><thead><tr><th scope="col">place</th>{heads}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def kind_styles() -> dict[str, Style]:
    """The same style for a kind wherever it is drawn."""
    return styles(KINDS)


def signed(value: float) -> str:
    """Nats with a true minus sign."""
    return f"{value:+.2f}".replace("-", "−")
