"""Sets of stretches of one contig, as sorted arrays of disjoint 0-based half-open (start, end) rows."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool, Int64

Spans = Int64[np.ndarray, "K 2"]
"""Rows (start, end), ascending, neither empty nor overlapping nor touching."""


def no_spans() -> Spans:
    """The empty set."""
    return np.empty((0, 2), dtype=np.int64)


def merged(rows: Iterable[tuple[int, int]] | np.ndarray) -> Spans:
    """The union of stretches in any order; empty ones vanish and touching ones become one."""
    listed = rows if isinstance(rows, np.ndarray) else list(rows)
    spans = np.asarray(listed, dtype=np.int64).reshape(-1, 2)
    spans = spans[spans[:, 0] < spans[:, 1]]
    if not len(spans):
        return no_spans()
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    reach = np.maximum.accumulate(spans[:, 1])
    opens = np.concatenate(([True], spans[1:, 0] > reach[:-1]))
    closes = np.concatenate((opens[1:], [True]))
    return np.stack((spans[opens, 0], reach[closes]), axis=1)


def intersection(some: Spans, others: Spans) -> Spans:
    """What lies in both sets."""
    points = _edges(some, others)
    return _chosen(points, _inside(some, points) & _inside(others, points))


def difference(some: Spans, others: Spans) -> Spans:
    """What lies in the first set and not in the second."""
    points = _edges(some, others)
    return _chosen(points, _inside(some, points) & ~_inside(others, points))


def total(spans: Spans) -> int:
    """Bases in the set."""
    return int((spans[:, 1] - spans[:, 0]).sum())


def _edges(some: Spans, others: Spans) -> Int64[np.ndarray, "N"]:
    return np.unique(np.concatenate((some.ravel(), others.ravel())))


def _inside(spans: Spans, points: Int64[np.ndarray, "N"]) -> Bool[np.ndarray, "N"]:
    """Whether the set holds the base right of each point."""
    opened = np.searchsorted(spans[:, 0], points, side="right")
    closed = np.searchsorted(spans[:, 1], points, side="right")
    inside: Bool[np.ndarray, "N"] = opened > closed
    return inside


def _chosen(points: Int64[np.ndarray, "N"], chosen: Bool[np.ndarray, "N"]) -> Spans:
    """The pieces between neighbouring points that are chosen; the last point begins no piece."""
    if not len(points):
        return no_spans()
    return merged(np.stack((points[:-1], points[1:]), axis=1)[chosen[:-1]])
