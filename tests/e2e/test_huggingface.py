"""Folders of transformers on the command line: embed, score, and why a likelihood is not available."""

from __future__ import annotations

import json
from itertools import product

import pytest
import torch
import transformers


def folder_of(root, kind, config):
    """A tiny model with random weights on words of three bases, as Nucleotide Transformer's on six."""
    words = ["".join(letters) for letters in product("ATCG", repeat=3)]
    vocabulary = ["<unk>", "<pad>", "<mask>", "<cls>", "<eos>", "<bos>", *words, *"ATCGN"]
    (root / "vocab.txt").write_text("\n".join(vocabulary))
    settings = {"tokenizer_class": "EsmTokenizer", "eos_token": None, "bos_token": None}
    (root / "tokenizer_config.json").write_text(json.dumps(settings))
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4}
    kind(
        config(vocab_size=len(vocabulary), pad_token_id=1, max_position_embeddings=130, **sizes)
    ).save_pretrained(root)
    return root


@pytest.fixture(scope="module")
def masked(tmp_path_factory):
    return folder_of(tmp_path_factory.mktemp("masked"), transformers.EsmForMaskedLM, transformers.EsmConfig)


@pytest.fixture(scope="module")
def causal(tmp_path_factory):
    return folder_of(
        tmp_path_factory.mktemp("causal"), transformers.LlamaForCausalLM, transformers.LlamaConfig
    )


def test_a_masked_model_embeds_and_says_why_it_has_no_likelihood(command, tmp_path, masked):
    (tmp_path / "a.fa").write_text(">x\nACGTTGCAAC\n>y\nGGATTACA\n")
    made = command("embed", tmp_path / "a.fa", "-m", masked, "-o", tmp_path / "a.parquet")
    assert made.code == 0, made.err
    said = command("likelihood", tmp_path / "a.fa", "-m", masked, "-o", tmp_path / "a.tsv").error
    assert "masked language model has no likelihood" in said


def test_a_causal_model_of_words_scores_variants(command, bench, causal, scores_of):
    fasta, vcf = bench.fasta(), bench.vcf(bench.snv(500), bench.snv(601))
    out = bench.out / "o.vcf"
    made = command("score", vcf, "-r", fasta, "-o", out, "-m", causal, "--width", 64)
    assert made.code == 0, made.err
    assert all(row["llr"] is not None for row in scores_of(out))


@pytest.mark.parametrize("mode", ["last", "full"])
def test_training_what_could_not_be_saved_is_refused_at_the_start(command, tmp_path, causal, mode):
    rows = [f"{'ACGTTGCA' * 4}{letter * 4}\t{letter}" for letter in "AC" for _ in range(20)]
    (tmp_path / "items.tsv").write_text("\n".join(["sequence\tlabel", *rows]) + "\n")
    (tmp_path / "task.toml").write_text(
        f'model = "{causal}"\n[data]\ntrain = "items.tsv"\non_leak = "warn"\n'
    )
    words = ["finetune", tmp_path / "task.toml", "-o", tmp_path / "run", "--set", f"mode={mode}"]
    assert "fine-tune it with mode=frozen or mode=lora" in command(*words).err.splitlines()[-1]
    assert not (tmp_path / "run/log.jsonl").exists()


def test_folders_for_transformers_are_listed(command, causal):
    listed = json.loads(command("models", "ls", causal, "--json").out)
    (found,) = [model for model in listed if model["kind"] == "folder"]
    assert (found["name"], found["context_length"]) == (str(causal), 130)
    opened = transformers.LlamaForCausalLM.from_pretrained(causal)
    assert found["parameters"] == sum(p.numel() for p in opened.parameters())
