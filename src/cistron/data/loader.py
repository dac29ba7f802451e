"""Batches made ahead of their use, in order, by threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def prefetch(
    make: Callable[[int], T], steps: Iterable[int], *, ahead: int = 2, workers: int = 1
) -> Generator[T, None, None]:
    """Yield `make(step)` for each step in order, the next ones being made meanwhile.

    What a step holds depends on the step alone, so nothing depends on the number of workers. Threads suffice:
    most of a long window's time is spent in numpy's copies and in page faults, which release the
    interpreter's lock.
    An exception of `make` is raised where its step is due. Closing the generator drops what was not begun and
    waits for what was.

    Args:
        make: Thread-safe, such as a `Sampler`, alone or with the rows of a rank bound to it.
        steps: Numbers of steps; may be endless.
        ahead: Results made and not yet asked for, at most.
        workers: Threads.
    """
    remaining = iter(steps)
    waiting: deque[Future[T]] = deque()
    pool = ThreadPoolExecutor(workers, "prefetch")
    try:
        waiting.extend(pool.submit(make, step) for step in islice(remaining, ahead))
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(pool.submit(make, step) for step in islice(remaining, 1))
            yield result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
