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
    MIDDLE,
    EmbedRequest,
    GenerateRequest,
    LikelihoodRequest,
    NameRequest,
    Request,
    ScoreRequest,
    TracksRequest,
    TrainRequest,
    beyond_context,
    digest,
    seed_of,
)
from cistron.formats.fasta import Fasta
from cistron.genome import Reference
from cistron.genome.sequence import is_nucleotides

if TYPE_CHECKING:
    from cistron.inference.load import LoadedModel


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
        if isinstance(request, TrainRequest) and request.mode in ("last", "full"):
            from cistron.weights.huggingface import cannot_save

            reason = cannot_save(self.loaded.built)
            if reason is not None:
                return reason
        if isinstance(request, TracksRequest):
            return "has no head for tracks; give --model the folder of one, as cistron tracks train leaves it"
        if isinstance(request, NameRequest):
            return "reads sequences, not names"
        return beyond_context(request, self.loaded.model.config.context_length)

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
        assert isinstance(request, GenerateRequest)
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
        found = self.loaded.generate(
            [prompt],
            tokens=request.tokens,
            samples=request.samples,
            temperature=request.temperature,
            top_k=request.top_k,
            seed=seed_of(request, prompt),
        )
        return [each.continuation for each in found]

    @cached_property
    def _middle(self) -> int:
        config = self.loaded.model.config
        layers = getattr(config, "num_hidden_layers", None)
        if layers is None:
            layers = config.to_dict().get("base", {}).get("num_hidden_layers", 1)
        return max(int(layers) // 2, 1)
