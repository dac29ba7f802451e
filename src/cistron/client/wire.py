"""Questions and answers of the native API as plain values."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
from jaxtyping import Float

from cistron.genome import Variant
from cistron.genome.alleles import AlleleStatus

T = TypeVar("T")

VARIANTS: Final = 64
"""Variants in a request: few enough to be answered soon, enough to share batches."""

SEQUENCES: Final = 32
_BASES: Final = 262_144


class Question(NamedTuple):
    """A request: path and JSON."""

    path: str
    body: dict[str, Any]


class RemoteScore(NamedTuple):
    """The score of one alternative allele, as `cistron.inference.score.VariantScore`.

    Attributes:
        variant: The allele, as given.
        llr: Log-likelihood ratio ALT − REF in nats; None without a score.
        flank: The part of it from the downstream bases.
        status: Why there is no score.
        percentile: Per cent of random changes of the same kind that score lower; None where unknown.
    """

    variant: Variant
    llr: float | None
    flank: float | None
    status: AlleleStatus | None
    percentile: float | None


class RemoteLikelihood(NamedTuple):
    """Log-likelihood of one sequence, as `cistron.inference.likelihood.Likelihood`.

    Attributes:
        total: Sum of natural-log probabilities over scored bases.
        bases: Scored bases.
    """

    total: float
    bases: int

    @property
    def per_base(self) -> float:
        """Mean nats per scored base; NaN when no base was scored."""
        return self.total / self.bases if self.bases else float("nan")


class RemoteEmbedding(NamedTuple):
    """The vector of one sequence, as `cistron.inference.embed.Embedding`.

    Attributes:
        layers: Layer as it was asked for → its vector, float32.
        length: Bases of the sequence.
    """

    layers: dict[str, Float[np.ndarray, "D"]]
    length: int

    @property
    def vector(self) -> Float[np.ndarray, "D"]:
        """That of the first layer."""
        return next(iter(self.layers.values()))


class RemoteGenerated(NamedTuple):
    """A prompt continued.

    Attributes:
        prompt_index: Which prompt, from 0.
        sample_index: Which of its samples, from 0.
        prompt: As it was given.
        continuation: What was generated; None where it was refused.
        log_likelihood: Of the continuation given the prompt, in nats; None where it was refused.
        screening: `passed`, `unscreened` or `refused`.
        refused: Why it was refused.
    """

    prompt_index: int
    sample_index: int
    prompt: str
    continuation: str | None
    log_likelihood: float | None
    screening: str
    refused: str | None

    @property
    def sequence(self) -> str | None:
        """Prompt and continuation."""
        return None if self.continuation is None else self.prompt + self.continuation


def score_question(variants: Sequence[Variant], genome: str | None, options: Mapping[str, Any]) -> Question:
    """Ask for scores."""
    listed = [{"chrom": v.chrom, "pos": v.pos, "ref": v.ref, "alt": v.alt} for v in variants]
    return Question("/v1/variants:score", _given(variants=listed, genome=genome, **options))


def scores_of(variants: Sequence[Variant], answer: Any) -> list[RemoteScore]:
    """The scores of an answer."""
    return [
        RemoteScore(
            variant,
            found["llr"],
            found["flank"],
            None if found["status"] is None else AlleleStatus(found["status"]),
            found["percentile"],
        )
        for variant, found in zip(variants, answer["scores"], strict=True)
    ]


def likelihood_question(sequences: Sequence[str], options: Mapping[str, Any]) -> Question:
    """Ask for log-likelihoods."""
    return Question("/v1/likelihood", _given(sequences=list(sequences), **options))


def likelihoods_of(answer: Any) -> list[RemoteLikelihood]:
    """The log-likelihoods of an answer."""
    return [RemoteLikelihood(found["total"], found["bases"]) for found in answer["likelihoods"]]


def embed_question(sequences: Sequence[str], options: Mapping[str, Any]) -> Question:
    """Ask for embeddings, exact to the last bit."""
    return Question("/v1/embeddings", _given(input=list(sequences), encoding_format="base64", **options))


def embeddings_of(sequences: Sequence[str], answer: Any) -> list[RemoteEmbedding]:
    """The embeddings of an answer."""
    return [
        RemoteEmbedding(
            {name: _vector(text) for name, text in (found["layers"] or {"": found["embedding"]}).items()},
            len(sequence),
        )
        for sequence, found in zip(sequences, answer["data"], strict=True)
    ]


def generate_question(prompts: Sequence[str], tokens: int, options: Mapping[str, Any]) -> Question:
    """Ask for continuations."""
    return Question("/v1/generate", _given(prompts=list(prompts), tokens=tokens, **options))


def generated_of(prompts: Sequence[str], answer: Any) -> list[RemoteGenerated]:
    """The sequences of an answer."""
    return [
        RemoteGenerated(
            found["prompt_index"],
            found["sample_index"],
            prompts[found["prompt_index"]],
            found["continuation"],
            found["log_likelihood"],
            found["screening"],
            found["refused"],
        )
        for found in answer["sequences"]
    ]


def in_requests(items: Iterable[T], most: int) -> Iterator[list[T]]:
    """Yield the items in lists of at most so many."""
    remaining = iter(items)
    while chunk := list(islice(remaining, most)):
        yield chunk


def sequences_in_requests(sequences: Iterable[str]) -> Iterator[list[str]]:
    """Yield sequences in lists, few enough and short enough together for a request."""
    chunk: list[str] = []
    bases = 0
    for sequence in sequences:
        if chunk and (len(chunk) == SEQUENCES or bases + len(sequence) > _BASES):
            yield chunk
            chunk, bases = [], 0
        chunk.append(sequence)
        bases += len(sequence)
    if chunk:
        yield chunk


def _vector(text: str) -> Float[np.ndarray, "D"]:
    return np.frombuffer(base64.b64decode(text), dtype="<f4")


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
