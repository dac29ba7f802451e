"""A tiny DNA model, a tiny Qwen3-type language model with a tokenizer made here, and planted records."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cistron.formats.diagnosis_records import DiagnosisRecord, write_records
from cistron.fusion.run import (
    DnaSettings,
    FusionOptim,
    FusionRun,
    LanguageSettings,
    ProjectorSettings,
    RecordSettings,
)
from cistron.fusion.saved import FusedModel, load_fused
from cistron.fusion.session import train
from cistron.models.genos import MODEL
from cistron.tokenizers.nucleotide import NucleotideTokenizer
from cistron.weights.folder import save_folder

CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LABELS = {"A": "ague", "C": "croup", "G": "gout", "T": "thrush"}


@pytest.fixture(scope="session")
def dna_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dna") / "tiny"
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = MODEL.build(MODEL.sizes["genos-tiny"]).eval()
    save_folder(folder, model, NucleotideTokenizer(), MODEL, {"license": "mit"})
    return folder


@pytest.fixture(scope="session")
def language_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_language(tmp_path_factory.mktemp("language") / "tiny")


def make_language(folder: Path, *, chat: str | None = CHAT, context: int = 512, seed: int = 5) -> Path:
    """A random Qwen3-type model and a byte-pair tokenizer trained on a few words."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    marks = ["<|im_start|>", "<|im_end|>", "<unk>"]
    bytes_ = Tokenizer(models.BPE(unk_token="<unk>"))
    bytes_.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_.decoder = decoders.ByteLevel()
    words = ["user assistant Which disease does this allele contribute to? Answer:", *LABELS.values()] * 5
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=marks,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bytes_.train_from_iterator(words, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bytes_, eos_token="<|im_end|>", unk_token="<unk>")
    tokenizer.chat_template = chat
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        initializer_range=0.1,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Qwen3ForCausalLM(config)
        # Tied to the output: adapters alone could not make a token of shorter embeddings certain.
        model.get_input_embeddings().weight.data.mul_(4)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def planted(count: int, seed: int, width: int = 65) -> list[DiagnosisRecord]:
    """Records whose answer is the new base in the middle; nothing else tells them apart."""
    draw = random.Random(seed)
    found = []
    for number in range(count):
        bases = "".join(draw.choices("ACGT", k=width))
        old = bases[width // 2]
        new = draw.choice([base for base in "ACGT" if base != old])
        variant = bases[: width // 2] + new + bases[width // 2 + 1 :]
        question = "Which disease does this allele contribute to?"
        found.append(DiagnosisRecord(f"r{number}", question, LABELS[new], bases, variant, gene=f"g{number}"))
    return found


@pytest.fixture(scope="session")
def planted_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, ...]]:
    folder = tmp_path_factory.mktemp("records")
    made = {}
    for split, count, seed in (("train", 128, 1), ("validation", 16, 2), ("test", 40, 3)):
        path = folder / f"{split}.jsonl"
        write_records(path, planted(count, seed))
        made[split] = (str(path),)
    return made


@pytest.fixture
def few_run(planted_run: FusionRun, tmp_path: Path) -> FusionRun:
    """A run on so few records that nothing is learnt."""
    found = {}
    for split, count in (("train", 36), ("validation", 8), ("test", 8)):
        found[split] = (str(tmp_path / f"{split}.jsonl"),)
        write_records(found[split][0], planted(count, count))
    return replace(planted_run, records=RecordSettings(**found), epochs=1)


@pytest.fixture(scope="session")
def planted_run(
    dna_model: Path, language_model: Path, planted_files: dict[str, tuple[str, ...]]
) -> FusionRun:
    return FusionRun(
        records=RecordSettings(**planted_files),
        dna=DnaSettings(model=str(dna_model), layers=(0,), width=65),
        projector=ProjectorSettings(positions=2, inner=64, heads=4, depth=1),
        language=LanguageSettings(model=str(language_model), dtype="float32", rank=8, alpha=16, dropout=0.0),
        optim=FusionOptim(lr=3e-3, projector_lr=3e-3),
        epochs=6,
        batch=16,
        accumulate=1,
        patience=6,
        device="cpu",
        seed=7,
    )


@pytest.fixture(scope="session")
def states(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hidden states that runs share."""
    return tmp_path_factory.mktemp("states")


@pytest.fixture(scope="session")
def trained(planted_run: FusionRun, tmp_path_factory: pytest.TempPathFactory, states: Path) -> FusedModel:
    """A model that has learnt the planted base."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    run = replace(planted_run, epochs=3, batch=8, optim=replace(planted_run.optim, lr=1e-2))
    train(run, folder, resume=False, progress=lambda done, total, text: None, cache=states)
    return load_fused(folder / "model", device="cpu", cache=states)


@pytest.fixture(scope="session")
def make_other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another language model of the same sizes."""
    return make_language(tmp_path_factory.mktemp("language") / "other", seed=6)
