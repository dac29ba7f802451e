"""The work of `cistron tracks prepare`: a plan, or bigWig files and options, to a folder of windows."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from cistron import __version__
from cistron.cli.command_line import command_line
from cistron.cli.progress import note, progress_of
from cistron.cli.scanning.regions import scan_intervals
from cistron.data.labelled import SPLITS
from cistron.data.tracks import Track, TrackPlan
from cistron.data.tracks.prepare import INDEX, prepare_tracks
from cistron.errors import InputError
from cistron.formats.bigwig import ENDINGS
from cistron.formats.fasta import Fasta
from cistron.formats.manifest import write_manifest
from cistron.genome import Interval, Reference
from cistron.training.settings import from_plain

_MARKS: Final[dict[str, dict[str, Any]]] = {
    "plus": {"strand": "+"},
    "minus": {"strand": "-"},
    "negate": {"negate": True},
}
"""What options that name a track change in it."""


@dataclass(frozen=True)
class PrepareRequest:
    """What was asked for; see `cistron.cli.commands.tracks`."""

    inputs: tuple[str, ...]
    output: Path
    reference: Path | None = None
    train: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    width: int | None = None
    stride: int | None = None
    plus: tuple[str, ...] = ()
    minus: tuple[str, ...] = ()
    negate: tuple[str, ...] = ()
    blacklist: tuple[str, ...] = ()


def run_prepare(request: PrepareRequest) -> None:
    """Write the folder.

    Raises:
        CistronError: Something that the caller can fix.
    """
    plan = _plan(request)
    with Fasta(plan.reference) as reference, progress_of("Preparing tracks") as progress:
        regions = {name: _intervals(getattr(plan, name), reference) for name in SPLITS}
        index = prepare_tracks(plan, reference, regions, request.output, progress)
    write_manifest(request.output / INDEX, {"version": __version__, "command": command_line(), **index})
    for name, part in index["parts"].items():
        dropped = f"; {part['windows_dropped']:,} dropped" if part["windows_dropped"] else ""
        note(f"{name}: {part['windows']:,} windows, {part['bases']:,} bases{dropped}")
    for track in index["tracks"]:
        note(f"{track['name']}: mean {track['mean']:.4g} where it is not zero")


def _plan(request: PrepareRequest) -> TrackPlan:
    """The plan of the TOML file or of the bigWig files, with what the options say on top."""
    first = Path(request.inputs[0])
    if first.suffix == ".toml":
        if len(request.inputs) > 1:
            raise InputError(f"{first} is a plan and names its files itself; give it alone")
        plan = read_plan(first, request.reference)
    else:
        if request.reference is None:
            raise InputError("bigWig files need the genome they lie on; name it with --reference REF.fa")
        plan = TrackPlan(str(request.reference), _tracks(request.inputs))
    given = {name: getattr(request, name) for name in (*SPLITS, "width", "stride", "blacklist")}
    plan = replace(plan, **{name: value for name, value in given.items() if value})
    for option in _MARKS:
        for name in getattr(request, option):
            plan = replace(plan, tracks=_marked(plan.tracks, name, option))
    return plan


def read_plan(path: Path, reference: Path | None = None) -> TrackPlan:
    """The plan that a TOML file describes; paths in it are relative to the file.

    Args:
        path: The file; its tracks are tables `[[tracks]]`.
        reference: The genome, where the file does not name it.

    Raises:
        InputError: The file is missing, not TOML, or a setting is unknown, missing or of another kind.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; give a TOML file that describes the tracks") from None
    except (OSError, ValueError) as problem:
        raise InputError(f"{path} is not TOML: {problem}") from None
    if "reference" in content:
        content["reference"] = str(path.parent / str(content["reference"]))
    if reference is not None:
        content["reference"] = str(reference)
    for name in (*SPLITS, "blacklist"):
        if name in content:
            content[name] = [_from_here(text, path.parent) for text in _listed(content[name])]
    for track in content.get("tracks", ()):
        if isinstance(track, dict) and "files" in track:
            track["files"] = [str(path.parent / str(file)) for file in _listed(track["files"])]
    return from_plain(TrackPlan, content, str(path))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _from_here(text: str, folder: Path) -> str:
    """A file beside the plan, or a region."""
    return str(folder / text) if (folder / text).is_file() else text


def _tracks(inputs: Sequence[str]) -> tuple[Track, ...]:
    """Tracks by name; files of one name are its replicates."""
    files: dict[str, list[str]] = {}
    for text in inputs:
        name, equals, path = text.partition("=")
        if not equals:
            name, path = Path(text).name.removesuffix(ENDINGS[0]).removesuffix(ENDINGS[1]), text
        files.setdefault(name, []).append(path)
    return tuple(Track(name, tuple(paths)) for name, paths in files.items())


def _marked(tracks: tuple[Track, ...], name: str, option: str) -> tuple[Track, ...]:
    names = [track.name for track in tracks]
    if name not in names:
        raise InputError(f"--{option} {name}: no such track; the tracks are {', '.join(names)}")
    return tuple(replace(track, **_MARKS[option]) if track.name == name else track for track in tracks)


def _intervals(texts: Sequence[str], reference: Reference) -> list[Interval]:
    return scan_intervals(texts, reference) if texts else []
