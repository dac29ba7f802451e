"""Log-probabilities of several continuations of one prefix, the prefix being run once.

This is where sequences become batches: prefixes of equal length are run together, the state is forked for
every continuation, and the answers come back in the caller's order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int
from numpy.typing import NDArray
from torch import Tensor

from cistron.models import Model, State
from cistron.tokenizers import Tokenizer


@dataclass(frozen=True)
class Continuations:
    """Texts that continue one prefix.

    Attributes:
        prefix: May be empty; then the first token of each text is unscored.
        texts: Continuations; may differ in length.
        score_prefix: Whether the prefix's own log-probabilities are wanted.
    """

    prefix: str
    texts: tuple[str, ...]
    score_prefix: bool = False

    @property
    def tokens(self) -> int:
        """Tokens the model will read."""
        return len(self.prefix) + sum(len(text) for text in self.texts)


@dataclass(frozen=True)
class Scored:
    """Natural-log probabilities per token; NaN where a token is unscored (N, or first of a window).

    Attributes:
        prefix: Of the prefix; empty when it was not asked for.
        texts: Of each continuation, in the order given.
    """

    prefix: Float64[np.ndarray, "P"]
    texts: tuple[Float64[np.ndarray, "S"], ...]


def score_continuations(
    model: Model,
    tokenizer: Tokenizer,
    jobs: Sequence[Continuations],
    *,
    batch_tokens: int,
) -> list[Scored]:
    """Log-probabilities of all continuations of all jobs, in order.

    Args:
        model: Implements `cistron.models.Model`, in evaluation mode.
        tokenizer: The model's.
        jobs: What to score.
        batch_tokens: Most tokens in one batch, unless a single job has more.
    """
    results: dict[int, Scored] = {}
    with torch.inference_mode():
        for batch in _batches(jobs, batch_tokens):
            scored = _run(model, tokenizer, [jobs[i] for i in batch])
            results.update(zip(batch, scored, strict=True))
    return [results[i] for i in range(len(jobs))]


def _batches(jobs: Sequence[Continuations], batch_tokens: int) -> Iterator[list[int]]:
    """Indices of jobs that run together: equal prefix lengths and numbers of texts, similar text lengths."""

    def shape(index: int) -> tuple[int, int, bool, int]:
        job = jobs[index]
        return len(job.prefix), len(job.texts), job.score_prefix, max(map(len, job.texts))

    batch: list[int] = []
    largest = 0
    for index in sorted(range(len(jobs)), key=shape):
        largest = max(largest, jobs[index].tokens)
        full = (len(batch) + 1) * largest > batch_tokens
        if batch and (full or shape(batch[0])[:3] != shape(index)[:3]):
            yield batch
            batch, largest = [], jobs[index].tokens
        batch.append(index)
    if batch:
        yield batch


def _run(model: Model, tokenizer: Tokenizer, jobs: Sequence[Continuations]) -> list[Scored]:
    """Score jobs of equally long prefixes and equally many texts, all with or all without prefix scores."""
    per_job = len(jobs[0].texts)
    texts = [tokenizer.encode(text) for job in jobs for text in job.texts]
    prefixes = np.stack([tokenizer.encode(job.prefix) for job in jobs])

    empty = model.empty_state(len(jobs))
    device = empty.lengths.device
    state: State | None = None
    first: Tensor | None = None
    prefix_scores = [np.empty(0)] * len(jobs)
    if prefixes.shape[1]:
        ids = torch.from_numpy(prefixes).to(device)
        score_prefix = jobs[0].score_prefix
        output = model(ids, empty, last_only=not score_prefix)
        assert output.logits is not None
        assert output.state is not None
        first = _log_softmax(output.logits[:, -1:])
        rows = torch.arange(len(jobs), device=device).repeat_interleave(per_job)
        state = output.state.fork(rows)
        first = first[rows]
        if score_prefix:
            prefix_scores = list(_prefix_scores(output.logits, ids, tokenizer))

    scores = _text_scores(model, tokenizer, texts, state, first, device)
    grouped = [tuple(scores[i * per_job : (i + 1) * per_job]) for i in range(len(jobs))]
    return [Scored(*pair) for pair in zip(prefix_scores, grouped, strict=True)]


def _text_scores(
    model: Model,
    tokenizer: Tokenizer,
    texts: Sequence[NDArray[np.int64]],
    state: State | None,
    first: Tensor | None,
    device: torch.device,
) -> list[Float64[np.ndarray, "S"]]:
    """Log-probabilities of each text; `first` holds those of the tokens that may come first."""
    lengths = [len(text) for text in texts]
    padded = np.full((len(texts), max(lengths)), tokenizer.pad_id, dtype=np.int64)
    for row, text in zip(padded, texts, strict=True):
        row[: len(text)] = text
    ids = torch.from_numpy(padded).to(device)
    parts = [] if first is None else [first]
    if ids.shape[1] > 1:
        # The last token is never read: nothing comes after it. Padding stands on the right, where no causal
        # model looks; the state it spoils is dropped.
        output = model(ids[:, :-1], state)
        assert output.logits is not None
        parts.append(_log_softmax(output.logits))
    scores = np.full(padded.shape, np.nan)
    if parts and ids.shape[1]:
        predicted = torch.cat(parts, dim=1)
        begin = ids.shape[1] - predicted.shape[1]
        scores[:, begin:] = _gathered(predicted, ids[:, begin:])
    scores[_unscored(padded, tokenizer)] = np.nan
    return [row[:length] for row, length in zip(scores, lengths, strict=True)]


def _prefix_scores(
    logits: Tensor, ids: Int[Tensor, "B P"], tokenizer: Tokenizer
) -> Float64[np.ndarray, "B P"]:
    scores = np.full(ids.shape, np.nan)
    scores[:, 1:] = _gathered(_log_softmax(logits[:, :-1]), ids[:, 1:])
    scores[_unscored(ids.cpu().numpy(), tokenizer)] = np.nan
    return scores


def _log_softmax(logits: Tensor) -> Tensor:
    """Over the whole vocabulary, in float32 at least."""
    wide = logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits
    return wide.log_softmax(dim=-1)


def _gathered(log_probabilities: Tensor, ids: Int[Tensor, "B L"]) -> Float64[np.ndarray, "B L"]:
    picked: NDArray[np.float64] = (
        log_probabilities.gather(-1, ids.unsqueeze(-1)).squeeze(-1).double().cpu().numpy()
    )
    return picked


def _unscored(ids: Int[np.ndarray, "B L"], tokenizer: Tokenizer) -> Bool[np.ndarray, "B L"]:
    mask: NDArray[np.bool_] = np.isin(ids, list(tokenizer.unscored_ids))
    return mask
