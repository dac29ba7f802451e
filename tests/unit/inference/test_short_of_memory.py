"""Every verb gives the same answers on a machine that runs out of memory in the usual batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from cistron.errors import InputError
from cistron.inference.embed import embed
from cistron.inference.embed_variants import embed_variants
from cistron.inference.interpretation.routing import route
from cistron.inference.likelihood import log_likelihood
from cistron.inference.mutagenesis import mutate
from cistron.inference.planning.budget import Budget
from cistron.inference.scan import scan
from cistron.inference.score import score_variants


class Cramped(torch.nn.Module):
    """A model on a machine that has memory for so many tokens at a time."""

    def __init__(self, model: Any, most: int) -> None:
        super().__init__()
        self.inner, self.config, self.empty_state, self.most = model, model.config, model.empty_state, most

    def forward(self, input_ids: torch.Tensor, *args: Any, **options: Any) -> Any:
        if input_ids.numel() > self.most:
            raise torch.OutOfMemoryError("no room")
        return self.inner(input_ids, *args, **options)


@pytest.fixture(scope="module")
def ask(tokenizer: Any, genome: Any, variants_of: Any) -> Any:
    """The numbers that a verb gives: `ask(verb, model)`."""
    text = genome.texts["2"]
    many = [text[i : i + 90] for i in range(0, 300, 5)]
    variants = variants_of("2", 60)

    def numbers(verb: str, model: Any, **options: Any) -> list[Any]:
        if verb == "score":
            return [s.llr for s in score_variants(model, tokenizer, genome, variants, width=64, **options)]
        if verb == "mutate":
            found = mutate(model, tokenizer, genome, "2:101-140", width=256, **options)
            return [score.llr for score in found]
        if verb == "scan":
            return [piece.log_p for piece in scan(model, tokenizer, genome, width=64, **options)]
        if verb == "likelihood":
            return [found.total for found in log_likelihood(model, tokenizer, many, **options)]
        if verb == "one long likelihood":
            return [found.total for found in log_likelihood(model, tokenizer, [5 * text], **options)]
        if verb == "embed":
            return [found.vector for found in embed(model, tokenizer, many, **options)]
        if verb == "one long embedding":
            return [found.vector for found in embed(model, tokenizer, [5 * text], **options)]
        if verb == "embed variants":
            found = embed_variants(model, tokenizer, genome, variants, width=64, **options)
            return [list((each.difference or {}).values()) for each in found]
        return [route(model, tokenizer, genome, "2:1-400", width=400, **options).chosen]

    return numbers


VERBS = [
    "score",
    "mutate",
    "scan",
    "likelihood",
    "one long likelihood",
    "embed",
    "one long embedding",
    "embed variants",
    "route",
]


@pytest.mark.parametrize("verb", VERBS)
def test_smaller_batches_where_memory_runs_out_give_the_same_answers(genos: Any, ask: Any, verb: str) -> None:
    told: list[str] = []
    budget = Budget(4096, told.append)
    expected = ask(verb, genos)
    found = ask(verb, Cramped(genos, 600), batch_tokens=budget)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.array(one, float), np.array(other, float), rtol=0, atol=1e-8)
    assert budget.batch_tokens < 4096, "it has run out of memory"
    assert len(told) == 1


@pytest.mark.parametrize("verb", VERBS)
def test_no_verb_crashes_where_nothing_fits(genos: Any, ask: Any, verb: str) -> None:
    with pytest.raises(InputError, match="memory ran out with 256 tokens at a time; give shorter sequences"):
        ask(verb, Cramped(genos, 20))


def test_memory_for_not_even_a_measurement_is_told_in_one_line(genos: Any) -> None:
    with pytest.raises(InputError, match="memory ran out with 256 tokens at a time; give shorter sequences"):
        Budget.fitted(Cramped(genos, 20), 512, memory=4_000_000)
