"""The rows of a table: each way to answer the same examples, controls and baselines among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from cistron.errors import InputError
from cistron.fusion.answering import Dna, Speaker
from cistron.fusion.answers import label_in
from cistron.fusion.baselines import gene_lookup, majority, nearest
from cistron.fusion.judging import Row
from cistron.fusion.pairs import exchanged
from cistron.fusion.parts import Example
from cistron.fusion.saved import FusedModel

AT_ONCE: Final = 4
"""Examples that a model is asked about together."""

Progress = Callable[[int], object]
"""Told how many examples were just answered."""


@dataclass(frozen=True)
class Answer:
    """What a model answers.

    Attributes:
        label: One of the answers of training; None for a miss.
        probability: Of the label among all answers of training; None where the model spoke freely.
        text: What it said freely; empty otherwise.
    """

    label: str | None
    probability: float | None = None
    text: str = ""


def answered(
    model: FusedModel, examples: Sequence[Example], *, dna: Dna = "own", progress: Progress | None = None
) -> Iterator[Answer]:
    """Yield the likeliest answer of training for each example."""
    for batch in _batches(examples):
        shares = model.answerer.scores(batch, model.labels, dna=dna).softmax(dim=1)
        for probability, best in zip(*shares.max(dim=1), strict=True):
            yield Answer(model.labels[int(best)], float(probability))
        if progress is not None:
            progress(len(batch))


def likeliest(model: FusedModel, example: Example, top: int = 5) -> list[tuple[str, float]]:
    """The likeliest answers of training with their probabilities among all of them, likeliest first."""
    shares = model.answerer.scores([example], model.labels)[0].softmax(dim=0)
    order = shares.argsort(descending=True)[:top].tolist()
    return [(model.labels[at], float(shares[at])) for at in order]


def runner_up(model: FusedModel, example: Example, answer: str) -> str | None:
    """The likeliest answer of training other than `answer`; None where there is no other."""
    return next((label for label, _ in likeliest(model, example, 2) if label != answer), None)


def spoken(
    model: FusedModel,
    examples: Sequence[Example],
    *,
    max_new_tokens: int = 800,
    temperature: float = 0.0,
    seed: int = 0,
    progress: Progress | None = None,
    **options: Any,
) -> Iterator[Answer]:
    """Yield what the model says freely of each example, and the label that its last answer line names.

    Args:
        model: With a language model.
        examples: To be answered.
        max_new_tokens: Most tokens of an answer.
        temperature: 0 takes the likeliest token every time.
        seed: Of sampling.
        progress: Told how many examples were just answered.
        options: Further ones of `Fused.generate`, such as a `streamer`.

    Raises:
        InputError: The model has no language model.
    """
    if not isinstance(model.answerer, Speaker):
        raise InputError("a model of DNA alone does not speak; let it rank answers instead")
    settings = {"max_new_tokens": max_new_tokens, "temperature": temperature, "seed": seed, **options}
    for batch in _batches(examples):
        for text in model.answerer.texts(batch, **settings):
            yield Answer(label_in(text, model.labels), text=text)
        if progress is not None:
            progress(len(batch))


def _batches(examples: Sequence[Example]) -> Iterator[Sequence[Example]]:
    for start in range(0, len(examples), AT_ONCE):
        yield examples[start : start + AT_ONCE]


def baseline_rows(train: Sequence[Example], test: Sequence[Example]) -> list[Row]:
    """What can be answered without a model."""
    return [
        Row("majority", "the most frequent answer of the training part", majority(train, test)),
        Row(
            "gene look-up",
            "the gene's most frequent answer in training, else that of all",
            gene_lookup(train, test),
        ),
        Row(
            "nearest sequence",
            "the answer of the training reference with most words in common",
            nearest(train, test),
        ),
    ]


def model_rows(
    name: str, model: FusedModel, test: Sequence[Example], *, seed: int = 0, progress: Progress | None = None
) -> Iterator[Row]:
    """Yield the model's answers; where it reads DNA also those to other records' DNA, and to none."""
    for suffix, what, asked, dna in controls(model, test, seed):
        said = [answer.label for answer in answered(model, asked, dna=dna, progress=progress)]
        yield Row(f"{name}{suffix}", what, said)


def controls(
    model: FusedModel, test: Sequence[Example], seed: int
) -> list[tuple[str, str, Sequence[Example], Dna]]:
    """How a model is asked: end of the row's name, what it means, examples, and what it reads of the DNA."""
    found: list[tuple[str, str, Sequence[Example], Dna]] = [("", _WHAT[model.mode], test, "own")]
    if model.mode != "text":
        others = exchanged([example.pair for example in test], seed)
        turned = [replace(example, pair=pair) for example, pair in zip(test, others, strict=True)]
        found.append(
            (", DNA shuffled", "the same model, every record with another record's DNA", turned, "own")
        )
        found.append((", DNA zeroed", "the same model, zeros in the place of DNA", test, "zeroed"))
    return found


_WHAT: Final = {
    "fused": "language model with DNA; the likeliest answer of the label set",
    "text": "language model without DNA, trained alike; the likeliest answer of the label set",
    "dna": "classifier of both sequences' hidden states, no language model",
}
