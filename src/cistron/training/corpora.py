"""The corpora of a run: opened where they lie, or built from FASTA into the run's folder first."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from cistron.data.build import build_corpus
from cistron.data.index import INDEX
from cistron.data.packed import PackedCorpus
from cistron.training import ProgressFn
from cistron.training.folder import CORPUS
from cistron.training.pretrain import DataSettings
from cistron.training.world import rank, wait_for_all

_LETTERS = np.frombuffer(b"ACGTN", dtype=np.uint8)


def opened_corpora(
    data: DataSettings, folder: Path, progress: ProgressFn, *, resume: bool = False
) -> list[PackedCorpus]:
    """All corpora of a run; the main process builds that of the sources while the others wait.

    Args:
        data: What the run learns from.
        folder: Of the run.
        progress: Told how far the building is.
        resume: Take a corpus that is finished as it is, even where its FASTA files are gone.
    """
    if rank() == 0:
        _build(data, folder / CORPUS, resume, progress)
    wait_for_all()
    return corpora_of(data, folder)


def _build(data: DataSettings, place: Path, resume: bool, progress: ProgressFn) -> None:
    if not data.sources or (resume and (place / INDEX).exists()):
        return
    build_corpus(
        data.sources,
        place,
        held_out=data.held_out,
        deduplicate=data.deduplicate,
        drop_held_out=data.drop_held_out,
        resume=True,
        progress=lambda done, total: progress(done, total, "building the corpus"),
    )


def corpora_of(data: DataSettings, folder: Path) -> list[PackedCorpus]:
    """The corpora of a run that has begun."""
    built = [folder / CORPUS] if data.sources else []
    given = [Path(os.path.expandvars(path)) for path in data.corpora]
    return [PackedCorpus.open(place) for place in (*built, *given)]


def identity(corpora: Sequence[PackedCorpus]) -> str:
    """SHA-256 of what a run learned from: that of its corpus, or of their sorted hashes, one a line."""
    hashes = sorted(corpus.sha256 for corpus in corpora)
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def sequences(corpora: Sequence[PackedCorpus]) -> Iterator[str]:
    """Every usable stretch of every contig as upper-case letters A, C, G, T and N."""
    for corpus in corpora:
        for number, contig in enumerate(corpus.contigs):
            for start, end in contig.stretches:
                yield _LETTERS[corpus.codes(number, int(start), int(end))].tobytes().decode()
