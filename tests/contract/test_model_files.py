"""What every architecture promises of its files: published names and config come back."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase

import pytest
import torch

from cistron.models import MODELS
from cistron.tokenizers import TOKENIZERS
from cistron.weights.folder import load_folder, save_folder


def test_published_tensors_come_back_as_they_were(example):
    state_dict = example.module.state_dict()
    published = example.spec.to_published(example.config, state_dict)
    back = example.spec.from_published(example.config, published)
    assert back.keys() == state_dict.keys()
    for name, tensor in state_dict.items():
        assert back[name].dtype == tensor.dtype
        assert torch.equal(back[name], tensor)


def test_a_saved_folder_loads_to_the_same_answers(example, tmp_path):
    tokenizer = TOKENIZERS.get(example.spec.tokenizer)()
    save_folder(tmp_path / "model", example.module, tokenizer, example.spec, {})
    loaded = load_folder(tmp_path / "model")
    assert loaded.config == example.config
    ids = example.bases(2, 15)
    with torch.no_grad():
        assert torch.equal(loaded.model(ids).logits, example.logits(ids))


@pytest.mark.parametrize("name", MODELS.names())
def test_every_named_size_survives_its_config_file(name):
    spec = MODELS.get(name)
    for config in spec.sizes.values():
        values = json.loads(json.dumps(config.to_dict()))
        assert spec.config(values | {"transformers_version": "5.0.0", "unknown": 1}) == config
        assert values["architectures"][0] in spec.architectures


@pytest.mark.parametrize("name", MODELS.names())
def test_the_specification_names_a_tokenizer_that_fits_and_its_source(name):
    spec = MODELS.get(name)
    tokenizer = TOKENIZERS.get(spec.tokenizer)()
    assert spec.source
    assert all(tokenizer.vocab_size <= config.vocab_size for config in spec.sizes.values())


def test_every_name_in_the_parallel_plan_is_a_part_of_the_model(example):
    names = [name for name, _ in example.module.named_modules()]
    for pattern in example.spec.parallel_plan:
        assert any(fnmatchcase(name, pattern) for name in names), pattern
