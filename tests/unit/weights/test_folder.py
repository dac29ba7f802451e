import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from cistron.errors import CistronError, OutputError, WeightsError
from cistron.models.markov import MODEL, Markov, MarkovConfig
from cistron.tokenizers.nucleotide import NucleotideTokenizer
from cistron.weights.folder import assemble, load_folder, save_folder
from cistron.weights.shards import blocks, read_blocks, weight_files

TOKENS = NucleotideTokenizer()


def without_checksums(folder: Path) -> Path:
    (folder / "checksums.json").unlink()
    return folder


def refusal(folder: Path) -> str:
    with pytest.raises(WeightsError) as caught:
        load_folder(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_saved_model_loads_with_the_same_answers(markov, saved, probe):
    built = load_folder(saved)
    assert torch.equal(built.model(probe).logits, markov(probe).logits)
    assert built.config == markov.config
    assert not built.model.training
    assert built.tokenizer == TOKENS
    assert built.spec is MODEL
    assert built.card == {"license": "mit", "text": "# Tiny"}


def test_the_hash_is_that_of_the_single_file(saved):
    expected = hashlib.sha256((saved / "model.safetensors").read_bytes()).hexdigest()
    assert load_folder(saved).sha256 == expected


def test_saving_says_the_hash_that_loading_finds(markov, tmp_path):
    for name, limit in (("one", 10**9), ("two", 1)):
        said = save_folder(tmp_path / name, markov, TOKENS, MODEL, {}, max_shard_size=limit)
        assert load_folder(tmp_path / name).sha256 == said


def test_shards_and_one_file_give_the_same_model(markov, sharded, probe):
    index = json.loads((sharded / "model.safetensors.index.json").read_text())
    assert sorted(index["weight_map"].values()) == [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    assert index["metadata"]["total_size"] == 4 * 4 + 256 * 8
    assert torch.equal(load_folder(sharded).model(probe).logits, markov(probe).logits)


def test_dtype_changes_floating_tensors_only(saved, tmp_path):
    built = load_folder(saved, dtype=torch.float64)
    assert {t.dtype for t in built.model.state_dict().values()} == {torch.float64, torch.int64}
    save_folder(tmp_path / "half", built.model, TOKENS, MODEL, {}, dtype=torch.bfloat16)
    stored = load_file(tmp_path / "half" / "model.safetensors")
    assert {t.dtype for t in stored.values()} == {torch.bfloat16, torch.int64}
    assert json.loads((tmp_path / "half" / "config.json").read_text())["dtype"] == "bfloat16"


def test_the_name_is_given_or_the_cards_or_the_folders(markov, saved, tmp_path):
    assert load_folder(saved).name == "tiny"
    assert load_folder(saved, name="asked").name == "asked"
    save_folder(tmp_path / "other", markov, TOKENS, MODEL, {"name": "markov-human"})
    assert load_folder(tmp_path / "other").name == "markov-human"


def test_loaded_weights_do_not_change_with_the_file(saved, probe):
    built = load_folder(without_checksums(saved))
    before = built.model.counts.clone()
    path = saved / "model.safetensors"
    path.write_bytes(b"\xff" * path.stat().st_size)
    assert torch.equal(built.model.counts, before)


@pytest.mark.parametrize("keep", [0, 1, 7, 8, 9, 60, -2049, -2048, -1])
def test_a_file_cut_short_anywhere_is_refused_without_checksums_too(saved, keep):
    path = without_checksums(saved) / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:keep] if keep >= 0 else content[: len(content) + keep])
    assert "model.safetensors' is cut short" in refusal(saved)


def test_bytes_behind_the_end_are_refused(saved):
    with (without_checksums(saved) / "model.safetensors").open("ab") as stream:
        stream.write(b"\0")
    assert "too long" in refusal(saved)


def test_a_damaged_header_is_refused(saved):
    path = without_checksums(saved) / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[8] ^= 0xFF
    path.write_bytes(content)
    assert "header" in refusal(saved)


@pytest.mark.parametrize("position", [200, -1000, -1])
def test_one_flipped_bit_is_refused_where_checksums_exist(saved, position):
    path = saved / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    assert "model.safetensors" in refusal(saved)


def test_a_length_that_differs_from_the_checksums_is_named(saved):
    path = saved / "tokenizer.json"
    path.write_text(path.read_text() + " ")
    size = path.stat().st_size
    assert f"{size} bytes where checksums.json says {size - 1}" in refusal(saved)


def test_a_changed_config_is_refused_and_a_changed_card_is_not(saved):
    (saved / "README.md").write_text("# My notes")
    assert load_folder(saved).card == {"text": "# My notes"}
    config = (saved / "config.json").read_text()
    (saved / "config.json").write_text(config.replace("8192", "4096"))
    assert "config.json' was changed since it was saved" in refusal(saved)


def test_a_file_that_checksums_list_must_exist(saved):
    (saved / "special_tokens_map.json").unlink()
    assert "special_tokens_map.json' is missing" in refusal(saved)


def test_weights_that_checksums_do_not_list_are_refused(saved):
    recorded = json.loads((saved / "checksums.json").read_text())
    del recorded["model.safetensors"]
    (saved / "checksums.json").write_text(json.dumps(recorded))
    assert "not listed" in refusal(saved)


def test_checksums_cannot_point_outside_the_folder(saved):
    recorded = json.loads((saved / "checksums.json").read_text())
    (saved / "checksums.json").write_text(json.dumps(recorded | {"../secret": {"size": 1, "sha256": ""}}))
    assert "damaged" in refusal(saved)


