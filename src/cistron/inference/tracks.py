"""Signal along the genome as a head for tracks predicts it, for sequences or along whole regions.

A head reads hidden states in one direction. Tracks of the plus strand come from the sequence, those of the
minus strand from its reverse complement, turned back; tracks without a strand from both, averaged before
they are brought to the scale of the signal. See `docs/design/tracks.md`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cistron.errors import WeightsError, WindowError
from cistron.genome import Interval, Reference
from cistron.genome.sequence import count_acgt
from cistron.genome.sliding import checked_stride
from cistron.genome.splits import Regions
from cistron.heads.coverage_track import TrackHead
from cistron.inference.next_base import base_codes
from cistron.inference.predict import Text, hidden_of
from cistron.models import Model
from cistron.tokenizers import Tokenizer
from cistron.weights.heads import SavedHead

Outputs = Callable[[bool], Float[Tensor, "B T L"]]
"""A head's outputs for sequences read forward, or for their reverse complements."""


class Signal(NamedTuple):
    """Predicted signal along a stretch of a contig.

    Attributes:
        chrom: Contig name.
        start: First base, 0-based.
        values: Of every track, along the plus strand; NaN where the reference has no base.
    """

    chrom: str
    start: int
    values: Float[np.ndarray, "T L"]

    @property
    def end(self) -> int:
        """One past the last base, 0-based."""
        return self.start + int(self.values.shape[1])


def predict_tracks(
    model: Model, tokenizer: Tokenizer, saved: SavedHead, sequences: Iterable[str], *, rows: int = 1
) -> Iterator[Float[np.ndarray, "T L"]]:
    """Yield the signal of every track at every base of each sequence, in order, in the units of the tracks.

    Args:
        model: The one that the head was trained on.
        tokenizer: Its tokenizer.
        saved: A head for tracks, from `weights.heads.load_head`.
        sequences: Along the plus strand, each no longer than the model's context.
        rows: Sequences of one length that go through the model together.

    Raises:
        WeightsError: The head does not predict tracks.
        WindowError: A sequence is longer than the model's context.
    """
    head = track_head(saved)
    for _, alike in groupby(sequences, key=len):
        while batch := list(islice(alike, rows)):
            _refuse_too_long(model, len(batch[0]))
            # For one batch: whoever takes the answers may use the model in between.
            with torch.inference_mode(), saved.on(model):
                outputs = head.both_ways(
                    lambda reverse, batch=batch: _outputs(model, tokenizer, saved, batch, reverse),
                    saved.backbone.strands,
                )
                answers = head.answer(outputs)
            yield from answers.cpu().numpy()


def predict_regions(
    model: Model,
    tokenizer: Tokenizer,
    saved: SavedHead,
    reference: Reference,
    intervals: Iterable[Interval],
    *,
    width: int | None = None,
    stride: int | None = None,
    rows: int = 1,
) -> Iterator[Signal]:
    """Yield the signal along intervals, stretch by stretch in order; memory does not grow with them.

    Windows lie on a grid of the contig and overlap. Every base gets the mean of its windows, weighted by how
    far it lies from a window's nearer end, so the answer does not depend on which stretch was asked for.

    Args:
        model: The one that the head was trained on.
        tokenizer: Its tokenizer.
        saved: A head for tracks.
        reference: The genome.
        intervals: In the reference's names and order, without overlap.
        width: Window in bp; None for that of the training.
        stride: Between the starts of windows in bp; half a window when None.
        rows: Windows that go through the model together.

    Raises:
        WeightsError: The head does not predict tracks.
        WindowError: The window is longer than the model's context, or the stride than the window.
    """
    wanted = list(intervals)
    windows = list(grid_windows(reference, wanted, *window_of(saved, width, stride)))
    texts = (reference.fetch(window.chrom, window.start, window.end) for window in windows)
    answers = predict_tracks(model, tokenizer, saved, texts, rows=rows)
    yield from stitched(reference, wanted, zip(windows, answers, strict=True))


def track_head(saved: SavedHead) -> TrackHead:
    """The head that is saved.

    Raises:
        WeightsError: It does not predict tracks.
    """
    if not isinstance(saved.head, TrackHead):
        raise WeightsError(
            f"the head predicts {saved.spec.per}s and not tracks; give one from `cistron tracks train`"
        )
    return saved.head


