"""Prepare tracks: check the files, cut windows, and write what training and evaluation read.

| file | content |
|---|---|
| `tracks.json` | tracks with their means and strands, the genome, width and stride; written last |
| `windows.bed` | the windows; the fourth column is the part |
| `train.bed`, `validation.bed`, `test.bed` | bases of the windows whose signal is known, merged |
| `NAME.bw` | the signal of a track over the windows, replicates averaged, never negative; gaps are zero |
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import numpy as np

from cistron.data.labelled import SPLITS
from cistron.data.spans import Spans
from cistron.data.tracks import TrackPlan
from cistron.data.tracks.sources import TrackSource
from cistron.data.tracks.windows import Blacklist, Part, complement, cut, read_blacklist
from cistron.errors import InputError
from cistron.formats.atomic import atomic_output, output_error, sha256_file
from cistron.formats.bed import write_bed
from cistron.formats.bigwig import Run, write_bigwig
from cistron.formats.fasta import Fasta
from cistron.genome import Interval
from cistron.genome.splits import Split

INDEX: Final = "tracks.json"
WINDOWS: Final = "windows.bed"
FORMAT: Final = 1

ProgressFn = Callable[[int, int, str], None]


def prepare_tracks(
    plan: TrackPlan,
    reference: Fasta,
    regions: Mapping[str, Sequence[Interval]],
    folder: Path,
    progress: ProgressFn = lambda done, total, text: None,
) -> dict[str, Any]:
    """Write a folder of prepared tracks, and return the content of its `tracks.json`.

    Args:
        plan: Tracks, window and blacklist.
        reference: The genome.
        regions: Part → its regions in the genome's names; without `train`, that is all that is not held out.
        folder: Where to write; made where it is missing.
        progress: Told about every track.

    Raises:
        InputError: Files are of different assemblies, or no coverage, or parts overlap, or one has no window
            left, or a track has no signal in the training part.
        UnknownContigError: A file has nothing on the contig of a region.
        OutputError: The folder cannot be written.
    """
    if (folder / INDEX).exists():
        raise InputError(f"{folder} already holds prepared tracks; choose another folder, or remove it")
    with ExitStack() as held:
        sources = [held.enter_context(TrackSource(track, reference)) for track in plan.tracks]
        given = _with_train(regions, reference, sources)
        for chrom in sorted({interval.chrom for intervals in given.values() for interval in intervals}):
            for source in sources:
                source.require(chrom)
        blacklist = read_blacklist(plan.blacklist, reference)
        parts = {name: _part(name, given[name], plan, reference, blacklist) for name in given}
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise output_error(folder, problem) from None
        means = {}
        for number, source in enumerate(sources):
            progress(number, len(sources), source.track.name)
            means[source.track.name] = nonzero_mean(source, parts["train"].known)
            _write_signal(folder / f"{source.track.name}.bw", source, parts, reference)
        progress(len(sources), len(sources), "")
    _write_windows(folder, parts, reference)
    index = _index(plan, reference, parts, means)
    with atomic_output(folder / INDEX) as fresh:
        fresh.write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    return index


def nonzero_mean(source: TrackSource, known: Mapping[str, Spans]) -> float:
    """The mean of a track where it is not zero, μ in the target transform.

    Raises:
        InputError: It is zero everywhere.
    """
    total, count = 0.0, 0
    for chrom, spans in known.items():
        for _, values in source.pieces(chrom, spans):
            total += float(values.sum())
            count += int(np.count_nonzero(values))
    if not count:
        raise InputError(
            f"track '{source.track.name}' has no signal at all in the training windows; check that"
            f" {', '.join(source.track.files)} covers them"
        )
    return total / count


def _with_train(
    regions: Mapping[str, Sequence[Interval]], reference: Fasta, sources: Sequence[TrackSource]
) -> dict[str, Sequence[Interval]]:
    """The regions of every part; those of the training part found where they are not given.

    Raises:
        InputError: There is nothing to stop by, or two parts overlap.
    """
    given = {name: list(regions[name]) for name in SPLITS if regions.get(name)}
    if "validation" not in given:
        raise InputError("no region decides when to stop; give some with validation (--validation REGION)")
    if "train" not in given:
        held_out = [interval for intervals in given.values() for interval in intervals]
        shared = [chrom for chrom in reference.contigs if all(source.covers(chrom) for source in sources)]
        given["train"] = list(complement(held_out, reference, shared))
    Split(given)
    return {name: given[name] for name in SPLITS if name in given}


def _part(
    name: str, regions: Sequence[Interval], plan: TrackPlan, reference: Fasta, blacklist: Blacklist
) -> Part:
    part = cut(
        regions,
        reference,
        blacklist,
        width=plan.width,
        stride=plan.stride,
        most_unknown=plan.most_unknown,
    )
    if not part.windows:
        raise InputError(
            f"no window is left for {name}: {part.short} of {len(regions)} regions are shorter than"
            f" {plan.width:,} bp, {part.unknown} windows are more than {plan.most_unknown:.0%} N or"
            " blacklisted; take other regions or a smaller width"
        )
    return part


def _write_signal(path: Path, source: TrackSource, parts: Mapping[str, Part], reference: Fasta) -> None:
    """All that is known, of all parts."""

    def runs() -> Iterator[Run]:
        for chrom in reference.contigs:
            spans = [part.known[chrom] for part in parts.values() if chrom in part.known]
            if spans:
                # Parts do not overlap, so their stretches can be put in one order.
                rows = np.concatenate(spans)
                for start, values in source.pieces(chrom, rows[np.argsort(rows[:, 0], kind="stable")]):
                    yield Run(chrom, start, np.where(values > 0, values, np.nan))

    write_bigwig(path, reference.contigs, runs())


def _write_windows(folder: Path, parts: Mapping[str, Part], reference: Fasta) -> None:
    def intervals() -> Iterator[Interval]:
        for name, part in parts.items():
            for window in part.windows:
                yield Interval(window.chrom, window.start, window.end, name=name)

    write_bed(folder / WINDOWS, intervals())
    for name, part in parts.items():
        write_bed(
            folder / f"{name}.bed",
            (
                Interval(chrom, start, end)
                for chrom in reference.contigs
                if chrom in part.known
                for start, end in part.known[chrom].tolist()
            ),
        )


def _index(
    plan: TrackPlan, reference: Fasta, parts: Mapping[str, Part], means: Mapping[str, float]
) -> dict[str, Any]:
    contigs = {window.chrom for part in parts.values() for window in part.windows}
    return {
        "format": FORMAT,
        "reference": {
            "fasta": str(reference.path.resolve()),
            "sha256": sha256_file(reference.path),
            "contigs": {name: length for name, length in reference.contigs.items() if name in contigs},
        },
        "width": plan.width,
        "stride": plan.stride if plan.stride is not None else max(plan.width // 2, 1),
        "most_unknown": plan.most_unknown,
        "tracks": [
            {
                "name": track.name,
                "strand": track.strand,
                "negate": track.negate,
                "mean": means[track.name],
                "files": {Path(file).name: sha256_file(file) for file in track.files},
            }
            for track in plan.tracks
        ],
        "parts": {
            name: {
                "windows": len(part.windows),
                "bases": int(sum((spans[:, 1] - spans[:, 0]).sum() for spans in part.known.values())),
                "regions_too_short": part.short,
                "windows_dropped": part.unknown,
            }
            for name, part in parts.items()
        },
    }
