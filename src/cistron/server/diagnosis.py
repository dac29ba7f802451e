"""Questions to fused models: queued, and answered part by part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from cistron.fusion.answering import Speaker
from cistron.fusion.answers import normalised
from cistron.fusion.asking import Listener
from cistron.fusion.evidence import BaseEvidence, by_gradient, by_occlusion
from cistron.fusion.rows import likeliest, runner_up, spoken
from cistron.server.known import Known, what_is_known
from cistron.server.problems import RefusedError
from cistron.server.questions import Question, bases_of
from cistron.server.verbs import alone

if TYPE_CHECKING:
    from cistron.server.service import Service

T = TypeVar("T")


class Ranked(NamedTuple):
    """A label and its probability among all labels of the model."""

    label: str
    probability: float


class Diagnosis(NamedTuple):
    """What a fused model answers.

    Attributes:
        ranking: The likeliest labels, likeliest first.
        known: What is known of the allele; None where that was not asked.
        text: What the model said freely; None where it did not speak.
    """

    ranking: Sequence[Ranked]
    known: Known | None
    text: str | None


Part = Sequence[Ranked] | Known | str
Tell = Callable[[Part], object]
"""Told the parts of an answer as they are there: ranking, what is known, pieces of the text."""


def ask_diagnosis(
    service: Service,
    question: Question,
    tell: Tell,
    *,
    top: int,
    known: bool,
    max_length: int,
    **sampling: Any,
) -> Future[Diagnosis]:
    """Queue a question; stops when nobody waits any more.

    Args:
        service: The service.
        question: The question.
        tell: Gets parts of the answer while it grows.
        top: Labels of the ranking.
        known: Whether to look up what is known of the allele.
        max_length: Most tokens of the free answer; 0 leaves it out.
        sampling: Options of `Fused.generate`.
    """
    answer: Future[Diagnosis] = Future()

    def told(part: Part) -> None:
        _refuse_unwanted(answer)
        if part:
            tell(part)

    def run() -> Diagnosis:
        with service.fusions.use(question.fusion) as model:
            ranking = [Ranked(*each) for each in likeliest(model, question.example, top)]
            told(ranking)
            found = what_is_known(service, question, model) if known else None
            if found is not None:
                told(found)
            text = None
            if max_length and isinstance(model.answerer, Speaker):
                listener = Listener(model.answerer.writer, told)
                options = {"max_new_tokens": max_length, "streamer": listener, **sampling}
                text = next(spoken(model, [question.example], **options)).text
            return Diagnosis(ranking, found, text)

    return _queued(service, question, answer, run)


def ask_evidence(
    service: Service,
    question: Question,
    answer: str | None,
    instead: str | None,
    *,
    method: str,
    windows: int,
) -> Future[BaseEvidence]:
    """Queue the question which bases moved an answer.

    Args:
        service: The service.
        question: The question.
        answer: What is explained; None is the likeliest label.
        instead: What it is preferred to; None is the likeliest other label.
        method: `gradient` or `occlusion`.
        windows: Of occlusion.
    """
    found: Future[BaseEvidence] = Future()

    def run() -> BaseEvidence:
        with service.fusions.use(question.fusion) as model:
            said = normalised(answer or "") or likeliest(model, question.example, 1)[0][0]
            other = normalised(instead or "") or runner_up(model, question.example, said)
            if method == "gradient":
                return by_gradient(model, question.example, said, other)
            return by_occlusion(
                model,
                question.example,
                said,
                other,
                windows=windows,
                progress=lambda passes: _refuse_unwanted(found),
            )

    return _queued(service, question, found, run)


def _queued(service: Service, question: Question, answer: Future[T], run: Callable[[], T]) -> Future[T]:
    def wanted() -> T:
        _refuse_unwanted(answer)
        return run()

    return alone(service, answer, bases_of(question), wanted)


def _refuse_unwanted(answer: Future[Any]) -> None:
    if answer.cancelled():
        raise RefusedError(503, "nobody waits for this answer")
