"""The job behind `cistron explain`: count the experts that a region's bases are sent to, by class of base."""

from __future__ import annotations

import io
import json
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from cistron import __version__
from cistron.cli.base_classes import base_classes
from cistron.cli.explaining.outputs import (
    RESAMPLES,
    SCHEMA,
    manifest_of,
    summary_of,
    write_report,
    write_table,
)
from cistron.cli.journaled import journal_beside
from cistron.cli.loading import loaded
from cistron.cli.progress import note, progress_bar
from cistron.cli.sharded import fill_shards
from cistron.cli.targets import Target, find_target
from cistron.errors import OutputError
from cistron.formats.atomic import refuse_same_file, refuse_unwritable, sha256_file
from cistron.formats.fasta import Fasta
from cistron.formats.gene_models import gene_files
from cistron.formats.journal import Journal
from cistron.formats.manifest import write_manifest
from cistron.formats.table import TableWriter
from cistron.genome import Interval, Reference
from cistron.genome.base_classes import BaseClasses

if TYPE_CHECKING:
    from cistron.inference.interpretation.routing_counts import BlockCounts, RoutingCounts
    from cistron.inference.load import LoadedModel
    from cistron.inference.score import Strands

AROUND: Final = 8
"""Windows on either side of a region that are read for comparison when a report explains it."""


@dataclass(frozen=True)
class ExplainRequest:
    """What the user asked for; see `cistron explain --help`.

    Attributes:
        classes: Name and file of each class of bases beside those of `genes`.
    """

    target: str
    reference: Path
    output: str
    genes: Path | None = None
    classes: tuple[tuple[str, Path], ...] = ()
    tolerance: float = 1e-4
    seed: int = 0
    model: str = "default"
    width: int | None = None
    strands: Strands = "both"
    device: str = "auto"
    dtype: str = "auto"
    batch_tokens: int = 16_384
    threads: int | None = None
    report: Path | None = None
    resume: bool = False
    as_json: bool = False


@dataclass(frozen=True)
class ExplainRun:
    """What a run works with.

    Attributes:
        classes: Tells what the target's bases are.
        half: Half a window, in bp.
        identity: Everything the counts depend on.
    """

    request: ExplainRequest
    reference: Fasta
    target: Target
    classes: BaseClasses
    model: LoadedModel
    half: int
    identity: dict[str, Any]

    def blocks(self) -> list[Interval]:
        """What is counted and kept together."""
        from cistron.inference.interpretation.routing import blocks_of

        return blocks_of(self.target.span, self.half)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Of the annotation, in order."""
        return tuple(self.classes(Interval(self.target.span.chrom, 0, 0)))


def run_explain(request: ExplainRequest) -> None:
    """Count routing over a region or gene and write what was asked for.

    Raises:
        CistronError: What the caller can fix.
    """
    _check_paths(request)
    with ExitStack() as open_files:
        reference = open_files.enter_context(Fasta(request.reference))
        run = _run(request, reference)
        journal = open_files.enter_context(
            journal_beside(request.output, run.identity, resume=request.resume)
        )
        _fill(journal, run)
        counts = _counts(journal, run)
        bounds = counts.bounds(resamples=RESAMPLES, seed=request.seed)
        write_table(run, counts, bounds)
        summary = summary_of(run, counts)
        write_manifest(request.output, manifest_of(run, summary, sorted(journal.notes)))
        if request.report is not None:
            write_report(run, request.report, counts, bounds)
        journal.remove()
    if request.as_json:
        print(json.dumps(summary, indent=2))
    files = [request.output, *([str(request.report)] if request.report else [])]
    note(f"{summary['bases_read']:,} bases of {run.target.name} read; wrote {', '.join(files)}")


def explained_section(
    model: LoadedModel,
    reference: Reference,
    span: Interval,
    classes: BaseClasses,
    *,
    width: int,
    strands: Strands,
    batch_tokens: int,
) -> str:
    """HTML on the routing of `span` and `AROUND` windows on either side, for another command's report."""
    from cistron.inference.interpretation.routing import route
    from cistron.reports.routing import routing_section

    length = reference.contigs[span.chrom]
    start, end = max(0, span.start - AROUND * width), min(length, span.end + AROUND * width)
    counts = route(
        model.model,
        model.tokenizer,
        reference,
        Interval(span.chrom, start, end),
        classes,
        width=width,
        strands=strands,
        batch_tokens=batch_tokens,
    )
    section = routing_section(counts, counts.bounds(resamples=RESAMPLES))
    return f"{section}\n<p class='note'>Counted over {span.chrom}:{start + 1:,}-{end:,}.</p>"


def _check_paths(request: ExplainRequest) -> None:
    TableWriter(request.output, SCHEMA)
    outputs = [Path(request.output), *([request.report] if request.report else [])]
    sources = [request.reference, *(path for _, path in request.classes)]
    for output in outputs:
        refuse_unwritable(output)
        for source in [*sources, *([request.genes] if request.genes else [])]:
            refuse_same_file(source, output)
    if len({path.resolve() for path in outputs}) < len(outputs):
        raise OutputError(f"--output and --report both name {request.output}; give them different names")


def _run(request: ExplainRequest, reference: Fasta) -> ExplainRun:
    from cistron.inference.interpretation.router_watch import moe_layers
    from cistron.inference.score import checked_width

    target = find_target(request.target, reference, request.genes)
    classes = base_classes(reference, request.genes, request.classes)
    model = loaded(request.model, request.device, request.dtype, request.threads)
    moe_layers(model.model)  # refuses a model without experts before anything is written
    width = checked_width(model.model, request.width)
    identity = {
        "version": __version__,
        "target": target.name,
        "region": target.place,
        "reference_sha256": sha256_file(request.reference),
        "genes_sha256": [] if request.genes is None else list(map(sha256_file, gene_files(request.genes))),
        "class_files": {name: sha256_file(path) for name, path in request.classes},
        "model": model.name,
        "model_sha256": model.sha256,
        "width": width,
        "strands": request.strands,
        "tolerance": request.tolerance,
        "device": str(model.device.type),
        "dtype": model.dtype,
        "batch_tokens": request.batch_tokens,
    }
    return ExplainRun(request, reference, target, classes, model, width // 2, identity)


def _fill(journal: Journal, run: ExplainRun) -> None:
    """Count all blocks that the journal does not have yet."""
    from cistron.inference.interpretation.routing import route_block

    def work(block: Interval, batch_tokens: int) -> bytes:
        counts = route_block(
            run.model.model,
            run.model.tokenizer,
            run.reference,
            block,
            run.classes,
            half=run.half,
            strands=run.request.strands,
            tolerance=run.request.tolerance,
            batch_tokens=batch_tokens,
        )
        return _packed(counts)

    with progress_bar("Reading", len(run.target.span), "bases") as advance:
        fill_shards(
            journal,
            run.blocks(),
            work,
            model=run.model.model,
            longest=2 * run.half,
            batch_tokens=run.request.batch_tokens,
            advance=lambda block: advance(len(block)),
        )


def _counts(journal: Journal, run: ExplainRun) -> RoutingCounts:
    """What the journal holds."""
    from cistron.inference.interpretation.routing import gathered
    from cistron.inference.interpretation.routing_counts import BlockCounts

    blocks = (BlockCounts(**np.load(io.BytesIO(payload))) for payload in journal)
    return gathered(run.model.model, run.class_names, blocks, run.request.tolerance)


def _packed(counts: BlockCounts) -> bytes:
    packed = io.BytesIO()
    np.savez(packed, **counts._asdict())
    return packed.getvalue()
