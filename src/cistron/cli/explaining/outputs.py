"""What `cistron explain` writes: table, summary, manifest and page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cistron import __version__
from cistron.cli.command_line import command_line
from cistron.cli.facts import model_facts, reference_fact
from cistron.formats.table import TableWriter

if TYPE_CHECKING:
    from cistron.cli.explaining.run import ExplainRun
    from cistron.inference.interpretation.routing_counts import Bounds, RoutingCounts

RESAMPLES: Final = 1000
SCHEMA: Final[dict[str, type[str] | type[int] | type[float]]] = {
    "layer": int,
    "expert": int,
    "class": str,
    "bases": int,
    "share": float,
    "expected": float,
    "log2_enrichment": float,
    "low": float,
    "high": float,
}


def write_table(run: ExplainRun, counts: RoutingCounts, bounds: Bounds) -> None:
    """Write a row for each layer, expert and class."""
    from cistron.reports.routing import routing_rows

    metadata = {f"cistron.{key}": str(value) for key, value in run.identity.items()}
    with TableWriter(run.request.output, SCHEMA, metadata) as table:
        table.write_rows(routing_rows(counts, bounds))


def summary_of(run: ExplainRun, counts: RoutingCounts) -> dict[str, Any]:
    """What the run found, as plain values."""
    ties, distance = counts.near_ties.sum(axis=0), counts.specialisation
    bases = dict(zip(counts.classes, counts.bases.tolist(), strict=True))
    known = {name: number for number, name in enumerate(counts.classes) if bases[name]}
    return {
        "target": run.target.name,
        "place": run.target.place,
        "model": run.model.name,
        "width": run.identity["width"],
        "layers": list(counts.layers),
        "bases_read": bases["all"],
        "classes": bases,
        "distance": {name: distance[:, number].round(6).tolist() for name, number in known.items()},
        "near_tie_tolerance": counts.tolerance,
        "near_ties": ties.tolist(),
        "near_ties_per_window": _per_window(run, int(ties.sum()), bases["all"]),
    }


def _per_window(run: ExplainRun, ties: int, bases: int) -> float | None:
    return round(ties * run.identity["width"] / bases, 4) if bases else None


def manifest_of(run: ExplainRun, summary: Mapping[str, Any], batches: list[int]) -> dict[str, Any]:
    """How the table was made: `summary` of `summary_of`, and the sizes of batches that were used."""
    request = run.request
    files = {"reference": str(request.reference), "genes": str(request.genes or "") or None}
    counted = {"batches": batches, **{name: summary[name] for name in ("bases_read", "near_ties")}}
    return {"command": command_line(), **run.identity, **files, "seed": request.seed, **counted}


def write_report(run: ExplainRun, path: Path, counts: RoutingCounts, bounds: Bounds) -> None:
    """Write the page."""
    from cistron.reports.routing import write_routing_report

    request = run.request
    write_routing_report(
        path,
        counts,
        bounds,
        title=f"Expert routing in {run.target.name}",
        model_facts=model_facts(run.model),
        run_facts={
            "Cistron": __version__,
            "Place": run.target.place,
            "Reference": reference_fact(run.reference),
            **({"Genes": request.genes.name} if request.genes else {}),
            **{f"Class {name}": path.name for name, path in request.classes},
            "Window": f"{run.identity['width']:,} bp, half of it before each base",
            "Strands": request.strands,
            "Intervals": f"{RESAMPLES:,} draws of {len(counts.chosen):,} blocks, seed {request.seed}",
            "Arithmetic": f"{run.identity['dtype']} on {run.identity['device']}",
        },
    )
