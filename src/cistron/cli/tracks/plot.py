"""The job behind `cistron tracks plot`: measured and predicted tracks over the genes of a region."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cistron.cli.progress import note
from cistron.cli.tracks.coverage import Contigs, Coverage, named_tracks
from cistron.errors import InputError, UnknownContigError
from cistron.formats.atomic import refuse_same_file, refuse_unwritable
from cistron.formats.bigwig import bigwig_contigs
from cistron.formats.gene_models import GeneFile
from cistron.genome import Interval
from cistron.genome.splits import parse_region

LARGEST: Final = 5_000_000
"""Bases of a region that can be drawn."""


@dataclass(frozen=True)
class PlotTracksRequest:
    """What the user asked for; see `cistron tracks plot --help`."""

    files: tuple[str, ...]
    region: str
    output: Path
    annotation: Path | None = None
    truth: Path | None = None
    own_scales: bool = False
    negate: bool = False


def run_plot_tracks(request: PlotTracksRequest) -> None:
    """Draw tracks over a region or gene.

    Raises:
        CistronError: What the caller can fix.
    """
    from cistron.reports.tracks_plot import write_track_figure

    files = named_tracks(request.files)
    if request.truth is not None:
        files = {"measured": request.truth, **files}
    refuse_unwritable(request.output)
    for path in files.values():
        refuse_same_file(path, request.output)
    first = next(iter(files.values()))
    genome = Contigs(first.name, bigwig_contigs(first))
    annotation = None if request.annotation is None else GeneFile(request.annotation, genome)
    place = _place(request.region, genome, annotation)
    with ExitStack() as opened:
        tracks = {
            name: opened.enter_context(
                Coverage(path, genome, negate=request.negate and path == request.truth)
            )(place.chrom, place.start, place.end)
            for name, path in files.items()
        }
    write_track_figure(
        request.output,
        tracks,
        place,
        () if annotation is None else annotation.genes_in(place),
        scales=range(len(tracks)) if request.own_scales else (),
        grey="measured" if request.truth is not None else None,
    )
    note(f"wrote {request.output}")


def _place(text: str, genome: Contigs, annotation: GeneFile | None) -> Interval:
    """The region, or the gene of that name with a tenth of its length on either side.

    Raises:
        InputError: It is neither, or too long.
    """
    try:
        place = parse_region(text, genome.contigs)
    except UnknownContigError:
        if annotation is None or ":" in text:
            raise
        gene = annotation.gene(text)
        around = max((gene.end - gene.start) // 10, 500)
        place = Interval(
            gene.chrom, max(gene.start - around, 0), min(gene.end + around, genome.contigs[gene.chrom])
        )
    if len(place) > LARGEST:
        raise InputError(f"'{text}' has {len(place):,} bp; at most {LARGEST:,} can be drawn, name a part")
    return place
