"""The model that a command was asked to use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cistron.errors import InputError

if TYPE_CHECKING:
    from cistron.inference.load import LoadedModel


def loaded(model: str, device: str = "auto", dtype: str = "auto", threads: int | None = None) -> LoadedModel:
    """Load a model as `cistron.load` does, on so many CPU threads; torch is imported only here.

    Raises:
        UnknownNameError: No such model.
        WeightsError: The model folder is incomplete or damaged.
        InputError: Its weights do not fit the memory.
    """
    import torch

    from cistron.inference.load import load
    from cistron.inference.planning.budget import ran_out_of_memory

    if threads is not None:
        torch.set_num_threads(threads)
    try:
        return load(model, device=device, dtype=dtype)
    except (MemoryError, RuntimeError) as error:
        if not ran_out_of_memory(error):
            raise
        raise InputError(
            f"memory ran out while '{model}' was loaded; take a smaller model, --dtype bfloat16 or a machine "
            "with more memory"
        ) from error
