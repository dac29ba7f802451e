"""Nats per base of the shipped model and its baselines, by region."""

from __future__ import annotations

from typing import Any

from tables import interval


def TABLE(found: Any) -> str:
    """Nats per base of the shipped model and its baselines by region, and how much better the model is."""
    names = list(found["regions"])
    lines = [f"| nats per base | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for line in found["rows"]:
        cells = [f"{line['nats_per_base'][name]['estimate']:.4f}" for name in names]
        lines.append(f"| {line['name']} | {' | '.join(cells)} |")
    lines += ["", *_differences(found), ""]
    lines.append(
        f"{found['blocks']:,} blocks of {found['block_bases']:,} bases spread evenly over GRCh37 "
        f"chr20:20,000,001-end, each after {found['context_bases']:,} bases of context; forward strand; lower is "
        f"better. Baselines are interpolated and fitted on the model's own training bases. Intervals: "
        f"{found['interval']}; differences are paired. {_regions(found)} Script: `bench/nats.py`."
    )
    return "\n".join(lines) + "\n"


def _differences(found: Any) -> list[str]:
    """A table with one row a region: the model, the best baseline there, and the paired difference."""
    markov = [line for line in found["rows"] if line["order"] is not None]
    model = found["rows"][-1]
    lines = [f"| region | bases | {model['name']} | best baseline | difference |", "|---|---|---|---|---|"]
    for name, region in found["regions"].items():
        best = min(markov, key=lambda line: line["nats_per_base"][name]["estimate"])
        lines.append(
            f"| {name} | {region['bases']:,} | {interval(model['nats_per_base'][name])} "
            f"| {best['name']}: {interval(best['nats_per_base'][name])} "
            f"| {interval(found['model_minus'][name][best['name']], signed=True)} |"
        )
    beaten = [name for name, beats in found["beats_every_markov_model"].items() if beats]
    where = ", ".join(beaten) or "no region"
    return [*lines, "", f"The difference from every single baseline has its interval below zero in: {where}."]


def _regions(found: Any) -> str:
    """What the regions mean."""
    meant = [f"{name}: {region['definition']}" for name, region in found["regions"].items() if name != "all"]
    return f"Regions: {'; '.join(meant)}."
