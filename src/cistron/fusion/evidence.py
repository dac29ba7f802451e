"""Which bases moved an answer: gradients at the projector's input, or bases hidden from the model in turn.

What is explained is log P(answer | DNA, question), end mark included, less the same of another answer where
one is named: how much the model prefers the first. Values are in nats, and positive where a base spoke for
the answer.

- *gradient*: for each base the sum over channels of its hidden state, as the projector has normed it, times
  the gradient there, averaged over steps of the way from zero to that state. So all values together are
  about what would be lost if all states were zero. The gradient at the state itself is noise where the model
  is sure, and had the wrong sign for one in five of the planted bases that the tests look for. Before the
  norm the product would vanish: a norm forgets lengths. A state knows the bases around it, on both sides
  where both strands are read; so the values say where the model looks, and what it sees there may lie beside.
  A resampler's queries begin with the allele's own states, which therefore stand out even before training.
- *occlusion*: what is lost when the window that holds the base becomes N, in one of both sequences. Every
  base of a window has the window's value. What differs between the alleles is a window of its own.
- *exchanged*, with occlusion: what is lost when one of both sequences becomes the other.

Source: integrated gradients: Sundararajan et al. 2017 (arXiv 1703.01365), equation 3; occlusion: Zeiler and
    Fergus 2014 (arXiv 1311.2901), section 4.2; one answer against another: Yin and Neubig 2022 (arXiv
    2202.10419).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from cistron.errors import InputError
from cistron.fusion.answering import Classifier, Speaker
from cistron.fusion.pairs import DnaPair, Site
from cistron.fusion.parts import Example
from cistron.fusion.rows import AT_ONCE
from cistron.fusion.saved import FusedModel

_MEANING: Final = {
    "gradient": "normed hidden state times gradient, along the way from zero",
    "occlusion": "what is lost when the base's window becomes N",
}

_STEPS: Final = 4
"""Of the way from zero; with four the planted bases of the tests all had the right sign."""

Values = Float[np.ndarray, "L"]
Progress = Callable[[int], object]
"""Told how many passes were just made."""


class BaseEvidence(NamedTuple):
    """What each base of both sequences did for an answer, in nats.

    Attributes:
        answer: The answer that is explained.
        instead: What it is preferred to; None where its own log-likelihood is explained.
        log_likelihood: Of the answer, in nats.
        method: `gradient` or `occlusion`.
        pair: Both sequences.
        reference: A value for each base of the reference sequence.
        variant: A value for each base of the variant sequence.
        exchanged: What is lost where the reference becomes the variant, and the other way round; None of
            gradients.
    """

    answer: str
    instead: str | None
    log_likelihood: float
    method: str
    pair: DnaPair
    reference: Values
    variant: Values
    exchanged: tuple[float, float] | None = None

    @property
    def explained(self) -> str:
        """What a value is part of, as a formula."""
        return f"log P({self.answer})" + (f" - log P({self.instead})" if self.instead else "")

    @property
    def meaning(self) -> str:
        """What a value is, in words."""
        return f"of {self.explained}: {_MEANING[self.method]}; positive spoke for the answer"

    @property
    def sequences(self) -> dict[str, tuple[str, Values, Site]]:
        """Name → bases, values, and where the alleles differ."""
        pair = self.pair
        return {
            "reference": (pair.reference, self.reference, pair.reference_site),
            "variant": (pair.variant, self.variant, pair.variant_site),
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain values; offsets count from the first base of a sequence, 0-based."""
        return {
            "answer": self.answer,
            "instead": self.instead,
            "log_likelihood": self.log_likelihood,
            "method": self.method,
            "unit": "nats",
            "meaning": self.meaning,
            **{
                name: {"bases": bases, "values": list(map(float, values)), "site": list(site)}
                for name, (bases, values, site) in self.sequences.items()
            },
            "exchanged": self.exchanged and dict(zip(("reference", "variant"), self.exchanged, strict=True)),
        }


def by_gradient(model: FusedModel, example: Example, answer: str, instead: str | None = None) -> BaseEvidence:
    """State times gradient at the projector's input; four passes forward and back for each answer.

    Args:
        model: One that reads DNA.
        example: The question.
        answer: What is explained.
        instead: The answer that it is preferred to, if any.

    Raises:
        InputError: The model reads no DNA, or the answer is none that a model of DNA alone knows.
    """
    log_likelihood, values = _pulled(model, example, answer)
    if instead is not None:
        values = [own - other for own, other in zip(values, _pulled(model, example, instead)[1], strict=True)]
    reference, variant = values
    return BaseEvidence(answer, instead, log_likelihood, "gradient", example.pair, reference, variant)


