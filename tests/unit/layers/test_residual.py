"""What stays in float32 when a model runs in half precision."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cistron.layers.residual import residual_stream, wide_linear


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_without_gradients_half_precision_is_added_up_in_float32(dtype):
    x = torch.ones(3, dtype=dtype)
    with torch.no_grad():
        assert residual_stream(x).dtype == torch.float32
        with torch.autocast("cpu", torch.bfloat16):
            assert residual_stream(x) is x
    assert residual_stream(x) is x


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_wider_numbers_stay_as_they_are(dtype):
    x = torch.ones(3, dtype=dtype)
    with torch.no_grad():
        assert residual_stream(x) is x


@pytest.mark.parametrize("bias", [False, True])
def test_a_narrow_layer_answers_a_wide_input_without_rounding_it(randn, bias):
    layer = nn.Linear(6, 4, bias=bias).bfloat16()
    x = randn(5, 6)
    expected = x @ layer.weight.double().T + (layer.bias.double() if bias else 0)
    torch.testing.assert_close(wide_linear(layer, x), expected, rtol=0, atol=1e-12)


def test_a_layer_of_the_input_s_own_dtype_is_simply_called(randn):
    layer = nn.Linear(6, 4).double()
    called = []
    layer.register_forward_hook(lambda *_: called.append(1))
    wide_linear(layer, randn(5, 6))
    assert called
