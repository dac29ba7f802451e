"""What a short look at a model says, against what longer runs really hold and compute."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from cistron.errors import InputError
from cistron.inference.chunks import read_chunks
from cistron.inference.planning import HEADROOM, batch_of, fit_batch
from cistron.inference.planning.costs import Costs, measured_costs, rehearsed_costs
from cistron.inference.planning.ledger import Ledger
from cistron.layers import cache
from cistron.models import MODELS
from cistron.models.genos import MODEL, TINY, GenosConfig

SMALL = GenosConfig(
    vocab_size=16,
    hidden_size=64,
    intermediate_size=64,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=16,
    max_position_embeddings=65_536,
)
STATE = 3 * 2 * 2 * 16 * 4
"""Bytes of a token: layers, keys and values, heads, width, float32."""
ACTIVE = 3 * (2 * 64 * 64 + 2 * 64 * 32 + 8 * 64 + 2 * 3 * 64 * 64) + 16 * 64
"""Weights that a token meets."""


@pytest.fixture(scope="module")
def model() -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return MODEL.build(SMALL).eval()


def peak_of(model: torch.nn.Module, length: int, size: int) -> int:
    """Bytes that reading holds at a time, beside the weights."""
    ids = torch.randint(5, 9, (1, length), generator=torch.Generator().manual_seed(2))
    with torch.inference_mode(), Ledger() as ledger:
        ledger.restart()
        for _, output in read_chunks(model, ids, model.empty_state(1), size=size):
            del output
    return ledger.peak


def test_a_short_look_finds_state_weights_and_arithmetic(model):
    costs = measured_costs(model)
    assert costs.state == STATE
    assert costs.weights == sum(weight.nbytes for weight in model.parameters())
    assert costs.products == 2 * ACTIVE
    # Two products over width, for the query and for the value, a multiply and an add each.
    assert costs.attention == 3 * 4 * 16 * 4


def test_a_rehearsal_without_weights_finds_the_same(model):
    measured, rehearsed = measured_costs(model), rehearsed_costs(MODEL, SMALL, torch.float32, "cpu", 2048)
    for field in dataclasses.fields(Costs):
        if field.name != "working":
            assert getattr(rehearsed, field.name) == getattr(measured, field.name)
    # A short look sees few tokens beside memory that experts take once, so it overestimates.
    assert measured.working / 3 < rehearsed.working <= measured.working


def test_rehearsed_memory_is_that_of_a_real_run(model):
    costs = rehearsed_costs(MODEL, SMALL, torch.float32, "cpu", 2048)
    found = peak_of(model, 4096, 4096)
    assert costs.peak(at_once=4096, kept=4096) == pytest.approx(found, rel=0.15)


def test_memory_is_flat_beyond_the_state_however_long_the_input_is(model, monkeypatch):
    monkeypatch.setattr(cache, "BLOCK_TOKENS", 512)
    short, long = peak_of(model, 1024, 512), peak_of(model, 6144, 512)
    assert long - short == pytest.approx(5120 * STATE, rel=0.02)


def test_a_state_in_half_precision_takes_half(model):
    costs = rehearsed_costs(MODEL, SMALL, torch.float32, "cpu", 1024, torch.bfloat16)
    assert costs.state == STATE / 2


def test_a_device_that_joins_the_past_is_given_room_for_one_layer_of_it():
    costs = rehearsed_costs(MODEL, SMALL, torch.bfloat16, "cuda", 1024)
    assert costs.joined == costs.state / 3 == STATE / 2 / 3
    assert costs.peak(at_once=100, kept=1000) - costs.peak(at_once=100, kept=900) == round(
        100 * (costs.state + costs.joined)
    )


@pytest.mark.parametrize("name", [name for name in MODELS.names() if name != "markov"])
def test_every_architecture_can_be_rehearsed(name):
    spec = MODELS.get(name)
    size = min(spec.sizes.values(), key=lambda config: config.hidden_size)
    costs = rehearsed_costs(spec, size, torch.float32, "cpu", 512)
    assert min(costs.weights, costs.state, costs.working, costs.products) > 0


COSTS = Costs(weights=1000, state=10.0, working=20.0, joined=0.0, products=1.0, attention=1.0)


def test_a_batch_holds_the_state_of_its_rows_and_the_activations_of_what_is_read_at_once():
    batch = batch_of(COSTS, 16_384, 5000)
    assert (batch.kept, batch.at_once) == (15_000, 15_000)
    assert batch.peak == 1000 + 30 * 15_000
    long = batch_of(COSTS, 16_384, 100_000)
    assert (long.kept, long.at_once) == (100_000, 8192)
    assert long.peak == 1000 + 10 * 100_000 + 20 * 8192
    assert batch_of(COSTS, 1024, 100_000).at_once == 2048


def test_batches_side_by_side_take_as_much_each_and_share_the_weights():
    alone, together = batch_of(COSTS, 1024, 512), batch_of(COSTS.side_by_side(3), 1024, 512)
    assert together.weights == alone.weights
    assert (together.state, together.activations) == (3 * alone.state, 3 * alone.activations)


def test_the_batch_is_halved_until_it_fits():
    memory = (1000 + 30 * 5000) / (1 - HEADROOM)
    batch = fit_batch(COSTS, 100, memory)
    assert batch.tokens == 4096
    assert batch.peak <= memory * (1 - HEADROOM) < fit_batch(COSTS, 100, 2 * memory).peak


def test_what_fits_in_no_batch_is_refused_with_the_parts():
    with pytest.raises(InputError, match=r"0\.00 GiB weights.*State of 1,000 tokens.*give shorter sequences"):
        fit_batch(COSTS, 1000, 10_000)


def test_storage_is_counted_once_and_until_it_goes():
    with Ledger() as ledger:
        whole = torch.zeros(1000)
        view = whole[10:20]
        assert ledger.live == 4000
        del whole
        assert ledger.live == 4000
        del view
        assert ledger.live == 0
    assert ledger.peak == 4000
    assert MODEL.sizes["genos-tiny"] == TINY