def test_a_listed_shard_that_is_absent_is_named(sharded):
    (sharded / "model-00002-of-00002.safetensors").unlink()
    assert "model-00002-of-00002.safetensors' is missing although the index lists it" in refusal(sharded)


def test_an_index_cannot_point_outside_the_folder(sharded):
    index = sharded / "model.safetensors.index.json"
    index.write_text(index.read_text().replace("model-00001", "../model-00001"))
    assert "not a file of the folder" in refusal(sharded)


def test_two_shards_with_one_tensor_are_refused(sharded):
    first, second = sorted(sharded.glob("model-*.safetensors"))
    save_file(load_file(first) | load_file(second), second)
    assert "repeats the tensor" in refusal(sharded)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: {"prior": t["prior"]}, r"lack 1 of 2 tensors, first 'counts'"),
        (
            lambda t: t | {"extra.weight": t["prior"]},
            "'extra.weight', which its config.json has no place for",
        ),
        (lambda t: t | {"counts": t["counts"][:64]}, r"shape \(64,\); its config.json asks for \(256,\)"),
    ],
)
def test_tensors_that_are_not_those_of_the_config_are_refused(saved, change, says):
    path = without_checksums(saved) / "model.safetensors"
    tensors = change(load_file(path))
    path.unlink()
    save_file({name: tensor.clone() for name, tensor in tensors.items()}, path)
    with pytest.raises(WeightsError, match=says):
        load_folder(saved)


def test_pickled_weights_are_refused_with_advice(saved):
    (saved / "model.safetensors").rename(saved / "pytorch_model.bin")
    assert "pytorch_model.bin" in refusal(saved)
    assert "convert" in refusal(saved)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "not JSON"),
        ("[1]", "no JSON object"),
        ('{"architectures": ["LlamaForCausalLM"]}', "LlamaForCausalLM; known: CistronMarkov"),
        ("{}", "names the architecture none"),
        ('{"architectures": ["CistronMarkov"], "order": 99}', "order 99"),
    ],
)
def test_a_config_that_is_no_config_is_refused(saved, content, says):
    (saved / "config.json").write_text(content)
    assert says in refusal(saved)


def test_model_type_is_enough_to_find_the_architecture(saved, markov):
    config = markov.config.to_dict()
    del config["architectures"]
    (without_checksums(saved) / "config.json").write_text(json.dumps(config))
    assert load_folder(saved).spec is MODEL


def test_missing_folders_and_files_are_refused(saved, tmp_path):
    assert "not a folder" in refusal(tmp_path / "nowhere")
    assert "not a folder" in refusal(saved / "config.json")
    (tmp_path / "empty").mkdir()
    assert "no config.json" in refusal(tmp_path / "empty")
    (without_checksums(saved) / "model.safetensors").unlink()
    assert "no model.safetensors" in refusal(saved)


def test_a_tokenizer_with_ids_beyond_the_model_is_refused(saved):
    vocabulary = {"A": 20, "C": 5, "G": 6, "T": 7, "N": 9}
    (without_checksums(saved) / "tokenizer.json").write_text(json.dumps({"model": {"vocab": vocabulary}}))
    assert "do not belong together" in refusal(saved)


def test_an_existing_folder_is_kept_unless_overwriting_a_model(markov, saved, tmp_path):
    with pytest.raises(OutputError, match="exists already"):
        save_folder(saved, markov, TOKENS, MODEL, {})
    save_folder(saved, markov, TOKENS, MODEL, {"name": "second"}, overwrite=True)
    assert load_folder(saved).name == "second"
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter1.txt").write_text("once")
    with pytest.raises(OutputError, match="not a model folder"):
        save_folder(tmp_path / "thesis", markov, TOKENS, MODEL, {}, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["thesis", "tiny"]


def test_a_save_that_fails_leaves_the_old_folder_and_no_trace(markov, saved):
    class Unwritable(NucleotideTokenizer):
        def save(self, folder: Path) -> None:
            raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="No space left on device"):
        save_folder(saved, markov, Unwritable(), MODEL, {}, overwrite=True)
    assert [path.name for path in saved.parent.iterdir()] == ["tiny"]
    load_folder(saved)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_place_is_an_output_error(markov, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="cannot be written"):
        save_folder(tmp_path / "model", markov, TOKENS, MODEL, {})


def test_a_file_in_the_way_is_an_output_error(markov, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(CistronError):
        save_folder(tmp_path / "file" / "model", markov, TOKENS, MODEL, {})


def test_files_say_that_they_hold_torch_tensors(saved):
    with safe_open(saved / "model.safetensors", framework="pt") as handle:
        assert handle.metadata() == {"format": "pt"}


def test_assembling_asks_for_one_block_at_a_time(sharded):
    seen = []

    def recorded(config, tensors):
        seen.append(sorted(tensors))
        return dict(tensors)

    spec = replace(MODEL, from_published=recorded)
    loaded = assemble(spec, MarkovConfig(3), read_blocks(weight_files(sharded)), sharded)
    assert isinstance(loaded, Markov)
    assert sorted(seen) == [["counts"], ["prior"]]


def test_a_block_is_everything_below_one_number():
    names = [
        "model.embed.weight",
        "model.layers.0.a",
        "model.layers.10.a",
        "model.layers.0.experts.1.w1",
        "head",
    ]
    assert blocks(names) == [
        ["model.embed.weight"],
        ["model.layers.0.a", "model.layers.0.experts.1.w1"],
        ["model.layers.10.a"],
        ["head"],
    ]
