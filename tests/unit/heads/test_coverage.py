"""Track heads: the published size, signal that is never negative, and a scale that can be undone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr

from cistron.errors import WeightsError
from cistron.heads import HEADS, Hidden
from cistron.heads.coverage_track import CoverageTrack, CoverageTrackConfig
from cistron.heads.coverage_unet import CoverageUnet, CoverageUnetConfig
from cistron.layers.signal import LOSSES, squeeze, stretch, track_loss


def test_the_published_head_has_836_610_parameters():
    head = CoverageTrack(CoverageTrackConfig(hidden_size=1024))
    assert sum(parameter.numel() for parameter in head.parameters()) == 836_610


@given(st.floats(0, 1e6), st.floats(0.01, 1e3))
def test_stretching_undoes_squeezing(signal, mean):
    y, mu = torch.tensor(signal, dtype=torch.float64), torch.tensor(mean, dtype=torch.float64)
    assert stretch(squeeze(y, mu), mu).item() == pytest.approx(signal, rel=1e-9, abs=1e-9)


def test_the_squeezed_scale_has_the_published_values():
    # y = μ gives 1; y = μ · 40^(4/3) has z = 40, which becomes 2·√400 − 10 = 30.
    found = squeeze(torch.tensor([2.0, 2 * 40 ** (4 / 3)], dtype=torch.float64), torch.tensor(2.0))
    assert found.tolist() == pytest.approx([1.0, 30.0], rel=1e-6)


def test_the_squeezed_scale_is_smooth_at_its_knee():
    at = torch.tensor(10 ** (4 / 3), dtype=torch.float64, requires_grad=True)
    slopes = []
    for step in (-1e-6, 1e-6):
        (slope,) = torch.autograd.grad(squeeze(at + step, torch.tensor(1.0)), at)
        slopes.append(slope.item())
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-5)


def test_no_signal_has_no_infinite_gradient():
    zero = torch.zeros(3, requires_grad=True)
    stretch(zero, torch.tensor(1.0)).sum().backward()
    assert zero.grad is not None
    assert zero.grad.isfinite().all()


def test_pearson_loss_is_one_minus_scipys_correlation():
    rng = np.random.default_rng(0)
    p, t = rng.random((2, 1, 50)), rng.random((2, 1, 50))
    expected = np.mean([1 - pearsonr(p[row, 0], t[row, 0])[0] for row in range(2)])
    assert track_loss(torch.tensor(p), torch.tensor(t), "pearson").item() == pytest.approx(expected, abs=1e-9)


def test_tweedie_goes_over_into_poisson_up_to_a_constant():
    p = torch.tensor([[[0.5, 2.0, 3.0]]], dtype=torch.float64)
    t = torch.tensor([[[1.0, 0.0, 4.0]]], dtype=torch.float64)
    slopes = []
    for options in ({"kind": "tweedie", "power": 1.01}, {"kind": "poisson"}):
        x = p.clone().requires_grad_()
        (slope,) = torch.autograd.grad(track_loss(x, t, **options), x)
        slopes.append(slope)
    assert torch.allclose(*slopes, rtol=0.02, atol=0.01)


@pytest.mark.parametrize("kind", LOSSES)
def test_positions_without_a_target_do_not_count(kind):
    torch.manual_seed(0)
    p, t = torch.rand(2, 3, 20) + 0.1, torch.rand(2, 3, 20)
    t[..., 12:] = torch.nan
    changed = p.clone()
    changed[..., 12:] += 5
    assert track_loss(p, t, kind).item() == pytest.approx(track_loss(changed, t, kind).item(), rel=1e-6)


@pytest.mark.parametrize("kind", LOSSES)
def test_every_loss_is_least_near_the_truth(kind):
    torch.manual_seed(1)
    truth = torch.rand(2, 1, 64, dtype=torch.float64) * 4 + 0.2
    best = track_loss(truth, truth, kind)
    for _ in range(5):
        assert track_loss(truth * (0.5 + torch.rand_like(truth)), truth, kind) > best


@pytest.mark.parametrize("length", [16, 17, 100])
@pytest.mark.parametrize("name", ["coverage-track", "coverage-unet"])
def test_there_is_a_value_for_every_token_and_none_is_negative(name, length):
    torch.manual_seed(0)
    spec = HEADS.get(name)
    head = spec.build(spec.config({"hidden_size": 8, "tracks": ["a", "b"], "means": [1.0, 3.0]})).eval()
    answer = head.answer(head.decide(head.summarise(Hidden(torch.randn(2, length, 8)))))
    assert answer.shape == (2, 2, length)
    assert (answer >= 0).all()


def test_windows_of_different_lengths_do_not_share_a_batch():
    head = CoverageTrack(CoverageTrackConfig(hidden_size=4))
    with pytest.raises(ValueError, match="windows of 5 and 6 tokens"):
        head.summarise(Hidden(torch.zeros(2, 6, 4), torch.tensor([5, 6])))


def test_padding_behind_windows_of_one_length_is_cut_off():
    head = CoverageUnet(CoverageUnetConfig(hidden_size=4, inner_size=8)).eval()
    states = torch.randn(2, 20, 4)
    padded = torch.cat([states, torch.full((2, 3, 4), 9.0)], dim=1)
    alone = head.decide(head.summarise(Hidden(states)))
    assert torch.equal(head.decide(head.summarise(Hidden(padded, torch.tensor([20, 20])))), alone)


STRANDED = {"tracks": ("none", "plus", "minus"), "means": (1.0,) * 3, "plus": ("plus",), "minus": ("minus",)}


@pytest.mark.parametrize(
    ("strands", "forward", "reverse"),
    [
        ("both", [True, True, False], [True, False, True]),
        ("forward", [True, True, False], [False, False, True]),
    ],
)
def test_a_direction_tells_of_the_tracks_that_are_read_in_it(strands, forward, reverse):
    head = CoverageTrack(CoverageTrackConfig(hidden_size=4, **STRANDED))
    assert head.heard(False, strands).tolist() == forward
    assert head.heard(True, strands).tolist() == reverse


@pytest.mark.parametrize(
    ("settings", "strands", "directions"),
    [
        ({}, "both", (False, True)),
        ({}, "forward", (False,)),
        ({"plus": ("track",)}, "both", (False,)),
        ({"minus": ("track",)}, "forward", (True,)),
    ],
)
def test_only_directions_that_tell_of_a_track_are_read(settings, strands, directions):
    head = CoverageTrack(CoverageTrackConfig(hidden_size=4, **settings))
    assert head.directions(strands) == directions
    asked = []

    def outputs(reverse):
        asked.append(reverse)
        return torch.ones(1, 1, 5)

    assert torch.equal(head.both_ways(outputs, strands), torch.ones(1, 1, 5))
    assert tuple(asked) == directions


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"means": (1.0, 2.0)}, "2 means for 1 tracks"),
        ({"means": (0.0,)}, "above zero"),
        ({"tracks": ()}, "must have names"),
        ({"minus": ("b",)}, "'b' is said to be of the minus strand"),
        ({"plus": ("b",)}, "'b' is said to be of the plus strand"),
        ({"plus": ("track",), "minus": ("track",)}, "'track' is said to be of either strand"),
        ({"loss": "mae"}, "loss is 'mae'"),
    ],
)
def test_tracks_that_make_no_sense_are_refused(settings, said):
    with pytest.raises(WeightsError, match=said):
        CoverageTrackConfig(hidden_size=4, **settings)
