"""FASTA: a reference genome, plain or BGZF-compressed, as a `Reference`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Final

import pysam

from cistron.errors import InputError, OutOfBoundsError, UnknownContigError
from cistron.formats.bgzf import first_bytes, is_bgzf, is_gzip, require_complete
from cistron.formats.fasta_index import FastaIndex, find_index
from cistron.formats.htslib import quiet_htslib
from cistron.genome.sequence import is_nucleotides, require_nucleotides

# Windows of 8 kb every 100 bp come 25 times faster than from htslib, scattered ones at most 4 times slower
# (0.8 against 0.2 ms on BGZF); larger blocks only make the scattered ones slower.
_BLOCK: Final = 1 << 16
_BLOCKS_KEPT: Final = 16


class Fasta:
    """A reference genome in a FASTA file; implements `cistron.genome.Reference`.

    Lower case (soft masking) is read as upper case. Variants come clustered, so the last blocks read are
    kept: a few MB however large the genome. Not thread-safe.

    Args:
        path: Plain or BGZF-compressed FASTA. A missing index is built beside it, or in the user's cache
            folder when its own folder is read-only.

    Raises:
        InputError: The file is missing, empty, cut short, not FASTA or ordinary gzip, or an index does not
            fit it.
    """

    def __init__(self, path: str | Path) -> None:
        self.path: Final = Path(path)
        compressed = _require_fasta(self.path)
        self._index: Final[FastaIndex] = find_index(self.path, compressed)
        self._contigs: Final = MappingProxyType(self._index.contigs)
        self._blocks: OrderedDict[tuple[str, int], tuple[str, bool]] = OrderedDict()
        with quiet_htslib():
            self._file = _open(self.path, self._index)

    def __enter__(self) -> Fasta:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; calling it again does nothing."""
        self._blocks.clear()
        self._file.close()

    @property
    def name(self) -> str:
        """File name without its folder."""
        return self.path.name

    @property
    def contigs(self) -> Mapping[str, int]:
        """Contig name → length in bp, in file order."""
        return self._contigs

    def fetch(self, chrom: str, start: int, end: int) -> str:
        """Upper-case bases of `chrom[start:end]`, 0-based half-open.

        Raises:
            UnknownContigError: No such contig.
            OutOfBoundsError: `start` < 0, `end` beyond the contig, or `end` < `start`.
            SequenceError: The stretch holds something that is not a nucleotide code.
            InputError: The file is damaged there.
        """
        length = self._contigs.get(chrom)
        if length is None:
            raise UnknownContigError(f"contig '{chrom}' is not in {self.name}")
        if not 0 <= start <= end <= length:
            raise OutOfBoundsError(
                f"{chrom}:{start + 1:,}-{end:,} is not in {self.name}, where {chrom} has {length:,} bp"
            )
        if end - start > _BLOCK:
            bases = self._read(chrom, start, end)
            require_nucleotides(bases, f"{self.name} contig {chrom}", start)
            return bases
        first, last = start // _BLOCK, max(start, end - 1) // _BLOCK
        offset = start - first * _BLOCK
        bases, clean = self._block(chrom, first)
        if last > first:
            more, more_clean = self._block(chrom, last)
            bases, clean = bases + more, clean and more_clean
        bases = bases[offset : offset + end - start]
        if not clean:
            require_nucleotides(bases, f"{self.name} contig {chrom}", start)
        return bases

    def _block(self, chrom: str, number: int) -> tuple[str, bool]:
        """An aligned block of a contig, and whether it is nucleotide codes throughout."""
        key = (chrom, number)
        if key in self._blocks:
            self._blocks.move_to_end(key)
            return self._blocks[key]
        bases = self._read(chrom, number * _BLOCK, min((number + 1) * _BLOCK, self._contigs[chrom]))
        self._blocks[key] = bases, is_nucleotides(bases)
        if len(self._blocks) > _BLOCKS_KEPT:
            self._blocks.popitem(last=False)
        return self._blocks[key]

    def _read(self, chrom: str, start: int, end: int) -> str:
        try:
            with quiet_htslib():
                bases: str = self._file.fetch(chrom, start, end)
        except (OSError, ValueError, UnicodeDecodeError) as error:
            raise InputError(f"{self.path} is damaged near {chrom}:{start + 1:,}; copy it again") from error
        if len(bases) != end - start:
            raise InputError(
                f"{self.path} ends within {chrom} although its index expects {end - start:,} bases from"
                f" {chrom}:{start + 1:,}; copy the file again or delete its index"
            )
        return bases.upper()


def _require_fasta(path: Path) -> bool:
    """Whether a file that looks like FASTA is compressed.

    Raises:
        InputError: It does not look like FASTA, or is compressed in a way that cannot be indexed.
    """
    head = first_bytes(path)
    if is_bgzf(head):
        require_complete(path)
        return True
    if is_gzip(head):
        raise InputError(
            f"{path} is ordinary gzip, which cannot be read from the middle; recompress it:"
            f" gunzip -c {path.name} | bgzip > {path.stem}.bgz"
        )
    if not head.lstrip().startswith(b">"):
        raise InputError(f"{path} is not FASTA: it does not begin with '>'")
    return False


def _open(path: Path, index: FastaIndex) -> pysam.FastaFile:
    compressed = str(index.gzi) if index.gzi else None
    try:
        return pysam.FastaFile(str(path), filepath_index=str(index.fai), filepath_index_compressed=compressed)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be opened with its index {index.fai}; delete the index") from error
