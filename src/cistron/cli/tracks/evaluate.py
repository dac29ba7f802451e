"""The job behind `cistron tracks evaluate`: predictions and baselines beside a measurement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any, Final, Literal, TypedDict

from cistron import __version__
from cistron.cli.command_line import command_line
from cistron.cli.facts import reference_fact
from cistron.cli.progress import note, progress_bar
from cistron.cli.scanning.regions import scan_intervals
from cistron.cli.tracks.coverage import Contigs, Coverage, Gaps, known_bases, named_tracks
from cistron.cli.tracks.evaluation_files import open_folder, write_evaluation
from cistron.errors import InputError
from cistron.formats.atomic import sha256_file
from cistron.formats.bigwig import bigwig_contigs
from cistron.formats.fasta import Fasta
from cistron.formats.gene_models import Feature, GeneFile, gene_files
from cistron.genome import Interval, Reference
from cistron.genome.annotation import GeneModel
from cistron.genome.gene_index import GeneIndex
from cistron.genome.splits import OPEN_END, Regions
from cistron.metrics.tracks import (
    Compared,
    TrackComparison,
    TrackDifference,
    compare_tracks,
    differences,
)
from cistron.metrics.tracks_baselines import Kinds, all_alike, annotation_kinds, cpg_kinds, fitted, gc_kinds
from cistron.metrics.tracks_blocks import Signal, usual_block
from cistron.metrics.tracks_genes import GeneTotals, gene_totals
from cistron.reports.tracks import TrackEvaluation, TrackRow

GenePart = Literal["exons", "body"]
GeneStrand = Literal["both", "+", "-"]

BASELINES: Final = {
    "mean": "The mean signal of the training regions, everywhere",
    "gc": "The mean signal of training bases with the same GC content in the 1,024 bp around them",
    "cpg": "The mean signal of training bases with as many CpG in the 1,024 bp around them",
    "annotation": "The mean signal of training bases as far from the nearest transcription start, in exon, "
    "intron or neither",
}
"""Name of each prediction without a model, and what it is."""

FEWEST_GENES: Final = 10
"""Fewer genes than this are not compared."""

_FEATURES: Final[tuple[Feature, Feature]] = ("gene", "exon")


@dataclass(frozen=True)
class EvaluateTracksRequest:
    """What the user asked for; see `cistron tracks evaluate --help`."""

    truth: Path
    prediction: tuple[str, ...]
    regions: tuple[str, ...]
    output: Path
    replicate: tuple[str, ...] = ()
    annotation: Path | None = None
    train_regions: tuple[str, ...] = ()
    reference: Path | None = None
    gene_part: GenePart = "exons"
    strand: GeneStrand = "both"
    negate: bool = False
    gaps: Gaps = "unknown"
    allow_overlap: bool = False
    block: int | None = None
    resamples: int = 1000
    seed: int = 0


class _Draws(TypedDict):
    """How intervals are drawn."""

    resamples: int
    seed: int


def run_evaluate_tracks(request: EvaluateTracksRequest) -> None:
    """Compare predictions and baselines with a measured track, and write numbers, tables and a page.

    Raises:
        CistronError: What the caller can fix.
    """
    files = named_tracks([*request.prediction, *request.replicate])
    if taken := sorted(files.keys() & BASELINES.keys()):
        raise InputError(f"a track is called '{taken[0]}' as a baseline is; write NAME=FILE")
    open_folder(request.output)
    with ExitStack() as opened:
        if request.reference is None:
            genome: Reference = Contigs(request.truth.name, bigwig_contigs(request.truth))
        else:
            genome = opened.enter_context(Fasta(request.reference))
        measured = opened.enter_context(Coverage(request.truth, genome, negate=request.negate))
        replicates = named_tracks(request.replicate)
        tracks = {
            name: opened.enter_context(
                Coverage(path, genome, negate=request.negate)
                if name in replicates
                else Coverage(path, genome, gaps=request.gaps)
            )
            for name, path in files.items()
        }
        regions = scan_intervals(request.regions, genome)
        found = _evaluated(request, genome, measured, tracks, regions, frozenset(replicates))
        told = _facts(request, files, genome, regions)
        write_evaluation(request.output, found, _manifest(request, files, regions), told)
    note(f"wrote {request.output}: report.html, metrics.tsv, evaluation.json")
    if not request.train_regions:
        note("no baselines: give --train-regions to fit them on")


def _evaluated(
    request: EvaluateTracksRequest,
    genome: Reference,
    measured: Signal,
    given: Mapping[str, Signal],
    regions: Sequence[Interval],
    replicates: frozenset[str],
) -> TrackEvaluation:
    """Fit the baselines and compare everything."""
    block = request.block or usual_block(regions)
    training = _training(request, genome, regions)
    features = _features(request, genome)
    known = None if request.reference is None else known_bases(genome)
    kinds = _kinds(request, genome, features) if training else {}
    total = 2 * _bases(regions) + len(kinds) * _bases(training)
    with progress_bar("Evaluating", total, "bases") as advance:
        baselines = {
            name: fitted(measured, kind, training, known=known, advance=advance)
            for name, kind in kinds.items()
        }
        tracks = {**given, **baselines}
        places = compare_tracks(measured, tracks, regions, known=known, block=block, advance=advance)
    totals = None
    if features is not None:
        genes = _genes(request, GeneIndex(*features), regions)
        totals = gene_totals(measured, tracks, genes, known=known)
        if len(totals.genes) < FEWEST_GENES:
            note(f"{len(totals.genes)} genes lie whole in the regions: too few to compare by gene")
            totals = None
    levels = {name: _levels(name, places[name], totals, block) for name in tracks}
    draws: _Draws = {"resamples": request.resamples, "seed": request.seed}
    rows = [
        TrackRow(
            name,
            "baseline" if name in baselines else "replicate" if name in replicates else "model",
            BASELINES.get(name, ""),
            tuple(metric for level in levels[name] for metric in level.metrics(**draws)),
            places[name].density,
        )
        for name in tracks
    ]
    models = [row.name for row in rows if row.kind == "model"]
    return TrackEvaluation(rows, _differences(levels, product(models, baselines), draws), totals)


def _differences(
    levels: Mapping[str, Sequence[Compared]], pairs: Iterable[tuple[str, str]], draws: _Draws
) -> list[TrackDifference]:
    """Of each pair at every level."""
    return [
        difference
        for first, second in pairs
        for one, other in zip(levels[first], levels[second], strict=True)
        for difference in differences(one, other, (first, second), **draws)
    ]


def _levels(
    name: str, comparison: TrackComparison, totals: GeneTotals | None, block: int
) -> tuple[Compared, ...]:
    """Bases and bins, and genes where there are any."""
    genes = () if totals is None else (totals.compared(name, block=block),)
    return comparison.bases, comparison.bins, *genes


def _training(
    request: EvaluateTracksRequest, genome: Reference, regions: Sequence[Interval]
) -> list[Interval]:
    """Where the baselines are fitted; empty without training regions.

    Raises:
        InputError: They overlap the regions of the evaluation, and that was not allowed.
    """
    if not request.train_regions:
        return []
    training = scan_intervals(request.train_regions, genome)
    held_out = Regions(regions)
    for each in training:
        if not request.allow_overlap and held_out.overlaps(each.chrom, each.start, each.end):
            raise InputError(
                f"the training region {each.chrom}:{each.start + 1:,}-{each.end:,} overlaps the regions to "
                "evaluate; give others, or --allow-overlap to see how well training data is fitted"
            )
    return training


def _genes(request: EvaluateTracksRequest, found: GeneIndex, regions: Sequence[Interval]) -> list[GeneModel]:
    """The genes that lie whole in the regions.

    Raises:
        InputError: There are none at all on their contigs.
    """
    contigs = sorted({region.chrom for region in regions})
    if not any(found(Interval(chrom, 0, OPEN_END)) for chrom in contigs):
        raise InputError(
            f"{request.annotation} has no gene on contig {', '.join(contigs)}; give that of this assembly"
        )
    genes = [
        gene
        for region in regions
        for gene in found(region)
        if region.start <= gene.start and gene.end <= region.end
    ]
    if request.gene_part == "body":
        return [replace(gene, exons=((gene.start, gene.end),)) for gene in genes]
    return genes


def _features(
    request: EvaluateTracksRequest, genome: Reference
) -> tuple[list[Interval], list[Interval]] | None:
    """Genes and exons of the strand asked for; None without annotation."""
    if request.annotation is None:
        return None
    annotation = GeneFile(request.annotation, genome)
    genes, exons = (
        [one for one in annotation.features(kind) if request.strand in ("both", one.strand)]
        for kind in _FEATURES
    )
    return genes, exons


def _kinds(
    request: EvaluateTracksRequest, genome: Reference, features: tuple[list[Interval], list[Interval]] | None
) -> dict[str, Kinds]:
    """Name of each baseline that can be made, and how it tells bases apart."""
    kinds: dict[str, Kinds] = {"mean": all_alike}
    if request.reference is not None:
        kinds |= {"gc": gc_kinds(genome), "cpg": cpg_kinds(genome)}
    if features is not None:
        kinds["annotation"] = annotation_kinds(*features)
    return kinds


def _manifest(
    request: EvaluateTracksRequest, files: Mapping[str, Path], regions: Sequence[Interval]
) -> dict[str, Any]:
    """How the numbers were made."""
    annotation = [] if request.annotation is None else gene_files(request.annotation)
    inputs = [request.truth, *files.values(), *annotation, *filter(None, [request.reference])]
    return {
        "version": __version__,
        "command": command_line(),
        "truth": str(request.truth),
        "predictions": {name: str(path) for name, path in files.items()},
        "sha256": {str(path): sha256_file(path) for path in inputs if path.is_file()},
        "regions": [f"{one.chrom}:{one.start + 1}-{one.end}" for one in regions],
        "train_regions": list(request.train_regions),
        "gene_part": request.gene_part,
        "strand": request.strand,
        "gaps": request.gaps,
        "block": request.block or usual_block(regions),
        "resamples": request.resamples,
        "seed": request.seed,
    }


def _facts(
    request: EvaluateTracksRequest,
    files: Mapping[str, Path],
    genome: Reference,
    regions: Sequence[Interval],
) -> dict[str, str]:
    """What the page says of the run."""
    return {
        "Measured": request.truth.name,
        **{f"Predicted: {name}": path.name for name, path in files.items()},
        "Genome": reference_fact(genome),
        "Regions": f"{len(regions):,}, {_bases(regions):,} bp",
        "Training regions": ", ".join(request.train_regions) or "none given, so no baselines",
        "Genes": "none" if request.annotation is None else f"{request.annotation.name}, {request.gene_part}",
        "Blocks": f"{request.block or usual_block(regions):,} bp",
        "Draws": f"{request.resamples:,}, seed {request.seed}",
        "Cistron": __version__,
    }


def _bases(regions: Sequence[Interval]) -> int:
    return sum(map(len, regions))
