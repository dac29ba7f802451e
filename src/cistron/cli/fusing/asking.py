"""The job behind `cistron fusion ask`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cistron import __version__
from cistron.cli.progress import note, progress_bar
from cistron.cli.serving.remote import KEY
from cistron.errors import InputError
from cistron.formats.atomic import refuse_unwritable
from cistron.formats.fasta_stream import stream_records
from cistron.genome.sequence import is_nucleotides

if TYPE_CHECKING:
    from cistron.client.diagnosis import RemoteEvidence
    from cistron.fusion.evidence import BaseEvidence
    from cistron.fusion.parts import Example
    from cistron.fusion.saved import FusedModel

_PASSES_BESIDE_WINDOWS = 7


@dataclass(frozen=True)
class AskRequest:
    """What the user asked for; see `cistron fusion ask --help`."""

    model: str
    question: str
    reference: str
    variant: str
    top: int
    generate: bool
    max_new_tokens: int
    temperature: float
    evidence: Path | None
    method: Literal["gradient", "occlusion"]
    windows: int
    language: str | None
    dna: str | None
    server: str | None
    device: str
    threads: int | None


def run_ask(request: AskRequest) -> None:
    """Print the likeliest known answers, and a free one where that is asked for; write which bases moved it.

    Raises:
        CistronError: Something that the caller can fix.
    """
    if request.evidence is not None:
        from cistron.fusion.evidence_files import refuse_other_endings

        refuse_other_endings(request.evidence)
        refuse_unwritable(request.evidence)
    sequences = _bases(request.reference), _bases(request.variant)
    ask = _ask_here if request.server is None else _ask_there
    print(ask(request, sequences))


def _ask_here(request: AskRequest, sequences: tuple[str, str]) -> str:
    """Answer on this machine; gives the notice to end with."""
    from cistron.formats.diagnosis_records import DiagnosisRecord
    from cistron.fusion.asking import NOTICE, example_of
    from cistron.fusion.rows import likeliest, spoken
    from cistron.fusion.saved import load_fused

    if request.threads is not None:
        import torch

        torch.set_num_threads(request.threads)
    record = DiagnosisRecord("the question", request.question, "", *sequences)
    model = load_fused(Path(request.model), dna=request.dna, language=request.language, device=request.device)
    example = example_of(model, record)
    ranking = likeliest(model, example, request.top)
    text = ""
    if request.generate:
        said = spoken(
            model, [example], max_new_tokens=request.max_new_tokens, temperature=request.temperature
        )
        text = next(said).text
    _show(ranking, text)
    _write(request, lambda: _explained(request, model, example, ranking[0][0]))
    return NOTICE


def _explained(request: AskRequest, model: FusedModel, example: Example, answer: str) -> BaseEvidence:
    from cistron.fusion.evidence import by_gradient, by_occlusion
    from cistron.fusion.rows import runner_up

    other = runner_up(model, example, answer)
    if request.method == "gradient":
        return by_gradient(model, example, answer, other)
    total = 2 * request.windows + _PASSES_BESIDE_WINDOWS
    with progress_bar("Hiding windows", total, "passes") as advance:
        return by_occlusion(model, example, answer, other, windows=request.windows, progress=advance)


def _ask_there(request: AskRequest, sequences: tuple[str, str]) -> str:
    """Let a service answer; gives the notice to end with."""
    from cistron.client.connecting import connect
    from cistron.client.diagnosis import AlleleOptions

    for name, given in (("--language", request.language), ("--model", request.dna)):
        if given is not None:
            raise InputError(f"{name}: not with --server; the service has its own")
    asked = AlleleOptions(
        reference_sequence=sequences[0],
        variant_sequence=sequences[1],
        question=request.question,
        model=request.model,
    )
    length = request.max_new_tokens if request.generate else 0
    with connect(request.server or "", os.environ.get(KEY)) as service:
        found = service.diagnose(
            **asked, top=request.top, evidence=False, max_length=length, temperature=request.temperature
        )
        _show(found.ranking, found.text or "")

        def explained() -> BaseEvidence:
            told = service.explain_diagnosis(**asked, method=request.method, windows=request.windows)
            return _as_evidence(told)

        _write(request, explained)
        return found.notice


def _as_evidence(told: RemoteEvidence) -> BaseEvidence:
    from cistron.fusion.evidence import BaseEvidence
    from cistron.fusion.pairs import DnaPair

    reference, variant = told.reference, told.variant
    pair = DnaPair(reference.bases, variant.bases, reference.site, variant.site)
    values = reference.values, variant.values, told.exchanged
    return BaseEvidence(told.answer, told.instead, told.log_likelihood, told.method, pair, *values)


def _show(ranking: Sequence[tuple[str, float]], text: str) -> None:
    for label, probability in ranking:
        print(f"{probability:.3f}\t{label}")
    if text:
        print(text)


def _write(request: AskRequest, explained: Callable[[], BaseEvidence]) -> None:
    if request.evidence is not None:
        from cistron.fusion.evidence_files import write_evidence

        facts = {"version": __version__, "model": request.model, "question": request.question}
        write_evidence(request.evidence, explained(), facts)
        note(f"wrote {request.evidence}")


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
