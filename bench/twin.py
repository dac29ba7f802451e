"""The Mixtral decoder inside the shipped model, as a model folder that transformers reads too.

The shipped model has an n-gram memory, which transformers does not know; so what transformers is compared
on is the network beside that memory, the same weights on both sides.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from cistron.models import MODELS
from cistron.models.ngram import Ngram
from cistron.weights.folder import load_folder, save_folder
from cistron.weights.hub import resolve


def mixtral_twin(name: str) -> Path:
    """The model's own folder where it is a Mixtral, else a new one with the network beside its memory."""
    folder = resolve(name)
    built = load_folder(folder)
    if not isinstance(built.model, Ngram):
        return folder
    target = Path(tempfile.mkdtemp(prefix="cistron-twin-")) / "twin"
    card = {"name": f"network of {built.name}"}
    save_folder(target, built.model.network, built.tokenizer, MODELS.get("genos"), card)
    return target
