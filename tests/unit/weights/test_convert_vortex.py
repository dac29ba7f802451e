"""Published Evo 2 checkpoints, made up small in the published layout, become model folders or are refused."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from cistron.errors import InputError, OutputError, WeightsError
from cistron.layers.fp8 import Fp8Linear
from cistron.models.stripedhyena2 import SIZES, StripedHyena2
from cistron.weights.convert import vortex
from cistron.weights.convert.evo2_trust import trust
from cistron.weights.convert.vortex import convert
from cistron.weights.folder import load_folder

TINY = replace(SIZES["evo2-tiny"], width=512)
IDS = torch.tensor([[65, 67, 71, 84, 78, 65, 65, 84]])


class Payload:
    """Something a pickle could run."""


def metadata(content: object) -> io.BytesIO:
    """FP8 metadata as Transformer Engine 1 stores them."""
    stream = io.BytesIO()
    torch.save(content, stream)
    return io.BytesIO(stream.getvalue())


def scales(layer: int) -> dict[str, object]:
    return {
        "scale_fwd": torch.tensor([16.0 + layer, 64.0, 1.0]),
        "scale_inv_fwd": torch.tensor([1 / 16, 1 / 64, 1.0]),
        "amax_history_fwd": torch.zeros(16, 3),
        "scale_bwd": torch.ones(2),
        "amax_history_bwd": torch.zeros(16, 2),
        "extra_fp8_variables": {"num_gemms": 1},
    }


@pytest.fixture(scope="module")
def model() -> StripedHyena2:
    torch.manual_seed(4)
    return StripedHyena2(TINY).bfloat16().eval()


@pytest.fixture
def content(model) -> dict[str, object]:
    """A checkpoint as it is published: bfloat16 but for three kinds of tensors, extra keys, metadata."""
    found = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    found["unembed.weight"] = found["embedding_layer.weight"]
    found["blocks.3.mixer.dense._extra_state"] = metadata({})
    found["blocks.3.mixer.attn._extra_state"] = None
    found["blocks.2.mixer.mixer.filter.t"] = torch.zeros(1, 1, 8)
    for layer in (0, 1, 2, 4):
        found[f"blocks.{layer}.projections._extra_state"] = metadata(scales(layer))
    return found


@pytest.fixture
def published(content, tmp_path) -> Path:
    path = tmp_path / "evo2_tiny.pt"
    torch.save(content, path)
    return path


def parts(path: Path, sizes: list[int]) -> list[Path]:
    """Split a file for transport, as it is published, and remove it."""
    whole, made = path.read_bytes(), []
    sizes = [*sizes, len(whole) - sum(sizes)]
    for number, size in enumerate(sizes):
        made.append(path.with_name(f"{path.name}.part{number}"))
        made[-1].write_bytes(whole[:size])
        whole = whole[size:]
    path.unlink()
    return made


def logits(folder: Path, dtype: torch.dtype | None = None) -> torch.Tensor:
    with torch.no_grad():
        return load_folder(folder, dtype=dtype).model(IDS).logits


def test_a_checkpoint_becomes_a_folder_that_answers_the_same(published, model, tmp_path):
    done = convert(published, tmp_path / "out")
    built = load_folder(tmp_path / "out")
    assert (built.sha256, built.config, built.name) == (done.sha256, TINY, "evo2-tiny")
    assert (done.size, done.fp8, done.warning) == ("evo2-tiny", "off", None)
    with torch.no_grad():
        assert torch.equal(built.model(IDS).logits, model(IDS).logits)


def test_poles_residues_and_frequencies_keep_every_bit_whatever_dtype_is_asked_for(
    published, content, tmp_path
):
    convert(published, tmp_path / "same")
    convert(published, tmp_path / "half", dtype=torch.bfloat16)
    convert(published, tmp_path / "wide", dtype=torch.float32)
    for folder, rest in (("same", torch.bfloat16), ("half", torch.bfloat16), ("wide", torch.float32)):
        stored = load_file(tmp_path / folder / "model.safetensors")
        for name, tensor in stored.items():
            kept = name.endswith(("log_poles", "residues", "inv_freq"))
            assert tensor.dtype == (torch.float32 if kept else rest)
            assert torch.equal(tensor.float(), content[name].float())
        assert json.loads((tmp_path / folder / "config.json").read_text())["dtype"] == str(rest)[6:]


@pytest.mark.parametrize("sizes", [[1000], [7, 90_000, 30_000], [1, 1, 1]])
@pytest.mark.parametrize("given", ["part0", "last part", "whole name", "folder"])
def test_parts_are_read_as_one_file_whichever_is_named(published, model, tmp_path, sizes, given):
    made = parts(published, sizes)
    source = {"part0": made[0], "last part": made[-1], "whole name": published, "folder": tmp_path}[given]
    convert(source, tmp_path / "out" / "model")
    with torch.no_grad():
        assert torch.equal(logits(tmp_path / "out" / "model"), model(IDS).logits)


def test_safetensors_with_the_published_names_are_read(content, model, tmp_path):
    tensors = {name: value.clone() for name, value in content.items() if isinstance(value, torch.Tensor)}
    save_file(tensors, tmp_path / "evo2_tiny.safetensors")
    convert(tmp_path / "evo2_tiny.safetensors", tmp_path / "out")
    with torch.no_grad():
        assert torch.equal(logits(tmp_path / "out"), model(IDS).logits)


@pytest.mark.parametrize("suffix", ["yml", "json"])
def test_a_published_configuration_file_says_the_sizes(published, content, model, tmp_path, suffix):
    values = {
        "hidden_size": 32,
        "num_layers": 5,
        "hcs_layer_idxs": [0],
        "hcm_layer_idxs": [1],
        "hcl_layer_idxs": [2, 4],
        "attn_layer_idxs": [3],
        "hcm_filter_length": 16,
        "hcm_filter_groups": 8,
        "hcs_filter_groups": 8,
        "num_attention_heads": 4,
        "state_size": 4,
        "inner_mlp_size": 48,
        "max_seqlen": 4096,
        "rotary_emb_scaling_factor": 4,
        "use_interpolated_rotary_pos_emb": True,
    }
    lines = [f"{name}: {json.dumps(value)}" for name, value in values.items()]
    text = json.dumps(values) if suffix == "json" else "\n".join(lines)
    config = tmp_path / f"config.{suffix}"
    config.write_text(text)
    other = published.rename(tmp_path / "mine.pt")
    assert convert(other, tmp_path / "out", config=config).size == "evo2-tiny"
    with torch.no_grad():
        assert torch.equal(logits(tmp_path / "out"), model(IDS).logits)


def test_a_file_of_another_name_needs_to_be_told_its_size(published, tmp_path):
    other = published.rename(tmp_path / "mine.pt")
    with pytest.raises(WeightsError, match="say with --config which size it has"):
        convert(other, tmp_path / "out")
    assert convert(other, tmp_path / "out", config="evo2_tiny").size == "evo2-tiny"


def test_shards_are_written_without_changing_an_answer(published, model, tmp_path):
    convert(published, tmp_path / "out", max_shard_size=40_000)
    assert len(list((tmp_path / "out").glob("model-*.safetensors"))) > 2
    with torch.no_grad():
        assert torch.equal(logits(tmp_path / "out"), model(IDS).logits)


def test_an_existing_destination_is_kept_unless_told(published, tmp_path):
    convert(published, tmp_path / "out")
    with pytest.raises(OutputError, match="exists already"):
        convert(published, tmp_path / "out")
    convert(published, tmp_path / "out", overwrite=True)


@pytest.mark.parametrize(
    "bad",
    [
        {"blocks.0.mlp.l1.weight": Payload()},
        {"x": Payload()},
        {"x": 3},
        {"x": {"y": torch.zeros(1)}},
        {"x": [torch.zeros(1)]},
        {3: torch.zeros(1)},
    ],
)
def test_anything_in_the_pickle_but_tensors_and_metadata_is_refused(content, tmp_path, bad):
    torch.save(content | bad, tmp_path / "evo2_tiny.pt")
    with pytest.raises(WeightsError) as caught:
        convert(tmp_path / "evo2_tiny.pt", tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_refused_class_is_named_and_never_run(content, tmp_path):
    torch.save(content | {"x": subprocess.Popen.__init__}, tmp_path / "evo2_tiny.pt")
    with pytest.raises(WeightsError, match="could run code"):
        convert(tmp_path / "evo2_tiny.pt", tmp_path / "out")


@pytest.mark.parametrize("keep", [0, 1, 100, -1, -30, -5000])
def test_a_truncated_file_is_refused(published, tmp_path, keep):
    published.write_bytes(published.read_bytes()[:keep])
    with pytest.raises(WeightsError, match=r"damaged|cut short") as caught:
        convert(published, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_missing_part_is_named(published, tmp_path):
    made = parts(published, [50_000, 50_000])
    made[1].unlink()
    with pytest.raises(WeightsError, match=r"evo2_tiny\.pt\.part1' is missing, but there is part 2"):
        convert(made[0], tmp_path / "out")


def test_a_missing_last_part_is_noticed(published, tmp_path):
    made = parts(published, [50_000, 50_000])
    made[2].unlink()
    with pytest.raises(WeightsError, match="last part is missing"):
        convert(made[0], tmp_path / "out")


def test_a_part_too_many_is_noticed(published, tmp_path):
    made = parts(published, [50_000])
    made[0].with_name("evo2_tiny.pt.part2").write_bytes(b"something else" * 10)
    with pytest.raises(WeightsError, match="a part too many"):
        convert(made[0], tmp_path / "out")


def test_parts_in_the_wrong_order_are_noticed(published, tmp_path):
    first, second, _ = parts(published, [60_000, 60_000])
    swapped = first.read_bytes(), second.read_bytes()
    second.write_bytes(swapped[0])
    first.write_bytes(swapped[1])
    with pytest.raises(WeightsError, match="damaged"):
        convert(first, tmp_path / "out")


def test_a_flipped_bit_is_noticed(published, content, tmp_path):
    whole = bytearray(published.read_bytes())
    place = bytes(whole).find(content["blocks.1.mlp.l2.weight"].view(torch.int16).numpy().tobytes())
    whole[place + 100] ^= 4
    published.write_bytes(whole)
    with pytest.raises(WeightsError, match=r"blocks\.1\.mlp\.l2\.weight.*checksum differs"):
        convert(published, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_configuration_of_another_size_is_refused_with_the_size_that_fits(published, tmp_path):
    with pytest.raises(
        WeightsError, match=r"does not fit its configuration: .*; it has the shapes of evo2-tiny"
    ):
        convert(published, tmp_path / "out", config="evo2-7b")


def test_a_missing_tensor_is_named(content, tmp_path):
    del content["blocks.2.filter.residues"]
    torch.save(content, tmp_path / "evo2_tiny.pt")
    with pytest.raises(WeightsError, match=r"'blocks\.2\.filter\.residues' is missing"):
        convert(tmp_path / "evo2_tiny.pt", tmp_path / "out")


def test_a_tensor_too_many_is_named(content, tmp_path):
    torch.save(content | {"blocks.9.norm": torch.zeros(1)}, tmp_path / "evo2_tiny.pt")
    with pytest.raises(WeightsError, match=r"'blocks\.9\.norm' too many"):
        convert(tmp_path / "evo2_tiny.pt", tmp_path / "out")


def test_a_head_of_its_own_is_refused(content, tmp_path):
    torch.save(content | {"unembed.weight": torch.zeros(512, 32)}, tmp_path / "evo2_tiny.pt")
    with pytest.raises(WeightsError, match="head that is not its embedding"):
        convert(tmp_path / "evo2_tiny.pt", tmp_path / "out")


@pytest.mark.parametrize("name", ["nothing.pt", "nothing.pt.part0", "empty"])
def test_a_source_that_is_not_there_is_refused(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError, match=r"there is no checkpoint|must hold one checkpoint"):
        convert(tmp_path / name, tmp_path / "out", config="evo2-tiny")


def test_a_folder_with_two_checkpoints_is_refused(published, tmp_path):
    (tmp_path / "other.pt").write_bytes(b"")
    with pytest.raises(WeightsError, match=r"not evo2_tiny\.pt, other\.pt"):
        convert(tmp_path, tmp_path / "out")


@pytest.mark.parametrize("text", ["a: [", "- 1", "{", "a: 1"])
def test_a_damaged_configuration_is_refused(published, tmp_path, text):
    config = tmp_path / "config.yml"
    config.write_text(text)
    with pytest.raises(WeightsError):
        convert(published, tmp_path / "out", config=config)


def test_an_unknown_size_is_refused_with_the_nearest(published, tmp_path):
    with pytest.raises(InputError, match="did you mean evo2-7b"):
        convert(published, tmp_path / "out", config="evo2-7bb")


def test_scales_of_eight_bit_arithmetic_come_from_the_checkpoint(published, tmp_path):
    done = convert(published, tmp_path / "out", fp8="emulate")
    assert done.fp8 == "emulate"
    model = load_folder(tmp_path / "out").model
    layers = [module for module in model.modules() if isinstance(module, Fp8Linear)]
    assert [float(layer.input_scale) for layer in layers] == [16, 17, 18, 20]
    assert {float(layer.weight_scale) for layer in layers} == {64}
    convert(published, tmp_path / "plain")
    with torch.no_grad():
        rounded = model(IDS).logits
        assert not torch.equal(rounded, logits(tmp_path / "plain"))
        for layer in layers:
            layer.emulate = False
        assert torch.equal(model(IDS).logits, logits(tmp_path / "plain"))


def test_emulation_without_scales_is_refused(content, tmp_path):
    plain = {name: value for name, value in content.items() if not name.endswith("_extra_state")}
    torch.save(plain, tmp_path / "evo2_tiny.pt")
    with pytest.raises(WeightsError, match=r"no scales of eight-bit arithmetic; use --fp8 off"):
        convert(tmp_path / "evo2_tiny.pt", tmp_path / "out", fp8="emulate")


@pytest.mark.parametrize(
    "state",
    [
        {"recipe": Payload(), "scale_fwd": torch.ones(3)},
        {"scale_fwd": torch.tensor([float("nan"), 1, 1])},
        {"scale_fwd": torch.zeros(3)},
        {"scale_fwd": torch.ones(1)},
        {"amax_history_fwd": torch.ones(3)},
        [],
    ],
)
def test_metadata_without_plain_scales_are_refused_and_can_be_left_out(content, tmp_path, state):
    torch.save(content | {"blocks.1.projections._extra_state": metadata(state)}, tmp_path / "evo2_tiny.pt")
    with pytest.raises(WeightsError, match=r"--fp8 off") as caught:
        convert(tmp_path / "evo2_tiny.pt", tmp_path / "out", fp8="emulate")
    assert "\n" not in str(caught.value)
    assert convert(tmp_path / "evo2_tiny.pt", tmp_path / "out", fp8="off").fp8 == "off"


def test_metadata_in_the_form_of_a_pickle_are_refused(content, tmp_path):
    state = torch.zeros(40, dtype=torch.uint8)
    torch.save(content | {"blocks.1.projections._extra_state": state}, tmp_path / "evo2_tiny.pt")
    with pytest.raises(WeightsError, match=r"--fp8 off"):
        convert(tmp_path / "evo2_tiny.pt", tmp_path / "out", fp8="emulate")
    convert(tmp_path / "evo2_tiny.pt", tmp_path / "out")


def test_emulation_is_chosen_where_it_helps_and_the_card_warns(published, tmp_path, monkeypatch):
    monkeypatch.setattr(vortex, "NEEDS_EMULATION", {"evo2-tiny"})
    monkeypatch.setattr(vortex, "trust", lambda size, fp8: f"{size} {fp8}")
    done = convert(published, tmp_path / "out")
    assert (done.fp8, done.warning) == ("emulate", "evo2-tiny emulate")
    assert load_folder(tmp_path / "out").card["warning"] == "evo2-tiny emulate"


@pytest.mark.parametrize(
    ("size", "fp8", "said"),
    [
        ("evo2-7b", "off", None),
        ("evo2-7b-base", "off", None),
        ("evo2-7b-262k", "off", None),
        ("evo2-1b-base", "off", "--fp8 emulate"),
        ("evo2-1b-base", "emulate", "emulated"),
        ("evo2-20b", "emulate", "Do not use"),
        ("evo2-40b", "off", "Do not use"),
        ("evo2-40b-base", "off", "Do not use"),
        (None, "off", None),
    ],
)
def test_models_that_cannot_be_trusted_are_named(size, fp8, said):
    warning = trust(size, fp8)
    assert warning is None if said is None else said in warning


MEASURE = """
import sys
from pathlib import Path
from cistron.weights.convert.vortex import convert
def peak():
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) * 1024
small, big, out = sys.argv[1:]
rises = []
for name in (small, small, big):
    before = peak()
    convert(f"{name}.pt", f"{out}{len(rises)}", config=f"{name}.json", max_shard_size=8_000_000)
    rises.append(peak() - before)
print(rises[-1])
"""


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="peak memory is read from /proc")
def test_memory_is_that_of_a_shard_and_not_of_the_checkpoint(tmp_path):
    # Modules that load on the way and buffers that stay are paid by the small checkpoint, converted first.
    for name, layers in (("small", 4), ("big", 15)):
        config = replace(TINY, hidden_size=256, intermediate_size=2048, num_hidden_layers=layers)
        with torch.device("meta"):
            like = StripedHyena2(config).state_dict()
        torch.save({key: torch.zeros(tensor.shape) for key, tensor in like.items()}, tmp_path / f"{name}.pt")
        (tmp_path / f"{name}.json").write_text(json.dumps(config.to_dict()))
    paths = [tmp_path / name for name in ("small", "big", "out")]
    ran = subprocess.run([sys.executable, "-c", MEASURE, *paths], capture_output=True, check=True)
    assert (tmp_path / "big.pt").stat().st_size > 100_000_000
    assert int(ran.stdout) < 50_000_000
