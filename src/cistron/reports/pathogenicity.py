"""The report on a pathogenicity head: how it ranks beside baselines, and whether its probabilities hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

from cistron.formats.atomic import atomic_output
from cistron.reports.evaluation_figures import Mark, interval_figure
from cistron.reports.figures import COLOURS, bare, new_figure, theme, to_svg
from cistron.reports.page import document, facts, figure, tiles

_MEANING: Final = """\
<section class="meaning" aria-label="How to read this">
<div>
<h3>How to read a number</h3>
<p>Every allele was judged by a head that saw no allele of its part: genes, or chromosomes, were held out
whole. AUROC compares alleles of one part, whose answers come from one head. In brackets: the 95 % interval
from drawing genes with replacement. Baselines are logistic regressions on the same alleles and parts.</p>
</div>
<div>
<h3>What no number here says</h3>
<ul>
<li>Labels of ClinVar were partly given by computed evidence and by kind of consequence, so that a head which
reads consequences repeats what the labels were made from.</li>
<li>No probability is a diagnosis. It holds for alleles chosen as those of the training file were.</li>
</ul>
</div>
</section>"""


def write_report(
    path: str | Path,
    title: str,
    judged: Mapping[str, Mapping[str, Any]],
    run_facts: Mapping[str, Any],
    dropped: Mapping[str, int],
) -> None:
    """Write one self-contained HTML file; the same arguments give the same bytes.

    Args:
        path: File to write; appears only when it is complete.
        title: Heading of the page.
        judged: What was held out → content of `cistron.training.pathogenicity.measure.measured`.
        run_facts: What to say of the run.
        dropped: Reason → alleles that were left out for it.

    Raises:
        OutputError: The file cannot be written.
    """
    body = [_MEANING]
    for name, found in judged.items():
        body.append(f"<h2>Held out: whole {escape(name)}s</h2>")
        body += _section(name, found)
    told = {key.replace("_", " "): str(value) for key, value in run_facts.items() if value is not None}
    left_out = {reason: f"{count:,}" for reason, count in dropped.items()}
    described = facts("Run", told) + facts("Alleles left out", left_out)
    body.append(f'<h2>Run</h2>\n<div class="facts">{described}</div>')
    page = document(
        title, "Cistron pathogenicity", "\n".join(body), "Made by Cistron. For research use only."
    )
    with atomic_output(path) as fresh:
        fresh.write_text(page, encoding="utf-8")


def _section(name: str, found: Mapping[str, Any]) -> list[str]:
    rows = found["rows"]
    marks = [
        Mark(row, "model" if number == 0 else "baseline", *(one["auroc"][key] for key in _ENDS))
        for number, (row, one) in enumerate(rows.items())
    ]
    counted = [
        ("Alleles", f"{found['alleles']:,}", f"{found['pathogenic']:,} pathogenic"),
        ("Genes", f"{found['groups']:,}", "drawn for the intervals"),
    ]
    return [
        tiles(counted),
        figure(interval_figure(marks, "AUROC", f"auroc-{name}"), "Ranking, with 95 % intervals."),
        figure(
            reliability_figure({row: one["reliability"] for row, one in rows.items()}, f"reliable-{name}"),
            "Reliability: of the alleles that were given a probability, the share that is pathogenic. On the "
            "diagonal that is as often as said. Larger marks stand for more alleles.",
        ),
        _table(rows),
    ]


_ENDS: Final = ("estimate", "low", "high")


def _table(rows: Mapping[str, Any]) -> str:
    lines = []
    for name, one in rows.items():
        cells = [_cell(one["auroc"]), _cell(one["auprc"]), _cell(one["brier"])]
        cells.append(f"{one['calibration_error']:.3f}")
        cells.append(_cell(one["head_minus"], signed=True) if "head_minus" in one else "")
        lines.append(f"<tr><th>{escape(name)}</th>" + "".join(f"<td>{c}</td>" for c in cells) + "</tr>")
    head = "".join(
        f"<th>{name}</th>" for name in ("", "AUROC", "AUPRC", "Brier", "calibration error", "head minus this")
    )
    body = f"<thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody>"
    return f'<div class="scroll"><table>{body}</table></div>'


def _cell(row: Mapping[str, float], *, signed: bool = False) -> str:
    sign = "+" if signed else ""
    text = f"{row['estimate']:{sign}.3f} ({row['low']:{sign}.3f} to {row['high']:{sign}.3f})"
    return text.replace("-", "−")


def reliability_figure(bins: Mapping[str, Sequence[Mapping[str, float]]], prefix: str) -> str:
    """An SVG: what was said against what was found, the first row in colour and the others in grey.

    Args:
        bins: Row → bins with `said`, `found` and `count`.
        prefix: Unique in the page.
    """
    markers = "osD^v"
    with theme():
        drawn = new_figure(3.4)
        axes = drawn.add_axes((0.08, 0.14, 0.36, 0.82))
        axes.plot((0, 1), (0, 1), color=COLOURS["rule"], linewidth=1)
        for number, (name, row) in enumerate(bins.items()):
            colour = COLOURS["s3"] if number == 0 else COLOURS["s0"]
            most = max(one["count"] for one in row)
            said, seen = [one["said"] for one in row], [one["found"] for one in row]
            axes.plot(said, seen, color=colour, linewidth=1.4 if number == 0 else 0.7)
            sizes = [8 + 50 * one["count"] / most for one in row]
            axes.scatter(
                said, seen, s=sizes, color=colour, marker=markers[number % len(markers)], label=name, zorder=3
            )
        axes.set_xlabel("P(pathogenic) as said")
        axes.set_ylabel("share that is pathogenic")
        axes.legend(loc="center left", bbox_to_anchor=(1.04, 0.5), frameon=False)
        bare(axes, "left", "bottom")
        return to_svg(drawn, prefix, "Reliability of " + ", ".join(bins))
