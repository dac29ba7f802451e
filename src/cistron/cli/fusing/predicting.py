"""The job behind `cistron fusion predict`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cistron import __version__
from cistron.cli.command_line import command_line
from cistron.cli.fusing.outputs import write_answers
from cistron.cli.journaled import journal_beside
from cistron.cli.progress import note, progress_bar
from cistron.errors import InputError
from cistron.formats.atomic import refuse_same_file, refuse_unwritable, sha256_file
from cistron.formats.diagnosis_records import read_records
from cistron.formats.journal import Journal
from cistron.formats.manifest import write_manifest
from cistron.weights.checksums import combined, verified_digests

if TYPE_CHECKING:
    from cistron.fusion.parts import Example
    from cistron.fusion.rows import Answer
    from cistron.fusion.saved import FusedModel


@dataclass(frozen=True)
class PredictRequest:
    """What the user asked for; see `cistron fusion predict --help`."""

    model: Path
    records: Path
    output: Path
    generate: bool
    max_new_tokens: int
    temperature: float
    seed: int
    language: str | None
    dna: str | None
    device: str
    threads: int | None
    resume: bool


def run_predict(request: PredictRequest) -> None:
    """Write the model's answer to every record.

    Raises:
        CistronError: Something that the caller can fix.
    """
    from cistron.fusion.parts import examples_of
    from cistron.fusion.run import RecordSettings
    from cistron.fusion.saved import SETTINGS, load_fused

    refuse_unwritable(request.output)
    refuse_same_file(request.records, request.output)
    if request.threads is not None:
        import torch

        torch.set_num_threads(request.threads)
    model = load_fused(request.model, dna=request.dna, language=request.language, device=request.device)
    settings = RecordSettings(question=model.question)
    examples = list(examples_of(read_records(request.records), settings, model.dna.width))
    if not examples:
        raise InputError(f"{request.records} holds no records that can be answered")
    facts = {
        "version": __version__,
        "model_sha256": sha256_file(request.model / SETTINGS),
        "bases": {name: dict(base) for name, base in model.bases.items()},
        "input_sha256": sha256_file(request.records),
        "records": len(examples),
        "seed": request.seed if request.generate and request.temperature else None,
    }
    with journal_beside(str(request.output), _identity(request, facts), resume=request.resume) as journal:
        _answer(request, model, examples, journal)
        write_answers(request.output, chain.from_iterable(map(json.loads, journal)))
        write_manifest(request.output, {**facts, "command": command_line()})
        journal.remove()
    note(f"{len(examples):,} records; wrote {request.output}")


def _identity(request: PredictRequest, facts: dict[str, Any]) -> dict[str, Any]:
    """Everything that answers depend on."""
    weights = combined(verified_digests(request.model, request.model.glob("*.safetensors")).values())
    sampling = [request.max_new_tokens, request.temperature] if request.generate else None
    return {"command": "fusion predict", **facts, "weights": weights, "sampling": sampling}


def _answer(
    request: PredictRequest, model: FusedModel, examples: Sequence[Example], journal: Journal
) -> None:
    """Answer all records that the journal does not have, batch by batch."""
    from cistron.fusion.rows import AT_ONCE

    done = min(journal.done * AT_ONCE, len(examples))
    with progress_bar("Answering", len(examples), "records", done=done) as advance:
        for start in range(done, len(examples), AT_ONCE):
            batch = examples[start : start + AT_ONCE]
            answers = zip(batch, _answers(request, model, batch), strict=True)
            journal.append(json.dumps([_row(*each) for each in answers]).encode())
            advance(len(batch))


def _answers(request: PredictRequest, model: FusedModel, batch: Sequence[Example]) -> Iterator[Answer]:
    from cistron.fusion.rows import answered, spoken

    if not request.generate:
        return answered(model, batch)
    tokens, temperature = request.max_new_tokens, request.temperature
    return spoken(model, batch, max_new_tokens=tokens, temperature=temperature, seed=request.seed)


def _row(example: Example, answer: Answer) -> tuple[str, ...]:
    chance = "" if answer.probability is None else f"{answer.probability:.6g}"
    return example.record.name, example.label, answer.label or "", chance, answer.text
