"""The model that a command was asked to use."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cistron.inference.load import LoadedModel


def loaded(model: str, device: str = "auto", dtype: str = "auto", threads: int | None = None) -> LoadedModel:
    """Load a model as `cistron.load` does, on so many CPU threads; torch is imported only here.

    Raises:
        UnknownNameError: No such model.
        WeightsError: The model folder is incomplete or damaged.
    """
    import torch

    from cistron.inference.load import load

    if threads is not None:
        torch.set_num_threads(threads)
    return load(model, device=device, dtype=dtype)