def window_of(saved: SavedHead, width: int | None = None, stride: int | None = None) -> tuple[int, int]:
    """Width and stride in bp to read regions with: those given, else the width of the training and its half.

    Raises:
        WindowError: The stride is not between 1 and the width.
    """
    width = width or int(saved.facts["width"])
    return width, checked_stride(width, stride or max(width // 2, 1))


def grid_windows(
    reference: Reference, intervals: Iterable[Interval], width: int, stride: int
) -> Iterator[Interval]:
    """Yield every window that is read for the intervals, once, in order.

    They begin at multiples of `stride`; the last of a contig ends with it. A window without a single A, C, G
    or T is left out.
    """
    before = Interval("", -1, -1)
    for interval in intervals:
        length = reference.contigs[interval.chrom]
        last = max(length - width, 0)
        first = max((interval.start - width) // stride + 1, 0) * stride
        starts = [*range(first, min(last, interval.end), stride), *([last] if last < interval.end else [])]
        for start in starts:
            window = Interval(interval.chrom, start, min(start + width, length))
            if window.chrom == before.chrom and window.start <= before.start:
                continue
            before = window
            if count_acgt(reference.fetch(window.chrom, window.start, window.end)):
                yield window


def stitched(
    reference: Reference,
    intervals: Sequence[Interval],
    answers: Iterable[tuple[Interval, Float[np.ndarray, "T L"]]],
) -> Iterator[Signal]:
    """Yield the signal along intervals from the answers for `grid_windows`, in order."""
    wanted: Mapping[str, list[Interval]] = {
        chrom: list(each) for chrom, each in groupby(Regions(intervals), key=lambda one: one.chrom)
    }
    for signal in _merged(answers):
        for interval in _touched(wanted[signal.chrom], signal):
            start, end = max(interval.start, signal.start), min(interval.end, signal.end)
            values = signal.values[:, start - signal.start : end - signal.start].copy()
            values[:, base_codes(reference.fetch(signal.chrom, start, end)) < 0] = np.nan
            yield Signal(signal.chrom, start, values)


def _touched(intervals: Sequence[Interval], signal: Signal) -> Sequence[Interval]:
    """Those that share a base with a stretch; they ascend without overlap."""
    first = bisect_right(intervals, signal.start, key=lambda interval: interval.end)
    return intervals[first : bisect_left(intervals, signal.end, key=lambda interval: interval.start)]


def _merged(answers: Iterable[tuple[Interval, Float[np.ndarray, "T L"]]]) -> Iterator[Signal]:
    """Weighted means where windows overlap; no more is held than reaches into the next window."""
    chrom, start = "", 0
    total, weight = np.zeros((0, 0)), np.zeros(0)
    for window, values in answers:
        apart = window.chrom != chrom or window.start > start + len(weight)
        done = len(weight) if apart else window.start - start
        if done:
            yield Signal(chrom, start, (total[:, :done] / weight[:done]).astype(np.float32))
        total, weight = _added(total[:, done:], weight[done:], values)
        chrom, start = window.chrom, window.start
    if len(weight):
        yield Signal(chrom, start, (total / weight).astype(np.float32))


def _added(total: Any, weight: Any, values: Float[np.ndarray, "T L"]) -> tuple[Any, Any]:
    """Sums and weights from a window's start on, after adding it."""
    length = values.shape[1]
    ramp = np.minimum(np.arange(1, length + 1), np.arange(length, 0, -1)).astype(np.float64)
    fresh, fresh_weight = values * ramp, ramp
    held = len(weight)
    if held:
        fresh[:, :held] += total
        fresh_weight[:held] += weight
    return fresh, fresh_weight


def _outputs(
    model: Model, tokenizer: Tokenizer, saved: SavedHead, sequences: Sequence[str], reverse: bool
) -> Float[Tensor, "B T L"]:
    texts = [Text(sequence).reversed() if reverse else Text(sequence) for sequence in sequences]
    head = cast(TrackHead, saved.head)
    return head.decide(head.summarise(hidden_of(model, tokenizer, texts, saved.backbone.layers)))


def _refuse_too_long(model: Model, length: int) -> None:
    most = model.config.context_length
    if length > most:
        raise WindowError(
            f"a window of {length:,} bp; the model reads {most:,} at most, choose a smaller one"
        )
