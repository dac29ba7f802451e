"""A model that `cistron.load` gives, as a respondent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cistron import __version__
from cistron.evals.answers import Answer, Continuations, Likelihoods, Scores, Vectors
from cistron.evals.opposite import OppositeStrand, on_opposite
from cistron.evals.requests import (
    EmbedRequest,
    GenerateRequest,
    LikelihoodRequest,
    Request,
    ScoreRequest,
    TrainRequest,
    digest,
    item_key,
)
from cistron.formats.fasta import Fasta
from cistron.genome import Reference
from cistron.genome.sequence import is_nucleotides

if TYPE_CHECKING:
    from cistron.inference.load import LoadedModel

MIDDLE = "middle"
"""The name under which requests ask for the layer half way up."""


@dataclass(frozen=True)
class LoadedRespondent:
    """Implements `cistron.evals.Respondent` with the verbs of a loaded model.

    Attributes:
        loaded: The model.
        name: What to call it.
        kind: Such as `model` or `twin`; for the report.
        source: Name or folder that it was loaded by, to be loaded again for training; None when it cannot.
    """

    loaded: LoadedModel
    name: str
    kind: str = "model"
    source: str | None = None

    @cached_property
    def sha256(self) -> str:
        """Hash of weights, arithmetic, kind of device and version of this code."""
        parts = [self.loaded.sha256, self.loaded.dtype, self.loaded.device.type, __version__]
        return digest(parts)

    @property
    def facts(self) -> Mapping[str, str]:
        """Weights, size, arithmetic and device."""
        parameters = sum(parameter.numel() for parameter in self.loaded.built.model.parameters())
        return {
            "weights": self.loaded.sha256[:16],
            "parameters": f"{parameters:,}",
            "context": f"{self.loaded.model.config.context_length:,} tokens",
            "arithmetic": f"{self.loaded.dtype} on {self.loaded.device.type}",
        }

    def refuses(self, request: Request) -> str | None:
        """Why an item would not fit into the model's context, or cannot be read."""
        if isinstance(request, ScoreRequest) and request.strands == "reverse":
            strange = [v for v in request.variants if not is_nucleotides(v.ref + v.alt)]
            if strange:
                return f"reads the reverse strand alone only of spelled-out alleles, not {strange[0].alt}"
        if isinstance(request, TrainRequest) and self.source is None:
            return "is not trained: it was made for this run and cannot be loaded again"
        most = self.loaded.model.config.context_length
        needed = _longest(request)
        return None if needed <= most else f"needs {needed:,} tokens; the model's context is {most:,}"

    def answer(self, request: Request) -> Answer:
        """Answer with the verb of that kind."""
        if isinstance(request, ScoreRequest):
            return self._scores(request)
        if isinstance(request, LikelihoodRequest):
            return self._likelihoods(request)
        if isinstance(request, EmbedRequest):
            return self._vectors(request)
        if isinstance(request, TrainRequest):
            from cistron.evals.finetuned import told_after_training

            assert self.source is not None
            return told_after_training(self.source, self.loaded.device.type, request)
        return self._continuations(request)

    def _scores(self, request: ScoreRequest) -> Scores:
        if isinstance(request.reference, Path):
            with Fasta(request.reference) as fasta:
                return self._scores_on(fasta, request)
        return self._scores_on(request.reference, request)

    def _scores_on(self, reference: Reference, request: ScoreRequest) -> Scores:
        variants = request.variants
        if request.strands == "reverse":
            variants = tuple(on_opposite(variant, reference) for variant in variants)
            reference = OppositeStrand(reference)
        found = list(
            self.loaded.score_variants(
                variants,
                reference,
                width=request.width,
                strands="both" if request.strands == "both" else "forward",
                indel=request.indel,
                circular=request.circular,
                check_ref="warn",
                window_slack=request.window_slack,
            )
        )
        return Scores(
            np.array([np.nan if score.llr is None else score.llr for score in found], dtype=np.float64),
            np.array([np.nan if score.flank is None else score.flank for score in found], dtype=np.float64),
            np.array(["" if score.status is None else score.status.name for score in found], dtype=np.str_),
        )

    def _likelihoods(self, request: LikelihoodRequest) -> Likelihoods:
        found = list(
            self.loaded.log_likelihood(request.sequences, strands=request.strands, window=request.window)
        )
        return Likelihoods(
            np.array([each.total for each in found], dtype=np.float64),
            np.array([each.bases for each in found], dtype=np.int64),
        )

    def _vectors(self, request: EmbedRequest) -> Vectors:
        layer = self._middle if request.layer == MIDDLE else request.layer
        found = self.loaded.embed(
            request.sequences,
            layers=None if layer is None else [layer],
            pooling=request.pooling,
            strands=request.strands,
        )
        return Vectors(np.stack([each.vector.astype(np.float32) for each in found]))

    def _continuations(self, request: GenerateRequest) -> Continuations:
        return Continuations(
            np.array([self._samples(request, prompt) for prompt in request.prompts], dtype=np.str_)
        )

    def _samples(self, request: GenerateRequest, prompt: str) -> list[str]:
        """Continuations of one prompt; its random numbers depend on nothing but seed and prompt."""
        seed = int.from_bytes(item_key(f"{request.seed} {prompt}")[:4], "little")
        found = self.loaded.generate(
            [prompt],
            tokens=request.tokens,
            samples=request.samples,
            temperature=request.temperature,
            top_k=request.top_k,
            seed=seed,
        )
        return [each.continuation for each in found]

    @cached_property
    def _middle(self) -> int:
        settings = self.loaded.model.config.to_dict()
        layers = settings.get("num_hidden_layers") or settings.get("base", {}).get("num_hidden_layers", 1)
        return max(int(layers) // 2, 1)


def _longest(request: Request) -> int:
    """Tokens of the longest item."""
    if isinstance(request, ScoreRequest):
        return request.width or 0
    if isinstance(request, LikelihoodRequest):
        return request.window or 0
    if isinstance(request, EmbedRequest | TrainRequest):
        return max(map(len, request.sequences), default=0)
    return max(map(len, request.prompts), default=0) + request.tokens
