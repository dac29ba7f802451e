"""From labels as written to numbers, and to what a head must know of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cistron.data.labelled import Item
from cistron.errors import InputError

_FEW = 20
"""Whole numbers that take more different values than this are measurements and not classes."""


@dataclass(frozen=True)
class Targets:
    """What labels mean.

    Attributes:
        kind: Of the head: `binary`, `multiclass`, `multilabel` or `regression`.
        labels: Names of classes, or of label columns.
        settings: Of the head: kind, labels, class weights, scale.
        encode: Labels of items → targets of the head.
    """

    kind: str
    labels: tuple[str, ...]
    settings: dict[str, Any]
    encode: Callable[[Sequence[Item]], Tensor]


def targets_of(
    train: Sequence[Item], columns: tuple[str, ...], kind: str | None, *, balance: bool
) -> Targets:
    """What the labels of the training part mean.

    Args:
        train: The training part.
        columns: Names of the label columns.
        kind: What the task's settings say; None to find out.
        balance: Weigh classes by how rare they are.

    Raises:
        InputError: There is only one class, or a label is not a number where one must be.
    """
    kind = kind or _kind(train, columns)
    if kind in ("regression", "multilabel"):
        return _numbers(train, columns, kind, balance)
    if len(columns) > 1:
        raise InputError(f"{len(columns)} label columns; a {kind} head takes one")
    return _classes(train, columns[0], kind, balance)


def _kind(train: Sequence[Item], columns: tuple[str, ...]) -> str:
    values = {label for item in train for label in item.labels if label}
    numeric = all(_is_number(value) for value in values)
    if len(columns) > 1:
        return "multilabel" if values <= {"0", "1", "0.0", "1.0"} else "regression"
    if numeric and (len(values) > _FEW or not all(float(value).is_integer() for value in values)):
        return "regression"
    return "binary" if len(values) == 2 else "multiclass"


def _classes(train: Sequence[Item], column: str, kind: str, balance: bool) -> Targets:
    labels = tuple(sorted({item.labels[0] for item in train}, key=_natural))
    if len(labels) < 2:
        raise InputError(f"all {len(train):,} items have the {column} '{labels[0]}'; two classes are needed")
    if "" in labels:
        nameless = next(item.name for item in train if not item.labels[0])
        raise InputError(f"{nameless} has no {column}; drop the item or give it one")
    numbers = {label: number for number, label in enumerate(labels)}
    counts = np.bincount([numbers[item.labels[0]] for item in train], minlength=len(labels))
    settings: dict[str, Any] = {"kind": kind, "labels": labels}
    if balance:
        weights = len(train) / (len(labels) * counts)
        settings["weights"] = (
            (float(counts[0] / counts[1]),) if kind == "binary" else tuple(map(float, weights))
        )

    def encode(items: Sequence[Item]) -> Tensor:
        for item in items:
            if item.labels[0] not in numbers:
                raise InputError(f"{item.name} has the {column} '{item.labels[0]}', unknown in training")
        found = [numbers[item.labels[0]] for item in items]
        return torch.tensor(found) if kind == "multiclass" else torch.tensor(found).float().unsqueeze(1)

    return Targets(kind, labels, settings, encode)


def _numbers(train: Sequence[Item], columns: tuple[str, ...], kind: str, balance: bool) -> Targets:
    def encode(items: Sequence[Item]) -> Float[Tensor, "N K"]:
        return torch.tensor([[_number(label, item.name) for label in item.labels] for item in items])

    values = encode(train)
    settings: dict[str, Any] = {"kind": kind, "labels": columns}
    if kind == "regression":
        settings |= _scale(values, columns)
    elif balance:
        known = values.nan_to_num(0.5)
        ones, zeros = (known == 1).sum(0), (known == 0).sum(0)
        settings["weights"] = tuple((zeros.clamp(min=1) / ones.clamp(min=1)).tolist())
    return Targets(kind, columns, settings, encode)


def _scale(values: Float[Tensor, "N K"], columns: tuple[str, ...]) -> Mapping[str, tuple[float, ...]]:
    wide = values.double().numpy()
    centre, scale = np.nanmean(wide, axis=0), np.nanstd(wide, axis=0)
    for column, spread in zip(columns, scale, strict=True):
        if not spread > 0:
            raise InputError(f"all values of {column} are the same; there is nothing to learn")
    return {"centre": tuple(centre.tolist()), "scale": tuple(scale.tolist())}


def _number(text: str, name: str) -> float:
    try:
        return float(text) if text else float("nan")
    except ValueError:
        raise InputError(f"{name} has the label '{text}', which is not a number") from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _natural(label: str) -> tuple[int, float, str]:
    """Numbers in their order, then names in theirs."""
    return (0, float(label), "") if _is_number(label) else (1, 0.0, label)
