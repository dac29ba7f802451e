"""Labels of single bases, where an item's label is a text with one for each."""

from __future__ import annotations

from collections.abc import Iterator

from cistron.data.labelled import Item
from cistron.errors import InputError

UNKNOWN = "."
"""Stands for a base without a label."""


def labelled_bases(item: Item) -> Iterator[Item]:
    """Yield every base of an item as an item of its own, with its own labels; an unknown one is empty.

    Labels are letters, one for each base (`EEEEIII..`), or anything with commas between.

    Raises:
        InputError: There are more or fewer labels than bases.
    """
    (sequence,) = item.sequences
    columns = [_labels(text) for text in item.labels]
    for column in columns:
        if len(column) != len(sequence):
            raise InputError(f"{item.name} has {len(column):,} labels for {len(sequence):,} bases")
    for number, labels in enumerate(zip(*columns, strict=True), 1):
        known = tuple("" if label == UNKNOWN else label for label in labels)
        yield Item(f"base {number:,} of {item.name}", (sequence[number - 1],), known)


def _labels(text: str) -> list[str]:
    return [label.strip() for label in text.split(",")] if "," in text else list(text)
