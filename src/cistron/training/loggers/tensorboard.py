"""TensorBoard event files in `tensorboard` of the run; needs the package of that name (`cistron[train]`)."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class TensorBoard:
    """Writes every number as a scalar, and tokens per expert as one scalar for each expert and layer."""

    def __init__(self, folder: Path, done: int) -> None:
        if importlib.util.find_spec("tensorboard") is None:
            raise ImportError("the package tensorboard is not installed")
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=done + 1)

    def write(self, row: Mapping[str, Any]) -> None:
        """Take one row."""
        for name, value in row.items():
            if name == "expert_tokens":
                for layer, counts in enumerate(value):
                    for expert, count in enumerate(counts):
                        name = f"expert_tokens_layer_{layer}/expert_{expert}"
                        self._writer.add_scalar(name, count, row["step"])
            elif isinstance(value, int | float) and name != "step":
                self._writer.add_scalar(name, value, row["step"])

    def close(self) -> None:
        """Flush and end."""
        self._writer.close()


LOGGER = TensorBoard
