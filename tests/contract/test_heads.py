"""Every head: a round trip through its settings, no dependence on the batch, and a gradient everywhere."""

from __future__ import annotations

import json

import pytest
import torch

from cistron.heads import HEADS, Hidden

SIZE = 8
CASES = [
    *((name, {}) for name in HEADS.names()),
    *(("classifier", {"pooling": pooling}) for pooling in ("none", "attention", "max", "last")),
    ("allele-pair", {"pooling": "attention"}),
]
"""Heads, with settings that change what they do."""


def built(name: str, **settings: object) -> torch.nn.Module:
    """A head on states of width 8, in float64, with weights that make every path count."""
    spec = HEADS.get(name)
    torch.manual_seed(0)
    head = spec.build(spec.config({"hidden_size": SIZE, **settings})).double()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return head.eval()


def item(name: str, rows: int, length: int, seed: int = 0) -> list[Hidden]:
    """The sequences of `rows` items."""
    generator = torch.Generator().manual_seed(seed)
    sites = torch.tensor([[length // 2, length // 2 + 1]] * rows)
    return [
        Hidden(torch.randn(rows, length, SIZE, generator=generator, dtype=torch.float64), sites=sites)
        for _ in range(HEADS.get(name).sequences)
    ]


def outputs(name: str, head: torch.nn.Module, hiddens: list[Hidden]) -> torch.Tensor:
    columns = getattr(head.config, "columns", ())
    rows = len(hiddens[0].states)
    extra = torch.arange(rows * len(columns), dtype=torch.float64).view(rows, -1) if columns else None
    return head.decide(*[head.summarise(hidden) for hidden in hiddens], extra=extra)


@pytest.mark.parametrize("name", HEADS.names())
def test_settings_survive_a_file(name):
    spec = HEADS.get(name)
    config = spec.config({"hidden_size": SIZE})
    saved = json.loads(json.dumps(config.to_dict()))
    assert saved["head"] == name
    assert spec.config(saved) == config


@pytest.mark.parametrize("name", HEADS.names())
def test_weights_survive_a_state_dict(name):
    one, other = built(name), HEADS.get(name).build(HEADS.get(name).config({"hidden_size": SIZE})).double()
    other.load_state_dict(one.state_dict())
    hiddens = item(name, 2, 24)
    assert torch.equal(outputs(name, one, hiddens), outputs(name, other.eval(), hiddens))


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_an_item_has_the_same_answer_alone_and_in_a_batch(name, settings):
    head, hiddens = built(name, **settings), item(name, 3, 24)
    together = outputs(name, head, hiddens)
    for row in range(3):
        alone = [Hidden(h.states[row : row + 1], sites=h.sites[row : row + 1]) for h in hiddens]
        extra = getattr(head.config, "columns", ())
        if not extra:
            assert torch.allclose(outputs(name, head, alone), together[row : row + 1], atol=1e-12)
        else:
            columns = torch.full((1, 1), float(row), dtype=torch.float64)
            found = head.decide(*[head.summarise(h) for h in alone], extra=columns)
            assert torch.allclose(found, together[row : row + 1], atol=1e-12)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_every_parameter_and_every_state_has_a_gradient(name, settings):
    head, hiddens = built(name, **settings), item(name, 2, 24)
    for hidden in hiddens:
        hidden.states.requires_grad_()
    outputs(name, head, hiddens).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in head.parameters())
    assert all(hidden.states.grad.any() for hidden in hiddens)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_answers_are_finite_and_of_float32_at_least(name, settings):
    head = built(name, **settings).to(torch.bfloat16)
    hiddens = [Hidden(h.states.to(torch.bfloat16), sites=h.sites) for h in item(name, 2, 24)]
    answer = head.answer(outputs(name, head, hiddens))
    assert answer.dtype == torch.float32
    assert answer.isfinite().all()
