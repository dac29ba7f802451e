"""Loss of function in BRCA1, exons held out: heads on states beside what needs none."""

from __future__ import annotations

from typing import Any

from tables import interval


def TABLE(found: Any) -> str:
    """AUROC of every contestant by group, what the full head has more, calibration."""
    questions = found["questions"]
    lines = ["| AUROC | " + " | ".join(questions) + " |", "|---" * (len(questions) + 1) + "|"]
    counts = [f"{one['variants']:,} ({one['lof']:,})" for one in questions.values()]
    lines.append(f"| variants (loss of function) | {' | '.join(counts)} |")
    for name in next(iter(questions.values()))["auroc"]:
        cells = [interval(one["auroc"][name], 3) for one in questions.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", *_differences(found), "", *_calibration(found), "", _told(found), ""])


def _differences(found: Any) -> list[str]:
    minus = found["full_minus"]
    lines = ["| full head minus … | positions drawn | exons drawn |", "|---|---|---|"]
    for name in minus["positions"]:
        cells = [interval(minus[by][name], 3, signed=True) for by in ("positions", "exons")]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _calibration(found: Any) -> list[str]:
    lines = ["| | Brier score | calibration error | AUROC with other seeds |", "|---|---|---|---|"]
    for name, one in found["calibration"].items():
        seeds = ", ".join(f"{value:.3f}" for value in found["seeds"][name][1:])
        lines.append(f"| {name} | {interval(one['brier'], 3)} | {one['error']:.3f} | {seeds} |")
    return lines


def _told(found: Any) -> str:
    judged, known = (found["variants"][name] for name in ("judged", "all"))
    part = "" if judged == known else f" The first {judged:,} of {known:,} variants by position."
    return (
        f"{found['what']} (Findlay et al. 2018).{part} {found['model']['name']}, windows of {found['width']:,} bp, both "
        f"strands; {len(found['folds'])} folds of whole exons with their surroundings. Loss of function stands "
        "against functional and intermediate. AUROC compares variants of one fold. The full head reads states, llr and consequence. Intervals: 95 %, "
        "1,000 bootstrap draws of positions, or of exons. Rows without states are logistic regressions; "
        "zero-shot llr is fitted to nothing. No row reads an alignment. Script: `bench/pathogenicity.py`."
    )
