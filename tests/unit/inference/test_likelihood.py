from __future__ import annotations

import copy
import math

import numpy as np
import pytest

from cistron.errors import SequenceError
from cistron.inference.likelihood import Likelihood, log_likelihood
from cistron.inference.scoring.haplotypes import Continuations, score_continuations

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


@pytest.mark.parametrize("batch_tokens", [1, 150, 10_000])
def test_continuations_score_as_whole_sequences_do(model, tokenizer, make_oracle, batch_tokens):
    oracle = make_oracle(model, 0)
    prefixes = ["", "", *texts(6, 2), "ACGTACGTAC", "TTTTTTTTTT"]
    after = [
        ("A", ""),
        ("ACGT",),
        *(tuple(texts(1 + i % 3, i)) for i in range(6)),
        ("GG", "GATTACA"),
        ("C", "NAN"),
    ]
    jobs = [
        Continuations(p, t, score_prefix=i % 2 == 0)
        for i, (p, t) in enumerate(zip(prefixes, after, strict=True))
    ]
    found = score_continuations(model, tokenizer, jobs, batch_tokens=batch_tokens)
    for job, scored in zip(jobs, found, strict=True):
        if job.score_prefix and job.prefix:
            np.testing.assert_allclose(scored.prefix, oracle.scores(job.prefix), rtol=0, atol=1e-8)
        for text, values in zip(job.texts, scored.texts, strict=True):
            expected = oracle.scores(job.prefix + text)[len(job.prefix) :] if text else []
            np.testing.assert_allclose(values, expected, rtol=0, atol=1e-8)


def test_a_job_knows_how_many_tokens_it_reads():
    assert Continuations("ACGT", ("A", "", "GGG")).tokens == 8


def test_half_precision_is_normalised_in_float32(genos, tokenizer):
    half = copy.deepcopy(genos).bfloat16()
    (scored,) = score_continuations(half, tokenizer, [Continuations("GATTACA", ("ACGT",))], batch_tokens=99)
    values = scored.texts[0]
    # Logits of 8 bits, but their differences from the log-sum-exp are not rounded to 8 bits.
    assert not np.array_equal(values, values.astype(np.float32).view(np.uint32) & 0xFFFF0000)
    (full,) = score_continuations(genos, tokenizer, [Continuations("GATTACA", ("ACGT",))], batch_tokens=99)
    np.testing.assert_allclose(values, full.texts[0], rtol=0, atol=0.3)
