"""Who answers the KEGG disease records, and what the DNA adds."""

from __future__ import annotations

from typing import Any


def TABLE(found: Any) -> str:
    """Accuracy and macro means of every row of both splits, then the differences."""
    lines: list[str] = []
    if not found["complete"]:
        lines += [f"**Not complete**: {len(found['missing'])} steps of the table are missing.", ""]
    for name, split in found["splits"].items():
        lines += [*_rows(name, split), "", *_added(split), ""]
    if "free" in found:
        free = found["free"]
        lines += [
            f"Answered freely instead of ranked: {free['right']} of {free['count']} right, {free['missed']} without "
            "an answer that is a label.",
            "",
        ]
    return "\n".join([*lines, f"Language model {found['language']}. Script: `bench/fusion.py`."]) + "\n"


def _rows(name: str, split: Any) -> list[str]:
    counts = split["records"]
    return [
        f"**{name} split**: {counts['train']} records to learn from, {counts['validation']} to stop by, "
        f"{counts['test']} to judge by; the gene of {split['covered']} of these is in training, the answer of "
        f"{split['unseen']} is not.",
        "",
        "| row | accuracy (95 %, by gene) | macro precision | macro recall | macro F1 |",
        "|---|---|---|---|---|",
        *(
            f"| {row['name']} | {row['accuracy']:.3f} ({row['low']:.3f} to {row['high']:.3f}) "
            f"| {row['precision']:.3f} | {row['recall']:.3f} | {row['f1']:.3f} |"
            for row in split["rows"]
        ),
    ]


def _added(split: Any) -> list[str]:
    if not split["added"]:
        return []
    return [
        "| difference of accuracy | estimate (95 %, by gene) | p (McNemar) |",
        "|---|---|---|",
        *(
            f"| {one['first']} less {one['second']} | {_signed(one['estimate'])} "
            f"({_signed(one['low'])} to {_signed(one['high'])}) | {one['p']:.2g} |"
            for one in split["added"]
        ),
    ]


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")