def by_occlusion(
    model: FusedModel,
    example: Example,
    answer: str,
    instead: str | None = None,
    *,
    windows: int = 16,
    progress: Progress | None = None,
) -> BaseEvidence:
    """What is lost where windows become N, and where a sequence becomes the other.

    Args:
        model: One that reads DNA.
        example: The question.
        answer: What is explained.
        instead: The answer that it is preferred to, if any.
        windows: Into which each sequence is cut, beside what differs.
        progress: Told how many of the 2 · `windows` + 7 passes, at most, were just made; what it raises stops
            the work.

    Raises:
        InputError: As `by_gradient`.
    """
    pair = example.pair
    cuts = [
        [*_windows(len(bases), site, windows)]
        for bases, site in ((pair.reference, pair.reference_site), (pair.variant, pair.variant_site))
    ]
    asked = [
        pair,
        replace(pair, reference=pair.variant, reference_site=pair.variant_site),
        replace(pair, variant=pair.reference, variant_site=pair.reference_site),
        *(replace(pair, reference=_hidden(pair.reference, span)) for span in cuts[0]),
        *(replace(pair, variant=_hidden(pair.variant, span)) for span in cuts[1]),
    ]
    answers = [answer] if instead is None else [answer, instead]
    for each in answers:
        _norm(model, each)
    scores = _scores(model, [replace(example, pair=each) for each in asked], answers, progress)
    preferred = scores[:, 0] - (0.0 if instead is None else scores[:, 1])
    lost = iter((preferred[0] - preferred[1:]).tolist())
    exchanged = next(lost), next(lost)
    reference, variant = (
        _spread(len(bases), spans, lost)
        for bases, spans in zip((pair.reference, pair.variant), cuts, strict=True)
    )
    own = float(scores[0, 0])
    return BaseEvidence(answer, instead, own, "occlusion", pair, reference, variant, exchanged)


def _pulled(model: FusedModel, example: Example, answer: str) -> tuple[float, list[Values]]:
    """Log-likelihood of an answer, and for each base of both sequences its state times the mean gradient."""
    norm = _norm(model, answer)
    # Said at once, without reasoning, as answers are ranked.
    said = replace(example, label=answer, record=replace(example.record, reasoning=""))
    steps = [_step(model, norm, said, (number + 0.5) / _STEPS) for number in range(_STEPS)]
    products = [sum(each) / _STEPS for each in zip(*steps, strict=True)]
    own = float(model.answerer.scores([example], [answer])[0, 0])
    return own, [product.float().cpu().numpy() for product in products]


def _step(model: FusedModel, norm: nn.Module, said: Example, share: float) -> list[Float[Tensor, "L"]]:
    """State times gradient of both sequences where states are a share of what they are."""
    states: list[Tensor] = []
    read: list[Tensor] = []

    def cut(module: nn.Module, given: Any, normed: Tensor) -> Tensor:
        states.append(normed.detach())
        read.append((share * states[-1]).requires_grad_())
        return read[-1]

    handle = norm.register_forward_hook(cut)
    try:
        with torch.enable_grad():
            gradients = torch.autograd.grad(-model.answerer.loss([said]), read)
    finally:
        handle.remove()
    return [(own * gradient).sum(dim=-1)[0] for own, gradient in zip(states, gradients, strict=True)]


def _norm(model: FusedModel, answer: str) -> nn.Module:
    """The norm before the projector, or before a classifier's pools."""
    answerer = model.answerer
    if isinstance(answerer, Classifier):
        if answer not in model.labels:
            raise InputError("a model of DNA alone knows the answers of its training and no other")
        return answerer.classifier.norm
    if not isinstance(answerer, Speaker) or answerer.fused.projector is None:
        raise InputError("a model of text alone reads no DNA, so no base moved its answer")
    return answerer.fused.projector.norm


def _scores(
    model: FusedModel, examples: Sequence[Example], answers: Sequence[str], progress: Progress | None
) -> Float[Tensor, "B N"]:
    found = []
    for start in range(0, len(examples), AT_ONCE):
        batch = examples[start : start + AT_ONCE]
        found.append(model.answerer.scores(batch, answers))
        if progress is not None:
            progress(len(batch))
    return torch.cat(found)


def _windows(length: int, site: Site, count: int) -> Iterator[Site]:
    """Yield spans of about equal length on both sides of a site, and the site between them unless empty."""
    start, end = site
    size = max(-(-(length - (end - start)) // count), 1)
    # Whole windows lie next to the site; what is left over is at the ends.
    for first in range(start % size - size if start % size else 0, start, size):
        yield max(first, 0), first + size
    if end > start:
        yield start, end
    for first in range(end, length, size):
        yield first, min(first + size, length)


def _hidden(bases: str, span: Site) -> str:
    start, end = span
    return bases[:start] + "N" * (end - start) + bases[end:]


def _spread(length: int, spans: Sequence[Site], values: Iterator[float]) -> Values:
    """A value for each base from those of the spans, which are taken from `values`."""
    found = np.zeros(length, dtype=np.float32)
    for start, end in spans:
        found[start:end] = next(values)
    return found
