"""htslib's messages: kept off stderr, because every failure is told in one line by an exception."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet_htslib() -> Iterator[None]:
    """Silence htslib inside the block and give it its voice back afterwards."""
    import pysam

    before = pysam.set_verbosity(0)
    try:
        yield
    finally:
        pysam.set_verbosity(before)
