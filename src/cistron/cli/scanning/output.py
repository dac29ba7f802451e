"""What `cistron scan` writes: one file a track, or a table or array of everything."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from cistron.errors import InputError, OutputError
from cistron.formats.atomic import refuse_unwritable
from cistron.formats.bigwig import ENDINGS as BIGWIG
from cistron.formats.bigwig import Run, write_bigwig
from cistron.formats.columns import ColumnWriter
from cistron.formats.table import TableWriter
from cistron.formats.zarr import ZarrWriter, refuse_unwritable_folder
from cistron.genome.sequence import ACGT

if TYPE_CHECKING:
    from cistron.inference.scan import Scanned

Track = Literal["log_p", "log_odds", "entropy"]
ENDINGS: Final = (*BIGWIG, ".parquet", ".zarr", ".tsv", ".tsv.gz")

TRACKS: Final[dict[Track, Callable[[Scanned], NDArray[Any]]]] = {
    "log_p": lambda scanned: scanned.ref_log_p,
    "log_odds": lambda scanned: scanned.mean_log_odds,
    "entropy": lambda scanned: scanned.entropy,
}
"""Track → its values."""


def chosen_tracks(names: Collection[str]) -> tuple[Track, ...]:
    """The tracks that the user named, all of them when none is.

    Raises:
        InputError: There is no such track.
    """
    for name in names:
        if name not in TRACKS:
            raise InputError(f"--track {name}: the tracks are {', '.join(TRACKS)}")
    return tuple(track for track in TRACKS if not names or track in names)


def track_files(output: str, tracks: Sequence[Track]) -> dict[Track, str]:
    """The bigWig of each track: `out.bw` itself for a single one, else `out.TRACK.bw`."""
    if len(tracks) == 1:
        return {tracks[0]: output}
    path = Path(output)
    return {track: str(path.with_name(f"{path.stem}.{track}{path.suffix}")) for track in tracks}


def files_of(outputs: Sequence[str], tracks: Sequence[Track]) -> list[str]:
    """Every file that will be written.

    Raises:
        OutputError: A name has another ending, or two are the same.
    """
    files: list[str] = []
    for output in outputs:
        if not output.endswith(ENDINGS):
            raise OutputError(f"cannot write {output}: its name should end in {', '.join(ENDINGS)}")
        files += track_files(output, tracks).values() if output.endswith(BIGWIG) else [output]
    for number, file in enumerate(files):
        if any(Path(file).resolve() == Path(other).resolve() for other in files[:number]):
            raise OutputError(f"{file} is named twice; give every output a name of its own")
    return files


def refuse_unwritable_output(file: str) -> None:
    """Say now, not after hours of work, that an output cannot be written.

    Raises:
        OutputError: The folder is missing or read-only, or something else is in the way.
    """
    if file.endswith(".zarr"):
        refuse_unwritable_folder(file)
    else:
        refuse_unwritable(file)


def write_output(
    output: str,
    scanned: Callable[[], Iterator[Scanned]],
    *,
    tracks: Sequence[Track],
    contigs: Mapping[str, int],
    metadata: Mapping[str, str],
) -> None:
    """Write one of the outputs that the user named.

    Args:
        output: Its name.
        scanned: Gives what is to be written, again each time it is called.
        tracks: What goes into bigWig files.
        contigs: Contig name → length in bp.
        metadata: How the values were made; bigWig files cannot hold it.

    Raises:
        OutputError: It cannot be written.
    """
    if output.endswith(BIGWIG):
        for track, file in track_files(output, tracks).items():
            values = TRACKS[track]
            write_bigwig(file, contigs, (Run(each.chrom, each.start, values(each)) for each in scanned()))
    elif output.endswith(".parquet"):
        _write_parquet(output, scanned(), metadata)
    elif output.endswith(".zarr"):
        _write_zarr(output, scanned(), metadata)
    else:
        _write_text(output, scanned(), metadata)


def _columns(scanned: Scanned) -> dict[str, Any]:
    """Rows of the table: positions count from 1, as in VCF."""
    odds = scanned.log_odds
    bases = len(scanned.bases)
    return {
        "chrom": [scanned.chrom] * bases,
        "pos": np.arange(scanned.start + 1, scanned.start + 1 + bases),
        "ref": list(scanned.bases),
        **{base: odds[:, column] for column, base in enumerate(ACGT)},
        "log_p": scanned.ref_log_p,
        "entropy": scanned.entropy,
    }


_NUMBERS: Final = (*ACGT, "log_p", "entropy")


def _write_parquet(path: str, scanned: Iterable[Scanned], metadata: Mapping[str, str]) -> None:
    schema = {"chrom": str, "pos": np.int64, "ref": str} | dict.fromkeys(_NUMBERS, np.float32)
    with ColumnWriter(path, schema, metadata) as table:
        for each in scanned:
            table.append(_columns(each))


def _write_text(path: str, scanned: Iterable[Scanned], metadata: Mapping[str, str]) -> None:
    schema: dict[str, Any] = {"chrom": str, "pos": int, "ref": str} | dict.fromkeys(_NUMBERS, float)
    with TableWriter(path, schema, metadata) as table:
        for each in scanned:
            columns = _columns(each)
            for name in _NUMBERS:
                columns[name] = [None if value != value else value for value in columns[name].tolist()]
            columns["pos"] = columns["pos"].tolist()
            table.write_rows(zip(*columns.values(), strict=True))


def _write_zarr(path: str, scanned: Iterable[Scanned], metadata: Mapping[str, str]) -> None:
    """Arrays of all stretches one after another, and where each stretch begins."""
    about = {**metadata, "columns": ACGT}
    rows, last = 0, None
    spans: dict[str, list[Any]] = {"contig": [], "start": [], "end": [], "offset": []}
    with ZarrWriter(path, about) as store:
        for each in scanned:
            if last is None or (last.chrom, last.end) != (each.chrom, each.start):
                for name, value in zip(spans, (each.chrom, each.start, each.end, rows), strict=True):
                    spans[name].append(value)
            spans["end"][-1] = each.end
            store.append("log_odds", each.log_odds.astype(np.float32))
            store.append("log_p", each.ref_log_p.astype(np.float32))
            store.append("entropy", each.entropy.astype(np.float32))
            rows, last = rows + len(each.bases), each
        for name, values in spans.items():
            store.append(f"stretch_{name}", np.array(values))
