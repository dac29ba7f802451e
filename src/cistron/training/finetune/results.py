"""What a fine-tuning run leaves: the head, how good it is on the test part, and every answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from cistron.data.labelled import Item
from cistron.data.labelled.bases import labelled_bases
from cistron.formats.table import ColumnType, TableWriter
from cistron.metrics.blocks import Statistic, interval_of, value_of
from cistron.metrics.classes import accuracy_of, f1_of, mcc_of
from cistron.metrics.correlation import pearson_of, spearman_of
from cistron.metrics.ranking import auprc_of, auroc_of
from cistron.training.finetune.saving import save_trained
from cistron.training.finetune.targets import Targets

if TYPE_CHECKING:
    from cistron.training.finetune.loop import LabelledSession

PREDICTIONS = "test_predictions.tsv"
_FEWEST = 5
"""Test items, or groups of them, below which an interval would say nothing."""


def write_results(session: LabelledSession, checkpoint: Path) -> None:
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
        "items": {split: len(items) for split, items in session.parts.items()},
        "width": session.run.data.width or session.loaded.model.config.width,
        "test": metrics,
    }
    save_trained(session, checkpoint, facts)


def measured(
    targets: Targets, answers: Float[Tensor, "N *L C"], truth: Tensor, items: Sequence[Item]
) -> dict[str, dict[str, float]]:
    """Metrics of the test part with 95 % intervals, drawn by group where groups are known.

    Answers by token count each; the tokens of an item are drawn together.
    """
    names = [item.group or f"{number} {item.name}" for number, item in enumerate(items)]
    groups = np.repeat(names, int(np.prod(answers.shape[1:-1])))
    said, wanted = answers.double().flatten(0, -2).numpy(), truth.double().reshape(len(groups), -1).numpy()
    found = {}
    for name, known, statistic in _statistics(targets, said, wanted):
        blocks = groups[known]
        if len(set(blocks)) >= _FEWEST:
            estimate, low, high = interval_of(statistic, blocks)[:3]
            found[name] = {"estimate": estimate, "low": low, "high": high}
        elif len(blocks):
            found[name] = {"estimate": value_of(statistic, len(blocks))}
    return found


_Measure = tuple[str, NDArray[np.bool_], Statistic]
"""Name of a metric, which answers it is of, and the metric."""


def _statistics(
    targets: Targets, answers: NDArray[np.float64], truth: NDArray[np.float64]
) -> Iterator[_Measure]:
    if targets.kind in ("binary", "multiclass"):
        yield from _of_classes(targets, answers, truth[:, 0])
        return
    for number, label in enumerate(targets.labels):
        known = np.isfinite(truth[:, number])
        said, wanted = answers[known, number], truth[known, number]
        if targets.kind == "regression":
            yield f"pearson {label}", known, pearson_of(said, wanted)
            yield f"spearman {label}", known, spearman_of(said, wanted)
        elif 0 < wanted.sum() < len(wanted):
            yield f"auroc {label}", known, auroc_of(said, wanted == 1)


def _of_classes(
    targets: Targets, answers: NDArray[np.float64], truth: NDArray[np.float64]
) -> Iterator[_Measure]:
    known = np.isfinite(truth) & (truth >= 0)
    labels, said = truth[known].astype(int), answers[known]
    positive = labels == 1
    if targets.kind == "binary" and positive.any() and not positive.all():
        yield "auroc", known, auroc_of(said[:, 1], positive)
        yield "auprc", known, auprc_of(said[:, 1], positive)
    yield "accuracy", known, accuracy_of(labels, said.argmax(axis=1))
    yield "mcc", known, mcc_of(labels, said.argmax(axis=1))
    if targets.kind == "multiclass":
        yield "f1", known, f1_of(labels, said.argmax(axis=1))


def _write_predictions(
    path: Path, targets: Targets, answers: Float[Tensor, "N *L C"], items: Sequence[Item]
) -> None:
    """Write a row for each item, or for each base of it."""
    columns = [f"{'value' if targets.kind == 'regression' else 'p'}_{label}" for label in targets.labels]
    per_base = answers.dim() > 2
    schema: dict[str, ColumnType] = {"name": str, **({"base": int} if per_base else {}), "group": str}
    with TableWriter(path, {**schema, "label": str, **dict.fromkeys(columns, float)}, {}) as table:
        for item, rows in zip(items, answers.tolist(), strict=True):
            if not per_base:
                table.write_rows([(item.name, item.group, ",".join(item.labels), *rows)])
                continue
            for number, (base, row) in enumerate(zip(labelled_bases(item), rows, strict=False), 1):
                table.write_rows([(item.name, number, item.group, ",".join(base.labels), *row)])
