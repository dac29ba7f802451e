"""Vectors as AnnData in HDF5: records are observations, the vectors X."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from cistron.errors import OutputError
from cistron.formats.atomic import atomic_output
from cistron.formats.table import Cell
from cistron.formats.vectors import Rows, VectorLayout

_BUFFER_BYTES: Final = 4 << 20
_CHUNK_BYTES: Final = 1 << 20


class H5adVectors:
    """Writes an `.h5ad` file that `anndata.read_h5ad` and scanpy read; implements `VectorWriter`.

    The first vector column is `X`; the others are in `obsm` under their names. `obs` holds the identifying
    columns, `uns["cistron"]` the metadata. Vectors are streamed; `obs` is held until the end, as every reader
    will hold it. Labels that come again get `-1`, `-2` … appended, since AnnData wants them to differ. A
    record without vectors is NaN.

    Args:
        path: Where to write.
        layout: What will be written; not ragged.
        metadata: How the vectors were made.
    """

    def __init__(self, path: str | Path, layout: VectorLayout, metadata: Mapping[str, str]) -> None:
        self._path: Final = path
        self._layout: Final = layout
        self._metadata: Final = dict(metadata)
        self._resources: Final = ExitStack()
        self._arrays: dict[str, _Matrix] = {}
        self._ids: list[Sequence[Cell]] = []
        self._labels: list[str] = []

    def __enter__(self) -> Self:
        require_anndata()
        import h5py

        with ExitStack() as opening:
            temporary = opening.enter_context(atomic_output(self._path))
            file = opening.enter_context(h5py.File(temporary, "w"))
            self._arrays = self._matrices(file)
            opening.push(lambda kind, error, trace: self._finish(file) if kind is None else None)
            self._resources.push(opening.pop_all())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._resources.__exit__(kind, error, trace)

    def write(self, label: str, ids: Sequence[Cell], pieces: Iterable[Rows] | None) -> None:
        """Write one record."""
        self._labels.append(label)
        self._ids.append(ids)
        widths = self._layout.vectors.items()
        missing = {name: np.full((1, width), np.nan, np.float32) for name, width in widths}
        for rows in [missing] if pieces is None else pieces:
            for name, row in rows.items():
                self._arrays[name].append(row)

    def _matrices(self, file: Any) -> dict[str, _Matrix]:
        from anndata.io import write_elem

        main, *others = self._layout.vectors
        file.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})
        write_elem(file, "obsm", {})
        records = self._layout.records
        found = {main: _Matrix(file, "X", records, self._layout.vectors[main])}
        for name in others:
            found[name] = _Matrix(file["obsm"], name, records, self._layout.vectors[name])
        return found

    def _finish(self, file: Any) -> None:
        import pandas as pd
        from anndata.io import write_elem

        for array in self._arrays.values():
            array.flush()
        columns = list(zip(*self._ids, strict=True)) or [()] * len(self._layout.ids)
        cells = {
            name: _column(values, kind)
            for (name, kind), values in zip(self._layout.ids.items(), columns, strict=True)
        }
        width = next(iter(self._layout.vectors.values()))
        write_elem(file, "obs", pd.DataFrame(cells, index=pd.Index(_distinct(self._labels), dtype=str)))
        write_elem(file, "var", pd.DataFrame(index=pd.Index(list(map(str, range(width))), dtype=str)))
        settings = {key.removeprefix("cistron."): value for key, value in self._metadata.items()}
        write_elem(file, "uns", {"cistron": settings})
        for empty in ("layers", "obsp", "varm", "varp"):
            write_elem(file, empty, {})


class _Matrix:
    """A dataset whose rows are written some megabytes at a time."""

    def __init__(self, parent: Any, name: str, records: int, width: int) -> None:
        chunk = max(1, min(records, _CHUNK_BYTES // (4 * width)))
        self._data = parent.create_dataset(
            name, (records, width), "<f4", chunks=(chunk, width) if records else None
        )
        # What anndata itself marks a dense array with. Source: its on-disk format specification.
        self._data.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
        self._most = max(1, _BUFFER_BYTES // (4 * width))
        self._waiting: list[NDArray[np.float32]] = []
        self._written = 0

    def append(self, row: NDArray[np.float32]) -> None:
        self._waiting.append(row)
        if len(self._waiting) == self._most:
            self.flush()

    def flush(self) -> None:
        if self._waiting:
            end = self._written + len(self._waiting)
            self._data[self._written : end] = np.concatenate(self._waiting)
            self._written, self._waiting = end, []


def require_anndata() -> None:
    """Return silently when anndata is installed.

    Raises:
        OutputError: It is not.
    """
    try:
        import anndata  # noqa: F401 - whether it is there is the question
    except ImportError:
        raise OutputError("writing .h5ad needs the package anndata: pip install 'cistron[anndata]'") from None


def _column(values: Sequence[Cell], kind: type) -> Any:
    """A column of `obs`: text without None, and numbers with NaN for it."""
    import pandas as pd

    if kind is str:
        return np.array(["" if value is None else str(value) for value in values], dtype=object)
    return pd.Series(list(values), dtype=kind if None not in values else "float64").to_numpy()


def _distinct(labels: Sequence[str]) -> list[str]:
    """The labels with `-1`, `-2` … behind those that came before or are taken."""
    seen: set[str] = set()
    counts: dict[str, int] = {}
    given = set(labels)
    found = []
    for label in labels:
        name = label
        while name in seen or (name != label and name in given):
            counts[label] = counts.get(label, 0) + 1
            name = f"{label}-{counts[label]}"
        seen.add(name)
        found.append(name)
    return found
