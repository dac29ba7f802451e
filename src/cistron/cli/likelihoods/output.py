"""What `cistron likelihood` keeps of each block, and what it writes: a row a sequence, a value a base."""

from __future__ import annotations

import math
import shutil
import struct
import sys
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cistron.cli.journaled import is_stream
from cistron.cli.likelihoods.input import Record, Sequences
from cistron.formats.atomic import STREAM, writing
from cistron.formats.bigwig import ENDINGS as BIGWIG
from cistron.formats.bigwig import Run, write_bigwig
from cistron.formats.columns import ColumnWriter
from cistron.formats.table import ColumnType, TableWriter
from cistron.genome.tiling import Tile, Tiling

TABLES: Final = (".tsv", ".tsv.gz", ".parquet")
TRACKS: Final = (*BIGWIG, ".parquet")

_COUNT: Final = struct.Struct("<I")
_ENTRY: Final = struct.Struct("<dq")  # sum of log-probabilities, scored bases


class Part(NamedTuple):
    """What became of one block.

    Attributes:
        total: Sum of log-probabilities in nats.
        scored: Bases that are in it.
        values: Log-probability of each base, NaN where unscored; empty when no track is wanted.
    """

    total: float
    scored: int
    values: NDArray[np.float32]


def packed(found: list[NDArray[np.float64]], *, keep: bool) -> bytes:
    """The log-probabilities of a shard's blocks as bytes: sums and counts, and every value with `keep`."""
    known = [values[np.isfinite(values)] for values in found]
    entries = [_ENTRY.pack(math.fsum(values), len(values)) for values in known]
    kept = [values.astype("<f4").tobytes() for values in found] if keep else []
    return b"".join([_COUNT.pack(len(found)), *entries, *kept])


@dataclass(frozen=True)
class Results:
    """The sequences and what is known of them, gone through from the start each time.

    Attributes:
        sequences: What was scored.
        tiling: How they were cut.
        journal: Shards, of which `packed` made what is kept.
        metadata: How the values were made.
    """

    sequences: Sequences
    tiling: Tiling
    journal: Iterable[bytes]
    metadata: Mapping[str, str]

    def parts(self) -> Iterator[tuple[Record, Iterator[tuple[Tile, Part]]]]:
        """Each record with its blocks, which must be taken before the next record."""
        blocks = self._blocks()
        for record in self.sequences.records():
            count = self.tiling.count(record.length)
            yield record, zip(self.tiling.tiles(record.length), islice(blocks, count), strict=True)

    def _blocks(self) -> Iterator[Part]:
        tiles = (tile for each in self.sequences.records() for tile in self.tiling.tiles(each.length))
        for payload in self.journal:
            (count,) = _COUNT.unpack_from(payload)
            at = _COUNT.size + count * _ENTRY.size
            keeps = at < len(payload)
            for number, tile in enumerate(islice(tiles, count)):
                total, scored = _ENTRY.unpack_from(payload, _COUNT.size + number * _ENTRY.size)
                values = np.frombuffer(payload, "<f4", len(tile) if keeps else 0, at if keeps else 0)
                at += values.nbytes
                yield Part(total, scored, values)


def write_table(output: str, results: Results) -> int:
    """Write a row for each sequence to a file or a stream, and return how many bases are scored.

    Raises:
        OutputError: It cannot be written.
    """
    if not is_stream(output):
        return _write_rows(output, results)
    with tempfile.TemporaryDirectory(prefix="cistron-") as folder:
        copy = Path(folder, "out.tsv")
        scored = _write_rows(str(copy), results)
        with copy.open("rb") as table, writing(output):
            if output == STREAM:
                shutil.copyfileobj(table, sys.stdout.buffer)
                sys.stdout.buffer.flush()
            else:
                with Path(output).open("wb") as stream:
                    shutil.copyfileobj(table, stream)
    return scored


def write_track(path: str, results: Results) -> None:
    """Write the log-probability of every base; the sequences are the contigs.

    Raises:
        InputError: No base has a value and `path` is a bigWig.
        OutputError: It cannot be written.
    """
    runs = (
        Run(each.name, tile.start, part.values) for each, parts in results.parts() for tile, part in parts
    )
    if path.endswith(BIGWIG):
        write_bigwig(path, {each.name: each.length for each in results.sequences.records()}, runs)
        return
    schema = {"name": str, "pos": np.int64, "log_p": np.float32}
    with ColumnWriter(path, schema, results.metadata) as table:
        for run in runs:
            positions = np.arange(run.start + 1, run.start + 1 + len(run.values))
            table.append({"name": [run.chrom] * len(positions), "pos": positions, "log_p": run.values})


def _write_rows(path: str, results: Results) -> int:
    # Six digits, which is what text tables give a float, are too few to compare long sequences by.
    wide: ColumnType = float if path.endswith(".parquet") else str
    schema: dict[str, ColumnType] = {
        "name": str,
        "length": int,
        "scored": int,
        "windows": int,
        "log_likelihood": wide,
        "per_base": float,
        "perplexity": float,
    }
    in_all = 0
    with TableWriter(path, schema, results.metadata) as table:
        for record, parts in results.parts():
            # Not the parts, whose values are those of every base of a chromosome.
            totals, scored = array("d"), 0
            for _, part in parts:
                totals.append(part.total)
                scored += part.scored
            in_all += scored
            counts: list[Any] = [record.name, record.length, scored, len(totals)]
            table.write_rows([[*counts, *_measures(totals, scored, wide)]])
    return in_all


def _measures(totals: array[float], scored: int, wide: ColumnType) -> list[Any]:
    """Log-likelihood, mean and perplexity; nothing where no base was scored, which 0 would call certain."""
    from cistron.inference.likelihood import Likelihood

    if not scored:
        return [None, None, None]
    found = Likelihood(math.fsum(totals), scored)
    return [f"{found.total:.4f}" if wide is str else found.total, found.per_base, found.perplexity]
