from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cistron.data.build import Source, build_corpus
from cistron.data.packed import PackedCorpus

LETTERS = np.frombuffer(b"ACGTN", dtype=np.uint8)


@pytest.fixture
def random_bases() -> Callable[[int, int], str]:
    """Seeded sequence of a given length, a third of it A so that strands differ."""

    def make(length: int, seed: int) -> str:
        return "".join(np.random.default_rng(seed).choice(list("AACGT"), length))

    return make


@pytest.fixture
def fasta(tmp_path: Path) -> Callable[..., Source]:
    """Writes contigs into a FASTA file and returns it as a source."""

    def make(contigs: dict[str, str], name: str = "a.fa", **filters: str) -> Source:
        text = "".join(f">{contig} of a test\n{bases}\n" for contig, bases in contigs.items()).encode()
        (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
        return Source(str(tmp_path / name), **filters)

    return make


@pytest.fixture
def corpus_of(tmp_path: Path, fasta: Callable[..., Source]) -> Callable[..., PackedCorpus]:
    """Builds a corpus of one source from texts, contigs being called c0, c1 …"""

    def make(*texts: str, folder: str = "corpus", **options: object) -> PackedCorpus:
        contigs = {f"c{number}": text for number, text in enumerate(texts)}
        return build_corpus([fasta(contigs, f"{folder}.fa")], tmp_path / folder, **options)  # type: ignore[arg-type]

    return make


@pytest.fixture
def text_of() -> Callable[..., str]:
    """Bases of a stretch of a corpus as letters."""

    def read(corpus: PackedCorpus, contig: int, start: int = 0, end: int | None = None) -> str:
        end = corpus.contigs[contig].length if end is None else end
        return LETTERS[corpus.codes(contig, start, end)].tobytes().decode()

    return read
