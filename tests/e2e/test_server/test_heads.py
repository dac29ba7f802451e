"""Installed heads answer the paths of the published client, and models stay within their memory."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from cistron.errors import WeightsError
from cistron.heads import HEADS
from cistron.inference.load import load
from cistron.server.app import create_app
from cistron.server.settings import Settings
from cistron.weights.heads import Backbone, SavedHead, save_head

TRACKS = ("EFO:0002784 total RNA-seq (+)", "EFO:0002784 total RNA-seq (-)")
GENOS = "/api/aigateway/genos"


def head_folder(tiny: Path, folder: Path, kind: str, facts: dict[str, Any], **config: Any) -> Path:
    """A head with random weights."""
    model, spec = load(tiny, device="cpu"), HEADS.get(kind)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        head = spec.build(spec.config({"hidden_size": model.model.config.hidden_size, **config})).eval()
    save_head(folder, SavedHead(head, spec, Backbone(model.name, model.sha256), facts=facts))
    return folder


@pytest.fixture(scope="module")
def bases() -> str:
    return "".join(random.Random(3).choices("ACGT", k=40_000))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, tiny: Path, bases: str) -> Path:
    """Both heads and a genome."""
    found = tmp_path_factory.mktemp("heads")
    (found / "genome.fa").write_text(f">chr1\n{bases}\n")
    head_folder(tiny, found / "path" / "head", "allele-pair", {"width": 64, "around": 8})
    tracks = {"tracks": TRACKS, "means": (1.0, 2.0), "plus": TRACKS[:1], "minus": TRACKS[1:]}
    head_folder(tiny, found / "tracks", "coverage-track", {"width": 2_048}, **tracks)
    return found


@pytest.fixture(scope="module")
def headed(run_inside: Any, folder: Path, tiny: Path) -> Iterator[Any]:
    settings = Settings(
        folder / "home",
        port=0,
        # The head names the model it was trained on, which is served under that name.
        models={tiny.name: str(tiny)},
        genomes={"GRCh38": folder / "genome.fa"},
        heads={"pathogenicity": folder / "path", "tracks": folder / "tracks"},
    )
    with run_inside(settings) as found:
        yield found


def test_a_pathogenicity_head_answers_instead_of_the_score(headed: Any, bases: str) -> None:
    asked = {"assembly": "hg38", "chrom": "chr1", "pos": 20_000, "ref": bases[19_999]}
    answers = {}
    for alt in "ACGT".replace(asked["ref"], ""):
        result = headed.http.post(f"{GENOS}/variant_predict", json={**asked, "alt": alt}).json()["result"]
        answers[alt] = result["score_Pathogenic"]
        assert result["method"] == "pathogenicity head 'path'"
        assert result["score_Benign"] == pytest.approx(1 - result["score_Pathogenic"])
    assert len(set(answers.values())) == 3
    wrong = headed.http.post(f"{GENOS}/variant_predict", json={**asked, "ref": alt, "alt": asked["ref"]})
    assert wrong.status_code == 400
    assert "REF differs" in wrong.json()["messages"]


def test_a_track_head_answers_in_the_published_shape(headed: Any, bases: str) -> None:
    answer = headed.http.post(f"{GENOS}/rna_seq_coverage_track", json={"chrom": "chr1", "start_pos": 101})
    result = answer.json()["result"]
    assert result["position"] == ["chr1", 101, 32_101]
    assert result["sequence"] == bases[100:32_100]
    assert tuple(result["values"]) == TRACKS
    for track in result["values"].values():
        assert len(track["value"]) == 32_000
        assert all(math.isfinite(value) and value >= 0 for value in track["value"])
    part = headed.http.post("/v1/tracks", json={"chrom": "1", "start": 1_000, "end": 1_050}).json()
    for name, values in part["tracks"].items():
        assert values == pytest.approx(result["values"][name]["value"][900:950], rel=1e-4, abs=1e-6)


def test_a_head_of_another_kind_is_refused(folder: Path, tiny: Path) -> None:
    settings = Settings(
        folder / "other", models={tiny.name: str(tiny)}, heads={"pathogenicity": folder / "tracks"}
    )
    service = create_app(settings).state.service
    with pytest.raises(WeightsError, match="is not one for pathogenicity"):
        service.heads.of("pathogenicity")
    service.stop()


def test_models_leave_when_there_is_no_room(run_inside: Any, folder: Path, tiny: Path) -> None:
    names = {name: str(tiny) for name in ("a", "b", "c")}
    size = 4 * sum(p.numel() for p in load(tiny, device="cpu").built.model.parameters())
    with run_inside(Settings(folder / "small", port=0, models=names, memory=2 * size)) as found:

        def ask(model: str) -> int:
            asked = {"input": "ACGT", "model": model}
            return int(found.http.post("/v1/embeddings", json=asked).status_code)

        assert found.service.residents.names == []
        assert [ask(name) for name in "abac"] == [200] * 4
        assert found.service.residents.names == ["a", "c"]
        with found.service.residents.use("a"), found.service.residents.use("c"):
            assert ask("b") == 503
        assert ask("b") == 200
    with run_inside(Settings(folder / "none", port=0, models=names, memory=size - 1)) as found:
        assert ask("a") == 507
