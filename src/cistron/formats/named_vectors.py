"""Vectors that somebody else made, read whole: a name and numbers in each row."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float32

from cistron.errors import InputError
from cistron.formats.labelled_sequences import text_of

ENDINGS: Final = (".parquet", ".npz", ".csv", ".csv.gz", ".tsv", ".tsv.gz")


def read_named_vectors(path: str | Path) -> tuple[list[str], Float32[np.ndarray, "N D"]]:
    """Names and vectors, row by row.

    Args:
        path: Parquet with a column of text and a column of lists, the first of each, such as `cistron embed`
            writes; npz with an array of text and one of vectors, the only ones of one and of two dimensions;
            or delimited text with a header line, names in the first column, numbers in the others.

    Raises:
        InputError: The file is missing, damaged or empty, has no such columns, a name occurs twice, or a
            vector is shorter than the others.
    """
    path = Path(path)
    if path.name.endswith(".parquet"):
        names, rows = _parquet(path)
    elif path.name.endswith(".npz"):
        names, rows = _npz(path)
    elif path.name.endswith(ENDINGS):
        names, rows = _delimited(path)
    else:
        raise InputError(
            f"{path} holds no vectors that can be read; its name should end in {', '.join(ENDINGS)}"
        )
    if not names:
        raise InputError(f"{path} holds no vectors")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"{path} has several vectors called '{twice}'; a name must occur once")
    try:
        return names, np.array(rows, dtype=np.float32)
    except (ValueError, TypeError):
        raise InputError(f"{path}: vectors must be lists of numbers, all of one length") from None


def _parquet(path: Path) -> tuple[list[str], list[Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as problem:
        raise InputError(f"cannot read {path}: {problem}") from None
    texts = [field.name for field in table.schema if pa.types.is_string(field.type)]
    lists = [
        field.name
        for field in table.schema
        if pa.types.is_fixed_size_list(field.type) or pa.types.is_list(field.type)
    ]
    if not texts or not lists:
        raise InputError(f"{path} needs a column of names and a column of lists; it has {table.column_names}")
    return table.column(texts[0]).to_pylist(), table.column(lists[0]).to_pylist()


def _npz(path: Path) -> tuple[list[str], list[Any]]:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            found = {name: stored[name] for name in stored.files}
    except (OSError, ValueError, TypeError, BadZipFile) as problem:
        raise InputError(
            f"cannot read {path}: {problem}; save names as an array of text, not of objects"
        ) from None
    names = [array for array in found.values() if array.ndim == 1 and array.dtype.kind == "U"]
    vectors = [array for array in found.values() if array.ndim == 2]
    if len(names) != 1 or len(vectors) != 1 or len(names[0]) != len(vectors[0]):
        shapes = ", ".join(f"{name} {array.dtype}{list(array.shape)}" for name, array in found.items())
        raise InputError(
            f"{path} needs one array of names and one of as many vectors; it has {shapes or 'none'}"
        )
    return names[0].tolist(), list(vectors[0])


def _delimited(path: Path) -> tuple[list[str], list[Any]]:
    delimiter = "\t" if ".tsv" in path.suffixes else ","
    with text_of(path) as stream:
        rows = list(csv.reader(stream, delimiter=delimiter))[1:]
    return [row[0] for row in rows if row], [row[1:] for row in rows if row]
