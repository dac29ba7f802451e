"""A training corpus in memory: token ids of many contigs, minus what is held out."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8

from cistron.errors import InputError
from cistron.formats.fasta import Fasta
from cistron.genome.contigs import ContigNames
from cistron.tokenizers import Tokenizer

_ANY_LENGTH = 0
"""Stands for the length of every contig that is looked up by name alone, so that `MT` and `chrM` are one."""


@dataclass(frozen=True)
class Source:
    """One FASTA file of a corpus.

    Attributes:
        fasta: Path; environment variables such as `$CISTRON_DATA` are expanded.
        locations: Tab-separated table with the columns `lrg` (contig name in the FASTA) and `chrom`, for a
            file whose contigs are loci of other chromosomes; keeps held-out chromosomes out.
    """

    fasta: str
    locations: str | None = None


@dataclass(frozen=True)
class Contig:
    """Token ids of one contig, one byte each."""

    name: str
    ids: UInt8[np.ndarray, "L"]


@dataclass(frozen=True)
class Corpus:
    """Contigs to learn from.

    Attributes:
        contigs: In source order.
        sha256: Hash over names and ids: the identity of the data a model has seen.
    """

    contigs: tuple[Contig, ...]
    sha256: str

    @property
    def num_bases(self) -> int:
        """Bases in all contigs, N included."""
        return sum(len(contig.ids) for contig in self.contigs)


def read_corpus(sources: Sequence[Source], tokenizer: Tokenizer, held_out: Sequence[str] = ()) -> Corpus:
    """Read all contigs of `sources` that do not lie on a held-out chromosome.

    Args:
        sources: FASTA files.
        tokenizer: Its ids must fit a byte.
        held_out: Chromosome names; `20` and `chr20` mean the same.

    Raises:
        InputError: A whole FASTA contig is a held-out chromosome, or nothing is left to train on.
    """
    contigs = tuple(
        Contig(name, tokenizer.encode(bases).astype(np.uint8))
        for source in sources
        for name, bases in read_source(source, held_out)
    )
    if not contigs:
        raise InputError("the corpus is empty: every contig of its sources is held out")
    digest = hashlib.sha256()
    for contig in contigs:
        digest.update(f"{contig.name}\t{len(contig.ids)}\n".encode())
        digest.update(contig.ids.tobytes())
    return Corpus(contigs, digest.hexdigest())


def read_source(source: Source, held_out: Sequence[str] = ()) -> Iterator[tuple[str, str]]:
    """Yield (contig name, bases) of one file, without loci of held-out chromosomes.

    Raises:
        InputError: A contig is itself a held-out chromosome.
    """
    refused = ContigNames(dict.fromkeys(held_out, _ANY_LENGTH))
    chromosomes = _locations(source)
    with Fasta(Path(os.path.expandvars(source.fasta))) as fasta:
        for name, length in fasta.contigs.items():
            if refused.resolve(name, _ANY_LENGTH) is not None:
                raise InputError(
                    f"{fasta.name} holds contig {name}, which is held out; leave it out of the sources"
                )
            if any(refused.resolve(chrom, _ANY_LENGTH) is not None for chrom in chromosomes.get(name, ())):
                continue
            yield name, fasta.fetch(name, 0, length)


def _locations(source: Source) -> dict[str, set[str]]:
    """Contig name → chromosomes it lies on.

    Raises:
        InputError: The table is missing or lacks a column: what is held out could not be told.
    """
    found: dict[str, set[str]] = {}
    if source.locations is None:
        return found
    path = Path(os.path.expandvars(source.locations))
    try:
        with path.open(newline="") as table:
            for row in csv.DictReader(table, delimiter="\t"):
                found.setdefault(row["lrg"], set()).add(row["chrom"])
    except OSError as problem:
        raise InputError(f"the table of locations '{path}' cannot be read: {problem.strerror}") from None
    except KeyError as column:
        raise InputError(f"the table of locations '{path}' has no column {column}") from None
    return found


_MOST_DRAWS = 10_000
"""Draws per window before a corpus is taken to hold nothing but N."""


@dataclass(frozen=True)
class WindowSampler:
    """Draws training windows; batch `step` depends on the seed and the step alone.

    Windows are drawn uniformly over all positions of the corpus; half of them are reverse-complemented.
    A window that is mostly N is drawn again.

    Raises:
        InputError: No contig is as long as a window, or hardly any window holds enough known bases.
    """

    corpus: Corpus
    tokenizer: Tokenizer
    length: int
    batch: int
    seed: int
    reverse_share: float = 0.5

    def __post_init__(self) -> None:
        if all(len(contig.ids) < self.length for contig in self.corpus.contigs):
            raise InputError(f"no contig of the corpus is as long as a window of {self.length} tokens")

    def __call__(self, step: int) -> Int[np.ndarray, "B L"]:
        """Token ids of batch number `step`."""
        random = np.random.default_rng([self.seed, step])
        starts_per_contig = [max(len(c.ids) - self.length + 1, 0) for c in self.corpus.contigs]
        ends = np.cumsum(starts_per_contig)
        complement = complement_table(self.tokenizer)
        rows: list[np.ndarray] = []
        draws = 0
        while len(rows) < self.batch:
            draws += 1
            if draws > _MOST_DRAWS * self.batch:
                raise InputError(f"hardly any window of {self.length} tokens of the corpus is not mostly N")
            draw = int(random.integers(ends[-1]))
            reverse = random.random() < self.reverse_share
            which = int(np.searchsorted(ends, draw, side="right"))
            start = draw - int(ends[which] - starts_per_contig[which])
            ids = self.corpus.contigs[which].ids[start : start + self.length]
            known = complement[ids] != ids
            if 2 * int(known.sum()) < self.length:
                continue
            rows.append(complement[ids][::-1] if reverse else ids)
        return np.stack(rows).astype(np.int64)


def complement_table(tokenizer: Tokenizer) -> UInt8[np.ndarray, "V"]:
    """Token id → id of the complementary base; everything but A, C, G, T maps to itself."""
    table = np.arange(tokenizer.vocab_size, dtype=np.uint8)
    ids = tokenizer.nucleotide_ids
    for base, other in zip("ACGT", "TGCA", strict=True):
        table[ids[base]] = ids[other]
    return table
