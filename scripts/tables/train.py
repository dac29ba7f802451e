"""A training step beside transformers, and beside what its kernels alone would take."""

from __future__ import annotations

from typing import Any


def TABLE(found: Any) -> str:
    """Tokens per second of every way, ratios, and the share of the predicted time, by shape."""
    shapes = found["shapes"]
    ways = list(next(iter(shapes.values()))["tokens_per_second"])
    lines = [
        "| tokens/s, median (quartiles) | " + " | ".join(shapes) + " |",
        "|---" * (len(shapes) + 1) + "|",
    ]
    for way in ways:
        cells = [_rate(shape["tokens_per_second"][way]) for shape in shapes.values()]
        lines.append(f"| {way} | {' | '.join(cells)} |")
    for other in next(iter(shapes.values()))["ratio"]:
        cells = [f"{shape['ratio'][other]['median']:.2f}×" for shape in shapes.values()]
        lines.append(f"| Cistron over {other} | {' | '.join(cells)} |")
    cells = [f"{shape['predicted']['share_of_step']['median']:.0%}" for shape in shapes.values()]
    lines.append(f"| predicted from its products and attention alone | {' | '.join(cells)} |")
    machine, goals = found["machine"], found["goals"]
    wanted = ", ".join(f"{goal} ({name})" for name, goal in goals.items())
    lines += [
        "",
        f"{found['what'][0].upper()}{found['what'][1:]}; rows × tokens; interleaved in one run on {machine['threads']} "
        f"threads ({machine['cpu']}). Goals: {wanted}. {_scaling(found.get('scaling'))}Script: `bench/train.py`.",
    ]
    return "\n".join(lines) + "\n"


def _rate(row: Any) -> str:
    return f"{row['median']:,.0f} ({row['q25']:,.0f} to {row['q75']:,.0f})"


def _scaling(found: Any) -> str:
    """What a second process brings; nothing where that was not measured."""
    if not found or "efficiency" not in found:
        return ""
    return f"Two processes of one thread have {found['efficiency']:.0%} of twice the speed of one. "
