from __future__ import annotations

import pytest
import torch

from cistron.training.loss import IGNORED, pretraining_loss

ROWS, LENGTH, VOCAB, EXPERTS, RANKS = 6, 10, 16, 4, 3


@pytest.fixture
def whole():
    generator = torch.Generator().manual_seed(4)
    logits = torch.randn(ROWS, LENGTH, VOCAB, generator=generator, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(0, VOCAB, (ROWS, LENGTH), generator=generator)
    labels[0, :7] = IGNORED  # ranks score unequally many
    routing = torch.randn(
        ROWS * LENGTH, EXPERTS, generator=generator, dtype=torch.float64, requires_grad=True
    )
    return logits, labels, routing


def aux(routing):
    chosen = routing.topk(2).indices.flatten()
    return {
        "expert_counts": torch.bincount(chosen, minlength=EXPERTS).to(routing.dtype).unsqueeze(0),
        "router_probability": routing.softmax(-1).mean(0, keepdim=True),
        "z_loss": routing.logsumexp(-1).square().mean().unsqueeze(0),
    }


def shares(logits, labels, routing):
    """The losses of three ranks that hold two rows each."""
    parts = list(zip(logits.chunk(RANKS), labels.chunk(RANKS), routing.chunk(RANKS), strict=True))
    counts = sum(aux(part[2])["expert_counts"] for part in parts).detach()
    return [
        pretraining_loss(
            logits,
            labels,
            aux(routing),
            balance_weight=0.3,
            z_weight=0.2,
            scored=(labels_of_all(parts) != IGNORED).sum(),
            total=lambda _: counts,
            ranks=RANKS,
        )
        for logits, labels, routing in parts
    ]


def labels_of_all(parts):
    return torch.cat([part[1] for part in parts])


def test_the_shares_of_ranks_add_up_to_the_loss_of_one_process(whole):
    logits, labels, routing = whole
    one = pretraining_loss(logits, labels, aux(routing), balance_weight=0.3, z_weight=0.2)
    for name, expected in one._asdict().items():
        found = sum(getattr(share, name) for share in shares(*whole))
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=0, msg=name)


def test_the_gradients_of_the_shares_add_up_too(whole):
    logits, labels, routing = whole
    one = pretraining_loss(logits, labels, aux(routing), balance_weight=0.3, z_weight=0.2)
    expected = torch.autograd.grad(one.total, (logits, routing))
    found = torch.autograd.grad(sum(share.total for share in shares(*whole)), (logits, routing))
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-15)


def test_float64_logits_are_summed_in_float64(whole):
    logits, labels, _ = whole
    assert pretraining_loss(logits, labels, {}, balance_weight=0, z_weight=0).total.dtype == torch.float64


def test_a_batch_without_scored_bases_costs_nothing(whole):
    logits, labels, _ = whole
    loss = pretraining_loss(logits, torch.full_like(labels, IGNORED), {}, balance_weight=0, z_weight=0)
    assert loss.total.item() == 0
    loss.total.backward()
    assert not logits.grad.any()
