"""The job behind `cistron mutate`: scores go to a journal, then table and figures are written from it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cistron import __version__
from cistron.cli.base_classes import base_classes
from cistron.cli.journaled import journal_beside
from cistron.cli.loading import loaded
from cistron.cli.mutating.outputs import SCHEMA, draw, manifest_of, summary_of, write_table
from cistron.cli.progress import note, progress_bar
from cistron.cli.sharded import budget_of
from cistron.cli.targets import Part, Target, find_target
from cistron.errors import InputError, OutputError
from cistron.formats.atomic import refuse_same_file, refuse_unwritable, sha256_file
from cistron.formats.fasta import Fasta
from cistron.formats.manifest import write_manifest
from cistron.formats.score_journal import JournalEntry, ScoreJournal
from cistron.formats.table import TableWriter
from cistron.genome import Variant
from cistron.genome.base_classes import BaseClasses

if TYPE_CHECKING:
    from cistron.inference.load import LoadedModel
    from cistron.inference.mutagenesis import Method
    from cistron.inference.score import Strands, VariantScore
    from cistron.inference.scoring.suffix import Suffix


LARGEST_DRAWN: Final = 2_000_000
"""Bases from the first to the last of what a report draws."""


@dataclass(frozen=True)
class MutateRequest:
    """What the user asked for; see `cistron mutate --help`."""

    target: str
    reference: Path
    output: str
    genes: Path | None = None
    part: Part = "all"
    method: Method = "ism"
    deletions: bool = False
    window_slack: int | None = None
    suffix: Suffix = "exact"
    model: str = "default"
    width: int | None = None
    strands: Strands = "both"
    device: str = "auto"
    dtype: str = "auto"
    batch_tokens: int | None = None
    threads: int | None = None
    report: Path | None = None
    png: Path | None = None
    explain: bool = False
    classes: tuple[tuple[str, Path], ...] = ()
    resume: bool = False
    as_json: bool = False


@dataclass(frozen=True)
class MutateRun:
    """What a run works with.

    Attributes:
        classes: Tells what bases are, for the section on routing; None without it.
        identity: Everything the scores depend on.
    """

    request: MutateRequest
    reference: Fasta
    target: Target
    classes: BaseClasses | None
    model: LoadedModel
    identity: dict[str, Any]

    def variants(self) -> Iterator[Variant]:
        """Every change, in order."""
        from cistron.inference.mutagenesis import saturation

        return saturation(self.reference, self.target.intervals, deletions=self.request.deletions)

    def scores(self, journal: ScoreJournal) -> Iterator[VariantScore]:
        """Every change with what the journal holds of it."""
        from cistron.inference.score import VariantScore

        for variant, entry in zip(self.variants(), journal, strict=True):
            flank = None if entry.flank is None or math.isnan(entry.flank) else entry.flank
            yield VariantScore(variant, entry.llr, flank, entry.status, entry.error)


def run_mutate(request: MutateRequest) -> None:
    """Score every substitution of a region or gene and write what was asked for.

    Raises:
        CistronError: What the caller can fix.
    """
    _check_paths(request)
    with ExitStack() as open_files:
        reference = open_files.enter_context(Fasta(request.reference))
        target = find_target(request.target, reference, request.genes, request.part)
        _check_drawing(request, target)
        model = loaded(request.model, request.device, request.dtype, request.threads)
        identity = _identity(request, target, model)
        run = MutateRun(request, reference, target, _classes(request, reference, model), model, identity)
        journal = open_files.enter_context(
            journal_beside(request.output, run.identity, resume=request.resume)
        )
        scores = ScoreJournal(journal)
        _fill(scores, run)
        summary = summary_of(run, scores)
        write_table(run, scores)
        write_manifest(request.output, manifest_of(run, summary, sorted(journal.notes)))
        if request.report is not None or request.png is not None:
            draw(run, scores)
        journal.remove()
    if request.as_json:
        print(json.dumps(summary, indent=2))
    files = [request.output, *(str(path) for path in (request.report, request.png) if path is not None)]
    counted = f"{summary['scored']:,} of {summary['changes']:,} changes of {target.name} scored"
    note(f"{counted}; wrote {', '.join(files)}")


def _check_paths(request: MutateRequest) -> None:
    outputs = [request.output, *(str(path) for path in (request.report, request.png) if path is not None)]
    TableWriter(request.output, SCHEMA)
    if len({Path(path).resolve() for path in outputs}) < len(outputs):
        raise OutputError(f"outputs must differ; these do not: {', '.join(outputs)}")
    sources = [request.reference, *(path for _, path in request.classes)]
    for output in outputs:
        refuse_unwritable(output)
        for source in [*sources, *([request.genes] if request.genes else [])]:
            refuse_same_file(source, output)


def _check_drawing(request: MutateRequest, target: Target) -> None:
    """Refuse a drawing that would hold more than memory should."""
    if (request.report or request.png) and len(target.span) > LARGEST_DRAWN:
        raise InputError(
            f"a report or picture shows at most {LARGEST_DRAWN:,} bases; {target.name} spans "
            f"{len(target.span):,}: leave out --report and --png, or name a smaller region"
        )


def _classes(request: MutateRequest, reference: Fasta, model: LoadedModel) -> BaseClasses | None:
    """What --explain needs, before hours are spent: files that can be read and a model with experts."""
    if not request.explain:
        return None
    from cistron.inference.interpretation.router_watch import moe_layers

    moe_layers(model.model)
    return base_classes(reference, request.genes, request.classes)


def _identity(request: MutateRequest, target: Target, model: LoadedModel) -> dict[str, Any]:
    """Everything the scores depend on."""
    from cistron.inference.mutagenesis import STEPS, shared_slack
    from cistron.inference.score import BLOCK, checked_width, usual_batch_tokens

    width = checked_width(model.model, request.width)
    parts = [f"{i.chrom}:{i.start + 1}-{i.end}" for i in target.intervals]
    return {
        "version": __version__,
        "target": target.name,
        "regions": parts,
        "reference_sha256": sha256_file(request.reference),
        "model": model.name,
        "model_sha256": model.sha256,
        "method": request.method,
        **({"steps": STEPS} if request.method == "integrated-gradients" else {}),
        "deletions": request.deletions,
        "width": width,
        "window_slack": shared_slack(width, request.window_slack),
        "suffix": request.suffix,
        "strands": request.strands,
        "device": str(model.device.type),
        "dtype": model.dtype,
        "batch_tokens": request.batch_tokens or usual_batch_tokens(model.model),
        "block": BLOCK,
    }


def _fill(scores: ScoreJournal, run: MutateRun) -> None:
    """Score all changes that the journal does not have yet."""
    from cistron.inference.mutagenesis import count_changes, mutate
    from cistron.inference.score import BLOCK
    from cistron.inference.scoring.workers import workers

    request = run.request
    budget = budget_of(
        scores.journal,
        run.model.model,
        run.identity["width"],
        run.identity["batch_tokens"],
        side_by_side=workers(run.model.device),
    )
    total = count_changes(run.reference, run.target.intervals, deletions=request.deletions)
    answers = mutate(
        run.model.model,
        run.model.tokenizer,
        run.reference,
        run.target.intervals,
        method=request.method,
        deletions=request.deletions,
        width=request.width,
        strands=request.strands,
        window_slack=request.window_slack,
        suffix=request.suffix,
        batch_tokens=budget,
        skip=scores.done,
    )
    with progress_bar("Mutating", total, "changes", done=scores.done) as advance:
        while block := [_entry(score) for score in islice(answers, BLOCK)]:
            scores.append(block, budget.batch_tokens)
            advance(len(block))


def _entry(score: VariantScore) -> JournalEntry:
    """As the journal keeps it: a missing flank of a score is NaN there."""
    flank = math.nan if score.llr is not None and score.flank is None else score.flank
    return JournalEntry(score.llr, flank, score.status, score.error)
