"""Tables of a variant report: the alleles with their scores, and why some have none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from cistron.reports.figures import COLOURS, Style, words
from cistron.reports.summary import ReportRow

LONGEST = 12  # bases of an allele that are spelled out

MEANINGS = {
    "REF_MISMATCH": "REF differs from the reference genome at this position; is it the right assembly?",
    "SYMBOLIC": "A symbolic allele whose sequence or length the record does not give, or that does not fit.",
    "SPANNING": "The allele * stands for a deletion that another record describes.",
    "BREAKEND": "A breakend joins distant places; it has no sequence of its own to score.",
    "IUPAC": "The allele holds a base that is not A, C, G or T.",
    "TOO_LONG": "The allele leaves less than a quarter of the window for the bases downstream.",
    "N_WINDOW": "Less than half of the window around the variant is A, C, G or T.",
    "CONTIG_UNKNOWN": "The reference genome has no contig of this name.",
}


@dataclass(frozen=True, slots=True)
class Scale:
    """The range of llr that the small bars of a table span; always holds zero."""

    low: float
    high: float

    @classmethod
    def of(cls, rows: Sequence[ReportRow]) -> Scale:
        """The scale that fits all scored `rows`."""
        values = [0.0, *(row.llr for row in rows if row.llr is not None)]
        return cls(min(values), max(values))

    def bar(self, llr: float) -> str:
        """A bar from zero to `llr`."""
        width = (self.high - self.low) or 1.0
        left = 100 * (min(llr, 0.0) - self.low) / width
        kind = ' class="up"' if llr > 0 else ""
        style = f"left:{left:.1f}%;width:{100 * abs(llr) / width:.1f}%"
        return f'<span class="bar" aria-hidden="true"><i{kind} style="{style}"></i></span>'


def allele_table(rows: Sequence[ReportRow], chosen: Mapping[str, Style], caption: str) -> str:
    """The alleles in the order given; columns that would be empty or say the same twice are left out."""
    labelled = any(row.label for row in rows)
    told = any(row.consequence for row in rows)
    parts = {
        "Variant": any(row.name for row in rows),
        "Gene": any(row.gene for row in rows),
        "Position": True,
        "REF": True,
        "ALT": True,
        "llr (nats)": True,
        "downstream": any(row.flank is not None for row in rows),
        "Consequence": told,
        "Label": labelled,
        "Class": not (labelled or told) or any(row.label and row.label != row.group for row in rows),
    }
    heads = "".join(_head(name) for name, shown in parts.items() if shown)
    scale = Scale.of(rows)
    body = "\n".join(_row(row, parts, chosen, scale) for row in rows)
    return (
        f'<p class="note" id="alleles-note">{escape(caption)}</p>\n'
        '<div class="controls" hidden><input type="search" aria-label="Filter the rows" '
        'placeholder="Filter: name, position, label …"><output aria-live="polite"></output></div>\n'
        '<div class="scroll"><table id="alleles" aria-describedby="alleles-note">\n'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>"
    )


def _head(name: str) -> str:
    number = ' class="number"' if name in ("llr (nats)", "downstream") else ""
    order = ' aria-sort="ascending"' if name == "llr (nats)" else ""
    return f'<th scope="col"{number}{order}>{name}</th>'


def _row(row: ReportRow, parts: Mapping[str, bool], chosen: Mapping[str, Style], scale: Scale) -> str:
    cells = {
        "Variant": f'<th scope="row">{escape(row.name)}</th>',
        "Gene": f"<td>{escape(row.gene)}</td>",
        "Position": f'<td data-value="{escape(row.chrom)}:{row.pos}">{escape(row.chrom)}:{row.pos:,}</td>',
        "REF": _allele(row.ref),
        "ALT": _allele(row.alt),
        "llr (nats)": _number(row.llr, scale, row.status or ""),
        "downstream": _number(row.flank),
        "Consequence": _consequence(row, chosen),
        "Label": _category(row.label, chosen) if row.label else "<td></td>",
        "Class": _category(row.group, chosen),
    }
    return "<tr>" + "".join(cell for name, cell in cells.items() if parts[name]) + "</tr>"


def _allele(bases: str) -> str:
    if len(bases) <= LONGEST:
        return f'<td class="allele">{escape(bases)}</td>'
    return (
        f'<td class="allele" data-value="{escape(bases[:100])}" title="{escape(bases[:100])}">'
        f"{escape(bases[: LONGEST - 6])}… {len(bases)} bp</td>"
    )


def _consequence(row: ReportRow, chosen: Mapping[str, Style]) -> str:
    """All terms of a change, in the colour of its class."""
    if not row.consequence:
        return "<td></td>"
    told = ", ".join(words(term.removesuffix("_variant")) for term in row.consequence.split("&"))
    return f"<td>{_key(row.group, chosen)}{escape(told)}</td>"


def _category(name: str, chosen: Mapping[str, Style]) -> str:
    return f"<td>{_key(name, chosen)}{escape(words(name)) if name else ''}</td>"


def _key(name: str, chosen: Mapping[str, Style]) -> str:
    """The colour that stands for a name in the figures; nothing where none does."""
    if name not in chosen:
        return ""
    token = next(key for key, colour in COLOURS.items() if colour == chosen[name].colour)
    return f'<span class="key" style="background:var(--{token})" aria-hidden="true"></span>'


def _number(value: float | None, scale: Scale | None = None, reason: str = "") -> str:
    """A cell with a signed number and its bar, or with the reason why there is none."""
    if value is None:
        return f'<td class="number none" data-value="">{escape(reason)}</td>'
    text = f"{value:+.3f}".replace("-", "−")
    bar = scale.bar(value) if scale else ""
    return f'<td class="number" data-value="{value:.6g}">{bar}{text}</td>'


def reason_table(reasons: Mapping[str, int]) -> str:
    """How many alleles have no score, by reason, the most frequent first."""
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    body = "\n".join(
        f'<tr><th scope="row"><code>{escape(reason)}</code></th><td class="number">{count:,}</td>'
        f"<td>{escape(MEANINGS.get(reason, ''))}</td></tr>"
        for reason, count in ordered
    )
    return (
        '<div class="scroll"><table class="wrap"><thead><tr><th scope="col">Reason</th>'
        '<th scope="col" class="number">Alleles</th><th scope="col">What it means</th></tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )
