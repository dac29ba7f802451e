"""Every verb beside transformers."""

from __future__ import annotations

from typing import Any

NAMES = {
    "embed": "`embed`",
    "scan": "`scan`",
    "generate": "`generate`",
    "score isolated": "`score`, isolated",
    "score clustered": "`score`, clustered",
    "mutate": "`mutate`",
}


def TABLE(found: Any) -> str:
    """Rates, ratios and long input."""
    machine, tasks = found["machine"], found["tasks"]
    lines = [
        "| verb | work | Cistron | beside transformers' default | beside its `eager` experts |",
        "|---|---|---|---|---|",
    ]
    for key, name in NAMES.items():
        task = tasks[key]
        ours = task["rate"]["cistron"]
        ratios = [ratio(task["ratio"][way]) for way in ("transformers default", "transformers eager")]
        rate = (
            f"{ours['median']:,.3g} {task['unit']}/s"
            if ours["median"] < 1000
            else (f"{ours['median']:,.0f} {task['unit']}/s")
        )
        lines.append(f"| {name} | {task['what']} | {rate} | {ratios[0]} | {ratios[1]} |")
    lines += ["", *long_lines(tasks["long"]), ""]
    lines.append(
        f"The same weights (the network beside the shipped model's memory), window {found['width']:,} bp, float32, "
        f"interleaved in one run on {machine['threads']} threads ({machine['cpu']}); medians, quartiles in "
        "brackets. Script: `bench/inference.py`."
    )
    return "\n".join(lines) + "\n"


def ratio(found: Any) -> str:
    return f"**{found['median']:.2f}×** ({found['q25']:.2f} to {found['q75']:.2f})"


def long_lines(task: Any) -> list[str]:
    lines = [f"| {task['what']} | seconds | peak memory |", "|---|---|---|"]
    for way, one in task["ways"].items():
        if "failed" in one:
            lines.append(f"| {way} | failed | {' '.join(one['failed'])} |")
        else:
            lines.append(f"| {way} | {one['seconds']:,.1f} | {one['peak_bytes'] / 2**30:.2f} GiB |")
    return lines
