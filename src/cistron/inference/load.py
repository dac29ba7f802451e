"""A model with verbs, from a name, a folder or a hub id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack, cast

import numpy as np
import torch
from jaxtyping import Float

from cistron.errors import InputError
from cistron.genome import Interval, Reference, Variant
from cistron.inference.calibration import Calibration
from cistron.inference.embed import Embedding, EmbedOptions, embed
from cistron.inference.embed_variants import AlleleEmbedding, EmbedVariantsOptions, embed_variants
from cistron.inference.generate import Generated, GenerateOptions, generate
from cistron.inference.likelihood import Likelihood, LikelihoodOptions, log_likelihood
from cistron.inference.mutagenesis import MutateOptions, mutate
from cistron.inference.scan import Scanned, ScanOptions, scan
from cistron.inference.score import ScoreOptions, VariantScore, score_variants
from cistron.inference.track_effect import TrackEffect, TrackEffectOptions, predict_track_effects
from cistron.inference.tracks import predict_tracks
from cistron.models import Model, ModelSpec
from cistron.tokenizers import Tokenizer
from cistron.weights.folder import Built
from cistron.weights.heads import SavedHead
from cistron.weights.hub import DEFAULT_MODEL, resolve
from cistron.weights.huggingface import open_folder

DTYPES = {
    "auto": torch.float32,
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float64": torch.float64,
}
"""Arithmetic by name. `auto` is float32 everywhere: the bound on scores is only proven there."""


@dataclass(frozen=True)
class LoadedModel:
    """A model, its tokenizer and card, and the verbs of `cistron.inference` bound to them.

    Attributes:
        built: What the model folder held.
    """

    built: Built

    @property
    def model(self) -> Model:
        """The module."""
        return cast(Model, self.built.model)

    @property
    def tokenizer(self) -> Tokenizer:
        """Text to ids and back."""
        return self.built.tokenizer

    @property
    def spec(self) -> ModelSpec:
        """The architecture."""
        return self.built.spec

    @property
    def card(self) -> dict[str, Any]:
        """The model card."""
        return self.built.card

    @property
    def name(self) -> str:
        """What to call it in headers and reports."""
        return self.built.name

    @property
    def sha256(self) -> str:
        """Hash of the weights."""
        return self.built.sha256

    @property
    def calibration(self) -> Calibration | None:
        """How the model scores random changes; None where that was never measured.

        Raises:
            InputError: The table in the model's folder is damaged.
        """
        found = self.built.calibration
        return None if found is None else Calibration.from_dict(found)

    @property
    def device(self) -> torch.device:
        """Where the model runs."""
        return self.model.empty_state(1).lengths.device

    @property
    def dtype(self) -> str:
        """Arithmetic of the model, such as `float32`."""
        parameter = next(self.built.model.parameters())
        return str(parameter.dtype).removeprefix("torch.")

    def score_variants(
        self, variants: Iterable[Variant], reference: Reference, **options: Unpack[ScoreOptions]
    ) -> Iterator[VariantScore]:
        """Yield a score for each variant; see `cistron.inference.score.score_variants`."""
        return score_variants(self.model, self.tokenizer, reference, variants, **options)

    def mutate(
        self,
        region: str | Interval | Iterable[Interval],
        reference: Reference,
        **options: Unpack[MutateOptions],
    ) -> Iterator[VariantScore]:
        """Yield a score for every substitution; see `cistron.inference.mutagenesis.mutate`."""
        return mutate(self.model, self.tokenizer, reference, region, **options)

    def scan(
        self, intervals: Iterable[Interval] | None, reference: Reference, **options: Unpack[ScanOptions]
    ) -> Iterator[Scanned]:
        """Yield what the model expects along the intervals; see `cistron.inference.scan.scan`."""
        return scan(self.model, self.tokenizer, reference, intervals, **options)

    def embed(self, sequences: Iterable[str], **options: Unpack[EmbedOptions]) -> Iterator[Embedding]:
        """Yield the hidden states of each sequence; see `cistron.inference.embed.embed`."""
        return embed(self.model, self.tokenizer, sequences, **options)

    def embed_variants(
        self, variants: Iterable[Variant], reference: Reference, **options: Unpack[EmbedVariantsOptions]
    ) -> Iterator[AlleleEmbedding]:
        """Yield embeddings of both alleles; see `cistron.inference.embed_variants.embed_variants`."""
        return embed_variants(self.model, self.tokenizer, reference, variants, **options)

    def log_likelihood(
        self, sequences: Iterable[str], **options: Unpack[LikelihoodOptions]
    ) -> Iterator[Likelihood]:
        """Yield the log-likelihood of each sequence; see `cistron.inference.likelihood.log_likelihood`."""
        return log_likelihood(self.model, self.tokenizer, sequences, **options)

    def generate(
        self, prompts: Iterable[str], *, tokens: int, **options: Unpack[GenerateOptions]
    ) -> Iterator[Generated]:
        """Yield continuations of each prompt; see `cistron.inference.generate.generate`."""
        return generate(self.model, self.tokenizer, prompts, tokens=tokens, **options)

    def predict_tracks(
        self, head: SavedHead, sequences: Iterable[str], *, rows: int = 1
    ) -> Iterator[Float[np.ndarray, "T L"]]:
        """Yield the signal of every track; see `cistron.inference.tracks.predict_tracks`."""
        return predict_tracks(self.model, self.tokenizer, head, sequences, rows=rows)

    def predict_track_effects(
        self,
        head: SavedHead,
        variants: Iterable[Variant],
        reference: Reference,
        **options: Unpack[TrackEffectOptions],
    ) -> Iterator[TrackEffect]:
        """Yield what variants do to tracks; see `cistron.inference.track_effect.predict_track_effects`."""
        return predict_track_effects(self.model, self.tokenizer, head, reference, variants, **options)


def load(
    name: str | Path = DEFAULT_MODEL,
    *,
    device: str = "auto",
    dtype: str | torch.dtype = "auto",
) -> LoadedModel:
    """Load a model.

    Args:
        name: A shipped model's name, a model folder, or a hub id `owner/name[@revision]`.
        device: `cpu`, `cuda`, or `auto` for a GPU where there is one.
        dtype: `float32`, `bfloat16`, `float64`, or `auto` (float32).

    Raises:
        UnknownNameError: No such model, device or dtype.
        WeightsError: The model folder is incomplete or damaged.
        DownloadError: The hub could not be reached or does not have it.
    """
    if isinstance(dtype, str):
        if dtype not in DTYPES:
            raise InputError(f"dtype '{dtype}' is not one of {', '.join(DTYPES)}")
        dtype = DTYPES[dtype]
    shipped_name = str(name) if isinstance(name, str) and "/" not in name else None
    return LoadedModel(open_folder(resolve(name), pick_device(device), dtype, name=shipped_name))


def pick_device(name: str) -> torch.device:
    """The device called `name`.

    Raises:
        InputError: It is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise InputError("device 'cuda' was asked for, but torch sees no GPU; use --device cpu")
    try:
        return torch.device(name)
    except RuntimeError:
        raise InputError(f"device '{name}' is not one of auto, cpu, cuda") from None
