"""Evidence by base as a figure, a table or JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from cistron.errors import OutputError
from cistron.formats.atomic import atomic_output
from cistron.formats.table import TableWriter
from cistron.fusion.evidence import BaseEvidence, Values
from cistron.fusion.pairs import Site
from cistron.reports.figures import COLOURS, SMALL, TEXT, bare, new_figure, theme

FIGURES: Final = (".png", ".svg", ".pdf")
TABLES: Final = (".tsv", ".tsv.gz", ".parquet")

_NEAR: Final = 20
"""Bases on either side of the change that are drawn with their letters."""

_PANEL, _TOP, _GAP, _BOTTOM = 0.8, 0.62, 0.34, 0.5  # inches
_LEFT, _WIDTH = 0.08, 0.9  # of the figure's width


def refuse_other_endings(path: Path) -> None:
    """Return silently where evidence can be written under that name.

    Raises:
        OutputError: Its ending is none of those known.
    """
    endings = (*FIGURES, *TABLES, ".json")
    if not path.name.endswith(endings):
        raise OutputError(f"cannot write {path}: its name should end in {', '.join(endings)}")


def write_evidence(path: Path, found: BaseEvidence, facts: Mapping[str, str]) -> None:
    """Write a figure, a table with a row a base, or JSON, by the ending of the name.

    Args:
        path: Where.
        found: The evidence.
        facts: How it was made; tables and JSON keep it.

    Raises:
        OutputError: The ending is another one, or the file cannot be written.
    """
    refuse_other_endings(path)
    if path.suffix in FIGURES:
        _write_figure(path, found)
    elif path.suffix == ".json":
        content = json.dumps({**facts, **found.to_dict()}, ensure_ascii=False)
        with atomic_output(path) as fresh:
            fresh.write_text(content + "\n", encoding="utf-8")
    else:
        _write_table(path, found, facts)


def _write_table(path: Path, found: BaseEvidence, facts: Mapping[str, str]) -> None:
    schema: dict[str, Any] = {"sequence": str, "offset": int, "base": str, "differs": bool, "value": float}
    metadata = {
        **facts,
        "answer": found.answer,
        "log_likelihood": f"{found.log_likelihood:.6g}",
        "value": f"in nats, {found.meaning}",
    }
    with TableWriter(path, schema, metadata) as table:
        for name, (bases, values, (start, end)) in found.sequences.items():
            table.write_rows(
                (name, offset, base, start <= offset < end, float(value))
                for offset, (base, value) in enumerate(zip(bases, values, strict=True))
            )


def _write_figure(path: Path, found: BaseEvidence) -> None:
    height = _TOP + 4 * _PANEL + 4 * _GAP + _BOTTOM
    with theme(), atomic_output(path) as fresh:
        figure = new_figure(height)
        title = f"What moved “{found.answer}”" + (f" against “{found.instead}”" if found.instead else "")
        figure.text(_LEFT, 1 - 0.12 / height, title, fontsize=TEXT + 2, va="top", weight="bold")
        figure.text(_LEFT, 1 - 0.36 / height, f"nats {found.meaning}", color=COLOURS["muted"], va="top")
        top = height - _TOP
        for near in (False, True):
            for name, sequence in found.sequences.items():
                top -= _PANEL + _GAP / 2
                axes = figure.add_axes((_LEFT, top / height, _WIDTH, _PANEL / height))
                _panel(axes, name, sequence, found, near=near)
                top -= _GAP / 2
        axes.set_xlabel("bases from the first one that differs")
        undated = {".png": {"Software": None}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
        figure.savefig(
            fresh, format=path.suffix[1:], dpi=200, facecolor="white", metadata=undated[path.suffix]
        )


def _panel(
    axes: Axes, name: str, sequence: tuple[str, Values, Site], found: BaseEvidence, *, near: bool
) -> None:
    bases, values, (start, end) = sequence
    offsets = np.arange(len(bases)) - start
    axes.axvspan(-0.5, max(end - start, 1) - 0.5, color=COLOURS["s2"], alpha=0.35, linewidth=0)
    colours = [COLOURS["s3" if value >= 0 else "s1"] for value in values]
    axes.bar(offsets, values, width=1.0 if not near else 0.8, color=colours, linewidth=0)
    axes.axhline(0, color=COLOURS["muted"], linewidth=0.6)
    reach = _NEAR if near else max(start, len(bases) - start)
    axes.set_xlim(-reach - 0.5, reach + 0.5)
    axes.set_ylim(_limits(found))
    axes.set_title(f"{name}, around the change" if near else name, loc="left", fontsize=TEXT, pad=2)
    axes.xaxis.set_major_locator(MaxNLocator(9, integer=True, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
    axes.yaxis.set_major_locator(MaxNLocator(3))
    bare(axes, "left", "bottom")
    if near:
        for offset, base in zip(offsets, bases, strict=True):
            if abs(offset) <= _NEAR:
                axes.annotate(
                    base,
                    (float(offset), 0.0),
                    xycoords=("data", "axes fraction"),
                    fontsize=SMALL,
                    ha="center",
                    va="bottom",
                    weight="bold" if 0 <= offset < end - start else "normal",
                )


def _limits(found: BaseEvidence) -> tuple[float, float]:
    """From the lowest value, or zero, to the highest of both sequences, with room for letters below."""
    both = np.concatenate([found.reference, found.variant])
    low, high = float(both.min(initial=0.0)), float(both.max(initial=0.0))
    room = (high - low) or 1.0
    return low - 0.25 * room, high + 0.05 * room
