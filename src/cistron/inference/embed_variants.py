"""What changes in the model's view when a variant does? Embeddings of both alleles and their difference.

The bases upstream of an allele are read once for all alleles there: the state and the pools are forked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final, NamedTuple, TypedDict

import numpy as np
import torch
from jaxtyping import Float

from cistron.errors import InputError
from cistron.genome import Reference, Variant
from cistron.genome.alleles import AlleleStatus
from cistron.genome.windows import AlleleWindow
from cistron.inference.batching import by_length
from cistron.inference.chunks import chunk_tokens, read_chunks
from cistron.inference.embedding.hidden import Layer, layer_labels, layer_states, overlap, padded_ids
from cistron.inference.embedding.pooling import Pool, Pooling, make_pool
from cistron.inference.planning.budget import Budget
from cistron.inference.score import checked_width
from cistron.inference.scoring.allele_windows import AlleleWindows, RefPolicy, Strands
from cistron.models import Model, State
from cistron.tokenizers import Tokenizer

BLOCK: Final = 128
"""Variants that are batched together; a constant, so that a resumed run repeats the very same batches."""

Vectors = dict[str, Float[np.ndarray, "D"]]
"""Layer → pooled hidden states."""


class AlleleEmbedding(NamedTuple):
    """Embeddings of both alleles of one variant, mean over the strands read.

    Attributes:
        variant: The allele, as given.
        ref: Layer → vector of the window with the reference allele; None without a window.
        alt: Layer → vector of the window with the alternative allele; None without a window.
        status: Why there are none; None when there are.
    """

    variant: Variant
    ref: Vectors | None
    alt: Vectors | None
    status: AlleleStatus | None

    @property
    def difference(self) -> Vectors | None:
        """Layer → alternative − reference."""
        if self.ref is None or self.alt is None:
            return None
        return {layer: self.alt[layer] - self.ref[layer] for layer in self.ref}


class EmbedVariantsOptions(TypedDict, total=False):
    """Keyword arguments of `embed_variants`."""

    width: int | None
    around: int | None
    layers: Sequence[Layer] | None
    pooling: Pooling
    strands: Strands
    circular: Collection[str]
    check_ref: RefPolicy
    lengths: Mapping[str, int | None] | None
    batch_tokens: int | Budget
    progress: Callable[[int], object] | None


def embed_variants(
    model: Model,
    tokenizer: Tokenizer,
    reference: Reference,
    variants: Iterable[Variant],
    *,
    width: int | None = None,
    around: int | None = None,
    layers: Sequence[Layer] | None = None,
    pooling: Pooling = "mean",
    strands: Strands = "both",
    circular: Collection[str] = (),
    check_ref: RefPolicy = "error",
    lengths: Mapping[str, int | None] | None = None,
    batch_tokens: int | Budget = 16_384,
    progress: Callable[[int], object] | None = None,
) -> Iterator[AlleleEmbedding]:
    """Yield the embeddings of each variant's alleles, in order, reading `BLOCK` of them ahead.

    Windows are those of `score_variants`: the allele in the middle, the same downstream bases for both.

    Args:
        model: Implements `cistron.models.Model`, in evaluation mode.
        tokenizer: The model's.
        reference: Genome the variants were called on.
        variants: One alternative allele each; need not be sorted.
        width: Window in bp; the model's recommended width when None.
        around: Pool only the allele and so many bases on either side of it; None pools the window.
        layers: Names or indices; None is the last hidden state after the final norm.
        pooling: `mean`, `max` or the `last` position in reading direction.
        strands: `both` averages the two reading directions.
        circular: Contigs to read across their ends; a 16,569-bp mitochondrion always is.
        check_ref: `error` raises at a REF that differs from the reference, `warn` gives it a status.
        lengths: Contig lengths stated by the variants' own file.
        batch_tokens: Most tokens run together, halved when memory runs out; changes speed and memory, not the
            answers.
        progress: Called with a number of tokens that were just read.

    Raises:
        WindowError: `width` exceeds the model's context.
        ReferenceMismatchError: Under `check_ref="error"`.
        InputError: `pooling` is `none`, or `around` is not positive.
    """
    cutter = AlleleWindows(
        reference,
        checked_width(model, width),
        strands,
        circular=circular,
        check_ref=check_ref,
        lengths=lengths,
    )
    budget = Budget.of(batch_tokens)
    reader = AlleleReader(model, tokenizer, tuple(layers or ()), pooling, around, progress=progress)
    remaining = iter(variants)
    while block := list(islice(remaining, BLOCK)):
        plans = [cutter.of(variant) for variant in block]
        cut = [plan for plan in plans if not isinstance(plan, AlleleStatus)]
        found = iter(budget.run(lambda size, cut=cut: replace(reader, batch_tokens=size).embed(cut)))
        for variant, plan in zip(block, plans, strict=True):
            if isinstance(plan, AlleleStatus):
                yield AlleleEmbedding(variant, None, None, plan)
            else:
                ref, alt = next(found)
                yield AlleleEmbedding(variant, ref, alt, None)


@dataclass(frozen=True)
class AlleleReader:
    """Embeds alleles whose windows were cut; see `embed_variants`.

    Raises:
        InputError: `pooling` is `none`, or `around` is not positive.
    """

    model: Model
    tokenizer: Tokenizer
    layers: tuple[Layer, ...] = ()
    pooling: Pooling = "mean"
    around: int | None = None
    batch_tokens: int = 16_384
    progress: Callable[[int], object] | None = None

    def __post_init__(self) -> None:
        if self.pooling == "none":
            raise InputError("alleles may differ in length, so their positions cannot be compared; pool them")
        if self.around is not None and self.around < 1:
            raise InputError(f"pooling {self.around} bases around an allele leaves none; give 1 or more")

    def embed(self, alleles: Sequence[Sequence[AlleleWindow]]) -> list[tuple[Vectors, Vectors]]:
        """Vectors of reference and alternative of each allele, the mean over its windows."""
        pairs = [[self._tails(window) for window in windows] for windows in alleles]
        jobs = _shared(tail for windows in pairs for pair in windows for tail in pair)
        found: dict[_Tail, Vectors] = {}
        with torch.inference_mode():
            for batch in _batches(jobs, self.batch_tokens):
                for tail, pools in self._run(batch):
                    found[tail] = {label: pool.result() for label, pool in pools.items()}
        return [
            (_mean([found[ref] for ref, _ in windows]), _mean([found[alt] for _, alt in windows]))
            for windows in pairs
        ]

    def _tails(self, window: AlleleWindow) -> tuple[_Tail, _Tail]:
        """What is read behind the upstream bases for reference and alternative."""
        ref = self._tail(window.upstream, window.ref, window.downstream_ref)
        return ref, self._tail(window.upstream, window.alt, window.downstream_alt)

    def _tail(self, upstream: str, allele: str, downstream: str) -> _Tail:
        text = allele + downstream
        if self.around is None:
            return _Tail(upstream, text, 0, len(text))
        start = max(0, len(upstream) - self.around)
        return _Tail(upstream, text, start, min(len(text), len(allele) + self.around))

    def _run(self, jobs: Sequence[Sequence[_Tail]]) -> Iterator[tuple[_Tail, _Pools]]:
        """Each tail of each job with its pools; upstream lengths and numbers of tails are equal."""
        heads = [job[0] for job in jobs]
        pools = [self._pools() for _ in jobs]
        state = self.model.empty_state(len(jobs))
        if heads[0].upstream:
            spans = [(head.start, len(head.upstream)) for head in heads]
            state = self._read([head.upstream for head in heads], spans, state, pools)
        repeats = torch.arange(len(jobs)).repeat_interleave(len(jobs[0]))
        tails = [tail for job in jobs for tail in job]
        pools = [_forked(pools[row]) for row in repeats.tolist()]
        if any(tail.text for tail in tails):
            spans = [(0, tail.stop) for tail in tails]
            self._read([tail.text for tail in tails], spans, state.fork(repeats), pools)
        return zip(tails, pools, strict=True)

    def _read(
        self, texts: Sequence[str], spans: Sequence[tuple[int, int]], state: State, pools: Sequence[_Pools]
    ) -> State:
        """Read texts behind a state, pool what lies in their spans, and return the new state."""
        ids, lengths = padded_ids(self.model, self.tokenizer, texts)
        options: dict[str, Any] = {"capture": self.layers, "logits": False}
        size = chunk_tokens(self.batch_tokens)
        for columns, output in read_chunks(self.model, ids, state, size=size, lengths=lengths, **options):
            for label, states in layer_states(output, self.layers):
                for row, (start, stop) in enumerate(spans):
                    part = overlap(columns, start, stop)
                    if part.stop > part.start:
                        pools[row][label].add(states[row, part])
            assert output.state is not None
            state = output.state
            del output, states  # or they would be held while the next chunk is read
        if self.progress is not None:
            self.progress(sum(map(len, texts)))
        return state

    def _pools(self) -> _Pools:
        return {label: make_pool(self.pooling, 0) for label in layer_labels(self.layers)}


class _Tail(NamedTuple):
    """What follows upstream bases, and what is pooled: upstream from `start`, behind it up to `stop`."""

    upstream: str
    text: str
    start: int
    stop: int


_Pools = dict[str, Pool]


def _shared(tails: Iterable[_Tail]) -> list[list[_Tail]]:
    """The different tails of each upstream text, in order of their first coming."""
    jobs: dict[str, dict[_Tail, None]] = {}
    for tail in tails:
        jobs.setdefault(tail.upstream, {})[tail] = None
    return [list(job) for job in jobs.values()]


def _batches(jobs: Sequence[Sequence[_Tail]], batch_tokens: int) -> Iterator[list[Sequence[_Tail]]]:
    """Jobs that run together: equal upstream lengths, so that they need no mask, and numbers of tails."""
    groups: dict[tuple[int, int], list[Sequence[_Tail]]] = {}
    for job in jobs:
        groups.setdefault((len(job[0].upstream), len(job)), []).append(job)
    for group in groups.values():
        tokens = [len(job[0].upstream) + len(job) * max(len(tail.text) for tail in job) for job in group]
        for batch in by_length(tokens, batch_tokens):
            yield [group[index] for index in batch]


def _forked(pools: _Pools) -> _Pools:
    return {label: pool.fork() for label, pool in pools.items()}


def _mean(strands: Sequence[Vectors]) -> Vectors:
    """Mean over the strands."""
    return {label: np.mean([vectors[label] for vectors in strands], axis=0) for label in strands[0]}
