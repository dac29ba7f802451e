from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cistron.errors import UnknownNameError, WeightsError, WindowError
from cistron.inference.chunks import read_chunks
from cistron.models.stripedhyena2 import MODEL, SIZES, StripedHyena2, from_published
from cistron.weights.named import count_parameters

TINY = SIZES["evo2-tiny"]
PATTERNS = {
    "evo2-1b-base": "SDH*SDHSDH*SDHSDH*SDHSDH*",
    "evo2-7b-base": "SDH*SDHSDH*SDHSDH*SDHSDH*SDHSDH*",
    "evo2-20b": "SDH*SDHSDH*SDHSDH*SDHSDH",
    "evo2-40b": "SDH*SDHSDH*SDHSDH*SDHSDH*SDHSDH*SDH*SDHSDH*SDHSDH*",
}
PARAMETERS = {
    "evo2-1b-base": 1_107_989_760,
    "evo2-7b-base": 6_481_059_584,
    "evo2-7b-262k": 6_481_059_584,
    "evo2-7b": 6_581_722_880,
    "evo2-20b": 19_738_780_160,
    "evo2-40b-base": 40_331_142_144,
    "evo2-40b": 41_117_574_144,
}
"""Of the published shapes, in billions 1.108, 6.481, 6.481, 6.582, 19.739, 40.331 and 41.118."""


@pytest.fixture(scope="module")
def tiny() -> StripedHyena2:
    torch.manual_seed(1)
    return StripedHyena2(TINY).eval()


def bases(rows: int, length: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.tensor([65, 67, 71, 84])[torch.randint(0, 4, (rows, length), generator=generator)]


@pytest.mark.parametrize("name", PARAMETERS)
def test_published_sizes_have_the_published_number_of_parameters(name):
    assert count_parameters(MODEL, SIZES[name]) == PARAMETERS[name]


@pytest.mark.parametrize("name", PATTERNS)
def test_published_sizes_have_the_published_layers(name):
    assert SIZES[name].hybrid_override_pattern == PATTERNS[name]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_attention_heads": 5}, "num_attention_heads 5 does not divide"),
        ({"num_attention_heads": 32}, "cannot be rotated in pairs"),
        ({"hcs_filter_groups": 7}, "hcs_filter_groups 7 does not divide"),
        ({"max_position_embeddings": None}, "does not say max_position_embeddings"),
        ({"hidden_size": None}, "does not say hidden_size"),
        ({"num_attention_heads": "four"}, "wrong kind"),
        ({"fp8": "on"}, "it is off or emulate"),
    ],
)
def test_a_config_that_does_not_fit_together_is_refused_in_one_line(change, message):
    with pytest.raises(WeightsError, match=message) as caught:
        MODEL.config(TINY.to_dict() | change)
    assert "\n" not in str(caught.value)


def test_a_pattern_is_repeated_or_cut_to_the_number_of_layers():
    assert replace(TINY, num_hidden_layers=7).hybrid_override_pattern == "SDH*HSD"
    assert replace(TINY, num_hidden_layers=2).hybrid_override_pattern == "SD"
    with pytest.raises(WeightsError, match="letters are S, D, H"):
        replace(TINY, hybrid_override_pattern="SDX")


def test_only_the_first_block_has_a_gelu(tiny):
    assert [block.mlp.gelu for block in tiny.blocks] == [True, False, False, False, False]


def test_the_head_is_the_embedding(tiny):
    with torch.no_grad():
        output = tiny(bases(1, 9))
    torch.testing.assert_close(output.logits, output.hidden_states @ tiny.embedding_layer.weight.T)


def test_layers_are_captured_by_published_name(tiny):
    names = ["blocks.2.mlp.l3", "blocks.2", "blocks.3.inner_mha_cls", "blocks.0.out_filter_dense", "norm"]
    with torch.no_grad():
        found = tiny(bases(2, 9), capture=names).captured
    assert list(found) == names or set(found) == set(names)
    assert all(value.shape == (2, 9, TINY.hidden_size) for value in found.values())
    with torch.no_grad():
        before = tiny(bases(2, 9), capture=["blocks.1", "blocks.2.out_filter_dense"]).captured
    stream = before["blocks.1"] + before["blocks.2.out_filter_dense"] + found["blocks.2.mlp.l3"]
    torch.testing.assert_close(found["blocks.2"], stream)


def test_a_layer_that_the_kind_of_block_lacks_is_unknown(tiny):
    with pytest.raises(UnknownNameError, match=r"blocks\.3\.projections"):
        tiny(bases(1, 3), capture=["blocks.3.projections"])


def test_every_parameter_learns_and_frequencies_do_not():
    torch.manual_seed(1)
    model = StripedHyena2(TINY).double().train()
    model(bases(2, 40)).logits.square().mean().backward()
    for name, parameter in model.named_parameters():
        assert float(parameter.grad.abs().max()) > 0, name
    assert "blocks.3.inner_mha_cls.rotary_emb.inv_freq" in dict(model.named_buffers())


