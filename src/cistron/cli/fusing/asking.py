"""The job behind `cistron fusion ask`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cistron.errors import InputError
from cistron.formats.fasta_stream import stream_records
from cistron.genome.sequence import is_nucleotides

NOTICE = "Research use only; this is not a diagnosis."


@dataclass(frozen=True)
class AskRequest:
    """What the user asked for; see `cistron fusion ask --help`."""

    model: Path
    question: str
    reference: str
    variant: str
    top: int
    generate: bool
    max_new_tokens: int
    temperature: float
    language: str | None
    dna: str | None
    device: str
    threads: int | None


def run_ask(request: AskRequest) -> None:
    """Print the likeliest known answers, and a free one where that is asked for.

    Raises:
        CistronError: Something that the caller can fix.
    """
    from cistron.formats.diagnosis_records import DiagnosisRecord
    from cistron.fusion.parts import examples_of
    from cistron.fusion.rows import likeliest, spoken
    from cistron.fusion.run import RecordSettings
    from cistron.fusion.saved import load_fused

    if request.threads is not None:
        import torch

        torch.set_num_threads(request.threads)
    sequences = _bases(request.reference), _bases(request.variant)
    record = DiagnosisRecord("the question", request.question, "", *sequences)
    model = load_fused(request.model, dna=request.dna, language=request.language, device=request.device)
    settings = RecordSettings(question=model.question)
    example = next(examples_of([record], settings, model.dna.width))
    for label, probability in likeliest(model, example, request.top):
        print(f"{probability:.3f}\t{label}")
    if request.generate:
        said = spoken(
            model, [example], max_new_tokens=request.max_new_tokens, temperature=request.temperature
        )
        print(next(said).text)
    print(NOTICE)


def _bases(text: str) -> str:
    """Bases as they are written, or those of a FASTA file with one sequence."""
    if text and is_nucleotides(text):
        return text.upper()
    path = Path(text)
    if not path.is_file():
        raise InputError(f"'{text[:40]}' is neither bases nor a FASTA file")
    found = [b"".join(pieces) for _, pieces in stream_records(path)]
    if len(found) != 1:
        raise InputError(f"{path} holds {len(found)} sequences; one is needed")
    return found[0].decode().upper()
