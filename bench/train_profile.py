"""Where the time of a training step goes, by kind of operator."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from torch.profiler import ProfilerActivity, profile

KINDS = {
    "attention kernel": ("scaled_dot_product",),
    "matrix products": ("aten::mm", "aten::bmm", "aten::addmm", "grouped_mm", "aten::baddbmm"),
    "compiled element-wise": ("CompiledFxGraph",),
    "optimiser and clipping": ("adam", "optimizer", "foreach", "vector_norm"),
    "routing": (
        "index",
        "embedding",
        "sort",
        "topk",
        "scatter",
        "gather",
        "bincount",
        "cumsum",
        "slots",
        "_softmax",
        "logsumexp",
    ),
    "copies and casts": ("copy", "cat", "fill", "zero"),
    "Python, dispatch and guards": ("dynamo", "torch-compiled", "autograd", "compiledfunction", "prologue"),
}
"""Kind → parts of the names of its operators, lower case ignored; the first that fits counts."""


def breakdown(work: Callable[[], object], repeats: int = 3) -> dict[str, float]:
    """Share of each kind in the profiler's self time of `work`."""
    with profile(activities=[ProfilerActivity.CPU]) as profiled:
        for _ in range(repeats):
            work()
    times: dict[str, float] = defaultdict(float)
    for event in profiled.key_averages():
        times[_kind(event.key)] += event.self_cpu_time_total
    whole = sum(times.values())
    return {kind: round(time / whole, 4) for kind, time in sorted(times.items(), key=lambda item: -item[1])}


def _kind(name: str) -> str:
    found = (kind for kind, parts in KINDS.items() if any(part.lower() in name.lower() for part in parts))
    return next(found, "other element-wise")
