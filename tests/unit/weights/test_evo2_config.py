"""Published configurations of Evo 2 become settings, or are refused in one line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cistron.errors import WeightsError
from cistron.models.stripedhyena2 import SIZES
from cistron.weights.convert.evo2_config import published_config, size_of

TINY = SIZES["evo2-tiny"]
PUBLISHED = {
    "vocab_size": 512,
    "hidden_size": 32,
    "num_layers": 5,
    "hcs_layer_idxs": [0],
    "hcm_layer_idxs": [1],
    "hcl_layer_idxs": [2, 4],
    "attn_layer_idxs": [3],
    "hcm_filter_length": 16,
    "hcl_filter_groups": 32,
    "hcm_filter_groups": 8,
    "hcs_filter_groups": 8,
    "hcs_filter_length": 7,
    "short_filter_length": 3,
    "num_attention_heads": 4,
    "eps": 1e-6,
    "state_size": 4,
    "rotary_emb_base": 10000,
    "rotary_emb_scaling_factor": 4,
    "use_interpolated_rotary_pos_emb": True,
    "inner_mlp_size": 48,
    "tie_embeddings": True,
    "max_seqlen": 4096,
    "tokenizer_type": "CharLevelTokenizer",
    "use_fp8_input_projections": True,
}


def test_a_published_configuration_is_read():
    found = published_config(PUBLISHED)
    assert found == replace(TINY, initializer_range=0.02, width=4096)


def test_an_inner_size_that_is_not_said_follows_from_the_width():
    given = {name: value for name, value in PUBLISHED.items() if name != "inner_mlp_size"}
    assert (
        published_config(given | {"inner_size_multiple_of": 16}).intermediate_size == 96
    )  # 2 · 32 · 4 / 3 = 85


def test_positions_are_not_interpolated_unless_the_configuration_says_so():
    assert published_config(PUBLISHED | {"use_interpolated_rotary_pos_emb": False}).rope_factor == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hyena_flip_x1x2": True}, "hyena_flip_x1x2 is True"),
        ({"tie_embeddings": False}, "tie_embeddings is False"),
        ({"qkv_proj_bias": True}, "qkv_proj_bias is True"),
        ({"hcl_filter_groups": 8}, "hcl_filter_groups is 8"),
        ({"attn_layer_idxs": []}, "do not name each of 5 layers once"),
        ({"attn_layer_idxs": [3, 4]}, "do not name each of 5 layers once"),
        ({"attn_layer_idxs": [7]}, "do not name each of 5 layers once"),
        ({"max_seqlen": None}, "does not say max_position_embeddings"),
        ({"hidden_size": None}, "does not say hidden_size"),
        ({"num_attention_heads": "four"}, "wrong kind"),
    ],
)
def test_a_configuration_of_another_architecture_is_refused_in_one_line(change, message):
    with pytest.raises(WeightsError, match=message) as caught:
        published_config(PUBLISHED | change)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", SIZES)
def test_a_named_size_is_recognised_by_its_settings(name):
    assert size_of(replace(SIZES[name], fp8="emulate", width=2048)) == name
    assert size_of(replace(SIZES[name], state_size=5)) is None


def test_names_of_this_platform_are_read_as_well():
    assert published_config(TINY.to_dict()) == TINY
