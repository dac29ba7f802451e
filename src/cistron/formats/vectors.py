"""Files of vectors: one or several vectors for each record, beside the columns that identify it.

The contract that `.parquet`, `.npy`, `.h5ad` and `.zarr` share, and the choice among them by ending.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, Self

import numpy as np
from jaxtyping import Float32

from cistron.errors import OutputError
from cistron.formats.atomic import refuse_unwritable
from cistron.formats.table import Cell, ColumnType

ENDINGS: Final = (".parquet", ".npy", ".h5ad", ".zarr")

_LARGEST_CELL: Final = 1 << 30

Rows = Mapping[str, Float32[np.ndarray, "R D"]]
"""Vector column → some rows; all columns have equally many."""


@dataclass(frozen=True)
class VectorLayout:
    """What a file of vectors will hold; known before the first is written.

    Attributes:
        ids: Column → type, of what identifies a record.
        vectors: Column → length of its vectors; the first is the main one.
        records: Number of records.
        ragged: Whether a record has one vector for each of its positions instead of one in all.
        longest: Most positions of a record.
        shortest: Fewest positions of a record.
    """

    ids: Mapping[str, ColumnType]
    vectors: Mapping[str, int]
    records: int
    ragged: bool = False
    longest: int = 1
    shortest: int = 1


class VectorWriter(Protocol):
    """Writes records in order; a context manager.

    The file appears under its name only when the block ends without an exception, and the same records give
    the same bytes.
    """

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: Any) -> bool | None: ...

    def write(self, label: str, ids: Sequence[Cell], pieces: Iterable[Rows] | None) -> None:
        """Write one record.

        Args:
            label: What to call it where a format names its rows.
            ids: One cell for each identifying column.
            pieces: Its vectors: one row, or when ragged one for each position, in pieces; None for a record
                that has none.

        Raises:
            OutputError: The disk is full.
        """
        ...


def open_vectors(path: str | Path, layout: VectorLayout, metadata: Mapping[str, str]) -> VectorWriter:
    """The writer for the ending of `path`.

    Args:
        path: Where to write.
        layout: What will be written.
        metadata: How the vectors were made; every format keeps it.

    Raises:
        OutputError: See `refuse_unfit`.
    """
    refuse_unfit(path, layout)
    if _ending(path) == ".parquet":
        from cistron.formats.parquet_vectors import ParquetVectors

        return ParquetVectors(path, layout, metadata)
    if _ending(path) == ".npy":
        from cistron.formats.npy import NpyVectors

        return NpyVectors(path, layout, metadata)
    if _ending(path) == ".h5ad":
        from cistron.formats.h5ad import H5adVectors

        return H5adVectors(path, layout, metadata)
    from cistron.formats.zarr_vectors import ZarrVectors

    return ZarrVectors(path, layout, metadata)


def refuse_unwritable_vectors(path: str | Path) -> None:
    """Say now, not after hours of work, that `path` cannot be written.

    Raises:
        OutputError: Its ending is none of `ENDINGS`, its library is missing, or its place is not writable.
    """
    ending = _ending(path)
    if ending == ".zarr":
        from cistron.formats.zarr import refuse_unwritable_folder

        refuse_unwritable_folder(path)
        return
    refuse_unwritable(path)
    if ending == ".h5ad":
        from cistron.formats.h5ad import require_anndata

        require_anndata()


def refuse_unfit(path: str | Path, layout: VectorLayout) -> None:
    """Return silently when a file of this ending can hold such vectors.

    Raises:
        OutputError: It cannot; the message says why and what could.
    """
    ending = _ending(path)
    if ending == ".npy" and len(layout.vectors) > 1:
        raise OutputError(
            f"a .npy file holds one array and {', '.join(layout.vectors)} were asked for; choose one, or"
            " write .parquet, .h5ad or .zarr"
        )
    if ending == ".npy" and layout.shortest != layout.longest:
        raise OutputError(
            f"a .npy file holds equally many positions for each record, and these have {layout.shortest:,} to"
            f" {layout.longest:,}; cut them with --window, pool them, or write .parquet or .zarr"
        )
    if ending == ".h5ad" and layout.ragged:
        raise OutputError(
            "an .h5ad file holds one vector for each record; pool the positions, or write .parquet or .zarr"
        )
    cell = layout.longest * sum(layout.vectors.values()) * 4
    if ending == ".parquet" and cell > _LARGEST_CELL:
        raise OutputError(
            f"the positions of one record would fill {cell / 1e9:.1f} GB of a Parquet cell, which readers"
            " hold in memory whole; cut the records with --window, or write .zarr"
        )


def _ending(path: str | Path) -> str:
    """The ending, which must be known."""
    ending = Path(path).suffix
    if ending not in ENDINGS:
        raise OutputError(f"cannot write {path}: vectors go to a file that ends in {', '.join(ENDINGS)}")
    return ending
