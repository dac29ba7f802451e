from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cistron.data.build import Source
from cistron.data.sampling import WindowLength
from cistron.models.genos import GenosConfig
from cistron.models.ngram import TINY
from cistron.training.pretrain import DataSettings, OptimSettings, Pretraining, Stage
from cistron.training.settings import apply_settings

Scripts = dict[str, ModuleType]

RECIPE = Pretraining(
    architecture="genos",
    model=GenosConfig(num_hidden_layers=3, hidden_size=48, num_local_experts=4).to_dict(),
    data=DataSettings(
        sources=(Source("$CISTRON_DATA/human/chrX.fa.gz"), Source("$CISTRON_DATA/primates.fa")),
        weights=(3.0, 1.0),
        held_out=("20",),
        validation=Source("$CISTRON_DATA/human/chr20.fa.gz"),
        validation_bases=20_000_000,
    ),
    stages=(
        Stage(lengths=(WindowLength(1024),), tokens=8192, steps=1500),
        Stage(lengths=(WindowLength(1024, 3.0), WindowLength(8192)), tokens=16_384, total_tokens=1_000_000),
    ),
)
LOG = [
    {"step": 20, "tokens": 163_840, "nats_per_base": 1.38, "seconds": 40.0},
    {"step": 20, "tokens": 163_840, "validation_nats_per_base": 1.37},
    {"step": 21, "skipped": "the loss is not finite", "skipped_in_all": 1},
    {"step": 1562, "tokens": 13_303_808, "nats_per_base": 1.25, "seconds": 5400.0},
    {"step": 1562, "tokens": 13_303_808, "validation_nats_per_base": 1.2345},
]
FACTS: dict[str, Any] = {
    "parameters": 1_234_567,
    "megabytes": 2.5,
    "data_bases": 6_651_904,
    "data_sha256": "b" * 64,
    "tokens_seen": 13_303_808,
}


def test_the_command_repeats_the_run_setting_by_setting(scripts: Scripts) -> None:
    run = replace(
        RECIPE,
        seed=7,
        autocast=False,
        micro_tokens=512,
        model=RECIPE.model | {"hidden_size": 96},
        optim=OptimSettings(lr=3e-4, schedule="wsd", decay_share=0.3),
        stages=(replace(RECIPE.stages[0], steps=10), RECIPE.stages[1]),
    )
    words = shlex.split(scripts["ship_model"].command(run, RECIPE))
    assert words[:3] == ["cistron", "train", "default"]
    settings = [words[place + 1] for place, word in enumerate(words) if word == "--set"]
    assert len(settings) == 8
    assert apply_settings(RECIPE, settings) == run
    assert scripts["ship_model"].command(RECIPE, RECIPE) == "cistron train default -o runs/default"


def test_the_card_says_what_the_run_and_the_log_say(scripts: Scripts) -> None:
    text = scripts["ship_model"].card_text(RECIPE, LOG, FACTS, "the command", "the tables")
    for fact in (
        "3 layers, hidden size 48, 4 experts",
        "1,234,567 learned parameters, 2.5 MB",
        "`chrX.fa.gz` (weight 3), `primates.fa` (weight 1); 50% of the windows are reverse-complemented",
        "Held out: 20. Validation on chr20.fa.gz:1-20,000,000.",
        "6,651,904 positions in all",
        "1,500 steps of 8,192 bases in windows of 1,024. Then 62 steps of 16,384 bases in windows of 1,024, "
        "8,192 (weights 3, 1).",
        "2.00 times the data, in 1.5 hours; bfloat16 products with float32 weights; seed 0",
        "Validation loss at the end: 1.2345",
        "    the command\n",
        "the tables",
    ):
        assert fact in text


def test_an_n_gram_model_is_described_by_its_memory_and_its_network(scripts: Scripts) -> None:
    said = scripts["ship_model"].architecture("ngram", TINY.to_dict())
    assert "every context of 2, 4 and, hashed, 8 bases" in said
    assert "2 layers, hidden size 32, 4 experts of which each base uses 2, context 4,096 bases" in said


def test_tables_about_other_weights_are_refused(scripts: Scripts, result_files: Callable[..., None]) -> None:
    result_files()
    assert "## BRCA1, zero-shot" in scripts["ship_model"].measured("a" * 64)
    with pytest.raises(SystemExit, match=r"nats.json is about the weights aaaaaaaaaaaa, not cccccccccccc"):
        scripts["ship_model"].measured("c" * 64)


def test_the_loss_curve_is_a_picture(scripts: Scripts, tmp_path: Path) -> None:
    scripts["ship_model"].loss_curve(RECIPE, LOG, tmp_path / "figures/loss.png")
    assert (tmp_path / "figures/loss.png").read_bytes().startswith(b"\x89PNG")
