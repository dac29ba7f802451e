"""Collect intermediate activations by name or index."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from cistron.errors import UnknownNameError
from cistron.registry import unknown


class Capture:
    """The activations a caller asked for, filled while the model runs.

    Args:
        wanted: Names or indices as the caller gave them.
        names: Every name the model can give; index *i* stands for `names[i]` of `indexed`.
        indexed: The names that indices refer to, embedding first, last layer after the final norm.

    Raises:
        UnknownNameError: A wanted layer does not exist.
    """

    def __init__(self, wanted: Sequence[str | int], names: Sequence[str], indexed: Sequence[str]) -> None:
        self._asked: dict[str, list[str]] = {}
        self.found: dict[str, Tensor] = {}
        for item in wanted:
            self._asked.setdefault(_resolve(item, names, indexed), []).append(str(item))

    def record(self, name: str, value: Tensor) -> None:
        """Keep `value` if `name` was asked for."""
        for asked in self._asked.get(name, ()):
            self.found[asked] = value


def _resolve(item: str | int, names: Sequence[str], indexed: Sequence[str]) -> str:
    if isinstance(item, int):
        if not -len(indexed) <= item < len(indexed):
            raise UnknownNameError(
                f"no layer has index {item}; this model has 0 (embedding) to {len(indexed) - 1}"
            )
        return indexed[item]
    if item not in names:
        raise UnknownNameError(unknown("layer", item, names))
    return item
