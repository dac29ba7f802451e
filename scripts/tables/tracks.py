"""Heads for tracks as they were trained: data, passes and losses."""

from __future__ import annotations

from typing import Any

COLUMNS = (
    "run",
    "tracks (mean where not zero)",
    "windows to train on, stop by, measure on",
    "bases of each",
    "best pass",
    "training loss there",
    "validation loss: first, best",
)
PARTS = ("train", "validation", "test")


def TABLE(found: Any) -> str:
    """One row for each run."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    lines += [f"| {' | '.join(_cells(name, run))} |" for name, run in found["runs"].items()]
    about = "; ".join(f"{name}: {run['about']}" for name, run in found["runs"].items())
    settings = next(iter(found["runs"].values()))["settings"]
    lines += [
        "",
        f"{about}. Model: {found['model']}, {settings['mode']}; head {settings['head']}, loss "
        f"{settings['settings']['loss']} on the squeezed scale. Script: `bench/tracks.py`.",
    ]
    return "\n".join(lines) + "\n"


def _cells(name: str, run: Any) -> list[str]:
    best = min(run["log"], key=lambda row: row["validation"])
    return [
        name,
        ", ".join(f"{track['name']} ({track['mean']:.3g})" for track in run["tracks"]),
        ", ".join(f"{run['parts'][part]['windows']:,}" for part in PARTS),
        ", ".join(f"{run['parts'][part]['bases']:,}" for part in PARTS),
        f"{best['step']} of {len(run['log'])}",
        f"{best['loss']:.4f}",
        f"{run['log'][0]['validation']:.4f}, {best['validation']:.4f}",
    ]
