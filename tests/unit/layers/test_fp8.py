from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cistron.layers.fp8 import Fp8Linear, round_e4m3
from cistron.layers.precision import AtLeastFloat32

NUMBERS = torch.tensor(
    [0.0]
    + [m / 8 * 2**-6 for m in range(1, 8)]
    + [(1 + m / 8) * 2.0**e for e in range(-6, 9) for m in range(8) if (e, m) != (8, 7)]
)
"""Every E4M3 number that is not negative, by its definition."""


@given(st.floats(-460, 460, width=32), st.floats(2**-6, 2**6, width=32))
def test_rounding_goes_to_the_nearest_number_and_saturates(value, scale):
    found = float(round_e4m3(torch.tensor([value]), torch.tensor(scale)))
    target = min(abs(torch.tensor(value) * torch.tensor(scale)), torch.tensor(448.0))
    distance = (NUMBERS - target).abs()
    assert abs(found) in NUMBERS[distance == distance.min()].tolist()
    assert found == 0 or (found > 0) == (value > 0)


def layer(dtype: torch.dtype = torch.float32) -> Fp8Linear:
    torch.manual_seed(0)
    made = Fp8Linear(5, 3)
    nn.init.normal_(made.weight)
    made.input_scale.fill_(30.7)
    made.weight_scale.fill_(101.3)
    return made.to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_a_product_is_that_of_the_rounded_numbers_over_both_scales(dtype):
    made, x = layer(dtype), torch.randn(2, 4, 5).to(dtype)
    with torch.no_grad():
        found = made(x)
    left, right = round_e4m3(x, made.input_scale), round_e4m3(made.weight.detach(), made.weight_scale)
    expected = (left.double() @ right.double().T) / (30.7 * 101.3)
    assert found.dtype == dtype
    torch.testing.assert_close(
        found.double(), expected, rtol=0.004 if dtype == torch.bfloat16 else 1e-5, atol=1e-6
    )
    exact = x.double() @ made.weight.detach().double().T
    assert 1e-3 < float((expected - exact).abs().max()) < 0.3


def test_switched_off_it_is_an_ordinary_layer():
    made, x = layer(), torch.randn(4, 5)
    made.emulate = False
    assert torch.equal(made(x), nn.functional.linear(x, made.weight))


@pytest.mark.parametrize("narrow", [torch.bfloat16, torch.float16])
def test_scales_are_never_narrowed_and_weights_are(narrow):
    made = layer(narrow)
    assert made.weight.dtype == narrow
    assert float(made.input_scale) == pytest.approx(30.7, abs=1e-5)
    assert layer(torch.float64).input_scale.dtype == torch.float64
    assert layer(torch.float64).to(narrow).input_scale.dtype == torch.float32


class Kept(AtLeastFloat32):
    kept = ("pole",)

    def __init__(self) -> None:
        super().__init__()
        self.pole = nn.Parameter(torch.tensor([1.2345678]))
        self.other = nn.Parameter(torch.tensor([1.2345678]))


def test_gradients_of_what_is_kept_follow_it_and_moves_reach_it():
    module = nn.Sequential(Kept())
    (module[0].pole.sum() + module[0].other.sum()).backward()
    module.to(torch.bfloat16)
    assert module[0].pole.dtype == module[0].pole.grad.dtype == torch.float32
    assert module[0].other.dtype == module[0].other.grad.dtype == torch.bfloat16
    assert module.to("meta")[0].pole.is_meta
