"""Answers of heads: classes, values or pathogenicity of sequences and of pairs of alleles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, cast

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from cistron.errors import InputError, WindowError
from cistron.genome.sequence import reverse_complement
from cistron.heads import Head, Hidden, Turning
from cistron.heads.classifier import ClassifierConfig
from cistron.inference.embedding.hidden import Layer, layer_states, padded_ids
from cistron.models import Model
from cistron.tokenizers import Tokenizer
from cistron.weights.heads import SavedHead

_BASES: Final = "ACGTACGTACGT"


@dataclass(frozen=True, slots=True)
class Text:
    """One sequence as a head reads it.

    Attributes:
        bases: In reading direction.
        site: The half-open span that matters most, such as an allele; None where there is none.
    """

    bases: str
    site: tuple[int, int] | None = None

    def reversed(self) -> Text:
        """The same on the other strand."""
        length = len(self.bases)
        site = None if self.site is None else (length - self.site[1], length - self.site[0])
        return Text(reverse_complement(self.bases), site)


def texts_of(sequences: Sequence[str], sites: Sequence[tuple[int, int]] = ()) -> list[Text]:
    """The sequences of an item as a head reads them, with what matters most in each where that is known."""
    known: Sequence[tuple[int, int] | None] = sites or [None] * len(sequences)
    return [Text(bases, site) for bases, site in zip(sequences, known, strict=True)]


def hidden_of(
    model: Model, tokenizer: Tokenizer, texts: Sequence[Text], layers: Sequence[Layer] = ()
) -> Hidden:
    """Hidden states of texts, right-padded: all layers side by side, or the last when none is named."""
    ids, lengths = padded_ids(model, tokenizer, [text.bases for text in texts])
    output = model(ids, lengths=lengths, capture=tuple(layers), logits=False)
    states = torch.cat([part for _, part in layer_states(output, layers)], dim=-1)
    sites = [text.site for text in texts if text.site is not None]
    placed = torch.tensor(sites, device=states.device) if len(sites) == len(texts) else None
    return Hidden(states, lengths, placed)


def hidden_size(model: Model, tokenizer: Tokenizer, layers: Sequence[Layer] = ()) -> int:
    """Width of the states of all layers side by side."""
    with torch.inference_mode():
        return hidden_of(model, tokenizer, [Text("ACGT")], layers).states.shape[-1]


def predict(
    model: Model,
    tokenizer: Tokenizer,
    saved: SavedHead,
    items: Iterable[Sequence[Text]],
    *,
    rows: int = 8,
) -> Iterator[NDArray[np.floating[Any]]]:
    """Yield the head's answer for each item, in order: `(C,)` probabilities or values, or `(L, C)` by base.

    Where the head reads both strands, the outputs for a sequence and its reverse complement are averaged
    before they become probabilities.

    Args:
        model: The one that the head was trained on.
        tokenizer: Its tokenizer.
        saved: The head, from `weights.heads.load_head`.
        items: Each as many texts as the head reads: one, or reference and alternative.
        rows: Items that go through the model together.

    Raises:
        WindowError: A sequence is longer than the model's context.
        InputError: The head answers for each base, and the tokens of the model are not bases.
    """
    head = cast(Head, saved.head)
    if isinstance(head.config, ClassifierConfig) and head.config.per_base:
        refuse_other_tokens(tokenizer)
    strands = (False, True) if saved.backbone.strands == "both" else (False,)
    remaining = iter(items)
    while batch := list(islice(remaining, rows)):
        _refuse_too_long(model, batch)
        # For one batch: whoever takes the answers may use the model in between.
        with torch.inference_mode(), saved.on(model):
            each = [_outputs(model, tokenizer, saved, head, batch, reverse=turned) for turned in strands]
            answers = head.answer(torch.stack(each).mean(dim=0)).cpu().numpy()
        yield from answers if answers.ndim == 2 else _cut(answers, batch)


def refuse_other_tokens(tokenizer: Tokenizer) -> None:
    """Return silently when every base is a token.

    Raises:
        InputError: It is not, so a head cannot answer for each base.
    """
    if len(tokenizer.encode(_BASES)) != len(_BASES):
        raise InputError("the head answers for each base, and the tokens of this model are not single bases")


def _cut(
    answers: NDArray[np.floating[Any]], batch: Sequence[Sequence[Text]]
) -> Iterator[NDArray[np.floating[Any]]]:
    """Answers by base without those for padding."""
    for answer, (text, *_) in zip(answers, batch, strict=True):
        yield answer[: len(text.bases)]


def _outputs(
    model: Model,
    tokenizer: Tokenizer,
    saved: SavedHead,
    head: Head,
    batch: Sequence[Sequence[Text]],
    *,
    reverse: bool,
) -> Float[Tensor, "B *L K"]:
    hiddens = [
        hidden_of(
            model, tokenizer, [text.reversed() if reverse else text for text in texts], saved.backbone.layers
        )
        for texts in zip(*batch, strict=True)
    ]
    outputs = head.decide(*[head.summarise(hidden) for hidden in hiddens])
    if isinstance(head, Turning):
        return head.forward_order(outputs, torch.full((len(batch),), reverse), hiddens[0].lengths)
    return outputs


def _refuse_too_long(model: Model, batch: Sequence[Sequence[Text]]) -> None:
    longest, most = max(len(text.bases) for texts in batch for text in texts), model.config.context_length
    if longest > most:
        raise WindowError(f"a sequence of {longest:,} bases; the model reads {most:,} at most, cut it")
