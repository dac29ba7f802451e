from __future__ import annotations

import math

import pytest
import torch

from cistron.layers import pieces
from cistron.layers.norm import RMSNorm
from cistron.layers.rotary import rotary_angles, rotate

THETA = 1e4


def turned(x, positions, theta=THETA):
    """Pairs (i, i + K/2) as complex numbers, multiplied by e^(i·angle)."""
    half = x.shape[-1] // 2
    angles = torch.tensor([[p * theta ** (-2 * i / x.shape[-1]) for i in range(half)] for p in positions])
    pairs = torch.complex(x[..., :half], x[..., half:]) * torch.polar(torch.ones_like(angles), angles).to(
        torch.complex128
    )
    return torch.cat((pairs.real, pairs.imag), dim=-1)


def test_rotation_is_that_of_complex_numbers(randn):
    x, positions = randn(2, 3, 6, 8), [0, 1, 2, 17, 300, 1000]
    found = rotate(x, *rotary_angles(torch.tensor(positions), 8, THETA))
    torch.testing.assert_close(found, turned(x, positions), rtol=0, atol=3e-4)  # float32 angles up to 1000


def test_position_zero_is_left_alone(randn):
    x = randn(1, 1, 1, 8)
    assert torch.equal(rotate(x, *rotary_angles(torch.tensor([0]), 8, THETA)), x)


@pytest.mark.parametrize("shift", [1, 64, 5000])
def test_products_depend_on_the_distance_of_positions_alone(randn, shift):
    query, key = randn(1, 1, 4, 16), randn(1, 1, 4, 16)
    at = torch.tensor([0, 3, 8, 50])

    def products(positions):
        angles = rotary_angles(positions, 16, 5e7)
        return rotate(query, *angles) @ rotate(key, *angles).transpose(-1, -2)

    torch.testing.assert_close(products(at), products(at + shift), rtol=0, atol=1e-6 * (10 + shift))


def test_rotation_keeps_lengths(randn):
    x = randn(2, 2, 5, 8)
    found = rotate(x, *rotary_angles(torch.arange(5) * 999, 8, THETA))
    torch.testing.assert_close(found.norm(dim=-1), x.norm(dim=-1), rtol=1e-6, atol=0)


def test_rows_may_differ_in_position(randn):
    x = randn(2, 3, 4, 8)
    positions = torch.tensor([[0, 1, 2, 3], [9, 10, 11, 12]])
    found = rotate(x, *rotary_angles(positions, 8, THETA))
    for row in range(2):
        alone = rotate(x[row : row + 1], *rotary_angles(positions[row], 8, THETA))
        assert torch.equal(found[row : row + 1], alone)


@pytest.mark.parametrize("per_row", [False, True])
@pytest.mark.parametrize("shape", [(2, 3, 40, 8), (1, 1, 1, 8), (2, 4, 0, 8)])
def test_turning_in_pieces_is_turning(randn, monkeypatch, shape, per_row):
    monkeypatch.setattr(pieces, "_PIECE", 100)
    # As models give it: heads and positions transposed.
    x = randn(shape[0], shape[2], shape[1], shape[3]).transpose(1, 2)
    positions = torch.arange(shape[2])
    if per_row:
        positions = positions + torch.arange(shape[0]).unsqueeze(1)
    angles = rotary_angles(positions, 8, THETA)
    with torch.no_grad():
        found = rotate(x, *angles)
    torch.testing.assert_close(found, rotate(x, *angles), rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_turned_in_float32_and_rounded_once(randn, dtype):
    x = randn(1, 2, 300, 8).to(dtype)
    angles = rotary_angles(torch.arange(300), 8, THETA)
    with torch.no_grad():
        found, exact = rotate(x, *angles), rotate(x.float(), *angles)
    assert torch.equal(found, exact.to(dtype))


def test_angles_are_float32_whatever_the_model():
    assert {part.dtype for part in rotary_angles(torch.arange(4), 8, THETA)} == {torch.float32}


def test_the_norm_divides_by_the_root_mean_square(randn):
    norm = RMSNorm(6, eps=1e-5).double()
    norm.weight.data = randn(6)
    x = 3 * randn(2, 5, 6)
    found = norm(x)
    for row, token in ((0, 0), (1, 4)):
        values = x[row, token].tolist()
        scale = 1 / math.sqrt(sum(v * v for v in values) / 6 + 1e-5)
        expected = [v * scale * w for v, w in zip(values, norm.weight.tolist(), strict=True)]
        assert found[row, token].tolist() == pytest.approx(expected, abs=1e-12)


def test_the_norm_of_zeros_is_zero():
    assert torch.equal(RMSNorm(4, 1e-5)(torch.zeros(1, 4)), torch.zeros(1, 4))


@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_normalised_in_float32(randn, dtype, gradient):
    x = (100 * randn(4, 256)).to(dtype)  # squares overflow float16
    with torch.set_grad_enabled(gradient):
        found = RMSNorm(256, 1e-5).to(dtype)(x)
    assert found.dtype == dtype
    exact = x.double() / (x.double().square().mean(-1, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(found.double(), exact, rtol=2 * torch.finfo(dtype).eps, atol=0)


@pytest.mark.parametrize("shape", [(7, 6), (2, 30, 6), (0, 6), (2, 0, 6)])
def test_normalising_in_pieces_is_normalising(randn, monkeypatch, shape):
    monkeypatch.setattr(pieces, "_PIECE", 25)
    norm, x = RMSNorm(6, 1e-5).double(), 3 * randn(*shape)
    norm.weight.data = randn(6)
    before = x.clone()
    with torch.no_grad():
        found = norm(x)
    torch.testing.assert_close(found, norm(x).detach(), rtol=0, atol=1e-12)
    assert torch.equal(x, before)


def test_a_wide_input_of_a_narrow_norm_is_not_rounded(randn):
    norm, x = RMSNorm(6, 1e-5).bfloat16(), randn(4, 6)
    norm.weight.data = randn(6).bfloat16()
    exact = x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt() * norm.weight.detach()
    torch.testing.assert_close(norm(x).detach(), exact, rtol=0, atol=1e-12)
    with torch.no_grad():
        torch.testing.assert_close(norm(x), exact, rtol=0, atol=1e-12)


def test_gradients_of_the_norm(randn):
    norm = RMSNorm(5, 1e-5).double()
    assert torch.autograd.gradcheck(norm, (randn(3, 5).requires_grad_(),))