def test_another_rope_base_and_factor_can_be_set_between_stages_of_training(tiny):
    model = StripedHyena2(TINY).eval()
    model.load_state_dict(tiny.state_dict())
    model.config = replace(TINY, rope_theta=1e6)
    fresh = StripedHyena2(replace(TINY, rope_theta=1e6)).eval()
    fresh.load_state_dict({**tiny.state_dict(), **dict(fresh.named_buffers())})
    ids = bases(1, 200)
    with torch.no_grad():
        assert torch.equal(model(ids).logits, fresh(ids).logits)
        assert not torch.equal(model(ids).logits, tiny(ids).logits)


def test_a_sequence_beyond_the_context_is_refused_with_the_models_that_read_it(tiny):
    ids = bases(1, 4097)
    with pytest.raises(WindowError, match=r"4,097 tokens; this model reads 4,096.*evo2-7b-base \(32,768\)"):
        tiny(ids)
    with torch.no_grad():
        state = tiny(ids[:, :4090], tiny.empty_state(1), logits=False).state
    with pytest.raises(WindowError, match="4,097 tokens"):
        tiny(ids[:, 4090:], state)
    longest = StripedHyena2(replace(TINY, max_position_embeddings=8))
    with pytest.raises(WindowError, match=r"9 tokens.*evo2-7b \(1,048,576\)"):
        longest(ids[:, :9])


def test_an_empty_sequence_gives_empty_answers_and_leaves_the_state(tiny):
    none = torch.zeros((2, 0), dtype=torch.long)
    with torch.no_grad():
        output = tiny(none, tiny.empty_state(2))
        after = tiny(bases(2, 5), output.state).logits
        torch.testing.assert_close(after, tiny(bases(2, 5)).logits)
    assert output.logits.shape == (2, 0, 512)
    assert output.state.lengths.tolist() == [0, 0]


def test_a_state_is_of_constant_size_but_for_keys_and_values(tiny):
    def numbers(read: int) -> int:
        with torch.no_grad():
            state = tiny(bases(1, read), tiny.empty_state(1)).state
        return sum(
            sum(part.numel() for part in vars(memory).values() if part is not None)
            for layer, memory in enumerate(state.memories)
            if layer != 3
        )

    assert numbers(5) == numbers(500) == numbers(1)


def test_chunks_as_the_verbs_read_them_give_the_whole(tiny):
    ids = bases(2, 700)
    with torch.no_grad():
        parts = [output.logits for _, output in read_chunks(tiny, ids, size=256)]
        torch.testing.assert_close(torch.cat(parts, 1), tiny(ids).logits, rtol=0, atol=1e-4)


def test_extra_tensors_of_other_software_are_left_out(tiny):
    extra = {
        "unembed.weight": tiny.embedding_layer.weight,
        "blocks.0.projections._extra_state": torch.zeros(3),
        "blocks.3.mixer.dense._extra_state": torch.zeros(3),
        "blocks.2.mixer.mixer.filter.t": torch.zeros(3),
    }
    assert from_published(TINY, tiny.state_dict() | extra).keys() == tiny.state_dict().keys()


def test_the_config_file_is_json_with_the_names_that_others_use():
    values = json.loads(json.dumps(SIZES["evo2-7b"].to_dict()))
    assert (values["num_hidden_layers"], values["vocab_size"], values["rope_factor"]) == (32, 512, 128)


LONG = """
import sys
from dataclasses import replace
from pathlib import Path
import torch
from cistron.inference.chunks import read_chunks
from cistron.models.stripedhyena2 import SIZES, StripedHyena2

def memory(kind):
    return int(Path("/proc/self/status").read_text().partition(kind + ":")[2].split()[0])

torch.set_num_threads(1)
config = replace(
    SIZES["evo2-tiny"], hybrid_override_pattern="SDH", num_hidden_layers=3, max_position_embeddings=2**20
)
model = StripedHyena2(config).eval()
for length in (2**13, 2**16):
    ids = torch.full((1, length), 65)
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    with torch.inference_mode():
        read = [float(output.logits.sum()) for _, output in read_chunks(model, ids, size=2048)]
    print(len(read), memory("VmHWM") - before)
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").is_file(), reason="peak memory is read from /proc")
def test_memory_of_the_filters_does_not_grow_with_the_sequence():
    ran = subprocess.run([sys.executable, "-c", LONG], capture_output=True, check=True, text=True)
    (few, short), (many, long) = (map(int, line.split()) for line in ran.stdout.splitlines())
    assert (few, many) == (4, 32)
    assert long < short + 4096  # KiB; one number for each token and channel would be 7 MiB more
