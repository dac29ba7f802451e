"""Sequences → hidden states of a DNA model that does not change, kept on disk by what they are made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from cistron.errors import InputError, WindowError
from cistron.formats.atomic import atomic_output, output_error
from cistron.fusion.pairs import Site
from cistron.fusion.run import DnaSettings
from cistron.genome.sequence import reverse_complement
from cistron.heads import Hidden
from cistron.inference.load import LoadedModel
from cistron.inference.predict import hidden_size
from cistron.registry import unknown

KEPT: Final = torch.bfloat16
"""What states are kept in: the range of float32 and half its size."""

_STRANDS: Final = ("forward", "both")

_REMEMBERED: Final = 4
"""Sequences whose states are kept in memory: a question is ranked, answered and explained in turn."""


class DnaEncoder:
    """A frozen DNA model with its memory.

    Args:
        loaded: The model.
        settings: Layers and strands.
        cache: Folder for states; one file for each sequence, named by the hash of weights, layers, strands
            and bases. None keeps nothing.

    Attributes:
        size: Width of the states.

    Raises:
        InputError: `strands` is unknown.
        WindowError: The windows are wider than the model reads.
    """

    def __init__(self, loaded: LoadedModel, settings: DnaSettings, cache: Path | None = None) -> None:
        if settings.strands not in _STRANDS:
            raise InputError(unknown("way to read strands", settings.strands, _STRANDS))
        if settings.width > (most := loaded.model.config.context_length):
            raise WindowError(f"dna.width is {settings.width:,}; {loaded.name} reads {most:,} bases at most")
        self.loaded, self.settings, self.cache = loaded, settings, cache
        strands = 2 if settings.strands == "both" else 1
        self.size = strands * hidden_size(loaded.model, loaded.tokenizer, settings.layers)
        self._remembered = lru_cache(_REMEMBERED)(self._computed)

    def hidden(self, sequences: Sequence[str], sites: Sequence[Site]) -> Hidden:
        """States of a batch, right-padded, in float32, with the sites that differ."""
        each = list(self.states(sequences))
        lengths = torch.tensor([len(states) for states in each])
        padded = torch.nn.utils.rnn.pad_sequence(each, batch_first=True)
        device = self.loaded.device
        return Hidden(padded.float().to(device), lengths.to(device), torch.tensor(sites, device=device))

    def states(self, sequences: Sequence[str]) -> Iterator[Float[Tensor, "L D"]]:
        """Yield the states of each sequence, from the disk where they are."""
        for sequence in sequences:
            path = self._path(sequence)
            found = None if path is None else _read(path)
            if found is None:
                found = self._remembered(sequence)
                if path is not None:
                    _write(path, found)
            yield found

    def _computed(self, sequence: str) -> Float[Tensor, "L D"]:
        parts = self._one_strand(sequence)
        if self.settings.strands == "both":
            # Side by side: in the mean of both strands a base and its complement look alike.
            parts += [states.flip(0) for states in self._one_strand(reverse_complement(sequence))]
        # Rounded before first use, so that it makes no difference where states come from.
        return torch.cat(parts, dim=-1).to(KEPT)

    def _one_strand(self, sequence: str) -> list[Float[Tensor, "L D"]]:
        layers = self.settings.layers or None
        embedding = next(iter(self.loaded.embed([sequence], layers=layers, pooling="none")))
        return [torch.from_numpy(states) for states in embedding.layers.values()]

    def _path(self, sequence: str) -> Path | None:
        if self.cache is None:
            return None
        settings = [list(map(str, self.settings.layers)), self.settings.strands]
        made_of = json.dumps([self.loaded.sha256, self.loaded.dtype, *settings, sequence])
        digest = hashlib.sha256(made_of.encode()).hexdigest()
        return self.cache / digest[:2] / f"{digest}.safetensors"


def _read(path: Path) -> Tensor | None:
    """What is kept; None where there is nothing, or nothing whole."""
    try:
        return load_file(path)["states"] if path.is_file() else None
    except (SafetensorError, OSError, KeyError):
        return None


def _write(path: Path, states: Tensor) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise output_error(path, problem) from None
    with atomic_output(path) as fresh:
        save_file({"states": states.contiguous()}, fresh)
