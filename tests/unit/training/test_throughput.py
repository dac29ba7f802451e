from __future__ import annotations

from dataclasses import replace

import torch

from cistron.models import MODELS
from cistron.training.throughput import flops_per_token, peak_flops

SPEC = MODELS.get("genos")
TINY = SPEC.sizes["genos-tiny"]


def flops(config, length):
    with torch.device("meta"):
        return flops_per_token(SPEC.build(config), config, length)


def test_the_operations_of_a_token_are_those_of_the_products_it_goes_through():
    hidden, inner, heads, kv, width, layers = 32, 48, 4, 2, 8, 2
    projections = hidden * width * (2 * heads + 2 * kv)
    experts = 2 * 3 * hidden * inner  # two of four
    layer = projections + experts + hidden * 4
    weights = layers * layer + hidden * 16  # and the head, but not the embedding
    # Scores and mixing, forward and twice backward, over half of the matrix.
    attention = layers * 2 * 3 * 2 * heads * width * 100 / 2
    assert flops(TINY, 100) == 6 * weights + attention


def test_experts_that_a_token_does_not_use_cost_nothing_but_their_router_column():
    more = replace(TINY, num_local_experts=8)
    assert flops(more, 1) - flops(TINY, 1) == 6 * TINY.num_hidden_layers * 4 * TINY.hidden_size


def test_published_sizes_have_the_active_parameters_that_are_published():
    config = SPEC.sizes["genos-1.2b"]
    assert 0.3e9 < flops(config, 0) / 6 < 0.4e9  # Genos-1.2B-A0.33B


def test_the_peak_of_a_device_without_a_data_sheet_is_measured():
    peak = peak_flops(torch.device("cpu"), torch.float32)
    assert 1e8 < peak < 1e14
    assert peak_flops(torch.device("cpu"), torch.float32) == peak
