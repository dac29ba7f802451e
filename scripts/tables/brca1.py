"""Zero-shot AUROC on BRCA1 variants."""

from __future__ import annotations

from typing import Any

from tables import interval


def TABLE(found: Any) -> str:
    """Zero-shot AUROC on BRCA1 variants of the shipped model and its baselines."""
    groups = found["groups"]
    lines = ["| AUROC | " + " | ".join(groups) + " |", "|---" * (len(groups) + 1) + "|"]
    counts = [f"{group['variants']:,} ({group['lof']:,})" for group in groups.values()]
    lines.append(f"| variants (loss of function) | {' | '.join(counts)} |")
    for name in groups["all"]["auroc"]:
        cells = [interval(group["auroc"][name], 3) for group in groups.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    for name in groups["all"]["model_minus"]:
        if name.startswith("Markov"):
            cells = [interval(group["model_minus"][name], 3, signed=True) for group in groups.values()]
            lines.append(f"| shipped minus {name} | {' | '.join(cells)} |")
    seen = "was" if found["locus_was_in_training_data"] else "was not"
    lines += [
        "",
        f"{found['what']} (Findlay et al. 2018). Window {found['width']:,} bp, {found['strands']} strands. ",
    ]
    lines[-1] += (
        f"Intervals: {found['interval']}. The reference sequence of the locus {seen} "
        "part of the training data; no measured effect ever was. phyloP reads an alignment of mammals, no other row does. "
        "Script: `bench/brca1.py`."
    )
    return "\n".join(lines) + "\n"
