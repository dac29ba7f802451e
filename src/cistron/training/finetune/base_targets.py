"""Targets of heads that answer for each base: like those of items, one for each base, padded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from cistron.data.labelled import Item
from cistron.data.labelled.bases import labelled_bases
from cistron.training.finetune.targets import Targets, targets_of


def base_targets_of(
    train: Sequence[Item], columns: tuple[str, ...], kind: str | None, *, balance: bool
) -> Targets:
    """What the labels of the bases of the training part mean; arguments as for `targets_of`.

    Encoded they are `(N, L)` class numbers, or `(N, L, K)`; −1 or NaN where a base has no label, and behind
    the end of an item.

    Raises:
        InputError: An item has more or fewer labels than bases, or as for `targets_of`.
    """
    known = [base for item in train for base in labelled_bases(item) if any(base.labels)]
    alone = targets_of(known, columns, kind, balance=balance)
    unknown = -1.0 if alone.kind == "multiclass" else torch.nan

    def encode_item(item: Item) -> Tensor:
        bases = list(labelled_bases(item))
        said = [number for number, base in enumerate(bases) if any(base.labels)]
        found = alone.encode([bases[number] for number in said])
        whole = torch.full((len(bases), *found.shape[1:]), unknown, dtype=found.dtype)
        whole[said] = found
        return whole

    def encode(items: Sequence[Item]) -> Tensor:
        return pad_sequence([encode_item(item) for item in items], batch_first=True, padding_value=unknown)

    return replace(alone, encode=encode)
