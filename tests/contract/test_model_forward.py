"""What every architecture promises of one forward pass."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from cistron.errors import UnknownNameError
from cistron.models import MODELS

EXACT = {"rtol": 0, "atol": 1e-10}


def test_every_architecture_has_a_size_small_enough_for_this_suite(example_names):
    assert {name.partition("/")[0] for name in example_names} == set(MODELS.names())


def test_shapes_follow_the_config_and_everything_is_finite(example):
    with torch.no_grad():
        output = example.model(example.bases(3, 17))
    assert output.logits.shape == (3, 17, example.config.vocab_size)
    assert output.hidden_states.shape == (3, 17, example.config.hidden_size)
    assert output.logits.dtype == torch.float64
    assert torch.isfinite(output.logits).all()
    assert torch.isfinite(output.hidden_states).all()
    assert output.state is None


def test_the_model_is_not_constant_so_that_the_suite_can_fail(example):
    logits = example.logits(example.bases(2, 40))
    if example.name != "markov/markov-0":
        assert (logits[:, 1:] - logits[:, :-1]).abs().max() > 0.01


def test_a_row_does_not_depend_on_its_batch_or_its_place_in_it(example):
    ids = example.bases(5, 23)
    together = example.logits(ids)
    for row in range(5):
        torch.testing.assert_close(example.logits(ids[row : row + 1]), together[row : row + 1], **EXACT)
    order = torch.tensor([3, 0, 4, 2, 1])
    torch.testing.assert_close(example.logits(ids[order]), together[order], **EXACT)


def test_padding_on_the_right_changes_nothing_whatever_it_is(example):
    ids = example.bases(3, 11)
    alone = example.logits(ids)
    for padding in (0, 7, 9):
        padded = torch.nn.functional.pad(ids, (0, 6), value=padding)
        torch.testing.assert_close(example.logits(padded)[:, :11], alone, **EXACT)
        lengths = torch.full((3,), 11)
        torch.testing.assert_close(example.logits(padded, lengths=lengths)[:, :11], alone, **EXACT)


def test_causal_means_that_the_future_never_changes_the_past(example):
    assert example.spec.causal
    ids = example.bases(2, 20)
    before = example.logits(ids)
    for position in (1, 7, 19):
        changed = ids.clone()
        changed[:, position:] = 13 - changed[:, position:].clamp(max=8)
        after = example.logits(changed)
        torch.testing.assert_close(after[:, :position], before[:, :position], **EXACT)


def test_logits_can_be_left_out(example):
    ids = example.bases(2, 9)
    with torch.no_grad():
        whole, without = example.model(ids), example.model(ids, logits=False)
    assert without.logits is None
    torch.testing.assert_close(without.hidden_states, whole.hidden_states, **EXACT)


@pytest.mark.parametrize("ragged", [False, True])
def test_the_last_token_alone_is_what_it_is_among_all(example, ragged):
    ids = example.bases(3, 12)
    lengths = torch.tensor([5, 12, 1]) if ragged else None
    last = (lengths if ragged else torch.full((3,), 12)) - 1
    with torch.no_grad():
        whole = example.model(ids, example.model.empty_state(3), lengths=lengths)
        short = example.model(ids, example.model.empty_state(3), lengths=lengths, last_only=True)
        following = [example.model(example.bases(3, 4, 1), output.state).logits for output in (whole, short)]
    rows = torch.arange(3)
    torch.testing.assert_close(short.logits, whole.logits[rows, last].unsqueeze(1), **EXACT)
    torch.testing.assert_close(short.hidden_states, whole.hidden_states[rows, last].unsqueeze(1), **EXACT)
    torch.testing.assert_close(following[1], following[0], **EXACT)


def test_layers_are_captured_by_index_and_the_last_one_is_the_hidden_states(example):
    ids = example.bases(2, 9)
    with torch.no_grad():
        output = example.model(ids, capture=[0, -1])
    assert list(output.captured) == ["0", "-1"]
    assert output.captured["0"].shape[:2] == (2, 9)
    torch.testing.assert_close(output.captured["-1"], output.hidden_states, **EXACT)


def test_an_unknown_layer_is_refused_by_name_and_by_index(example):
    with pytest.raises(UnknownNameError, match="no layer is called 'no such layer'; "):
        example.model(example.bases(1, 3), capture=["no such layer"])
    with pytest.raises(UnknownNameError, match="no layer has index 1000"):
        example.model(example.bases(1, 3), capture=[1000])


def test_router_statistics_come_in_training_mode_only(fresh):
    example = fresh()
    ids = example.bases(2, 9)
    assert example.model(ids).aux == {}
    example.module.train()
    aux = example.model(ids).aux
    if aux:
        assert aux.keys() == {"expert_counts", "router_probability", "z_loss"}
        (layers,) = aux["z_loss"].shape
        assert aux["expert_counts"].shape == aux["router_probability"].shape
        assert len(aux["expert_counts"]) == layers
        torch.testing.assert_close(aux["router_probability"].sum(1), torch.ones(layers, dtype=torch.float64))


def test_router_statistics_do_not_see_padding(fresh):
    example = fresh()
    example.module.train()
    ids = example.bases(2, 9)
    padded = torch.nn.functional.pad(ids, (0, 5), value=0)
    alone, beside = example.model(ids).aux, example.model(padded, lengths=torch.tensor([9, 9])).aux
    assert alone.keys() == beside.keys()
    for name, value in alone.items():
        torch.testing.assert_close(beside[name], value, **EXACT)


def test_the_config_is_frozen_and_consistent_with_the_model(example):
    assert dataclasses.is_dataclass(example.config)
    with pytest.raises(dataclasses.FrozenInstanceError):
        example.config.vocab_size = 3
    assert example.model.config == example.config
    assert 8 <= example.config.width <= example.config.context_length
