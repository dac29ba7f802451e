"""The report on scored variants: one HTML file with figures, a table and what the numbers mean."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from cistron.formats.atomic import atomic_output
from cistron.genome.annotation import GeneModel
from cistron.reports.figures import Style, class_figure, styles
from cistron.reports.landscape import LOLLIPOPS, NAMED, landscape_figure
from cistron.reports.page import document, facts, figure, tiles
from cistron.reports.summary import POINTS, ReportRow, Summary
from cistron.reports.table import allele_table, reason_table

__all__ = ["ReportRow", "write_variant_report"]

MEANING = """\
<section class="meaning" aria-label="What the score means">
<div>
<h3>What the score means</h3>
<p><strong>llr</strong> compares two sequences that differ in one allele: the log-likelihood the model gives
the alternative allele and the bases downstream of it, minus that of the reference, in nats (natural
logarithm). <strong>Negative: the alternative is less plausible than the reference</strong>; −1 nat is
about 2.7 times less plausible. Insertions and deletions are corrected for their length. The part that falls
on the bases downstream of the allele alone is given beside it.</p>
</div>
<div>
<h3>What it does not mean</h3>
<ul>
<li>It is not a diagnosis and not a probability of disease. For research use only.</li>
<li>A score near zero does not show that a variant is harmless, nor a low one that it does harm.</li>
<li>The model reads DNA alone: no zygosity, inheritance, expression, protein structure or
phased neighbours.</li>
<li>Scores of different models or window widths are not on one scale.</li>
</ul>
</div>
</section>"""


def write_variant_report(
    path: str | os.PathLike[str],
    rows: Iterable[ReportRow],
    *,
    title: str,
    model_facts: Mapping[str, str],
    run_facts: Mapping[str, str],
    genes: Sequence[GeneModel] = (),
    max_table_rows: int = 2_000,
) -> None:
    """Write one self-contained HTML file about scored alleles.

    The same arguments give the same bytes. `rows` is read once; memory and page size do not grow with it:
    beyond `max_table_rows` the table keeps the most negative alleles, and beyond 2,000 the figures show
    random samples. The page says which.

    Args:
        path: File to write; appears only when it is complete.
        rows: Alleles in any order.
        title: Heading of the page.
        model_facts: What to say of the model, name → value, in this order.
        run_facts: What to say of the run: inputs, version, width, strands.
        genes: Genes to draw below the scores when these lie on one contig.
        max_table_rows: Most rows of the table.

    Raises:
        OutputError: The file cannot be written.
    """
    summary = Summary.of(rows, max_table_rows)
    body = [_headline(summary), MEANING]
    if summary.scored:
        body += _figures(summary, genes)
    else:
        body.append("<p class='note'>No allele has a score, so there is nothing to draw.</p>")
    if summary.reasons:
        body.append(f"<h2>Alleles without a score</h2>\n{reason_table(summary.reasons)}")
    if summary.total:
        table = summary.table()
        body.append(
            f"<h2>Alleles</h2>\n{allele_table(table, _styles(summary), _table_note(summary, len(table)))}"
        )
    described = facts("Model", model_facts) + facts("Run", run_facts)
    if described:
        body.append(f'<h2>Model and run</h2>\n<div class="facts">{described}</div>')
    page = document(
        title, "Cistron variant report", "\n".join(body), "Made by Cistron. For research use only."
    )
    with atomic_output(Path(path)) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _headline(summary: Summary) -> str:
    entries = [
        ("Alleles", f"{summary.total:,}", "in the input"),
        ("Scored", f"{summary.scored:,}", _percent(summary.scored, summary.total)),
        ("Not scored", f"{summary.total - summary.scored:,}", _reasons(summary)),
    ]
    if summary.scored:
        lowest = summary.lowest()[0]
        where = lowest.name or f"{lowest.chrom}:{lowest.pos:,}"
        entries.append(
            ("Below zero", _percent(summary.below_zero, summary.scored), "of the scored, llr\u00a0<\u00a00")
        )
        entries.append(("Lowest llr", f"{lowest.llr:+.2f}".replace("-", "−"), where))
    return tiles(entries)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "–"


def _reasons(summary: Summary) -> str:
    if not summary.reasons:
        return "every allele has a score" if summary.total else "–"
    common = summary.reasons.most_common(2)
    more = ", …" if len(summary.reasons) > 2 else ""
    return ", ".join(f"{count:,} {reason}" for reason, count in common) + more


def _by_label(summary: Summary) -> bool:
    return any(row.label for row in summary.sample.items)


def _styles(summary: Summary) -> dict[str, Style]:
    """Colours for labels, or for classes where nothing is labelled; classes beside labels are grey."""
    classes = {row.group for row in summary.sample.items} | set(summary.groups)
    if not _by_label(summary):
        return styles(classes)
    chosen = styles({row.label for row in summary.sample.items})
    (grey,) = styles([""]).values()
    return {**dict.fromkeys(sorted(classes), grey), **chosen}


def _figures(summary: Summary, genes: Sequence[GeneModel]) -> list[str]:
    chosen = _styles(summary)
    sampled = {id(row) for row in summary.sample.items}
    extremes = [row for row in summary.lowest()[:NAMED] if row.chrom in summary.contigs]
    drawn = summary.sample.items + [row for row in extremes if id(row) not in sampled]
    along = landscape_figure(drawn, summary.contigs, genes, chosen, by_label=_by_label(summary))
    values = {
        name: [row.llr for row in kept.items if row.llr is not None] for name, kept in summary.groups.items()
    }
    counts = {name: kept.seen for name, kept in summary.groups.items()}
    return [
        f"<h2>Along the genome</h2>\n{figure(along, _along_note(summary, len(drawn), genes))}",
        f"<h2>By class</h2>\n{figure(class_figure(values, counts, chosen), _class_note(counts))}",
    ]


def _along_note(summary: Summary, drawn: int, genes: Sequence[GeneModel]) -> str:
    if drawn <= LOLLIPOPS:
        shown = "Each stem runs from zero to the llr of one allele."
    else:
        shown = f"One dot for each allele; the {NAMED} most negative ones are named."
    if summary.sample.seen > POINTS:
        shown += f" Drawn are {POINTS:,} of {summary.sample.seen:,} at random, and the most negative ones."
    if left := summary.scored - summary.sample.seen:
        shown += f" {left:,} alleles lie on further contigs that are not drawn."
    shown += " Below zero the alternative is less plausible than the reference."
    if len(summary.contigs) == 1 and any(gene.chrom in summary.contigs for gene in genes):
        shown += " Under the axis: exons, thick where they code for protein."
    return shown


def _class_note(counts: Mapping[str, int]) -> str:
    note = (
        "Box: middle half and median of a class of five alleles or more; line: all within 1.5 box lengths. "
        "The lowest median is on top."
    )
    if max(counts.values()) > POINTS:
        note += f" Of classes with more than {POINTS:,} alleles a random sample of that size is used."
    return note


def _table_note(summary: Summary, rows: int) -> str:
    if summary.complete:
        return f"All {summary.total:,} alleles, the most negative first."
    return (
        f"{rows:,} of {summary.total:,} alleles: the most negative ones, and the first of those without a "
        "score. The scored file has all of them."
    )
