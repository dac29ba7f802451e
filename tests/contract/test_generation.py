"""What every architecture promises of generation: a sequence does not depend on what runs beside it."""

from __future__ import annotations

import torch

from cistron.inference.generate import generate
from cistron.tokenizers import TOKENIZERS

PROMPTS = ["A", "GATTACA", "ACGTACGTACGTACGTACGTACGTACGTACGTACG", "T", "GC"]


def test_prompts_of_any_length_are_continued_together_as_each_alone(example):
    tokenizer = TOKENIZERS.get(example.spec.tokenizer)()
    together = list(generate(example.model, tokenizer, PROMPTS, tokens=10, samples=2, seed=5))
    alone = list(generate(example.model, tokenizer, PROMPTS, tokens=10, samples=2, seed=5, batch_tokens=1))
    assert len(together) == 10
    for one, other in zip(together, alone, strict=True):
        assert one.continuation == other.continuation
        found, expected = (torch.from_numpy(each.log_probabilities) for each in (one, other))
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)


def test_generated_bases_have_the_log_probabilities_of_a_whole_pass(example):
    tokenizer = TOKENIZERS.get(example.spec.tokenizer)()
    for made in generate(example.model, tokenizer, ["G", "ACGTTGCA"], tokens=12, seed=1):
        ids = torch.from_numpy(tokenizer.encode(made.sequence)).unsqueeze(0)
        log_p = example.logits(ids).log_softmax(-1)[0, len(made.prompt) - 1 : -1]
        expected = log_p.gather(1, ids[0, len(made.prompt) :, None]).squeeze(1)
        torch.testing.assert_close(torch.from_numpy(made.log_probabilities), expected, rtol=0, atol=1e-9)
