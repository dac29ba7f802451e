"""Predicted tracks beside baselines that need no model."""

from __future__ import annotations

from typing import Any

COLUMNS = (
    ("bin", "pearson_log1p", "Pearson of log(1 + x), 128 bp"),
    ("bin", "spearman", "Spearman, 128 bp"),
    ("bin", "poisson_deviance", "Poisson deviance, 128 bp"),
    ("base", "pearson_log1p", "Pearson of log(1 + x), bases"),
    ("base", "auroc_nonzero", "AUROC signal or none, bases"),
    ("gene", "pearson_log1p_mean", "Pearson of log(1 + mean), genes"),
)
KINDS = {"model": "", "replicate": " (measured)", "baseline": " (baseline)"}
MARKS = {True: "▲", False: "▼", None: "="}


def TABLE(found: Any) -> str:
    """One table for each track: rows of predictions, and what the model's is beside each baseline."""
    lines = []
    for name, case in found["cases"].items():
        lines += [f"**`{name}`: {case['about']}.**", "", *_rows(case), "", *_differences(case), ""]
    lines.append(
        f"Held-out regions alone; brackets: 95 % intervals from blocks of {found['block']:,} bp. The baselines are "
        "fitted on the training regions: the mean signal, that of bases with the same GC content or as many CpG in 1,024 bp, and "
        "that of bases as far from a transcription start in exon, intron or neither. (measured): another region of "
        "the brain of the same two donors, a ceiling. Lower deviance is better. ▲ and ▼: the model is better or worse than the baseline on the same blocks; "
        "=: not to be told from it. Scripts: "
        "`bench/tracks.py`, then `bench/tracks_evaluation.py`."
    )
    return "\n".join(lines) + "\n"


def _rows(case: Any) -> list[str]:
    """Predictions down, metrics across."""
    metrics = {row["name"]: {(m["level"], m["name"]): m for m in row["metrics"]} for row in case["rows"]}
    first = next(iter(metrics.values()))
    shown = [(level, name, title) for level, name, title in COLUMNS if (level, name) in first]
    heads = [f"{title} (n = {first[level, name]['n']:,})" for level, name, title in shown]
    lines = [f"| | {' | '.join(heads)} |", "|---" * (len(shown) + 1) + "|"]
    for row in case["rows"]:
        cells = [_cell(metrics[row["name"]][level, name]) for level, name, _ in shown]
        lines.append(f"| {row['name']}{KINDS[row['kind']]} | {' | '.join(cells)} |")
    return lines


def _differences(case: Any) -> list[str]:
    """What the model has more than each baseline."""
    found = {(one["second"], one["level"], one["name"]): one for one in case["differences"]}
    if not found:
        return ["Too few blocks to tell the model from the baselines."]
    shown = [
        (level, name, title)
        for level, name, title in COLUMNS
        if any(key[1:] == (level, name) for key in found)
    ]
    lines = [
        f"| model minus | {' | '.join(title for _, _, title in shown)} |",
        "|---" * (len(shown) + 1) + "|",
    ]
    for other in dict.fromkeys(second for second, _, _ in found):
        cells = [_difference(found.get((other, level, name))) for level, name, _ in shown]
        lines.append(f"| {other} | {' | '.join(cells)} |")
    return lines


def _cell(metric: Any) -> str:
    if metric["value"] is None:
        return "not defined"
    text = f"{metric['value']:.3f}"
    if metric["low"] is not None:
        text += f" [{metric['low']:.3f}, {metric['high']:.3f}]"
    return text.replace("-", "−")


def _difference(one: Any) -> str:
    if one is None:
        return "–"
    text = f"{MARKS[one['better']]} {one['value']:+.3f} [{one['low']:+.3f}, {one['high']:+.3f}]"
    return text.replace("-", "−")
