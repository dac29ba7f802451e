from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cistron.errors import InputError
from cistron.inference.generation.sampling import Sampling, draw, uniforms

HALF, QUARTER, EIGHTH = math.log(0.5), math.log(0.25), math.log(0.125)
ROW = torch.tensor([[EIGHTH, HALF, EIGHTH, QUARTER]], dtype=torch.float64)

# On a grid, so that what is not a tie is not one by rounding either.
rows = st.lists(st.integers(-60, 0).map(lambda x: x / 4), min_size=4, max_size=4)


def probabilities(sampling: Sampling, row=ROW) -> list[float]:
    return sampling.log_probabilities(row).exp()[0].tolist()


def by_definition(row: list[float], sampling: Sampling) -> list[float]:
    """Temperature, then the k likeliest, then the fewest that reach p, in plain Python."""
    heated = [math.exp((x - max(row)) / sampling.temperature) for x in row]
    order = sorted(range(len(row)), key=lambda i: (-heated[i], i))[: sampling.top_k]
    kept, total = [], sum(heated[i] for i in order)
    for i in order:
        if sampling.top_p is not None and sum(heated[j] for j in kept) / total >= sampling.top_p:
            break
        kept.append(i)
    whole = sum(heated[i] for i in kept)
    return [heated[i] / whole if i in kept else 0.0 for i in range(len(row))]


def test_nothing_asked_for_leaves_the_models_distribution():
    assert probabilities(Sampling()) == pytest.approx([0.125, 0.5, 0.125, 0.25])


def test_temperature_raises_probabilities_to_a_power():
    assert probabilities(Sampling(0.5)) == pytest.approx([1 / 22, 16 / 22, 1 / 22, 4 / 22])


def test_temperature_zero_always_takes_the_likeliest():
    assert probabilities(Sampling(0)) == [0, 1, 0, 0]


@pytest.mark.parametrize("temperature", [1e-3, 1e-12, 1e-310])
def test_a_temperature_near_zero_does_not_overflow(temperature):
    assert probabilities(Sampling(temperature)) == pytest.approx([0, 1, 0, 0])


def test_top_k_keeps_the_likeliest_and_normalises_them():
    assert probabilities(Sampling(top_k=2)) == pytest.approx([0, 2 / 3, 0, 1 / 3])
    assert probabilities(Sampling(top_k=9)) == pytest.approx([0.125, 0.5, 0.125, 0.25])


def test_among_equals_top_k_keeps_exactly_k_the_first_ones():
    assert probabilities(Sampling(top_k=3)) == pytest.approx([1 / 7, 4 / 7, 0, 2 / 7])


def test_top_p_keeps_the_fewest_that_reach_it():
    assert probabilities(Sampling(top_p=0.4)) == [0, 1, 0, 0]
    assert probabilities(Sampling(top_p=0.6)) == pytest.approx([0, 2 / 3, 0, 1 / 3])
    assert probabilities(Sampling(top_p=1.0)) == pytest.approx([0.125, 0.5, 0.125, 0.25])


def test_what_may_not_come_is_left_out_before_top_k_counts():
    row = ROW.masked_fill(torch.tensor([[False, True, False, False]]), -math.inf)
    assert probabilities(Sampling(top_k=1), row) == [0, 0, 0, 1]


@given(
    row=rows,
    temperature=st.sampled_from([0.3, 1.0, 2.5]),
    top_k=st.one_of(st.none(), st.integers(1, 5)),
    top_p=st.one_of(st.none(), st.floats(0.05, 1)),
)
def test_all_three_together_follow_the_definition(row, temperature, top_k, top_p):
    sampling = Sampling(temperature, top_k, top_p)
    # A sum that meets top-p to the last bit may fall on either side.
    expected = [by_definition(row, Sampling(temperature, top_k, p)) for p in _near(top_p)]
    found = probabilities(sampling, torch.tensor([row], dtype=torch.float64))
    assert any(found == pytest.approx(each, abs=1e-9) for each in expected)


def _near(top_p):
    return [None] if top_p is None else [top_p, top_p - 1e-9, min(1, top_p + 1e-9)]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"temperature": -0.1}, "temperature is -0.1"),
        ({"temperature": math.nan}, "temperature is nan"),
        ({"temperature": math.inf}, "temperature is inf"),
        ({"top_k": 0}, "top-k is 0"),
        ({"top_p": 0.0}, "top-p is 0.0"),
        ({"top_p": 1.1}, "top-p is 1.1"),
    ],
)
def test_values_out_of_range_are_refused_by_name(options, named):
    with pytest.raises(InputError, match=named):
        Sampling(**options)


def test_a_number_draws_the_column_whose_share_of_the_line_it_lies_in():
    log_p = ROW.expand(6, -1)
    numbers = torch.tensor([0.0, 0.1249, 0.1251, 0.6249, 0.6251, 0.9999], dtype=torch.float64)
    assert draw(log_p, numbers).tolist() == [0, 0, 1, 1, 2, 3]


@given(row=rows, banned=st.sets(st.integers(0, 3), max_size=3), number=st.floats(0, 1, exclude_max=True))
def test_a_column_without_probability_is_never_drawn(row, banned, number):
    weights = torch.tensor(
        [[-math.inf if i in banned else x for i, x in enumerate(row)]], dtype=torch.float64
    )
    log_p = Sampling().log_probabilities(weights)
    for each in (number, 0.0, 1 - 2**-53):
        (column,) = draw(log_p, torch.tensor([each], dtype=torch.float64)).tolist()
        assert column not in banned
        assert 0 <= column < 4


def test_draws_are_as_frequent_as_their_probabilities():
    numbers = torch.from_numpy(uniforms(1, (), 40_000))
    counts = torch.bincount(draw(ROW.expand(len(numbers), -1), numbers), minlength=4) / len(numbers)
    assert counts.tolist() == pytest.approx([0.125, 0.5, 0.125, 0.25], abs=0.01)


def test_streams_are_numbers_between_0_and_1_and_differ_by_seed_and_by_stream():
    streams = [
        uniforms(*which, 1000) for which in [(1, (0, 0, 0)), (1, (0, 0, 1)), (1, (1, 0, 0)), (2, (0, 0, 0))]
    ]
    for stream in streams:
        assert (stream >= 0).all()
        assert (stream < 1).all()
        assert stream.mean() == pytest.approx(0.5, abs=0.05)
    correlation = np.corrcoef(streams)
    assert np.abs(correlation - np.eye(4)).max() < 0.15


def test_a_stream_is_the_same_for_ever_and_longer_ones_begin_like_shorter_ones():
    recorded = [0.09266338325251366, 0.3644080536336277, 0.03787619979507362]
    assert uniforms(7, (3, 1, 4), 3).tolist() == recorded
    assert uniforms(7, (3, 1, 4), 50)[:3].tolist() == recorded
    philox = np.random.Philox(np.random.SeedSequence(7, spawn_key=(3, 1, 4)))
    assert np.random.Generator(philox).random(3).tolist() == recorded
