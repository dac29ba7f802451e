"""What `cistron mutate` writes: table, summary, manifest, picture and page, all from the journal."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from cistron import __version__
from cistron.cli.command_line import command_line
from cistron.cli.explaining.run import explained_section
from cistron.cli.facts import model_facts, reference_fact
from cistron.formats.table import TableWriter

if TYPE_CHECKING:
    from cistron.cli.mutating.run import MutateRun
    from cistron.formats.score_journal import ScoreJournal

SCHEMA: Final[dict[str, type[str] | type[int] | type[float]]] = {
    "chrom": str,
    "pos": int,
    "ref": str,
    "alt": str,
    "llr": float,
    "flank": float,
    "status": str,
}
SHOWN: Final = 10
"""Changes that the summary names."""


def write_table(run: MutateRun, scores: ScoreJournal) -> None:
    """Write a row for every change; the column `error` is there where scores are not exact."""
    approximate = run.request.suffix != "exact"
    schema = SCHEMA | ({"error": float} if approximate else {})
    metadata = {f"cistron.{key}": _text(value) for key, value in run.identity.items()}
    with TableWriter(run.request.output, schema, metadata) as table:
        for score in run.scores(scores):
            v = score.variant
            row = (v.chrom, v.pos, v.ref, v.alt, score.llr, score.flank, score.status)
            table.write_rows([(*row, score.error) if approximate else row])


def _text(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def summary_of(run: MutateRun, scores: ScoreJournal) -> dict[str, Any]:
    """What the run found, as plain values."""
    counts: Counter[str] = Counter()
    total, lowest = 0.0, []
    for score in run.scores(scores):
        counts[score.status or "SCORED"] += 1
        if score.llr is not None:
            total += score.llr
            lowest.append((score.llr, score.variant))
            if len(lowest) > 1000:
                lowest = heapq.nsmallest(SHOWN, lowest, key=lambda pair: pair[0])
    lowest = heapq.nsmallest(SHOWN, lowest, key=lambda pair: pair[0])
    scored = counts["SCORED"]
    return {
        "target": run.target.name,
        "place": run.target.place,
        "strand": run.target.span.strand,
        "bases": run.target.bases,
        "changes": counts.total(),
        "scored": scored,
        "statuses": dict(sorted(counts.items())),
        "mean_llr": total / scored if scored else None,
        "lowest": [
            {"chrom": v.chrom, "pos": v.pos, "ref": v.ref, "alt": v.alt, "llr": llr} for llr, v in lowest
        ],
        "method": run.request.method,
        "model": run.model.name,
        "width": run.identity["width"],
        "window_slack": run.identity["window_slack"],
    }


def manifest_of(run: MutateRun, summary: Mapping[str, Any], batches: list[int]) -> dict[str, Any]:
    """How the table was made: `summary` of `summary_of`, and the sizes of batches that were used."""
    files = {"reference": str(run.request.reference), "genes": str(run.request.genes or "") or None}
    counted = {"batches": batches, "changes": summary["statuses"]}
    return {"command": command_line(), **files, **run.identity, "seed": None, **counted}


def draw(run: MutateRun, scores: ScoreJournal) -> None:
    """Write the report and the PNG that were asked for."""
    from cistron.inference.interpretation.mutation_map import MutationMap
    from cistron.reports.heat_map import write_heat_map
    from cistron.reports.mutagenesis import detail, write_mutagenesis_report

    request, target = run.request, run.target
    found = MutationMap.of(run.reference, target.span, run.scores(scores))
    strand = target.span.strand
    if request.png is not None:
        write_heat_map(request.png, detail(found), strand, target.genes)
    if request.report is not None:
        write_mutagenesis_report(
            request.report,
            found,
            title=f"Saturation mutagenesis of {target.name}",
            method=request.method,
            strand=strand,
            genes=target.genes,
            model_facts=model_facts(run.model),
            run_facts=_run_facts(run),
            sections=_explained(run),
        )


def _explained(run: MutateRun) -> Sequence[str]:
    """The section on expert routing, if it was asked for."""
    if run.classes is None:
        return []
    section = explained_section(
        run.model,
        run.reference,
        run.target.span,
        run.classes,
        width=run.identity["width"],
        strands=run.request.strands,
        batch_tokens=run.identity["batch_tokens"],
    )
    return [section]


def _run_facts(run: MutateRun) -> dict[str, str]:
    identity, genes = run.identity, run.request.genes
    slack = identity["window_slack"]
    place = f"shared: a change at most {slack:,} bp from its middle" if slack else "each change in its middle"
    return {
        "Cistron": __version__,
        "Place": run.target.place,
        "Reference": reference_fact(run.reference),
        **({"Genes": genes.name} if genes else {}),
        "Method": identity["method"],
        "Window": f"{identity['width']:,} bp, {place}",
        "Bases behind a change": str(identity["suffix"]),
        "Strands": identity["strands"],
        "Arithmetic": f"{identity['dtype']} on {identity['device']}",
    }
