import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from cistron.errors import OutputError, WeightsError
from cistron.models import MODELS
from cistron.weights.convert.huggingface import convert
from cistron.weights.folder import load_folder


def pickled(folder, content):
    """Turn a model folder into one with pickled weights only."""
    for name in ("checksums.json", "model.safetensors"):
        (folder / name).unlink()
    torch.save(content, folder / "pytorch_model.bin")
    return folder


def test_shards_become_one_checked_file_and_back(sharded, markov, probe, tmp_path):
    said = convert(sharded, tmp_path / "one")
    assert (tmp_path / "one" / "checksums.json").is_file()
    assert load_folder(tmp_path / "one").sha256 == said
    convert(tmp_path / "one", tmp_path / "two", max_shard_size=1)
    assert len(list((tmp_path / "two").glob("model-*.safetensors"))) == 2
    assert torch.equal(load_folder(tmp_path / "two").model(probe).logits, markov(probe).logits)


def test_dtype_is_changed_and_recorded(saved, tmp_path):
    convert(saved, tmp_path / "double", dtype=torch.float64)
    assert load_file(tmp_path / "double" / "model.safetensors")["prior"].dtype == torch.float64
    assert json.loads((tmp_path / "double" / "config.json").read_text())["dtype"] == "float64"


def test_the_card_goes_along(saved, tmp_path):
    convert(saved, tmp_path / "copy")
    assert load_folder(tmp_path / "copy").card == load_folder(saved).card


def test_an_existing_destination_is_kept(saved, tmp_path):
    convert(saved, tmp_path / "copy")
    with pytest.raises(OutputError, match="exists already"):
        convert(saved, tmp_path / "copy")
    convert(saved, tmp_path / "copy", overwrite=True)


def test_a_damaged_source_is_refused_and_nothing_is_written(saved, tmp_path):
    path = saved / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WeightsError):
        convert(saved, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_pickled_tensors_become_safetensors(saved, markov, probe, tmp_path):
    source = pickled(saved, {"prior": markov.prior.data, "counts": markov.counts.data})
    with pytest.raises(WeightsError, match="convert"):
        load_folder(source)
    convert(source, tmp_path / "safe")
    assert torch.equal(load_folder(tmp_path / "safe").model(probe).logits, markov(probe).logits)


class Payload:
    """Something a pickle could run."""


@pytest.mark.parametrize("content", [Payload(), {"prior": Payload()}, [torch.zeros(1)], {"prior": 3}])
def test_pickles_of_anything_but_tensors_are_refused(saved, tmp_path, content):
    with pytest.raises(WeightsError) as caught:
        convert(pickled(saved, content), tmp_path / "safe")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "safe").exists()


@pytest.mark.parametrize("keep", [0, 100, -1])
def test_a_pickle_cut_short_is_refused(saved, markov, tmp_path, keep):
    source = pickled(saved, markov.state_dict()) / "pytorch_model.bin"
    source.write_bytes(source.read_bytes()[:keep])
    with pytest.raises(WeightsError, match="cannot be read"):
        convert(saved, tmp_path / "safe")


def test_genos_experts_are_published_one_by_one_and_stacked_again(tmp_path):
    from cistron.tokenizers.nucleotide import NucleotideTokenizer
    from cistron.weights.folder import save_folder

    spec = MODELS.get("genos")
    config = replace(spec.sizes["genos-tiny"], num_hidden_layers=3)
    torch.manual_seed(0)
    model = spec.build(config).eval()
    save_folder(tmp_path / "one", model, NucleotideTokenizer(), spec, {})
    convert(tmp_path / "one", tmp_path / "shards", max_shard_size=40_000)
    files = sorted((tmp_path / "shards").glob("model-*.safetensors"))
    stored = {name: tensor for path in files for name, tensor in load_file(path).items()}
    assert len(files) > 2
    assert stored["model.layers.2.block_sparse_moe.experts.3.w2.weight"].shape == (32, 48)
    again = load_folder(tmp_path / "shards").model.state_dict()
    assert {name: tensor.shape for name, tensor in again.items()} == {
        name: tensor.shape for name, tensor in model.state_dict().items()
    }
    assert all(torch.equal(again[name], tensor) for name, tensor in model.state_dict().items())
