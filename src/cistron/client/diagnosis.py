"""Questions to a fused model of a service, and its answers, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal, NamedTuple, TypedDict

import numpy as np
from jaxtyping import Float

from cistron.client.wire import Question
from cistron.genome import Variant


class AlleleOptions(TypedDict, total=False):
    """What is asked about: two sequences, or a variant of one of the service's genomes.

    `question` may be left out where the model was trained with one, and `model`, a fused model's name, where
    the first is meant.
    """

    reference_sequence: str
    variant_sequence: str
    variant: Variant
    genome: str
    question: str
    model: str


class DiagnoseOptions(AlleleOptions, total=False):
    """Keyword arguments of `RemoteModel.diagnose`; `max_length` is in tokens, and 0 ranks labels alone."""

    max_length: int
    temperature: float
    top_p: float
    top_k: int
    seed: int
    top: int
    evidence: bool


class EvidenceOptions(AlleleOptions, total=False):
    """Keyword arguments of `RemoteModel.explain_diagnosis`; see `cistron.fusion.evidence`."""

    answer: str
    instead: str
    method: Literal["gradient", "occlusion"]
    windows: int


class RemoteDiagnosis(NamedTuple):
    """The answer of a fused model; for research, not a diagnosis.

    Attributes:
        answer: The likeliest label.
        ranking: Labels with their probabilities, likeliest first.
        text: What the model said freely; None where it did not speak.
        reasoning: What the text says before its answer line.
        evidence: What is known of the allele, as the service tells it; None where that was not asked.
        model: Name of the fused model.
        question: What it was asked, in full.
        bases: `dna` and `language` → name and hash of the base models.
        notice: To be shown with the answer.
    """

    answer: str
    ranking: list[tuple[str, float]]
    text: str | None
    reasoning: str | None
    evidence: Mapping[str, Any] | None
    model: str
    question: str
    bases: Mapping[str, Mapping[str, str]]
    notice: str


class RemoteSequence(NamedTuple):
    """One sequence with a value for each base.

    Attributes:
        bases: The sequence.
        values: In nats; positive spoke for the answer.
        site: Where the alleles differ, half-open offsets.
    """

    bases: str
    values: Float[np.ndarray, "L"]
    site: tuple[int, int]


class RemoteEvidence(NamedTuple):
    """Which bases moved an answer; see `cistron.fusion.evidence`.

    Attributes:
        answer: What is explained.
        instead: What it is preferred to.
        log_likelihood: Of the answer, in nats.
        method: `gradient` or `occlusion`.
        place: Contig and first base of both sequences, 0-based; None of two sequences.
        reference: The reference sequence.
        variant: The variant sequence.
        exchanged: What is lost where the reference becomes the variant, and the other way round.
    """

    answer: str
    instead: str | None
    log_likelihood: float
    method: str
    place: tuple[str, int] | None
    reference: RemoteSequence
    variant: RemoteSequence
    exchanged: tuple[float, float] | None


def diagnose_question(options: Mapping[str, Any]) -> Question:
    """Ask a fused model."""
    return Question("/v1/diagnose", _plain(options))


def diagnosis_of(answer: Any) -> RemoteDiagnosis:
    """What it answers."""
    ranking = [(each["label"], each["probability"]) for each in answer["ranking"]]
    kept = {name: answer[name] for name in RemoteDiagnosis._fields if name != "ranking"}
    return RemoteDiagnosis(ranking=ranking, **kept)


def evidence_question(options: Mapping[str, Any]) -> Question:
    """Ask which bases moved an answer."""
    return Question("/v1/diagnose:evidence", _plain(options))


def evidence_of(answer: Any) -> RemoteEvidence:
    """Which bases moved it."""
    exchanged = answer["exchanged"]
    return RemoteEvidence(
        answer["answer"],
        answer["instead"],
        answer["log_likelihood"],
        answer["method"],
        None if answer["chrom"] is None else (answer["chrom"], answer["start"]),
        _sequence(answer["reference"]),
        _sequence(answer["variant"]),
        None if exchanged is None else (exchanged["reference"], exchanged["variant"]),
    )


def _sequence(told: Any) -> RemoteSequence:
    return RemoteSequence(told["bases"], np.array(told["values"], dtype=np.float32), tuple(told["site"]))


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(options)
    if "variant" in found:
        variant = asdict(found["variant"])
        del variant["end"]
        found["variant"] = variant
    return found
