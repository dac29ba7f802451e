"""Adapters: nothing at first, the same merged and beside the model, and never a change to the model."""

from __future__ import annotations

import copy

import pytest
import torch

from cistron.errors import WeightsError
from cistron.inference.planning.ledger import Ledger
from cistron.layers.lora import Adapters, adaptable
from cistron.models import MODELS

TARGETS = ["*.self_attn.*.weight", "*.experts.*"]
IDS = torch.tensor([[5, 6, 7, 8, 5, 5, 7, 8, 6, 6]])


@pytest.fixture
def model():
    torch.manual_seed(0)
    spec = MODELS.get("genos")
    return spec.build(spec.sizes["genos-tiny"]).double().eval()


@pytest.fixture
def adapters(model):
    torch.manual_seed(1)
    return Adapters(model, TARGETS, rank=2, alpha=4.0).double()


def trained(adapters):
    """Adapters that have moved from where they begin."""
    with torch.no_grad():
        for parameter in adapters.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return adapters


def test_new_adapters_change_nothing(model, adapters):
    with torch.no_grad():
        before = model(IDS).logits
        with adapters.on(model):
            assert torch.equal(model(IDS).logits, before)


@pytest.mark.parametrize("gradients", [False, True])
def test_merged_adapters_answer_as_those_beside_the_model(model, adapters, gradients):
    trained(adapters)
    with torch.set_grad_enabled(gradients):
        plain = model(IDS).logits
        with adapters.on(model):
            beside = model(IDS).logits
        adapters.merge(model)
        merged = model(IDS).logits
    assert not torch.allclose(beside, plain, atol=1e-3)
    torch.testing.assert_close(merged, beside, rtol=0, atol=1e-10)


def test_the_model_is_untouched_by_a_step_of_its_adapters(model, adapters):
    before = copy.deepcopy(model.state_dict())
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    optimizer = torch.optim.SGD(adapters.parameters(), 0.1)
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        with adapters.on(model):
            loss = torch.nn.functional.cross_entropy(model(IDS).logits[0, :-1], IDS[0, 1:])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[2] < losses[0]
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert list(model.state_dict()) == list(before)


def test_behind_the_block_the_model_answers_as_before(model, adapters):
    with torch.no_grad():
        before = model(IDS).logits
        with adapters.on(model):
            pass
        assert torch.equal(model(IDS).logits, before)


def test_every_adapter_has_a_gradient(model, adapters):
    trained(adapters)
    ids = torch.randint(5, 9, (4, 64))
    with adapters.on(model):
        model(ids).hidden_states.square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in adapters.parameters())


def test_gradients_are_those_of_weights_that_are_kept(model, adapters):
    trained(adapters)
    ids = torch.randint(5, 9, (2, 32))
    with adapters.on(model):
        model(ids).hidden_states.square().sum().backward()
    name = "model.layers.0.block_sparse_moe.experts.down_proj"
    part = adapters.parts[name.replace(".", ":")]
    weight = model.get_parameter(name)
    adapters.merge(model)
    weight.grad = None
    model(ids).hidden_states.square().sum().backward()
    torch.testing.assert_close(part.b.grad, part.scale * weight.grad @ part.a.mT, rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(part.a.grad, part.scale * part.b.mT @ weight.grad, rtol=1e-8, atol=1e-10)


def test_weights_with_adapters_are_not_kept_for_the_backward_pass(model, adapters):
    model.requires_grad_(False)
    ids = torch.randint(5, 9, (1, 4))
    with Ledger() as ledger:
        with adapters.on(model):
            before = ledger.live
            loss = model(ids).hidden_states.sum()
        kept = ledger.live - before
        loss.backward()
    experts = [p.nbytes for name, p in model.named_parameters() if ".experts." in name]
    assert kept < sum(experts) / 2


def test_adapters_survive_a_file(model, adapters):
    tensors = {name: tensor.clone() for name, tensor in trained(adapters).published().items()}
    other = Adapters(model, TARGETS, rank=2, alpha=4.0).double()
    other.load(tensors)
    with torch.no_grad(), adapters.on(model):
        expected = model(IDS).logits
    with torch.no_grad(), other.on(model):
        assert torch.equal(model(IDS).logits, expected)


def test_routers_are_not_adapted(model):
    assert not any("gate.weight" in name for name in adaptable(model))


def test_an_adapter_is_much_smaller_than_what_it_adapts(model, adapters):
    assert sum(p.numel() for p in adapters.parameters()) < sum(p.numel() for p in model.parameters()) / 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tensors: tensors.pop(min(tensors)), "lacks 1 of"),
        (lambda tensors: tensors.update(other=torch.zeros(1)), "holds other"),
        (lambda tensors: tensors.update({min(tensors): torch.zeros(3, 3)}), r"has the shape \(3, 3\)"),
    ],
)
def test_a_file_of_another_adapter_is_refused(model, adapters, change, said):
    tensors = adapters.published()
    change(tensors)
    with pytest.raises(WeightsError, match=said):
        adapters.load(tensors)


def test_targets_that_fit_nothing_are_refused(model):
    with pytest.raises(WeightsError, match=r"no matrix of the model fits \*\.attention\.\*"):
        Adapters(model, ["*.attention.*"], rank=2, alpha=4.0)


def test_a_rank_of_zero_is_refused(model):
    with pytest.raises(WeightsError, match="rank 0"):
        Adapters(model, TARGETS, rank=0, alpha=4.0)
