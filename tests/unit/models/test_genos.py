"""What only the Genos architecture has: its config files, its initial weights, its memory."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from cistron.errors import InputError, UnknownNameError, WeightsError
from cistron.models.genos import TINY, Genos, GenosConfig, from_published, to_published

MINIMAL = {
    "vocab_size": 16,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_local_experts": 4,
    "max_position_embeddings": 300,
}


@pytest.fixture(scope="module")
def model() -> Genos:
    torch.manual_seed(2)
    network = Genos(TINY).double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.2 * torch.randn_like(parameter)
    return network


def tokens(rows, length, seed=1):
    return torch.randint(5, 9, (rows, length), generator=torch.Generator().manual_seed(seed))


def test_a_minimal_config_file_is_completed():
    config = GenosConfig.from_mapping(MINIMAL)
    assert config.head_dim == 8
    assert config.width == 300  # never beyond the context
    assert (config.rope_theta, config.rms_norm_eps, config.num_experts_per_tok) == (5e7, 1e-5, 2)
    assert GenosConfig.from_mapping(MINIMAL | {"max_position_embeddings": 10**6}).width == 8192
    assert GenosConfig.from_mapping(MINIMAL | {"width": 64}).width == 64
    assert config.context_length == 300


@pytest.mark.parametrize(
    "rope",
    [
        {"rope_theta": 123.0},
        {"rope_theta": 123.0, "rope_scaling": None},
        {"rope_parameters": {"rope_theta": 123.0, "rope_type": "default"}},
        {"rope_parameters": {"rope_theta": 123.0}, "rope_theta": 9.0},
        {"rope_theta": 123, "rope_scaling": {"type": "default"}},
    ],
)
def test_both_spellings_of_the_rotary_base_are_read(rope):
    assert GenosConfig.from_mapping(MINIMAL | rope).rope_theta == 123.0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hidden_act": "gelu"}, "hidden_act is 'gelu'; the Genos architecture has 'silu'"),
        ({"tie_word_embeddings": True}, "tie_word_embeddings is True"),
        ({"attention_bias": True}, "attention_bias is True"),
        ({"rope_scaling": {"type": "yarn", "factor": 4}}, "rope type is 'yarn'"),
        ({"rope_parameters": {"rope_type": "linear"}}, "rope type is 'linear'"),
        ({"sliding_window": 128}, "sliding_window is 128"),
    ],
)
def test_what_the_architecture_does_not_do_is_refused(values, message):
    with pytest.raises(WeightsError, match=f"config.json: {message}"):
        GenosConfig.from_mapping(MINIMAL | values)


def test_a_sliding_window_that_hides_nothing_is_allowed():
    assert GenosConfig.from_mapping(MINIMAL | {"sliding_window": 300}).context_length == 300


def test_initial_weights_are_normal_and_shrink_into_the_residual_stream():
    torch.manual_seed(0)
    config = GenosConfig(16, 128, 256, 8, 4, 4, 32, 4, initializer_range=0.02)
    for name, parameter in Genos(config).named_parameters():
        if "norm" in name:
            assert torch.equal(parameter, torch.ones_like(parameter))
            continue
        into_residual = name.endswith(("o_proj.weight", "down_proj"))
        expected = 0.02 / math.sqrt(2 * 8) if into_residual else 0.02
        spread = 5 * expected / math.sqrt(2 * parameter.numel())
        assert float(parameter.detach().std()) == pytest.approx(expected, abs=spread), name
        assert abs(float(parameter.detach().mean())) < 5 * expected / math.sqrt(parameter.numel()), name


def test_an_untrained_model_finds_all_tokens_nearly_alike():
    torch.manual_seed(0)
    logits = Genos(TINY)(tokens(2, 50)).logits
    assert float(logits.detach().log_softmax(-1).mean()) == pytest.approx(-math.log(16), abs=0.1)


def test_layers_are_captured_by_every_published_name(model):
    ids = tokens(2, 7)
    with torch.no_grad():
        output = model(ids, capture=model.layer_names())
    assert set(output.captured) == set(model.layer_names())
    found = output.captured
    assert torch.equal(found["model.embed_tokens"], model.model.embed_tokens(ids))
    assert torch.equal(found["model.norm"], output.hidden_states)
    for layer, before in enumerate(["model.embed_tokens", "model.layers.0"]):
        parts = [found[f"model.layers.{layer}.{part}"] for part in ("self_attn", "block_sparse_moe")]
        torch.testing.assert_close(
            found[f"model.layers.{layer}"], found[before] + sum(parts), rtol=0, atol=1e-12
        )
    with pytest.raises(UnknownNameError, match=r"did you mean model\.layers\.1"):
        model(ids, capture=["model.layer.1"])


def test_index_i_is_the_output_of_layer_i_and_the_last_is_after_the_norm(model):
    ids = tokens(1, 5)
    names = ["model.embed_tokens", "model.layers.0", "model.norm"]
    with torch.no_grad():
        found = model(ids, capture=[0, 1, 2, *names]).captured
    assert all(torch.equal(found[str(i)], found[name]) for i, name in enumerate(names))


def test_a_state_forked_for_every_allele_keeps_one_copy_of_the_past(model):
    with torch.no_grad():
        state = model(tokens(2, 9), model.empty_state(2)).state
    before = state.caches[0].joined()[0].data_ptr()
    forked = state.fork(torch.arange(2).repeat_interleave(4))
    assert forked.lengths.tolist() == [9] * 8
    assert forked.caches[0].joined()[0].data_ptr() == before


def test_a_state_forked_to_its_shorter_rows_holds_no_columns_of_the_longer_ones(model):
    with torch.no_grad():
        state = model(tokens(3, 9), model.empty_state(3), lengths=torch.tensor([2, 9, 5])).state
    shorter = state.fork(torch.tensor([2, 0]))
    assert shorter.caches[1].joined()[0].shape[2] == 5


def test_a_chunk_read_with_a_state_leaves_that_state_as_it_was(model):
    ids = tokens(2, 10)
    with torch.no_grad():
        state = model(ids[:, :6], model.empty_state(2)).state
        first = model(ids[:, 6:], state)
        again = model(ids[:, 6:], state)
    assert state.lengths.tolist() == [6, 6]
    assert torch.equal(first.logits, again.logits)


def test_training_through_a_state_has_the_gradients_of_training_on_the_whole(model):
    ids = tokens(2, 12)
    names = ["model.layers.0.self_attn.k_proj.weight", "model.embed_tokens.weight"]
    parameters = [model.get_parameter(name) for name in names]
    whole = torch.autograd.grad(model(ids).logits[:, 7:].square().sum(), parameters)
    past = model(ids[:, :7], model.empty_state(2)).state
    chunked = torch.autograd.grad(model(ids[:, 7:], past).logits.square().sum(), parameters)
    for expected, found in zip(whole, chunked, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_positions_far_into_the_context_still_tell_neighbours_apart(model):
    ids = tokens(1, 3000)
    with torch.no_grad():
        late = model(ids).logits[0, -1]
        swapped = ids.clone()
        swapped[0, -3:-1] = 13 - swapped[0, -3:-1]
        assert (model(swapped).logits[0, -1] - late).abs().max() > 1e-3


def test_a_checkpoint_that_lacks_an_expert_is_refused_by_name(model):
    published = to_published(model.config, model.state_dict())
    name = "model.layers.1.block_sparse_moe.experts.2.w3.weight"
    del published[name]
    with pytest.raises(WeightsError, match=f"the checkpoint lacks the tensor {name}"):
        from_published(TINY, published)


def test_tensors_under_the_names_of_transformers_5_are_read(model):
    state_dict = model.state_dict()
    theirs = {name.replace("block_sparse_moe", "mlp"): value for name, value in state_dict.items()}
    theirs["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(4)
    back = from_published(TINY, theirs)
    assert back.keys() == state_dict.keys()
    assert all(torch.equal(back[name], state_dict[name]) for name in back)


def test_one_block_at_a_time_stacks_to_the_same_as_all_at_once(model):
    published = to_published(model.config, model.state_dict())

    def block(name):
        return name.split(".")[2] if ".layers." in name else ""

    parts = {}
    for _, names in itertools.groupby(sorted(published, key=block), key=block):
        parts |= from_published(TINY, {name: published[name] for name in names})
    assert parts.keys() == model.state_dict().keys()


def test_a_state_of_another_model_is_refused(model):
    with pytest.raises(InputError, match="a Genos model continues a GenosState, not a dict"):
        model(tokens(1, 3), {})
