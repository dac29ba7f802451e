from __future__ import annotations

import pytest
import torch

from cistron.errors import InputError, UnknownNameError
from cistron.genome import Variant
from cistron.inference.likelihood import log_likelihood
from cistron.inference.load import load, pick_device
from cistron.inference.score import score_variants
from cistron.models import MODELS
from cistron.weights.folder import save_folder


@pytest.fixture(scope="module")
def folder(genos, tokenizer, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "mine"
    save_folder(path, genos, tokenizer, MODELS.get("genos"), {"license": "mit"}, dtype=torch.float32)
    return path


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("auto", "float32"), ("float32", "float32"), ("bfloat16", "bfloat16"), (torch.float64, "float64")],
)
def test_the_dtype_is_the_one_asked_for_and_float32_by_default(folder, dtype, expected):
    assert load(folder, device="cpu", dtype=dtype).dtype == expected


def test_a_loaded_model_knows_what_it_is(folder):
    loaded = load(str(folder), device="cpu")
    assert loaded.device == torch.device("cpu")
    assert loaded.spec is MODELS.get("genos")
    assert loaded.card["license"] == "mit"
    assert len(loaded.sha256) == 64
    assert not loaded.built.model.training


def test_the_verbs_are_the_free_functions_bound(folder, genome):
    loaded = load(folder, device="cpu", dtype="float64")
    base = genome.texts["2"][99]
    variants = [Variant("2", 100, base, other) for other in "ACGT" if other != base]
    bound = list(loaded.score_variants(variants, genome, width=64, strands="forward"))
    free = score_variants(loaded.model, loaded.tokenizer, genome, variants, width=64, strands="forward")
    assert bound == list(free)
    sequences = ["GATTACA", "ACGT"]
    free = log_likelihood(loaded.model, loaded.tokenizer, sequences)
    assert list(loaded.log_likelihood(sequences)) == list(free)


def test_an_unknown_dtype_is_refused_with_those_there_are(folder):
    with pytest.raises(InputError, match="dtype 'float31' is not one of auto, float32, bfloat16, float64"):
        load(folder, dtype="float31")


def test_an_unknown_model_is_refused():
    with pytest.raises(UnknownNameError, match="no model is called 'defualt'"):
        load("defualt")


def test_an_unknown_device_is_refused():
    assert pick_device("cpu").type == "cpu"
    assert pick_device("auto").type in ("cpu", "cuda")
    with pytest.raises(InputError, match="device 'tpu9' is not one of auto, cpu, cuda"):
        pick_device("tpu9")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="torch sees no GPU; use --device cpu"):
        pick_device("cuda")
