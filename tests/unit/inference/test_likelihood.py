from __future__ import annotations

import copy
import math

import numpy as np
import pytest

from cistron.errors import SequenceError
from cistron.inference.likelihood import Likelihood, log_likelihood, ref_log_p
from cistron.inference.next_base import Block

LETTERS = list("ACGTN")


def texts(number, seed=0, longest=60):
    rng = np.random.default_rng(seed)
    return [
        "".join(rng.choice(LETTERS, int(size), p=[0.24] * 4 + [0.04]))
        for size in rng.integers(0, longest, number)
    ]


def test_the_log_likelihood_is_the_sum_over_known_bases_but_the_first(model, tokenizer, make_oracle):
    sequences = ["", "A", "N", "NNN", "AN", "NA", "ACGT", *texts(20)]
    found = list(log_likelihood(model, tokenizer, sequences))
    for sequence, likelihood in zip(sequences, found, strict=True):
        values = [v for v in make_oracle(model, 0).scores(sequence) if not math.isnan(v)] if sequence else []
        assert likelihood.bases == len(values) == sum(base != "N" for base in sequence[1:])
        assert likelihood.total == pytest.approx(math.fsum(values), abs=1e-8)


@pytest.mark.parametrize("options", [{"batch_tokens": 1}, {"batch_tokens": 300, "block": 3}, {"block": 1}])
def test_batching_changes_no_likelihood(model, tokenizer, options):
    sequences = texts(30, 1)
    expected = list(log_likelihood(model, tokenizer, sequences))
    found = list(log_likelihood(model, tokenizer, iter(sequences), **options))
    assert [each.total for each in found] == pytest.approx([each.total for each in expected], abs=1e-8)
    assert [each.bases for each in found] == [each.bases for each in expected]


def test_lower_case_is_read_like_upper_case(model, tokenizer):
    upper, lower = log_likelihood(model, tokenizer, ["GATTACA", "gattaca"])
    assert upper == lower


def test_the_mean_is_per_scored_base_and_nan_without_any():
    assert Likelihood(-6.0, 4).per_base == -1.5
    assert math.isnan(Likelihood(0.0, 0).per_base)


def test_text_that_is_no_sequence_is_refused(model, tokenizer):
    with pytest.raises(SequenceError, match="'!' at position 3"):
        list(log_likelihood(model, tokenizer, ["ACG!"]))


def test_half_precision_is_normalised_in_float32(genos, tokenizer):
    half, blocks = copy.deepcopy(genos).bfloat16(), [Block("GATTACAACGT", 7, 11)]
    values, full = (
        ref_log_p(model, tokenizer, blocks, strands="forward", batch_tokens=99)[0] for model in (half, genos)
    )
    # Logits of 8 bits, but their differences from the log-sum-exp are not rounded to 8 bits.
    assert (values.astype(np.float32).view(np.uint32) & 0xFFFF).any()
    np.testing.assert_allclose(values, full, rtol=0, atol=0.3)
