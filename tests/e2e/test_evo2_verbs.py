"""The verbs with a small Evo 2 model: short prompts, tags, published layers, mixed rows and bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import cistron
from cistron.inference.load import LoadedModel
from cistron.models.stripedhyena2 import MODEL
from cistron.tokenizers.byte import ByteTokenizer
from cistron.weights.folder import save_folder

TAG = "|D__BACTERIA;P__PSEUDOMONADOTA;|"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights, filters of 3, 7 and 16 taps, a context of 4,096 tokens."""
    made = tmp_path_factory.mktemp("models") / "evo2"
    with torch.random.fork_rng():
        torch.manual_seed(11)
        model = MODEL.build(MODEL.sizes["evo2-tiny"]).eval()
    save_folder(made, model, ByteTokenizer(), MODEL, {})
    return made


@pytest.fixture(scope="module")
def model(folder: Path) -> LoadedModel:
    return cistron.load(folder)


def likeliest(model: LoadedModel, text: str, count: int) -> str:
    """`text` and its greedy continuation, read from the beginning again for every base."""
    for _ in range(count):
        ids = torch.from_numpy(model.tokenizer.encode(text)).unsqueeze(0)
        with torch.inference_mode():
            logits = model.model(ids).logits[0, -1]
        text += max("ACGT", key=lambda base: float(logits[ord(base)]))
    return text


def rows(ran: Any) -> list[dict[str, Any]]:
    assert ran.code == 0, ran.err
    return [json.loads(line) for line in ran.out.decode().splitlines()]


@pytest.mark.parametrize("prompt", ["A", "AC", "ACGT", "ACGTTG", "ACGTTGCATTACGGTCA", TAG, TAG + "ATG"])
def test_prompts_shorter_than_the_filters_and_tags_are_continued_as_if_read_whole(
    folder, model, command, prompt
):
    ran = command("generate", "--prompt", prompt, "-n", 20, "--temperature", 0, "-m", folder)
    assert ran.code == 0, ran.err
    assert ran.out.decode().splitlines()[1] == likeliest(model, prompt, 20)


def test_a_tag_is_context_and_what_follows_it_is_dna(folder, command):
    words = ("-n", 60, "--seed", 3, "--top-k", 4, "--json", "--without-prompt", "-m", folder)
    tagged, plain = (
        rows(command("generate", "--prompt", prompt, *words))[0] for prompt in (TAG + "ATG", "ATG")
    )
    assert set(tagged["continuation"]) <= set("ACGT")
    assert tagged["log_likelihood"] != plain["log_likelihood"]


@pytest.mark.parametrize("layer", ["blocks.2.mlp.l3", "blocks.1", "blocks.3.inner_mha_cls", "norm"])
def test_layers_are_embedded_by_published_name_alone_and_beside_longer_sequences(
    folder, model, command, tmp_path, layer
):
    texts = ["ACGTTGCATTACG", "AC", "GATTACA" * 30]
    (tmp_path / "in.fa").write_text("".join(f">{number}\n{text}\n" for number, text in enumerate(texts)))
    out = tmp_path / "out.npy"
    ran = command("embed", tmp_path / "in.fa", "-o", out, "--layer", layer, "-m", folder)
    assert ran.code == 0, ran.err
    for text, found in zip(texts, np.load(out), strict=True):
        ids = torch.from_numpy(model.tokenizer.encode(text)).unsqueeze(0)
        with torch.inference_mode():
            expected = model.model(ids, capture=[layer], logits=False).captured[layer][0].mean(0)
        np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=1e-4)


def test_a_layer_that_is_none_is_refused_with_those_that_sound_alike(folder, command, tmp_path):
    (tmp_path / "in.fa").write_text(">1\nACGT\n")
    words = (tmp_path / "in.fa", "-o", tmp_path / "out.npy", "-m", folder)
    assert "blocks.2.mlp.l3" in command("embed", *words, "--layer", "blocks.2.mlp.l4").error
    assert not (tmp_path / "out.npy").exists()


def test_lower_case_and_mixed_lengths_change_no_likelihood_and_an_empty_sequence_has_none(
    folder, command, tmp_path
):
    texts = {"one": "ACGTTGCATTAC", "two": "acgttgcattac", "three": "GATTACA" * 30, "none": "", "four": "AC"}

    def asked(chosen: dict[str, str]) -> dict[str, list[str]]:
        path = tmp_path / "in.fa"
        path.write_text("".join(f">{name}\n{text}\n" for name, text in chosen.items()))
        ran = command("likelihood", path, "-m", folder)
        assert ran.code == 0, ran.err
        lines = [line.split("\t") for line in ran.out.decode().splitlines() if not line.startswith("#")]
        return {line[0]: line[1:] for line in lines[1:]}

    together = asked(texts)
    assert together["one"] == together["two"]
    assert together["none"] == ["0", "0", "0", "", "", ""]
    for name, text in texts.items():
        if text:
            alone = asked({name: text})[name]
            assert float(alone[3]) == pytest.approx(float(together[name][3]), abs=1e-3)


@pytest.mark.parametrize(
    ("text", "named"), [("ACGTJGCA", "'J' at position 4"), ("ACG|x", "'|' at position 3"), ("ACGU", "'U'")]
)
def test_what_is_neither_dna_nor_a_tag_is_refused_at_its_place(folder, command, tmp_path, text, named):
    (tmp_path / "in.fa").write_text(f">1\n{text}\n")
    ran = command("embed", tmp_path / "in.fa", "-o", tmp_path / "out.npy", "-m", folder)
    assert named in ran.error
    assert named in command("generate", "--prompt", text, "-n", 3, "-m", folder).error


def test_an_empty_prompt_is_refused(folder, command):
    assert "is empty" in command("generate", "--prompt", "", "-n", 3, "-m", folder).error


def test_more_bases_than_the_context_holds_are_refused_before_any_is_made(folder, command):
    ran = command("generate", "--prompt", "ACG", "-n", 5000, "-m", folder)
    assert "4,096 tokens; generate at most 4,093" in ran.error
