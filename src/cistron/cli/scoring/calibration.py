"""Calibrate a model: draw random changes, score them into a journal, write the table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cistron import __version__
from cistron.cli.command_line import command_line
from cistron.cli.journaled import journal_beside
from cistron.cli.loading import loaded
from cistron.cli.progress import note, progress_bar
from cistron.cli.sharded import budget_of
from cistron.errors import OutputError
from cistron.formats.atomic import atomic_output, refuse_same_file, refuse_unwritable, sha256_file
from cistron.formats.fasta import Fasta
from cistron.formats.journal import Journal
from cistron.formats.manifest import write_manifest
from cistron.genome import Interval, Variant
from cistron.genome.splits import Regions, parse_region
from cistron.genome.windows import IndelRule

if TYPE_CHECKING:
    from cistron.inference.load import LoadedModel
    from cistron.inference.score import Strands


@dataclass(frozen=True)
class CalibrationRequest:
    """What the user asked for; see `cistron calibrate --help`."""

    reference: Path
    output: Path
    model: str = "default"
    regions: tuple[str, ...] = ()
    rounds: int = 100
    seed: int = 1
    width: int | None = None
    strands: Strands = "both"
    indel: IndelRule = "neutral"
    device: str = "auto"
    dtype: str = "auto"
    batch_tokens: int = 16_384
    threads: int | None = None
    resume: bool = False


def run_calibration(request: CalibrationRequest) -> None:
    """Score the random changes and write the table."""
    refuse_unwritable(request.output)
    refuse_same_file(request.reference, request.output)
    if request.output.suffix != ".json":
        raise OutputError(f"cannot write {request.output}: a calibration is JSON, so its name ends in .json")
    with Fasta(request.reference) as reference:
        regions = _regions(request, reference)
        model = loaded(request.model, request.device, request.dtype, request.threads)
        identity = _identity(request, model)
        with journal_beside(str(request.output), identity, resume=request.resume) as journal:
            _fill(journal, request, reference, regions, model)
            table = _table(request, identity, reference, regions, journal)
            with atomic_output(request.output) as temporary:
                temporary.write_text(json.dumps(table) + "\n")
            write_manifest(request.output, _manifest(request, identity))
            journal.remove()
    kinds = table["scores"]
    note(f"{sum(map(len, kinds.values())):,} random changes of {len(kinds)} kinds; wrote {request.output}")


def _regions(request: CalibrationRequest, reference: Fasta) -> list[Interval]:
    """Where places are drawn: what was asked for without overlaps, or the whole genome."""
    asked = [parse_region(text, reference.contigs) for text in request.regions]
    whole = [Interval(chrom, 0, length) for chrom, length in reference.contigs.items()]
    return list(Regions(asked or whole))


def _identity(request: CalibrationRequest, model: LoadedModel) -> dict[str, Any]:
    """Everything the scores depend on; not how many rounds there are to be."""
    from cistron.inference.score import checked_width

    return {
        "version": __version__,
        "reference_sha256": sha256_file(request.reference),
        "regions": list(request.regions),
        "seed": request.seed,
        "model": model.name,
        "model_sha256": model.sha256,
        "width": checked_width(model.model, request.width),
        "strands": request.strands,
        "indel": request.indel,
        "dtype": model.dtype,
        "device": model.device.type,
        "batch_tokens": request.batch_tokens,
    }


def _rounds(
    request: CalibrationRequest, reference: Fasta, regions: list[Interval], first: int = 0
) -> Iterator[list[Variant]]:
    from cistron.inference.calibration import draw

    return (draw(reference, regions, request.seed, number) for number in range(first, request.rounds))


def _fill(
    journal: Journal,
    request: CalibrationRequest,
    reference: Fasta,
    regions: list[Interval],
    model: LoadedModel,
) -> None:
    """Score the rounds that the journal does not have yet."""
    from cistron.inference.score import checked_width
    from cistron.inference.scoring.workers import workers

    width = checked_width(model.model, request.width)
    at_once = workers(model.device)
    budget = budget_of(journal, model.model, width, request.batch_tokens, side_by_side=at_once)
    with progress_bar("Calibrating", request.rounds, "rounds", done=journal.done) as advance:
        for variants in _rounds(request, reference, regions, journal.done):
            scores = model.score_variants(
                variants,
                reference,
                width=request.width,
                strands=request.strands,
                indel=request.indel,
                batch_tokens=budget,
            )
            found = [np.nan if score.llr is None else score.llr for score in scores]
            journal.append(np.asarray(found, dtype="<f8").tobytes(), budget.batch_tokens)
            advance(1)


def _table(
    request: CalibrationRequest,
    identity: dict[str, Any],
    reference: Fasta,
    regions: list[Interval],
    journal: Journal,
) -> dict[str, Any]:
    """The content of the file; scores have five digits."""
    from cistron.inference.calibration import SETTINGS, Calibration, tabulate

    scores = (np.frombuffer(payload, dtype="<f8") for payload in journal)
    rounds = zip(_rounds(request, reference, regions), scores, strict=False)
    kinds = {
        kind: [float(f"{llr:.5g}") for llr in found]
        for kind, found in tabulate(((v, s.tolist()) for v, s in rounds), reference).items()
    }
    facts = {
        "version": __version__,
        "model": identity["model"],
        "reference": request.reference.name,
        "regions": list(request.regions),
        "seed": request.seed,
        "rounds": request.rounds,
    }
    return Calibration({name: identity[name] for name in SETTINGS}, kinds, facts).to_dict()


def _manifest(request: CalibrationRequest, identity: dict[str, Any]) -> dict[str, Any]:
    return {
        "command": command_line(),
        "reference": request.reference.name,
        **identity,
        "rounds": request.rounds,
    }
