"""How large a folder for `transformers` is, told without opening it: its code is not run."""

from __future__ import annotations

import math
from pathlib import Path

from safetensors import safe_open

from cistron.weights import CONFIG
from cistron.weights.huggingface import MANY, TOKENS, is_for_transformers
from cistron.weights.jsonfile import read_object
from cistron.weights.shards import weight_files


def sizes_of(folder: Path) -> tuple[int, int] | None:
    """Numbers in the weights, and most tokens, of a folder for `transformers`; None for any other folder.

    Raises:
        WeightsError: The folder is damaged, or its weights are not safetensors.
    """
    values = read_object(folder / CONFIG)
    if not is_for_transformers(values):
        return None
    numbers = 0
    for file in weight_files(folder):
        with safe_open(file, framework="pt") as tensors:
            shapes = (tensors.get_slice(name).get_shape() for name in tensors.offset_keys())
            numbers += sum(map(math.prod, shapes))
    return numbers, next((int(values[name]) for name in TOKENS if values.get(name)), MANY)
