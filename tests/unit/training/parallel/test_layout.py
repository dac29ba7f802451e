from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from cistron.errors import InputError
from cistron.models import MODELS
from cistron.training.loss import IGNORED
from cistron.training.parallel import Layout, Parallel

GENOS, MARKOV = MODELS.get("genos"), MODELS.get("markov")
TINY = GENOS.sizes["genos-tiny"]


def alone(**layout):
    return Parallel(Layout(**layout), GENOS, TINY, torch.device("cpu"))


@pytest.mark.parametrize(
    ("layout", "world", "shard"),
    [
        (Layout(), 1, 1),
        (Layout(), 6, 6),
        (Layout(tensor=2, context=2), 8, 2),
        (Layout(shard=4, expert=2), 4, 4),
        (Layout(shard=2, tensor=2, context=2), 8, 2),
    ],
)
def test_what_is_left_of_the_world_shards(layout, world, shard):
    assert layout.fitted(world) == replace(layout, shard=shard)


@pytest.mark.parametrize(
    ("layout", "world", "words"),
    [
        (Layout(shard=2, tensor=2), 3, ["made for 4 processes", "there are 3", "start 4"]),
        (Layout(tensor=2, context=2), 6, ["not work with 6", "4, 8, 12"]),
        (Layout(expert=4, context=2), 4, ["not work with 4", "8, 16, 24"]),
        (Layout(context=2), 1, ["not work with 1", "2, 4, 6"]),
        (Layout(shard=3, expert=2), 3, ["2 of 3 ranks", "multiple of 2"]),
        (Layout(tensor=0), 2, ["below 1"]),
        (Layout(shard=-1), 2, ["below 1"]),
    ],
)
def test_a_wrong_number_of_processes_is_told_which_work(layout, world, words):
    with pytest.raises(InputError) as caught:
        layout.fitted(world)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        (Layout(tensor=2, context=2), ["tensor × context = 4", "num_key_value_heads of 2", "1, 2 would do"]),
        (Layout(context=3), ["num_key_value_heads of 2"]),
        (Layout(expert=3), ["expert = 3", "num_local_experts of 4", "1, 2, 4 would do"]),
    ],
)
def test_sizes_that_do_not_divide_the_model_are_told_which_do(layout, words):
    with pytest.raises(InputError) as caught:
        layout.check(GENOS, TINY)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize("axis", ["tensor", "expert", "context"])
def test_an_architecture_without_a_plan_can_be_sharded_only(axis):
    config = next(iter(MARKOV.sizes.values()))
    Layout(shard=4).check(MARKOV, config)
    with pytest.raises(InputError, match=f"{axis}=2 is not possible"):
        Layout(**{axis: 2}).check(MARKOV, config)


def test_a_layout_for_more_processes_does_not_start_on_one():
    with pytest.raises(InputError, match="start 2"):
        alone(shard=2)


def test_a_batch_that_does_not_divide_is_told_which_do():
    parallel = alone()
    parallel.data_size, parallel.data_rank = 4, 2
    assert parallel.rows(8) == slice(4, 6)
    with pytest.raises(InputError, match=r"6 windows .* 4 ranks; use a multiple of 4"):
        parallel.rows(6)
    with pytest.raises(InputError, match=r"2 windows .* 4 ranks; use a multiple of 4"):
        parallel.rows(2)


def test_sequences_are_divided_in_order_and_evenly_or_not_at_all():
    parallel = alone()
    parallel.context_size, parallel.context_rank = 2, 1
    ids = torch.arange(8).view(1, 8)
    found, labels, documents = parallel.split(ids, ids + 1, ids // 3)
    assert found.tolist() == [[4, 5, 6, 7]]
    assert labels.tolist() == [[5, 6, 7, 8]]
    assert documents.tolist() == [[1, 1, 2, 2]]
    with pytest.raises(InputError, match=r"7 tokens .* 2 context ranks; use a multiple of 2"):
        parallel.split(ids[:, :7], ids[:, :7], None)


def test_one_process_needs_no_group_and_changes_nothing():
    parallel = alone()
    assert (parallel.rank, parallel.world, parallel.data_size, parallel.context_size) == (0, 1, 1, 1)
    assert parallel.is_main
    assert parallel.rows(3) == slice(0, 3)
    ids = torch.arange(5).view(1, 5)
    assert [part is None or torch.equal(part, ids) for part in parallel.split(ids, ids, None)] == [True] * 3
    model = GENOS.build(TINY)
    before = list(model.named_parameters())
    assert parallel.apply(model) is model
    assert all(new is old for (_, new), (_, old) in zip(model.named_parameters(), before, strict=True))


def test_checkpointing_gives_the_same_gradients():
    torch.manual_seed(0)
    plain = GENOS.build(TINY).double()
    checkpointed = GENOS.build(TINY).double()
    checkpointed.load_state_dict(plain.state_dict())
    alone().apply(checkpointed, checkpointing=True)
    ids = torch.randint(5, 9, (2, 16))
    for model in (plain, checkpointed):
        model(ids).logits.square().sum().backward()
    for expected, found in zip(plain.parameters(), checkpointed.parameters(), strict=True):
        assert torch.equal(found.grad, expected.grad)


def test_gradients_are_clipped_to_the_norm_that_was_not_returned():
    model = GENOS.build(TINY).double()
    model(torch.randint(5, 9, (2, 16))).logits.square().sum().backward()
    before = torch.cat([p.grad.flatten() for p in model.parameters()]).norm()
    assert float(alone().clip_gradients(model, 0.1)) == pytest.approx(float(before))
    after = torch.cat([p.grad.flatten() for p in model.parameters()]).norm()
    assert float(after) == pytest.approx(0.1, rel=1e-4)


def test_a_total_carries_no_gradient():
    tensor = torch.tensor(2.0, requires_grad=True)
    assert not alone().total(tensor).requires_grad
    assert IGNORED == -100
