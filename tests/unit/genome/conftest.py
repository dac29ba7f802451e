from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from cistron.errors import OutOfBoundsError, UnknownContigError


class TextGenome:
    """A Reference held in memory; strict about bounds, as the contract says."""

    name = "text"

    def __init__(self, contigs: Mapping[str, str]) -> None:
        self._text = dict(contigs)
        self.contigs = {name: len(text) for name, text in contigs.items()}

    def fetch(self, chrom: str, start: int, end: int) -> str:
        if chrom not in self._text:
            raise UnknownContigError(chrom)
        if not 0 <= start <= end <= len(self._text[chrom]):
            raise OutOfBoundsError(f"{chrom}:{start}-{end}")
        return self._text[chrom][start:end]


@pytest.fixture(scope="session")
def genome() -> Callable[..., TextGenome]:
    """Makes a genome from `name=sequence` pairs."""
    return lambda **contigs: TextGenome(contigs)
