"""The two-phase recipe on real DNA: a recorded loss curve, and what must be so whatever the numbers.

Where a change is meant to change the curve, print `rows(FOLDER)` of the fixture `trained` and put the numbers
into `evo2_laptop_curve.json`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from cistron.data.build import Source, build_corpus
from cistron.training import Stopped
from cistron.training.pretrain import Pretraining
from cistron.training.recipes.evo2_laptop import LONG, RECIPE, SHORT
from cistron.weights.folder import load_folder

CURVE = Path(__file__).with_name("evo2_laptop_curve.json")
FIRST, SECOND = 12, 4
Logs = Callable[[Path], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """*E. coli* and yeast, as `cistron data build` packs them."""
    genomes = Path(os.environ.get("CISTRON_DATA", Path(__file__).parents[5] / "shared/data")) / "genomes"
    if not genomes.is_dir():
        pytest.skip("needs the real data: set CISTRON_DATA to its folder")
    files = (
        genomes / "ecoli_k12/GCF_000005845.2_ASM584v2_genomic.fna.gz",
        genomes / "yeast_R64/Saccharomyces_cerevisiae.R64-1-1.dna.toplevel.fa.gz",
    )
    folder = tmp_path_factory.mktemp("evo2") / "corpus"
    build_corpus([Source(str(path)) for path in files], folder)
    return folder


def shortened(corpus: Path) -> Pretraining:
    """The recipe with a sixteenth of the tokens and few steps, in float32."""
    run = RECIPE()
    first, second = run.stages
    return replace(
        run,
        data=replace(run.data, corpora=(str(corpus),)),
        stages=(
            replace(first, tokens=2 * SHORT, steps=FIRST),
            replace(second, tokens=LONG, steps=SECOND),
        ),
        optim=replace(run.optim, warmup=4),
        autocast=False,
        loggers=(),
        log_every=1,
        checkpoint_every=FIRST + 1,
    )


@pytest.fixture(scope="module")
def trained(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evo2") / "run"
    shortened(corpus).execute(folder, resume=False, progress=lambda *_: None)
    return folder


def test_both_phases_lose_what_they_lost_when_it_was_recorded(trained: Path, log_of: Logs) -> None:
    found = [row["nats_per_base"] for row in log_of(trained)]
    assert found == pytest.approx(json.loads(CURVE.read_text()), rel=1e-4)


def test_the_recorded_loss_falls_and_does_not_jump_where_positions_are_stretched() -> None:
    losses = json.loads(CURVE.read_text())
    assert losses[0] == pytest.approx(6.24, abs=0.5)  # ln 512
    assert losses[-1] < losses[0] / 2
    assert losses[FIRST] < losses[FIRST - 1] + 0.2


def test_gradients_stay_in_bounds_through_both_phases(trained: Path, log_of: Logs) -> None:
    rows = log_of(trained)
    assert [row["length"] for row in rows] == [SHORT] * FIRST + [LONG] * SECOND
    norms = [row["gradient_norm"] for row in rows]
    assert max(norms[FIRST:]) < 2 * max(norms[:FIRST])
    assert all("skipped" not in row for row in rows)


def test_the_model_folder_has_the_positions_of_the_second_phase(trained: Path) -> None:
    config = load_folder(trained / "model").config
    assert (config.rope_factor, config.rope_theta) == (LONG / SHORT, 1e4 * LONG / SHORT)


def test_poles_residues_and_frequencies_are_saved_in_float32_and_the_rest_in_bfloat16(trained: Path) -> None:
    tensors = load_file(trained / "model/model.safetensors")
    wide = {name for name, tensor in tensors.items() if tensor.dtype == torch.float32}
    assert {name.rpartition(".")[2] for name in wide} == {"log_poles", "residues", "inv_freq"}
    assert all(bool((tensor < 0).all()) for name, tensor in tensors.items() if name.endswith("log_poles"))


@pytest.mark.parametrize("stopped_at", [FIRST, FIRST + 1])
def test_a_run_that_was_stopped_between_or_in_the_phases_ends_as_if_it_had_not_been(
    corpus: Path, trained: Path, tmp_path: Path, log_of: Logs, stopped_at: int
) -> None:
    def stop(done: int, total: int, note: str) -> None:
        if done == stopped_at:
            os.kill(os.getpid(), 15)

    run = shortened(corpus)
    with pytest.raises(Stopped):
        run.execute(tmp_path / "run", resume=False, progress=stop)
    run.execute(tmp_path / "run", resume=True, progress=lambda *_: None)
    assert log_of(tmp_path / "run") == log_of(trained)
    ours, theirs = (load_file(folder / "model/model.safetensors") for folder in (tmp_path / "run", trained))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
