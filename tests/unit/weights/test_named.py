import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file

from cistron.weights import hub
from cistron.weights.named import list_models

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_sizes_are_listed_with_exact_parameter_counts(tmp_path):
    sizes = {model.name: model for model in list_models(tmp_path / "none") if model.kind == "size"}
    assert sizes["genos-1.2b"].parameters == 1_246_094_336
    assert sizes["genos-10b"].parameters == 10_270_248_960
    assert sizes["genos-10b"].context_length == 1_048_576
    assert sizes["genos-1.2b"].where == "genos"
    assert sizes["markov-3"].parameters == 4**4 + 4


def test_cached_models_are_listed_and_those_of_other_architectures_are_not(saved, tmp_path):
    cache = tmp_path / "hub"
    for repository, reference in (("lab--main", "main"), ("lab--pinned", None), ("lab--foreign", "main")):
        folder = cache / f"models--{repository}"
        shutil.copytree(saved, folder / "snapshots" / COMMIT)
        (folder / "blobs").mkdir()
        (folder / "refs").mkdir()
        if reference:
            (folder / "refs" / reference).write_text(COMMIT)
    foreign = cache / "models--lab--foreign" / "snapshots" / COMMIT / "config.json"
    foreign.write_text('{"architectures": ["LlamaForCausalLM"]}')
    listed = list_models(cache)
    cached = [model for model in listed if model.kind == "cached"]
    assert [model.name for model in cached] == ["lab/main", f"lab/pinned@{COMMIT}"]
    assert cached[0].parameters == 4**4 + 4
    assert cached[0].where == str(cache / "models--lab--main" / "snapshots" / COMMIT)


def test_folders_are_listed_and_those_for_transformers_with_them(saved, tmp_path):
    shutil.copytree(saved, tmp_path / "models" / "ours")
    foreign = tmp_path / "models" / "theirs"
    foreign.mkdir()
    (foreign / "config.json").write_text(
        '{"model_type": "caduceus", "architectures": ["CaduceusForMaskedLM"], "max_position_embeddings": 99}'
    )
    save_file({"a": torch.zeros(3, 5), "b": torch.zeros(2)}, foreign / "model.safetensors")
    (tmp_path / "models" / "neither").mkdir()
    listed = list_models(tmp_path / "none", [tmp_path / "models", tmp_path / "models" / "ours"])
    folders = [model for model in listed if model.kind == "folder"]
    assert [Path(model.name).name for model in folders] == ["ours", "theirs", "ours"]
    assert (folders[1].parameters, folders[1].context_length) == (17, 99)


def test_shipped_models_come_first_by_the_name_of_their_folder(tmp_path):
    names = [model.name for model in list_models(tmp_path / "none")]
    shipped = list(hub.shipped_models())
    assert names[: len(shipped)] == shipped
