"""Examples → losses, likelihoods of answers, and texts: what all three kinds of model can do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from cistron.fusion.answers import completion
from cistron.fusion.encoder import DnaEncoder
from cistron.fusion.model import Fused
from cistron.fusion.pair_classifier import PairClassifier
from cistron.fusion.parts import Example
from cistron.fusion.prompt import Prompt, PromptWriter
from cistron.heads import Hidden

Dna = Literal["own", "zeroed"]
"""Whether a model reads the DNA, or zeros in its place."""


class Answerer(Protocol):
    """A model that learns and ranks answers."""

    @property
    def module(self) -> nn.Module:
        """What is trained."""
        ...

    @property
    def encoder(self) -> DnaEncoder | None:
        """What reads DNA; None for text alone."""
        ...

    def loss(self, examples: Sequence[Example]) -> Float[Tensor, ""]:
        """Sum of the negative log-likelihood of what is to be said, in nats."""
        ...

    def weight(self, example: Example) -> int:
        """How many tokens, or answers, an example adds to the loss."""
        ...

    def scores(
        self, examples: Sequence[Example], labels: Sequence[str], *, dna: Dna = "own"
    ) -> Float[Tensor, "B N"]:
        """How likely each label is as the answer of each example: log-likelihoods, in nats."""
        ...


@dataclass
class Speaker:
    """A language model, with or without DNA.

    Attributes:
        fused: The model.
        writer: Writes its prompts.
        encoder: Reads DNA; None for text alone.
        reasoning: Whether answers begin with reasoning.
    """

    fused: Fused
    writer: PromptWriter
    encoder: DnaEncoder | None
    reasoning: bool = False

    @property
    def module(self) -> nn.Module:
        """Projector and adapters."""
        return self.fused

    def loss(self, examples: Sequence[Example]) -> Float[Tensor, ""]:
        """See `Answerer.loss`."""
        prompts = [self._learnt(example) for example in examples]
        return self.fused.loss(prompts, self._dna(examples))

    def weight(self, example: Example) -> int:
        """Tokens of the answer, its end mark among them."""
        return len(self._learnt(example).answer)

    def scores(
        self, examples: Sequence[Example], labels: Sequence[str], *, dna: Dna = "own"
    ) -> Float[Tensor, "B N"]:
        """See `Answerer.scores`; reasoning is not part of what is ranked."""
        answers = [self.writer.answer(completion(label)) for label in labels]
        prompts = [self.asked(example) for example in examples]
        return self.fused.rank(prompts, answers, self._dna(examples), zeroed=dna == "zeroed").cpu()

    def texts(
        self, examples: Sequence[Example], *, dna: Dna = "own", max_new_tokens: int = 800, **options: Any
    ) -> list[str]:
        """What the model says, freely, as far as its context goes; options are those of `Fused.generate`."""
        prompts = [self.asked(example) for example in examples]
        room = self.writer.room(prompts)
        zeroed = dna == "zeroed"
        found = self.fused.generate(
            prompts,
            self._dna(examples),
            stops=self.writer.stops,
            zeroed=zeroed,
            max_new_tokens=min(max_new_tokens, room),
            **options,
        )
        return [self.writer.text(ids) for ids in found]

    def asked(self, example: Example) -> Prompt:
        """The prompt of an example."""
        return self.writer.write(example.question, self._positions(example))

    def _learnt(self, example: Example) -> Prompt:
        said = completion(example.label, example.record.reasoning if self.reasoning else "")
        return self.writer.write(example.question, self._positions(example), said)

    def _positions(self, example: Example) -> tuple[int, ...]:
        if self.encoder is None or (projector := self.fused.projector) is None:
            return ()
        # The encoders here have one token a base.
        return tuple(
            projector.positions(len(bases)) for bases in (example.pair.reference, example.pair.variant)
        )

    def _dna(self, examples: Sequence[Example]) -> tuple[Hidden, ...]:
        return () if self.encoder is None else both_sequences(self.encoder, examples)


@dataclass
class Classifier:
    """A classifier of DNA alone."""

    classifier: PairClassifier
    encoder: DnaEncoder

    @property
    def module(self) -> nn.Module:
        """The classifier."""
        return self.classifier

    def loss(self, examples: Sequence[Example]) -> Float[Tensor, ""]:
        """See `Answerer.loss`; answers that training did not see do not count."""
        labels = self.classifier.config.labels
        known = [example for example in examples if example.label in labels]
        if not known:
            return torch.zeros((), device=self.encoder.loaded.device)
        logits = self.classifier(*both_sequences(self.encoder, known))
        wanted = torch.tensor([labels.index(example.label) for example in known], device=logits.device)
        return F.cross_entropy(logits, wanted, reduction="sum")

    def weight(self, example: Example) -> int:
        """One answer, if it is one that training saw."""
        return int(example.label in self.classifier.config.labels)

    @torch.no_grad()
    def scores(
        self, examples: Sequence[Example], labels: Sequence[str], *, dna: Dna = "own"
    ) -> Float[Tensor, "B N"]:
        """See `Answerer.scores`; a label that training did not see is impossible."""
        hidden = both_sequences(self.encoder, examples)
        logits = self.classifier(*hidden, zeroed=dna == "zeroed").double().cpu()
        log_p = F.pad(logits.log_softmax(dim=-1), (0, 1), value=-torch.inf)
        known = self.classifier.config.labels
        return log_p[:, [known.index(label) if label in known else len(known) for label in labels]]


def both_sequences(encoder: DnaEncoder, examples: Sequence[Example]) -> tuple[Hidden, Hidden]:
    """Hidden states of the reference windows, and of the variant ones."""
    pairs = [example.pair for example in examples]
    return (
        encoder.hidden([pair.reference for pair in pairs], [pair.reference_site for pair in pairs]),
        encoder.hidden([pair.variant for pair in pairs], [pair.variant_site for pair in pairs]),
    )
