"""The job behind `cistron fusion predict`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cistron import __version__
from cistron.cli.command_line import command_line
from cistron.cli.fusing.outputs import write_answers
from cistron.cli.progress import note, progress_bar
from cistron.errors import InputError
from cistron.formats.atomic import refuse_same_file, refuse_unwritable, sha256_file
from cistron.formats.diagnosis_records import read_records
from cistron.formats.manifest import write_manifest


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


def run_predict(request: PredictRequest) -> None:
    """Write the model's answer to every record.

    Raises:
        CistronError: Something that the caller can fix.
    """
    from cistron.fusion.parts import Example, examples_of
    from cistron.fusion.run import RecordSettings
    from cistron.fusion.saved import SETTINGS, load_fused

    refuse_unwritable(request.output)
    refuse_same_file(request.records, request.output)
    if request.threads is not None:
        import torch

        torch.set_num_threads(request.threads)
    model = load_fused(request.model, dna=request.dna, language=request.language, device=request.device)
    settings = RecordSettings(question=model.question)
    examples: list[Example] = list(examples_of(read_records(request.records), settings, model.dna.width))

    def rows() -> Iterator[Sequence[object]]:
        from cistron.fusion.rows import answered, spoken

        with progress_bar("Answering", len(examples), "records") as advance:
            answers = (
                spoken(
                    model,
                    examples,
                    max_new_tokens=request.max_new_tokens,
                    temperature=request.temperature,
                    seed=request.seed,
                    progress=advance,
                )
                if request.generate
                else answered(model, examples, progress=advance)
            )
            for example, answer in zip(examples, answers, strict=True):
                chance = "" if answer.probability is None else f"{answer.probability:.6g}"
                yield example.record.name, example.label, answer.label or "", chance, answer.text

    if not examples:
        raise InputError(f"{request.records} holds no records that can be answered")
    write_answers(request.output, rows())
    facts = {
        "version": __version__,
        "command": command_line(),
        "model_sha256": sha256_file(request.model / SETTINGS),
        "bases": {name: dict(base) for name, base in model.bases.items()},
        "input_sha256": sha256_file(request.records),
        "records": len(examples),
        "seed": request.seed if request.generate and request.temperature else None,
    }
    write_manifest(request.output, facts)
    note(f"{len(examples):,} records; wrote {request.output}")
