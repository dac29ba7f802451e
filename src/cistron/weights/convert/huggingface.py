"""Re-save a Hugging Face checkpoint: other shards, another dtype, pickles made safe, with checksums.

A model folder is a Hugging Face repository, so this is the import and the export: whatever layout comes in
(one file, shards, per-expert or fused tensor names), what goes out has the published names.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from cistron.errors import WeightsError
from cistron.tokenizers import TOKENIZERS
from cistron.weights import CARD, INDEX, WEIGHTS
from cistron.weights.card import read_card
from cistron.weights.folder import MAX_SHARD_BYTES, assemble, load_folder, read_config, save_folder
from cistron.weights.shards import blocks, converted, widened


def convert(
    source: Path | str,
    destination: Path | str,
    *,
    dtype: torch.dtype | None = None,
    max_shard_size: int = MAX_SHARD_BYTES,
    overwrite: bool = False,
) -> str:
    """Check the checkpoint in `source`, save it as a model folder, and return the new weights' SHA-256.

    Args:
        source: Folder with a `config.json` and safetensors, or, where there are none, `pytorch_model*.bin`.
        destination: The folder to make.
        dtype: What floating tensors become; as stored when None.
        max_shard_size: Bytes of tensors in a file, unless a single one is larger.
        overwrite: Replace a model folder that is there.

    Raises:
        WeightsError: The checkpoint is incomplete, damaged, or of an unknown architecture.
        OutputError: The destination exists or cannot be written.
    """
    source = Path(source)
    pickles = sorted(source.glob("pytorch_model*.bin"))
    if pickles and not (source / WEIGHTS).is_file() and not (source / INDEX).is_file():
        spec, config = read_config(source)
        model = assemble(spec, config, _unpickled(pickles, dtype, spec.wide), source)
        tokenizer = TOKENIZERS.get(spec.tokenizer).load(source)
        card = read_card(source / CARD)
    else:
        built = load_folder(source, dtype=dtype)
        model, tokenizer, spec, card = built.model, built.tokenizer, built.spec, built.card
    return save_folder(
        destination, model, tokenizer, spec, card, max_shard_size=max_shard_size, overwrite=overwrite
    )


def _unpickled(
    files: list[Path], dtype: torch.dtype | None, wide: tuple[str, ...]
) -> Iterator[dict[str, Tensor]]:
    """Tensors of pickled checkpoints, one numbered block at a time; nothing in them is executed."""
    tensors: dict[str, Tensor] = {}
    for path in files:
        try:
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as problem:
            reason = str(problem).strip().splitlines()[0]
            raise WeightsError(f"'{path}' cannot be read as plain tensors: {reason}") from None
        if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
            raise WeightsError(f"'{path}' holds something other than named tensors")
        tensors.update(content)
    for names in blocks(tensors):
        yield {name: converted(tensors[name], "cpu", widened(name, dtype, wide)) for name in names}
