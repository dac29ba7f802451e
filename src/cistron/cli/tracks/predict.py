"""The work of `cistron tracks predict`: regions in, one bigWig for each track out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cistron import __version__
from cistron.cli.command_line import command_line
from cistron.cli.journaled import journal_beside
from cistron.cli.predicting import opened_head
from cistron.cli.progress import note, progress_bar
from cistron.cli.scanning.regions import scan_intervals
from cistron.errors import InputError, OutputError
from cistron.formats.atomic import refuse_same_file, refuse_unwritable, sha256_file
from cistron.formats.bigwig import ENDINGS, Run, refuse_many_contigs, write_bigwig
from cistron.formats.fasta import Fasta
from cistron.formats.journal import Journal
from cistron.formats.manifest import write_manifest
from cistron.genome import Interval

if TYPE_CHECKING:
    from cistron.inference.load import LoadedModel
    from cistron.weights.heads import SavedHead


@dataclass(frozen=True)
class PredictTracksRequest:
    """What was asked for; see `cistron.cli.commands.tracks`."""

    head: Path
    regions: tuple[str, ...]
    reference: Path
    output: Path
    model: str | None = None
    width: int | None = None
    stride: int | None = None
    device: str = "auto"
    threads: int | None = None
    resume: bool = False


@dataclass(frozen=True)
class TracksPlan:
    """What will be read, and what for.

    Attributes:
        genome: The reference.
        intervals: What to predict, in the genome's names and order.
        windows: What is read for it, in order.
        files: Track → its bigWig.
    """

    genome: Fasta
    intervals: list[Interval]
    windows: list[Interval]
    files: dict[str, Path]


def run_predict_tracks(request: PredictTracksRequest) -> None:
    """Predict along the regions, and write one bigWig for each track.

    Raises:
        CistronError: Something that the caller can fix.
    """
    with ExitStack() as held:
        genome = held.enter_context(Fasta(request.reference))
        intervals = scan_intervals(request.regions, genome)
        refuse_many_contigs(len({interval.chrom for interval in intervals}))
        saved, model = opened_head(request.head, request.model, request.device, request.threads)
        plan = _plan(request, genome, intervals, saved)
        identity = _identity(request, plan, saved, model)
        journal = held.enter_context(journal_beside(str(request.output), identity, resume=request.resume))
        _fill(journal, plan, saved, model)
        for number, file in enumerate(plan.files.values()):
            write_bigwig(file, genome.contigs, _runs(journal, plan, number))
            write_manifest(file, {"command": command_line(), **identity, "seed": None})
        journal.remove()
    bases = sum(map(len, plan.intervals))
    note(
        f"{bases:,} bases in {len(plan.windows):,} windows; wrote {', '.join(map(str, plan.files.values()))}"
    )


def track_files(output: Path, tracks: Sequence[str]) -> dict[str, Path]:
    """The bigWig of each track: `out.bw` itself for a single one, else `out.TRACK.bw`.

    Raises:
        OutputError: The name has another ending.
    """
    if not output.name.endswith(ENDINGS):
        raise OutputError(f"cannot write {output}: the name of a bigWig ends in {' or '.join(ENDINGS)}")
    if len(tracks) == 1:
        return {tracks[0]: output}
    return {track: output.with_name(f"{output.stem}.{track}{output.suffix}") for track in tracks}


def _plan(
    request: PredictTracksRequest, genome: Fasta, intervals: list[Interval], saved: SavedHead
) -> TracksPlan:
    from cistron.inference.tracks import grid_windows, track_head, window_of

    files = track_files(request.output, track_head(saved).config.tracks)
    for file in files.values():
        refuse_same_file(request.reference, file)
        refuse_unwritable(file)
    width, stride = window_of(saved, request.width, request.stride)
    windows = list(grid_windows(genome, intervals, width, stride))
    if not windows:
        raise InputError(f"the regions hold no A, C, G or T in {genome.name}; there is nothing to predict")
    return TracksPlan(genome, intervals, windows, files)


def _identity(
    request: PredictTracksRequest, plan: TracksPlan, saved: SavedHead, model: LoadedModel
) -> dict[str, Any]:
    """Everything that the values depend on."""
    from cistron.inference.tracks import window_of

    width, stride = window_of(saved, request.width, request.stride)
    return {
        "version": __version__,
        "reference_sha256": sha256_file(request.reference),
        "regions_sha256": hashlib.sha256(repr(plan.intervals).encode()).hexdigest(),
        "head_sha256": sha256_file(request.head / "head.safetensors"),
        "model": model.name,
        "model_sha256": model.sha256,
        "width": width,
        "stride": stride,
        "dtype": model.dtype,
        "device": model.device.type,
    }


def _fill(journal: Journal, plan: TracksPlan, saved: SavedHead, model: LoadedModel) -> None:
    """Predict the windows that the journal does not have yet; each is one entry."""
    from cistron.inference.tracks import predict_tracks

    remaining = islice(plan.windows, journal.done, None)
    texts = (plan.genome.fetch(each.chrom, each.start, each.end) for each in remaining)
    with progress_bar("Predicting", len(plan.windows), "windows", done=journal.done) as advance:
        for values in predict_tracks(model.model, model.tokenizer, saved, texts):
            journal.append(np.ascontiguousarray(values, dtype="<f4").tobytes())
            advance(1)


def _runs(journal: Journal, plan: TracksPlan, number: int) -> Iterator[Run]:
    """The signal of one track, stitched from the journal."""
    from cistron.inference.tracks import stitched

    answers = (
        (window, np.frombuffer(block, dtype="<f4").reshape(-1, len(window))[number : number + 1])
        for window, block in zip(plan.windows, journal, strict=True)
    )
    for signal in stitched(plan.genome, plan.intervals, answers):
        yield Run(signal.chrom, signal.start, signal.values[0])
