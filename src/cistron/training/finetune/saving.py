"""What every run with a head leaves: the head's folder, and what was measured of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cistron import __version__
from cistron.formats.atomic import atomic_output
from cistron.training.folder import HEAD
from cistron.weights.heads import Backbone, SavedHead, save_head

if TYPE_CHECKING:
    from cistron.training.finetune.session import Session

METRICS: Final = "metrics.json"


def save_trained(session: Session[Any], checkpoint: Path, facts: Mapping[str, Any]) -> None:
    """Write the head with its adapter or model, and `metrics.json`.

    Args:
        session: Holds what was taken from the checkpoint.
        checkpoint: The best pass.
        facts: What else to say in both, as plain JSON values.
    """
    run, loaded = session.run, session.loaded
    told = {
        "version": __version__,
        "mode": run.mode,
        "passes": int(checkpoint.name.removeprefix("step-")),
        **facts,
    }
    backbone = Backbone(loaded.name, loaded.sha256, run.layers, run.strands)
    saved = SavedHead(session.trained.head, session.spec, backbone, session.trained.adapters, told)
    changed = loaded.built if session.trained.changes_model else None
    save_head(session.folder / HEAD, saved, changed=changed)
    with atomic_output(session.folder / METRICS) as fresh:
        fresh.write_text(json.dumps({"head": run.name, **told}, indent=2) + "\n")
