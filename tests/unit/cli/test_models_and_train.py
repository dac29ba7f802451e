from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from cistron.cli.main import build_app
from cistron.models.markov import MODEL, fit
from cistron.tokenizers.nucleotide import NucleotideTokenizer
from cistron.training import RECIPES
from cistron.weights.folder import save_folder


def run(*words: object) -> tuple[int, str, str]:
    found = CliRunner().invoke(build_app(), [str(word) for word in words], catch_exceptions=False)
    return found.exit_code, found.stdout, found.stderr


@pytest.fixture
def markov(tmp_path: Path) -> Path:
    text = "".join(np.random.default_rng(0).choice(list("ACGT"), 2000))
    card = {"license": "mit", "text": "# A Markov model"}
    save_folder(tmp_path / "markov", fit([text], 2), NucleotideTokenizer(), MODEL, card)
    return tmp_path / "markov"


def test_models_list_gives_sizes_with_their_parameters() -> None:
    code, out, _ = run("models", "list", "--json")
    assert code == 0
    sizes = {model["name"]: model["parameters"] for model in json.loads(out) if model["kind"] == "size"}
    assert sizes["genos-1.2b"] == 1_246_094_336
    assert sizes["genos-10b"] == 10_270_248_960
    assert "genos-1.2b" in run("models", "list")[1]


def test_models_show_prints_card_and_settings(markov: Path) -> None:
    code, out, _ = run("models", "show", markov)
    assert code == 0
    assert "# A Markov model" in out
    facts = json.loads(run("models", "show", markov, "--json")[1])
    assert facts["name"] == "markov"
    assert facts["card"]["license"] == "mit"
    assert len(facts["sha256"]) == 64


def test_models_show_of_nothing_is_one_line(tmp_path: Path) -> None:
    code, out, err = run("models", "show", tmp_path / "none")
    assert (code, out) == (1, "")
    assert err.startswith("cistron: no model folder is at")
    assert err.count("\n") == 1


def test_models_convert_refuses_to_write_over_a_folder(markov: Path) -> None:
    code, _, err = run("models", "convert", markov, markov)
    assert code == 1
    assert err.startswith("cistron: ")
    assert err.count("\n") == 1


def test_train_list_names_every_recipe() -> None:
    assert run("train", "list") == (0, "\n".join(RECIPES.names()) + "\n", "")


def test_train_shows_the_resolved_run_with_settings_applied() -> None:
    code, out, _ = run("train", "markov", "--show", "--set", "order=4")
    assert code == 0
    assert json.loads(out)["order"] == 4


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["markof"], "did you mean markov?"),
        (["markov", "--set", "ordr=4"], "ordr"),
        (["markov", "--set", "order=four"], "order"),
        (["markov", "--set", "order"], "order"),
    ],
)
def test_a_wrong_recipe_or_setting_is_one_line(words: list[str], told: str) -> None:
    code, out, err = run("train", *words, "--show")
    assert (code, out) == (1, "")
    assert err.startswith("cistron: ")
    assert told in err
    assert err.count("\n") == 1
