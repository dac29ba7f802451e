"""StripedHyena 2 against values recorded from the reference implementation (`vtx` 1.1.0, on a CPU)."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from cistron.inference.chunks import read_chunks
from cistron.models.stripedhyena2 import StripedHyena2, from_published
from cistron.weights.convert.evo2_config import published_config

DATA = Path(os.environ.get("CISTRON_DATA", Path(__file__).parents[2] / "../shared/data"))
RECORDED = DATA.parent / "parity" / "vortex"
pytestmark = pytest.mark.skipif(
    not RECORDED.is_dir(), reason=f"no recorded values at {RECORDED}; CISTRON_DATA/../parity holds them"
)
WITHIN = {"rtol": 0, "atol": 1e-4}
"""Logits reach 12 to 30."""


@cache
def model(name: str, dtype: torch.dtype = torch.float32) -> StripedHyena2:
    config = published_config(json.loads((RECORDED / f"{name}.json").read_text()))
    with torch.device("meta"):
        built = StripedHyena2(config)
    tensors = from_published(config, load_file(RECORDED / f"{name}.safetensors"))
    built.load_state_dict(tensors, assign=True)
    return built.to(dtype).eval()


@cache
def recorded(name: str) -> dict[str, torch.Tensor]:
    with np.load(RECORDED / name) as arrays:
        return {key: torch.from_numpy(arrays[key]) for key in arrays}


def logits(network: StripedHyena2, ids: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return network(ids).logits.float()


def in_chunks(network: StripedHyena2, ids: torch.Tensor, cuts: list[int]) -> torch.Tensor:
    state, parts = network.empty_state(len(ids)), []
    for start, end in zip([0, *cuts], [*cuts, ids.shape[1]], strict=True):
        with torch.no_grad():
            output = network(ids[:, start:end], state)
        state = output.state
        parts.append(output.logits.float())
    return torch.cat(parts, 1)


@pytest.mark.parametrize("case", ["acgt300_b2", "acgt301_b1", "short100_b1", "tiny3_b1", "mixed_b1"])
def test_one_pass_gives_the_recorded_logits(case):
    values = recorded("base_fp32.npz")
    found = logits(model("base"), values[f"{case}/ids"])
    torch.testing.assert_close(found, values[f"{case}/logits"], **WITHIN)


def test_interpolated_positions_give_the_recorded_logits():
    values = recorded("mini.npz")
    torch.testing.assert_close(logits(model("mini"), values["ids"]), values["fp32/logits"], **WITHIN)


def test_every_block_gives_the_recorded_stream_under_its_published_name():
    values = recorded("base_fp32.npz")
    names = [f"blocks.{i}" for i in range(8)]
    with torch.no_grad():
        captured = model("base")(values["acgt300_b2/ids"], capture=names, logits=False).captured
    for i, name in enumerate(names):
        torch.testing.assert_close(captured[name], values[f"acgt300_b2/block{i}"], **WITHIN)


@pytest.mark.parametrize("case", ["gen_acgt300_b2", "gen_short100_b1", "gen_tiny3_b1"])
def test_a_prompt_and_one_token_at_a_time_give_the_recorded_whole_pass(case):
    # The reference's own steps are wrong behind prompts shorter than its filters; its whole pass is not.
    values = recorded("base_fp32.npz")
    prompt = values[f"{case}/prompt_ids"]
    ids = torch.cat((prompt, values[f"{case}/fed_ids"]), 1)
    found = in_chunks(model("base"), ids, list(range(prompt.shape[1], ids.shape[1])))
    torch.testing.assert_close(found, values[f"{case}/full_logits"], **WITHIN)
    if case != "gen_tiny3_b1":
        steps = values[f"{case}/step_logits"]
        torch.testing.assert_close(found[:, prompt.shape[1] :], steps, **WITHIN)


def test_the_recorded_steps_behind_a_long_prompt_are_ours():
    values = recorded("mini.npz")
    found = in_chunks(model("mini"), values["ids"], list(range(140, 150)))
    torch.testing.assert_close(found[:, 140:], values["fp32/step_logits_140_149"], **WITHIN)


@pytest.mark.parametrize("read", [140, 150])
def test_the_state_is_the_recorded_one(read):
    values = {
        key.rpartition("/")[2]: value
        for key, value in recorded("mini.npz").items()
        if f"fp32/state{read}/" in key
    }
    network = model("mini")
    with torch.no_grad():
        memories = network(recorded("mini.npz")["ids"][:, :read], network.empty_state(1)).state.memories
    for layer in (0, 1, 2, 4):
        torch.testing.assert_close(memories[layer].projected.mT, values[f"fir{layer}"], **WITHIN)
    for layer in (0, 1, 4):
        torch.testing.assert_close(memories[layer].taps.mT, values[f"inner{layer}"], **WITHIN)
    torch.testing.assert_close(memories[2].modal, values["iir2"], **WITHIN)
    keys, cached = memories[3].joined()
    torch.testing.assert_close(keys.transpose(1, 2), values["kv3"][:1, :, 0], **WITHIN)
    torch.testing.assert_close(cached.transpose(1, 2), values["kv3"][:1, :, 1], **WITHIN)


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 300), max_size=5).map(sorted))
def test_chunks_cut_anywhere_give_the_recorded_logits(cuts):
    values = recorded("base_fp32.npz")
    found = in_chunks(model("base"), values["acgt300_b2/ids"], cuts)
    torch.testing.assert_close(found, values["acgt300_b2/logits"], **WITHIN)


def test_reading_in_chunks_as_the_verbs_do_gives_the_recorded_logits():
    values = recorded("base_fp32.npz")
    with torch.no_grad():
        parts = [output.logits for _, output in read_chunks(model("base"), values["acgt300_b2/ids"], size=77)]
    torch.testing.assert_close(torch.cat(parts, 1), values["acgt300_b2/logits"], **WITHIN)


def test_bfloat16_rounds_where_the_reference_does():
    values = recorded("mini.npz")
    found, expected = logits(model("mini", torch.bfloat16), values["ids"]), values["bf16/logits"]
    error = (found - expected).abs()
    # What is left: the reference convolves by FFT, which rounds differently.
    assert float((error.amax(-1) == 0).float().mean()) > 0.4
    assert float(error.max()) < 0.2 < float((expected - values["fp32/logits"]).abs().max())
    assert float((found.argmax(-1) == expected.argmax(-1)).float().mean()) > 0.98


def test_bfloat16_leaves_poles_residues_and_frequencies_as_they_were():
    narrow, wide = model("mini", torch.bfloat16), model("mini")
    kept = {name for name, tensor in narrow.state_dict().items() if tensor.dtype == torch.float32}
    ends = {name.rpartition(".")[2] for name in kept}
    assert ends == {"log_poles", "residues", "inv_freq"}
    assert all(torch.equal(narrow.state_dict()[name], wide.state_dict()[name]) for name in kept)
