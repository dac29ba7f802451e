"""The Markov recipe from its settings to a model folder, and the command that runs it."""

from __future__ import annotations

import json

import pytest
import torch

from cistron.errors import InputError, OutputError, ResumeError
from cistron.models.markov import fit
from cistron.training import RECIPES
from cistron.training.settings import apply_settings
from cistron.weights.folder import load_folder


def resolved(*settings):
    return apply_settings(RECIPES.get("markov")(), settings)


def contigs_of(path):
    return "".join(line if line[0] != ">" else " " for line in path.read_text().splitlines()).split()


def test_a_fit_from_settings_is_the_fit_of_its_contigs(genomes, tmp_path):
    told = []
    run = resolved(f"fasta={genomes / 'train.fa'},{genomes / 'leak.fa'}", "order=3", "both_strands=false")
    run.execute(tmp_path / "run", resume=False, progress=lambda *news: told.append(news))
    built = load_folder(tmp_path / "run/model")
    expected = fit(
        [*contigs_of(genomes / "train.fa"), *contigs_of(genomes / "leak.fa")], 3, both_strands=False
    )
    assert torch.equal(built.model.counts, expected.counts)
    assert built.config == expected.config
    assert built.name == "markov-3"
    assert built.card["fitted_on"] == ["train.fa", "leak.fa"]
    assert told[-1] == (1500 + 31 * 210, 1500 + 31 * 210, "bases")
    assert json.loads((tmp_path / "run/run.json").read_text())["order"] == 3


def test_held_out_chromosomes_are_refused(genomes, tmp_path):
    run = resolved(f"fasta={genomes / 'leak.fa'}", "held_out=20", "order=2")
    with pytest.raises(InputError, match="holds contig chr20, which is held out"):
        run.execute(tmp_path / "run", resume=False, progress=lambda *_: None)
    assert not (tmp_path / "run").exists()


def test_what_cannot_be_fitted_is_refused(genomes, tmp_path):
    with pytest.raises(InputError, match="nothing to fit on: give FASTA files"):
        resolved().execute(tmp_path / "run", resume=False, progress=lambda *_: None)
    run = resolved(f"fasta={genomes / 'train.fa'}", "order=2")
    with pytest.raises(ResumeError, match="leave out --resume"):
        run.execute(tmp_path / "run", resume=True, progress=lambda *_: None)
    (tmp_path / "run/model").mkdir(parents=True)
    with pytest.raises(OutputError, match="already holds a model"):
        run.execute(tmp_path / "run", resume=False, progress=lambda *_: pytest.fail("it counted"))


@pytest.fixture
def command(monkeypatch, capfd):
    """Runs `cistron train …` in this process; returns exit code, stdout and stderr."""
    from cistron.__main__ import main

    def run(*args):
        monkeypatch.setattr("sys.argv", ["cistron", "train", *map(str, args)])
        with pytest.raises(SystemExit) as caught:
            main()
        return (caught.value.code or 0, *capfd.readouterr())

    return run


def test_the_command_trains_a_model_folder(command, genomes, tmp_path):
    code, out, err = command(
        "markov", "-o", tmp_path / "run", "--set", "order=2", "--set", f"fasta={genomes / 'train.fa'}"
    )
    assert (code, out) == (0, "")
    assert "finished; results are in " in err
    assert load_folder(tmp_path / "run/model").config.order == 2


def test_the_command_shows_a_resolved_run_without_running_it(command):
    code, out, _ = command("markov", "--show", "--set", "order=5")
    assert code == 0
    assert json.loads(out)["order"] == 5


def test_the_command_lists_recipes(command):
    assert command("list") == (0, "".join(f"{name}\n" for name in RECIPES.names()), "")


def test_a_wrong_setting_or_recipe_is_one_line_and_exit_1(command):
    assert command("markof") == (
        1,
        "",
        "cistron: no training recipe is called 'markof'; did you mean markov?\n",
    )
    code, _, err = command("markov", "--set", "ordre=3")
    assert (code, err) == (1, "cistron: no setting is called 'ordre'; did you mean order?\n")
