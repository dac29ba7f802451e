"""Tensors that must stay float32 do so from file to file, whatever the model's dtype."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from cistron.models.stripedhyena2 import MODEL, SIZES, StripedHyena2
from cistron.tokenizers.byte import ByteTokenizer
from cistron.weights.convert import huggingface
from cistron.weights.folder import load_folder, save_folder

CONFIG = replace(SIZES["evo2-tiny"], fp8="emulate")
KEPT = ("log_poles", "residues", "inv_freq", "input_scale", "weight_scale")


@pytest.fixture
def model() -> StripedHyena2:
    torch.manual_seed(2)
    model = StripedHyena2(CONFIG).eval()
    for name, buffer in model.named_buffers():
        if name.endswith("_scale"):
            buffer.fill_(1.2345678)
    return model


def assert_kept(found, model, dtype):
    for name, tensor in model.state_dict().items():
        kept = name.endswith(KEPT)
        assert found[name].dtype == (torch.float32 if kept else dtype), name
        assert torch.equal(found[name], tensor if kept else tensor.to(dtype)), name


def test_loading_in_half_precision_leaves_them(model, tmp_path):
    save_folder(tmp_path / "model", model, ByteTokenizer(), MODEL, {})
    loaded = load_folder(tmp_path / "model", dtype=torch.bfloat16)
    assert_kept(loaded.model.state_dict(), model, torch.bfloat16)


def test_saving_and_converting_in_half_precision_leaves_them(model, tmp_path):
    save_folder(tmp_path / "model", model, ByteTokenizer(), MODEL, {}, dtype=torch.bfloat16)
    assert_kept(load_file(tmp_path / "model" / "model.safetensors"), model, torch.bfloat16)
    save_folder(tmp_path / "wide", model, ByteTokenizer(), MODEL, {})
    huggingface.convert(tmp_path / "wide", tmp_path / "half", dtype=torch.bfloat16)
    assert_kept(load_file(tmp_path / "half" / "model.safetensors"), model, torch.bfloat16)


def test_float64_widens_all(model, tmp_path):
    save_folder(tmp_path / "model", model, ByteTokenizer(), MODEL, {})
    loaded = load_folder(tmp_path / "model", dtype=torch.float64).model
    assert {tensor.dtype for tensor in loaded.state_dict().values()} == {torch.float64}


def test_a_memory_mapped_model_answers_alike_and_leaves_its_weights_in_the_file(model, tmp_path):
    save_folder(tmp_path / "model", model, ByteTokenizer(), MODEL, {})
    ids = torch.tensor([[65, 67, 71, 84, 65]])
    mapped = load_folder(tmp_path / "model", mmap=True).model
    with torch.no_grad():
        assert torch.equal(mapped(ids).logits, model(ids).logits)
    assert_kept(mapped.state_dict(), model, torch.float32)
