"""The report on a saturation mutagenesis: one HTML file with track, logo, heat map, classes and a table."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from heapq import nsmallest
from pathlib import Path
from typing import Final

import numpy as np

from cistron.formats.atomic import atomic_output
from cistron.genome import Strand
from cistron.genome.annotation import GeneModel
from cistron.genome.sequence import ACGT
from cistron.inference.interpretation.mutation_map import MutationMap
from cistron.inference.mutagenesis import Method
from cistron.reports.change_classes import change_rows, class_sections, kind_styles, signed
from cistron.reports.effect_track import effect_track_svg
from cistron.reports.heat_map import PER_LINE, heat_map_svg
from cistron.reports.page import document, facts, figure, tiles
from cistron.reports.table import allele_table

DETAIL: Final = 3 * PER_LINE
"""Positions drawn letter by letter."""

ROWS: Final = 300
_HOW: Final[dict[Method, str]] = {
    "ism": "Every change was made and the sequence read again, so each llr is exact for this model.",
    "gradient": "Each llr is a first-order estimate: the gradient of the window's log-likelihood by its"
    " bases, the substitute's less the reference's. An n-gram memory is seen where a base is predicted, not"
    " where it is context of later bases. Use --method ism for exact values.",
    "integrated-gradients": "Each llr is an estimate: the gradient of the window's log-likelihood by its"
    " bases, averaged over a straight path from uniform bases to the sequence, the substitute's less the"
    " reference's. An n-gram memory has no gradient along that path. Use --method ism for exact values.",
}

_MEANING: Final = """\
<section class="meaning" aria-label="What is shown">
<div>
<h3>What is shown</h3>
<p>Each base of the region is replaced by each of the three others. <strong>llr</strong> is the log-likelihood
that the model gives the changed sequence less that of the reference, in nats: <strong>negative, the change
makes the sequence less plausible</strong>. The height of a letter is −mean llr of the three: tall letters
are bases that the model expects exactly so. {how}</p>
</div>
<div>
<h3>What it does not show</h3>
<ul>
<li>It is not a diagnosis and not a probability of disease. For research use only.</li>
<li>A DNA model rewards what is common in genomes: repeats are easy to predict, so substitutions in them
score low without doing harm, and CpG → TpG scores high because it is frequent.</li>
<li>Each substitution is made alone; combinations may differ.</li>
</ul>
</div>
</section>"""


def write_mutagenesis_report(
    path: str | os.PathLike[str],
    found: MutationMap,
    *,
    title: str,
    method: Method = "ism",
    strand: Strand = "+",
    genes: Sequence[GeneModel] = (),
    model_facts: Mapping[str, str],
    run_facts: Mapping[str, str],
    sections: Sequence[str] = (),
) -> None:
    """Write one self-contained HTML file about the substitutions of a region; same arguments, same bytes.

    Regions of more than `DETAIL` positions show the stretches that matter most letter by letter, and the
    table keeps the most negative `ROWS` substitutions. The page says so.

    Args:
        path: File to write; appears only when it is complete.
        found: The scores.
        title: Heading of the page.
        method: How the scores were made.
        strand: Reading direction of logo and heat map.
        genes: Genes to draw.
        model_facts: What to say of the model, name → value.
        run_facts: What to say of the run.
        sections: HTML of further sections, such as that of expert routing.

    Raises:
        OutputError: The file cannot be written.
    """
    body = [_headline(found), _MEANING.format(how=_HOW[method])]
    if np.isfinite(found.llr).any():
        body += _figures(found, strand, genes)
        body += sections
        body.append(f"<h2>Substitutions</h2>\n{_table(found, genes)}")
    else:
        body.append("<p class='note'>No substitution has a score, so there is nothing to draw.</p>")
    described = facts("Model", model_facts) + facts("Run", run_facts)
    body.append(f'<h2>Model and run</h2>\n<div class="facts">{described}</div>')
    page = document(
        title, "Cistron mutagenesis report", "\n".join(body), "Made by Cistron. For research use only."
    )
    with atomic_output(Path(path)) as temporary:
        temporary.write_text(page, encoding="utf-8")


def detail(found: MutationMap) -> list[MutationMap]:
    """What is shown letter by letter: everything, or the lines whose bases matter most, in order."""
    if len(found.bases) <= DETAIL:
        return [found]
    weights = np.nan_to_num(found.importance)
    sums = np.convolve(weights, np.ones(PER_LINE), mode="valid")
    chosen: list[int] = []
    while len(chosen) < DETAIL // PER_LINE and np.isfinite(sums).any():
        best = int(np.argmax(sums))
        chosen.append(best)
        sums[max(0, best - PER_LINE + 1) : best + PER_LINE] = -np.inf
    starts = (found.start + column for column in sorted(chosen))
    return [found.part(start, start + PER_LINE) for start in starts]


def _headline(found: MutationMap) -> str:
    known = np.isfinite(found.llr)
    entries = [
        (
            "Positions",
            f"{int(known.any(axis=0).sum()):,}",
            f"{found.chrom}:{found.start + 1:,}-{found.end:,}",
        ),
        ("Substitutions", f"{int(known.sum()):,}", "with a score"),
    ]
    if known.any():
        values = found.llr[known]
        below = 100 * float((values < 0).mean())
        row, column = np.unravel_index(int(np.nanargmin(found.llr)), found.llr.shape)
        entries += [
            ("Mean llr", signed(float(values.mean())), "nats a substitution"),
            ("Below zero", f"{below:.1f} %", "less plausible than the reference"),
            ("Lowest llr", signed(float(found.llr[row, column])), _spelled(found, int(row), int(column))),
        ]
    return tiles(entries)


def _spelled(found: MutationMap, row: int, column: int) -> str:
    return f"{found.start + column + 1:,} {found.bases[column]}>{ACGT[row]}"


def _figures(found: MutationMap, strand: Strand, genes: Sequence[GeneModel]) -> list[str]:
    parts = detail(found)
    whole = len(parts) == 1 and parts[0] is found
    near = (
        f"{'All positions' if whole else f'The {len(parts)} stretches of {PER_LINE} bases that matter most'}"
    )
    direction = "the minus strand, from right to left of the genome" if strand == "-" else "the plus strand"
    lines = heat_map_svg(parts, strand, genes)
    body = [
        "<h2>Letter by letter</h2>\n"
        + figure(
            lines,
            f"{near}, read on {direction}. Letters: the reference, as high as its substitutions are "
            "implausible on average. Cells: each substitution; a dot marks the reference's own base. Colours "
            "are fully opaque at the 99th percentile and beyond."
            + (" Exons are boxes, thick where they code for protein." if genes else ""),
        )
    ]
    if not whole:
        shaded = [(part.start, part.end) for part in parts]
        track = effect_track_svg(found, shaded, genes)
        text = (
            "How much each position matters; highest and lowest of each bin. Shaded: shown letter by letter."
        )
        body.insert(0, f"<h2>Along the region</h2>\n{figure(track, text)}")
    return [*body, *class_sections(found, genes)]


def _table(found: MutationMap, genes: Sequence[GeneModel]) -> str:
    total = int(np.isfinite(found.llr).sum() + np.isfinite(found.deletions).sum())
    rows = nsmallest(ROWS, change_rows(found, genes), key=lambda row: (row.llr, row.pos, row.alt))
    shown = "All changes" if total <= ROWS else f"{ROWS:,} of {total:,} changes: the most negative ones"
    return allele_table(rows, kind_styles(), f"{shown}. The scored file has all of them.")
