"""What `cistron tracks evaluate` writes: numbers as JSON, tables, and a page."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cistron.errors import OutputError
from cistron.formats.atomic import atomic_output, refuse_unwritable
from cistron.formats.manifest import write_manifest
from cistron.formats.table import TableWriter
from cistron.metrics.tracks import TrackMetric
from cistron.metrics.tracks_genes import GeneTotals, outliers
from cistron.reports.tracks import TrackEvaluation, write_track_report

NUMBERS, METRICS, GENES, PAGE = "evaluation.json", "metrics.tsv", "genes.tsv", "report.html"

_COLUMNS: dict[str, type[str] | type[int] | type[float]] = {
    "prediction": str,
    "kind": str,
    "level": str,
    "metric": str,
    "value": float,
    "low": float,
    "high": float,
    "n": int,
    "blocks": int,
    "note": str,
}


def open_folder(folder: Path) -> None:
    """Make the folder of the results where it is missing, before anything is computed.

    Raises:
        OutputError: It cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file; give a folder for the results")
    if not folder.exists():
        refuse_unwritable(folder)
        folder.mkdir()
    refuse_unwritable(folder / NUMBERS)


def write_evaluation(
    folder: Path, found: TrackEvaluation, manifest: Mapping[str, Any], run_facts: Mapping[str, str]
) -> None:
    """Write everything into `folder`.

    Args:
        folder: From `open_folder`.
        found: The evaluation.
        manifest: How it was made.
        run_facts: What the page says of the run.

    Raises:
        OutputError: A file cannot be written.
    """
    with atomic_output(folder / NUMBERS) as temporary:
        text = json.dumps(as_json(found), indent=1, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")
    write_manifest(folder / NUMBERS, manifest)
    with TableWriter(folder / METRICS, _COLUMNS) as table:
        table.write_rows(
            (row.name, row.kind, *_cells(metric)) for row in found.rows for metric in row.metrics
        )
    if found.genes is not None:
        _write_genes(folder / GENES, found.genes)
    title = f"Predicted tracks: {', '.join(row.name for row in found.rows if row.kind == 'model')}"
    write_track_report(folder / PAGE, found, title=title, run_facts=run_facts)


def as_json(found: TrackEvaluation) -> dict[str, Any]:
    """The numbers of an evaluation as plain values."""
    rows = [
        {
            "name": row.name,
            "kind": row.kind,
            "statement": row.statement,
            "metrics": [metric._asdict() for metric in row.metrics],
        }
        for row in found.rows
    ]
    return {"rows": rows, "differences": [one._asdict() for one in found.differences]}


def _cells(metric: TrackMetric) -> tuple[str | int | float | None, ...]:
    return (
        metric.level,
        metric.name,
        metric.value,
        metric.low,
        metric.high,
        metric.n,
        metric.blocks,
        metric.note,
    )


def _write_genes(path: Path, genes: GeneTotals) -> None:
    """A row for each gene: its total in every track, and how far each prediction is off in z-score."""
    names = [name for name in genes.totals if name]
    columns: dict[str, type[str] | type[int] | type[float]] = {"gene": str, "chrom": str, "start": int}
    columns |= {"end": int, "strand": str, "bases": int, "measured": float}
    columns |= {column: float for name in names for column in (name, f"{name}_z_off")}
    apart = {name: outliers(genes.totals[""], genes.totals[name]) for name in names}
    with TableWriter(path, columns, {"coordinates": "0-based half-open"}) as table:
        for place, gene in enumerate(genes.genes):
            told = [float(kind[name][place]) for name in names for kind in (genes.totals, apart)]
            table.write_rows(
                [
                    (
                        gene.name,
                        gene.chrom,
                        gene.start,
                        gene.end,
                        gene.strand,
                        int(genes.bases[place]),
                        float(genes.totals[""][place]),
                        *(value if math.isfinite(value) else None for value in told),
                    )
                ]
            )
