"""Work side by side on the cores of a CPU.

Passes of the sizes that scoring needs do not fill several cores each: element-wise steps and small products
wait for one another. Whole passes side by side, one core each, do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")


def workers(device: torch.device) -> int:
    """How many pieces of work go side by side: as many as torch has threads, one on a GPU."""
    return torch.get_num_threads() if device.type == "cpu" else 1


def side_by_side(work: Callable[[T], R], items: Sequence[T], device: torch.device) -> Iterator[R]:
    """Yield `work(item)` for each item, in order, in inference mode.

    On a CPU, torch's threads are dealt out: one for each piece of work, or several where there are fewer
    pieces than threads. The pieces must not depend on one another.
    """
    threads = workers(device)
    count = min(threads, len(items))
    if count < 2:
        for item in items:
            yield _inferred(work, item)
        return
    # The number of threads belongs to the thread that sets it; ours keeps its own, and gets it back at the
    # end as the number that threads yet to be started will begin with.
    pool = ThreadPoolExecutor(count, "cistron", torch.set_num_threads, (threads // count,))
    try:
        yield from pool.map(lambda item: _inferred(work, item), items)
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)


def _inferred(work: Callable[[T], R], item: T) -> R:
    with torch.inference_mode():
        return work(item)
