"""`cistron eval run tracks/regions -m HEAD`: a head for tracks beside baselines, and models without one."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cistron.evals import EmbedRequest, Signals, TracksRequest
from cistron.evals.track_head import TrackHeadRespondent
from cistron.formats.bigwig import Run as Values
from cistron.formats.bigwig import write_bigwig
from cistron.formats.fasta import Fasta
from cistron.genome import Interval
from cistron.heads import HEADS
from cistron.inference.load import load
from cistron.inference.tracks import predict_regions
from cistron.weights.heads import Backbone, SavedHead, load_head, save_head

Run = Callable[..., Any]
BASES = "".join(random.Random(6).choices("ACGT", k=12_000))


def _saved(folder: Path, tiny: Path, tracks: tuple[str, ...]) -> Path:
    """A head with random weights for the tiny model."""
    model = load(tiny, device="cpu")
    spec = HEADS.get("coverage-track")
    settings = {
        "hidden_size": model.model.config.hidden_size,
        "tracks": tracks,
        "means": (1.0,) * len(tracks),
        "channels": (8, 4),
    }
    with torch.random.fork_rng():
        torch.manual_seed(2)
        head = spec.build(spec.config(settings)).eval()
    backbone = Backbone(str(tiny), model.sha256, strands="both")
    save_head(folder, SavedHead(head, spec, backbone, facts={"width": 512}))
    return folder


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Path:
    return _saved(tmp_path_factory.mktemp("rna") / "head", tiny, ("rna",))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    (folder / "genome.fa").write_text(f">7\n{BASES}\n")
    signal = np.random.default_rng(3).gamma(1, 2, 12_000).astype(np.float32)
    write_bigwig(folder / "rna.bw", {"7": 12_000}, [Values("7", 0, signal)])
    return folder


@pytest.fixture(scope="module")
def respondent(head: Path, tiny: Path) -> TrackHeadRespondent:
    model = load(tiny, device="cpu")
    return TrackHeadRespondent(
        load_head(head, model.built.model, name=model.name, sha256=model.sha256), model, head
    )


@pytest.fixture(scope="module")
def fasta(data: Path) -> Iterator[Fasta]:
    with Fasta(data / "genome.fa") as found:
        yield found


REGIONS = tuple(Interval("7", start, start + 256) for start in (512, 768, 1_024, 4_096))


def test_bins_are_means_of_what_the_verb_predicts_and_do_not_depend_on_what_else_is_asked(
    respondent: TrackHeadRespondent, data: Path, fasta: Fasta
) -> None:
    request = TracksRequest(REGIONS, data / "genome.fa")
    assert respondent.refuses(request) is None
    answer, alone = (
        respondent.answer(each) for each in (request, TracksRequest(REGIONS[1:2], data / "genome.fa"))
    )
    assert isinstance(answer, Signals)
    assert isinstance(alone, Signals)
    assert answer.values.shape == (4, 2)
    np.testing.assert_allclose(alone.values[0], answer.values[1], rtol=1e-5)
    model = respondent.loaded
    found = predict_regions(model.model, model.tokenizer, respondent.saved, fasta, REGIONS[3:])
    whole = np.concatenate([part.values[0] for part in found])
    np.testing.assert_allclose(answer.values[3], whole.reshape(2, 128).mean(axis=1), rtol=1e-5)


def test_a_head_answers_for_its_tracks_and_nothing_else(
    respondent: TrackHeadRespondent, data: Path, tiny: Path, tmp_path: Path
) -> None:
    assert "answers nothing else; give its model" in str(respondent.refuses(EmbedRequest(("ACGT",))))
    other = TracksRequest(REGIONS, data / "genome.fa", track="liver")
    assert "the head has no track 'liver'; choose with --set track= one of rna" in str(
        respondent.refuses(other)
    )
    folder = _saved(tmp_path / "two", tiny, ("liver", "brain"))
    two = TrackHeadRespondent(
        load_head(folder, respondent.loaded.built.model, name="tiny", sha256=respondent.loaded.sha256),
        respondent.loaded,
        folder,
    )
    assert two.sha256 != respondent.sha256
    assert two.refuses(other) is None
    assert "the head has several tracks" in str(two.refuses(TracksRequest(REGIONS, data / "genome.fa")))


def test_a_head_is_judged_beside_baselines_and_a_model_without_one_is_skipped(
    command: Run, data: Path, head: Path, tiny: Path, tmp_path: Path
) -> None:
    options = {
        "truth": "rna.bw",
        "fasta": "genome.fa",
        "annotation": "",
        "train": "7:1-4,000",
        "test": "7:4,097-12,000",
        "piece": "512",
        "block": "512",
    }
    named = [word for name, value in options.items() for word in ("--set", f"{name}={value}")]
    words = ["eval", "run", "tracks/regions", "-m", head, "-m", tiny, "--data", data, *named]
    ran = command(*words, "-o", tmp_path / "out")
    assert ran.code == 0, ran.err
    assert "no numbers for tiny: regions: has no head for tracks; give --model the folder of one" in ran.err
    results = tmp_path / "out/tracks/regions"
    rows = {path.stem: json.loads(path.read_text()) for path in results.glob("*.json")}
    model = next(
        row for name, row in rows.items() if name.startswith("tiny-with-") and "shuffled" not in name
    )
    assert [each["name"] for each in model["metrics"]] == ["pearson", "spearman", "rmse"]
    assert model["model"]["tracks"] == "rna"
    assert {"mean-signal", "GC", "CpG"} <= set(rows)
    assert set(model["identity"]["data"]) == {"rna.bw", "genome.fa"}
    page = (tmp_path / "out/report.html").read_text()
    assert "has no head for tracks" in page
