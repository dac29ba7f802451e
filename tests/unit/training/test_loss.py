from __future__ import annotations

import math

import pytest
import torch

from cistron.training.loss import IGNORED, next_base_labels, pretraining_loss

N = 9


def test_labels_are_the_next_tokens_and_the_last_is_ignored():
    ids = torch.tensor([[5, 6, 7, 8], [8, 8, 5, 6]])
    assert next_base_labels(ids, frozenset({N})).tolist() == [[6, 7, 8, IGNORED], [8, 5, 6, IGNORED]]


def test_a_label_is_never_n_but_the_base_behind_one_is_scored():
    ids = torch.tensor([[5, N, N, 6, 7]])
    assert next_base_labels(ids, frozenset({N})).tolist() == [[IGNORED, IGNORED, 6, 7, IGNORED]]


def test_labels_leave_the_tokens_alone():
    ids = torch.tensor([[5, N, 6]])
    next_base_labels(ids, frozenset({N}))
    assert ids.tolist() == [[5, N, 6]]


@pytest.fixture
def parts():
    generator = torch.Generator().manual_seed(2)
    logits = torch.randn(2, 5, 16, generator=generator)
    labels = torch.tensor([[6, 7, IGNORED, 5, IGNORED], [8, 8, 5, 6, IGNORED]])
    aux = {
        "expert_counts": torch.tensor([[6.0, 2, 1, 1], [0, 0, 5, 5]]),
        "router_probability": torch.tensor([[0.4, 0.3, 0.2, 0.1], [0.25, 0.25, 0.25, 0.25]]),
        "z_loss": torch.tensor([0.5, 2.0]),
    }
    return logits, labels, aux


def test_the_loss_is_what_its_parts_are_defined_to_be(parts):
    logits, labels, aux = parts
    terms = []
    for row in range(2):
        for position in range(5):
            label = int(labels[row, position])
            if label != IGNORED:
                values = logits[row, position].tolist()
                terms.append(math.log(sum(map(math.exp, values))) - values[label])
    entropy = sum(terms) / len(terms)
    balance = 4 * (0.6 * 0.4 + 0.2 * 0.3 + 0.1 * 0.2 + 0.1 * 0.1) + 4 * (0.5 * 0.25 + 0.5 * 0.25)
    loss = pretraining_loss(logits, labels, aux, balance_weight=0.01, z_weight=0.1)
    assert float(loss.cross_entropy) == pytest.approx(entropy, abs=1e-6)
    assert float(loss.balance) == pytest.approx(balance, abs=1e-6)
    assert float(loss.z) == pytest.approx(2.5)
    assert float(loss.total) == pytest.approx(entropy + 0.01 * balance + 0.1 * 2.5, abs=1e-6)


def test_evenly_used_experts_cost_one_per_layer(parts):
    logits, labels, aux = parts
    even = aux | {"expert_counts": torch.full((2, 4), 7.0), "router_probability": torch.full((2, 4), 0.25)}
    loss = pretraining_loss(logits, labels, even, balance_weight=1, z_weight=0)
    assert float(loss.balance) == pytest.approx(2.0)


def test_half_precision_logits_are_summed_in_float32(parts):
    logits, labels, aux = parts
    half = pretraining_loss(logits.bfloat16(), labels, aux, balance_weight=0, z_weight=0)
    single = pretraining_loss(logits.bfloat16().float(), labels, aux, balance_weight=0, z_weight=0)
    assert half.cross_entropy.dtype == torch.float32
    assert torch.equal(half.cross_entropy, single.cross_entropy)


def test_a_model_without_routers_has_no_router_losses(parts):
    logits, labels, aux = parts
    loss = pretraining_loss(logits, labels, {}, balance_weight=1, z_weight=1)
    with_routers = pretraining_loss(logits, labels, aux, balance_weight=1, z_weight=1)
    assert loss.total == loss.cross_entropy == with_routers.cross_entropy
    assert loss.balance == loss.z == 0
