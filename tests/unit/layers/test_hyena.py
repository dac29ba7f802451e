"""The filters of StripedHyena 2 against their definitions, written as loops, in float64."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cistron.layers import modal
from cistron.layers.fir import blocked_fir, fir, last_inputs
from cistron.layers.hyena import HyenaFilter, LongFilter, MediumFilter, ShortFilter
from cistron.layers.modal import modal_convolution, modal_filter

EXACT = {"rtol": 0, "atol": 1e-11}
WIDTH, GROUPS, MODES = 6, 3, 4


def causal(u, filters):
    """y[t] = Σ_k filters[k] · u[t − k], channel by channel."""
    out = torch.zeros_like(u)
    for t in range(u.shape[1]):
        for k in range(min(t + 1, filters.shape[1])):
            out[:, t] = out[:, t] + filters[:, k] * u[:, t - k]
    return out


def exponentials(log_poles, residues, length):
    steps = torch.arange(length, dtype=log_poles.dtype)
    return (residues.unsqueeze(-1) * torch.exp(log_poles.unsqueeze(-1) * steps)).sum(1)


def gated(layer: HyenaFilter, projected):
    """The whole mixer between its projections, by definition."""
    smooth = causal(projected, layer.short_filter_weight.squeeze(1).flip(-1))
    after, before, value = smooth[..., 0::3], smooth[..., 1::3], smooth[..., 2::3]
    u = before * value
    if isinstance(layer, LongFilter):
        poles, residues = layer.log_poles.squeeze(-1), layer.residues
        out = causal(u, exponentials(poles, residues, u.shape[1])) + layer.D * u
    else:
        filters = layer.h.squeeze(1).repeat_interleave(WIDTH // GROUPS, dim=0)
        out = causal(u, filters if isinstance(layer, MediumFilter) else filters.flip(-1))
        out = out + layer.D * u if isinstance(layer, MediumFilter) else out
    return after * out


@pytest.fixture(scope="module", params=["short", "medium", "long"])
def layer(request) -> HyenaFilter:
    torch.manual_seed(3)
    made = {
        "short": lambda: ShortFilter(WIDTH, GROUPS, 7),
        "medium": lambda: MediumFilter(WIDTH, GROUPS, 20),
        "long": lambda: LongFilter(WIDTH, MODES),
    }[request.param]()
    made.reset_parameters()
    return made.double()


@pytest.mark.parametrize("length", [1, 2, 5, 31, 32, 33, 70, 150])
def test_a_filter_is_its_definition_at_any_length(layer, randn, length):
    projected = randn(2, length, 3 * WIDTH)
    with torch.no_grad():
        torch.testing.assert_close(layer(projected, None, None)[0], gated(layer, projected), **EXACT)


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(1, 99), max_size=6, unique=True).map(sorted))
def test_chunks_cut_anywhere_give_the_whole(layer, cuts):
    projected = torch.randn(2, 100, 3 * WIDTH, generator=torch.Generator().manual_seed(1)).double()
    with torch.no_grad():
        whole, end = layer(projected, None, None)
        memory, parts = layer.empty_memory(2, torch.float64), []
        for start, stop in itertools.pairwise([0, *cuts, 100]):
            out, memory = layer(projected[:, start:stop], memory, None)
            parts.append(out)
    torch.testing.assert_close(torch.cat(parts, 1), whole, **EXACT)
    for found, expected in zip(vars(memory).values(), vars(end).values(), strict=True):
        if expected is not None:
            torch.testing.assert_close(found, expected, **EXACT)


@settings(max_examples=30, deadline=None)
@given(
    before=st.integers(0, 40),
    lengths=st.lists(st.integers(0, 70), min_size=3, max_size=3).filter(any),
)
def test_rows_of_mixed_length_remember_what_each_read(layer, before, lengths):
    generator = torch.Generator().manual_seed(2)
    past = torch.randn(3, before, 3 * WIDTH, generator=generator).double()
    chunk = torch.randn(3, max(lengths), 3 * WIDTH, generator=generator).double()
    with torch.no_grad():
        memory = layer(past, None, None)[1] if before else layer.empty_memory(3, torch.float64)
        _, together = layer(chunk, memory, torch.tensor(lengths))
        for row, length in enumerate(lengths):
            alone = memory.fork(torch.tensor([row]), 3)
            if length:
                _, alone = layer(chunk[row : row + 1, :length], alone, None)
            mine = together.fork(torch.tensor([row]), 3)
            for found, expected in zip(vars(mine).values(), vars(alone).values(), strict=True):
                if expected is not None:
                    torch.testing.assert_close(found, expected, **EXACT)


def test_gradients_are_those_of_the_definition(layer, randn):
    projected = randn(2, 70, 3 * WIDTH).requires_grad_()
    weight = randn(2, 70, WIDTH)
    wanted = [projected, *layer.parameters()]
    found = torch.autograd.grad((layer(projected, None, None)[0] * weight).sum(), wanted)
    expected = torch.autograd.grad((gated(layer, projected) * weight).sum(), wanted)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_gradients_pass_through_the_memory_from_chunk_to_chunk(layer, randn):
    projected = randn(2, 70, 3 * WIDTH).requires_grad_()
    first, memory = layer(projected[:, :41], None, None)
    second, _ = layer(projected[:, 41:], memory, None)
    found = torch.autograd.grad(torch.cat((first, second), 1).square().sum(), projected)[0]
    expected = torch.autograd.grad(gated(layer, projected).square().sum(), projected)[0]
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("length", [1, 2, 3, 16, 17, 1000])
def test_the_blocked_construction_is_the_sum_of_exponentials(randn, length):
    log_poles, residues = -randn(5, MODES).exp(), randn(5, MODES)
    found = modal_filter(log_poles, residues, length)
    torch.testing.assert_close(found, exponentials(log_poles, residues, length), **EXACT)


@pytest.mark.parametrize("length", [700, 9000])
def test_the_long_convolution_is_the_fourier_one_with_the_constructed_filter(randn, length):
    log_poles, residues, u = -randn(5, MODES).exp() / 50, randn(5, MODES), randn(2, length, 5)
    filters = modal_filter(log_poles, residues, length)
    spectrum = torch.fft.rfft(u, n=2 * length, dim=1) * torch.fft.rfft(filters, n=2 * length).T
    expected = torch.fft.irfft(spectrum, n=2 * length, dim=1)[:, :length]
    torch.testing.assert_close(modal_convolution(u, log_poles, residues)[0], expected, **EXACT)


def test_the_modal_state_is_the_decayed_sum_of_the_inputs(randn):
    log_poles, u = -randn(5, MODES).exp(), randn(2, 45, 5)
    steps = torch.arange(44, -1, -1, dtype=torch.float64)
    expected = torch.einsum("dst,btd->bds", torch.exp(log_poles.unsqueeze(-1) * steps), u)
    torch.testing.assert_close(modal_convolution(u, log_poles, randn(5, MODES))[1], expected, **EXACT)


@pytest.mark.parametrize("most", [2, 3, 5])
@pytest.mark.parametrize("length", [1, 33, 96, 97, 160, 500])
def test_blocks_in_groups_are_blocks_one_by_one(randn, monkeypatch, length, most):
    log_poles, residues, u = -randn(5, MODES).exp(), randn(5, MODES), randn(2, length, 5)
    arguments = (u, log_poles, residues, randn(2, 5, MODES), torch.tensor([length, length // 2]))
    expected = modal_convolution(*arguments)
    monkeypatch.setattr(modal, "_MOST_STEPS", most)
    for found, wanted in zip(modal_convolution(*arguments), expected, strict=True):
        torch.testing.assert_close(found, wanted, **EXACT)


def test_a_pole_that_training_moved_beyond_one_does_not_grow(randn):
    layer, projected = LongFilter(WIDTH, MODES).double(), randn(1, 4000, 3 * WIDTH)
    layer.reset_parameters()
    with torch.no_grad():
        layer.log_poles.fill_(0.5)
        beyond, _ = layer(projected, None, None)
        layer.log_poles.zero_()
        torch.testing.assert_close(beyond, layer(projected, None, None)[0])


def test_a_direct_filter_takes_the_newest_input_last_and_a_blocked_one_first(randn):
    u = torch.zeros(1, 4, 2, dtype=torch.float64)
    u[:, 0] = 1
    taps = torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.float64)
    assert blocked_fir(u, None, taps)[0, :, 0].tolist() == [1, 2, 3, 0]
    assert fir(u, None, taps.expand(2, 3))[0, :, 0].tolist() == [3, 2, 1, 0]


def test_what_is_remembered_does_not_keep_the_chunk_alive(randn):
    x = randn(1, 5000, 8)
    assert last_inputs(x, None, 3, None).untyped_storage().nbytes() == 2 * 8 * 8
