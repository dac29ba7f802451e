"""What a fine-tuning run leaves: the head, how good it is on the test part, and every answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from cistron import __version__
from cistron.data.labelled import Item
from cistron.formats.atomic import atomic_output
from cistron.formats.table import TableWriter
from cistron.metrics.blocks import Statistic, interval_of
from cistron.metrics.classes import accuracy_of, f1_of, mcc_of
from cistron.metrics.correlation import pearson_of, spearman_of
from cistron.metrics.ranking import auprc_of, auroc_of
from cistron.training.finetune.targets import Targets
from cistron.training.folder import HEAD
from cistron.weights.folder import save_folder
from cistron.weights.heads import Backbone, SavedHead, save_head

if TYPE_CHECKING:
    from cistron.training.finetune.loop import Session

PREDICTIONS, METRICS = "test_predictions.tsv", "metrics.json"
_FEWEST = 5
"""Test items, or groups of them, below which an interval would say nothing."""


def write_results(session: Session, checkpoint: Path) -> None:
    """Calibrate on the validation part, measure on the test part, and write everything into the folder."""
    head: Any = session.head
    if session.targets.kind != "regression":
        head.calibrate(session.outputs_of("validation"), session.encoded["validation"])
    with torch.no_grad():
        answers = head.answer(session.outputs_of("test")).cpu()
    items = session.parts["test"]
    metrics = measured(session.targets, answers, session.encoded["test"].cpu(), items)
    _write_predictions(session.folder / PREDICTIONS, session.targets, answers, items)
    facts = {
        "version": __version__,
        "mode": session.run.mode,
        "items": {split: len(items) for split, items in session.parts.items()},
        "passes": int(checkpoint.name.removeprefix("step-")),
        "width": session.run.data.width or session.loaded.model.config.width,
        "test": metrics,
    }
    _save(session, facts)
    with atomic_output(session.folder / METRICS) as fresh:
        fresh.write_text(json.dumps({"head": session.run.name, **facts}, indent=2) + "\n")


def _save(session: Session, facts: dict[str, Any]) -> None:
    run, loaded = session.run, session.loaded
    name, sha256, beside = loaded.name, loaded.sha256, None
    if session.trained.changes_model:
        beside, name = session.folder / "model.tmp", f"{loaded.name} with {run.name}"
        card = {**loaded.card, "name": name, "finetuned_from": loaded.sha256}
        sha256 = save_folder(beside, loaded.built.model, loaded.tokenizer, loaded.spec, card, overwrite=True)
    backbone = Backbone(name, sha256, run.layers, run.strands)
    saved = SavedHead(session.trained.head, session.spec, backbone, session.trained.adapters, facts)
    save_head(session.folder / HEAD, saved, beside=beside)


def measured(
    targets: Targets, answers: Float[Tensor, "N C"], truth: Tensor, items: Sequence[Item]
) -> dict[str, dict[str, float]]:
    """Metrics of the test part with 95 % intervals, drawn by group where groups are known."""
    groups = [item.group or f"{number} {item.name}" for number, item in enumerate(items)]
    found = {}
    for name, statistic in _statistics(targets, answers.double().numpy(), truth.double().numpy()):
        if len(set(groups)) >= _FEWEST:
            estimate, low, high = interval_of(statistic, groups)[:3]
            found[name] = {"estimate": estimate, "low": low, "high": high}
        else:
            found[name] = {"estimate": float(statistic(np.ones((1, len(groups))))[0])}
    return found


def _statistics(
    targets: Targets, answers: NDArray[np.float64], truth: NDArray[np.float64]
) -> list[tuple[str, Statistic]]:
    if targets.kind in ("binary", "multiclass"):
        labels, said = truth.reshape(len(truth), -1)[:, 0].astype(int), answers.argmax(axis=1)
        found = [("accuracy", accuracy_of(labels, said)), ("mcc", mcc_of(labels, said))]
        if targets.kind == "multiclass":
            return [*found, ("f1", f1_of(labels, said))]
        ranked = labels == 1
        if ranked.all() or not ranked.any():
            return found
        return [
            ("auroc", auroc_of(answers[:, 1], ranked)),
            ("auprc", auprc_of(answers[:, 1], ranked)),
            *found,
        ]
    each = []
    for number, label in enumerate(targets.labels):
        known = np.isfinite(truth[:, number])
        if targets.kind == "regression" and known.all():
            pair = answers[:, number], truth[:, number]
            each += [(f"pearson {label}", pearson_of(*pair)), (f"spearman {label}", spearman_of(*pair))]
        elif known.all() and 0 < truth[:, number].sum() < len(truth):
            each.append((f"auroc {label}", auroc_of(answers[:, number], truth[:, number] == 1)))
    return each


def _write_predictions(
    path: Path, targets: Targets, answers: Float[Tensor, "N C"], items: Sequence[Item]
) -> None:
    columns = [f"{'value' if targets.kind == 'regression' else 'p'}_{label}" for label in targets.labels]
    schema: dict[str, type[str] | type[int] | type[float]] = {"name": str, "group": str, "label": str}
    with TableWriter(path, {**schema, **dict.fromkeys(columns, float)}, {}) as table:
        table.write_rows(
            (item.name, item.group, ",".join(item.labels), *row)
            for item, row in zip(items, answers.tolist(), strict=True)
        )
