"""`cistron eval run -m http://…`: a model on a service gives the numbers it gives here, or the reason."""

from __future__ import annotations

import csv
import gzip
import json
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("fastapi")
pytest.importorskip("httpx")

from cistron.client.refusals import ServiceError
from cistron.client.service import Service
from cistron.evals import (
    Answer,
    Contigs,
    Continuations,
    EmbedRequest,
    GenerateRequest,
    LikelihoodRequest,
    Likelihoods,
    NameRequest,
    Request,
    ScoreRequest,
    Scores,
    TracksRequest,
    Vectors,
)
from cistron.evals.loaded import LoadedRespondent
from cistron.evals.remote import RemoteRespondent, connected
from cistron.genome import Interval, Variant
from cistron.inference.load import load
from cistron.server.run import prepared
from cistron.server.settings import Limits, Settings

Run = Callable[..., Any]
BASES = "".join(random.Random(3).choices("ACGT", k=6_000))
SEQUENCES = tuple("".join(random.Random(seed).choices("ACGT", k=50 + seed)) for seed in range(40))


def _other(base: str) -> str:
    return "ACGT"["ACGT".index(base) - 1]


VARIANTS = (
    *(Variant("chr20", pos, BASES[pos - 1], _other(BASES[pos - 1])) for pos in range(500, 5_500, 125)),
    Variant("20", 700, BASES[699:702], BASES[699]),
    Variant("20", 800, _other(BASES[799]), "N"),
)


@pytest.fixture(scope="module")
def genome(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("genome") / "genome.fa"
    path.write_text(f">chr20\n{BASES}\n>chr17\n{BASES[:900]}\n")
    return path


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory, genome: Path, tiny: Path) -> Iterator[str]:
    """A service inside this process, on a real socket."""
    settings = Settings(
        tmp_path_factory.mktemp("service"),
        port=0,
        models={"tiny": str(tiny), "default": "default"},
        genomes={"hg19": genome},
        limits=Limits(sequence=2_000, generated=64, allele=100),
    )
    server, listening = prepared(settings)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.service.draining.set()
    server.should_exit = True
    thread.join(30)


@pytest.fixture(scope="module")
def remote(address: str) -> Iterator[RemoteRespondent]:
    found = connected(address, None)
    yield found
    found.close()


@pytest.fixture(scope="module")
def local(tiny: Path) -> LoadedRespondent:
    return LoadedRespondent(load(tiny, device="cpu"), "tiny")


def _numbers(answer: Answer) -> list[np.ndarray]:
    if isinstance(answer, Scores):
        return [answer.llr, answer.flank]
    if isinstance(answer, Likelihoods):
        return [answer.total, answer.bases]
    assert isinstance(answer, Vectors)
    return [answer.vectors]


@pytest.mark.parametrize(
    "request_of",
    [
        lambda genome: ScoreRequest(VARIANTS, genome, width=128),
        lambda genome: ScoreRequest(VARIANTS[30:], genome, 256, strands="forward", indel="equal-tokens"),
        lambda genome: LikelihoodRequest(SEQUENCES, strands="both"),
        lambda genome: LikelihoodRequest(SEQUENCES, window=500),
        lambda genome: EmbedRequest(SEQUENCES),
        lambda genome: EmbedRequest(SEQUENCES, layer=1, pooling="max", strands="both"),
    ],
    ids=["scores", "published-indels", "both-strands", "window", "vectors", "layer"],
)
def test_a_service_answers_what_the_model_answers_here(
    remote: RemoteRespondent, local: LoadedRespondent, genome: Path, request_of: Callable[[Path], Request]
) -> None:
    request = request_of(genome)
    assert remote.refuses(request) is None
    far, near = remote.answer(request), local.answer(request)
    for one, other in zip(_numbers(far), _numbers(near), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-4)
    if isinstance(far, Scores) and isinstance(near, Scores):
        assert far.status.tolist() == near.status.tolist()
        assert "REF_MISMATCH" in far.status


def test_a_service_continues_prompts_with_the_same_draws(
    remote: RemoteRespondent, local: LoadedRespondent
) -> None:
    request = GenerateRequest(SEQUENCES[:3], tokens=16, samples=2, seed=4)
    far, near = remote.answer(request), local.answer(request)
    assert isinstance(far, Continuations)
    assert isinstance(near, Continuations)
    assert far.texts.tolist() == near.texts.tolist()


OTHERS = (VARIANTS[0],)


@pytest.mark.parametrize(
    ("request_of", "reason"),
    [
        (lambda genome: ScoreRequest(OTHERS, Contigs((("chr20", BASES),))), "brings its own sequences"),
        (lambda genome: ScoreRequest(OTHERS, genome, strands="reverse"), "the reverse strand alone"),
        (lambda genome: ScoreRequest(OTHERS, genome, window_slack=8), "into the middle of its window"),
        (lambda genome: ScoreRequest(OTHERS, genome, width=5_000), "needs 5,000 tokens; the model's"),
        (lambda genome: ScoreRequest((replace(OTHERS[0], end=550),), genome), "that are spelled out"),
        (lambda genome: ScoreRequest((replace(OTHERS[0], alt="A" * 101),), genome), "(allele) is 100"),
        (lambda genome: ScoreRequest((Variant("9", 1, "A", "C"),), genome), "is not asked about 9"),
        (lambda genome: LikelihoodRequest(("ACGT" * 600,)), "service's limit (sequence) is 2,000"),
        (lambda genome: LikelihoodRequest(SEQUENCES, window=60), "not of 60 bp"),
        (lambda genome: EmbedRequest(SEQUENCES, layer="middle"), "which layer is the middle one"),
        (lambda genome: GenerateRequest(SEQUENCES, tokens=65), "service's limit (generated) is 64"),
    ],
)
def test_what_a_service_would_answer_otherwise_is_not_asked(
    remote: RemoteRespondent, genome: Path, request_of: Callable[[Path], Request], reason: str
) -> None:
    assert reason in str(remote.refuses(request_of(genome)))


def test_another_genome_is_told_by_its_contigs_or_its_bases(remote: RemoteRespondent, tmp_path: Path) -> None:
    changed, shorter = tmp_path / "changed.fa", tmp_path / "shorter.fa"
    changed.write_text(f">20\n{BASES[:2_000]}{_other(BASES[2_000])}{BASES[2_001:]}\n")
    shorter.write_text(f">20\n{BASES[:5_900]}\n")
    told = [str(remote.refuses(ScoreRequest(VARIANTS, path, width=512))) for path in (changed, shorter)]
    assert "no genome like changed.fa: hg19 has other bases in 20:" in told[0]
    assert "no genome like shorter.fa: hg19 has no 20 of 5,900 bp" in told[1]


def test_every_model_of_a_service_has_its_own_hash(
    address: str, remote: RemoteRespondent, tiny: Path
) -> None:
    other = connected(f"{address}#default", None)
    assert other.sha256 != remote.sha256
    assert other.facts["weights"] == load("default").sha256[:16]
    assert remote.facts["weights"] == load(tiny).sha256[:16]
    assert remote.name == f"tiny at {address.partition('://')[2]}"
    other.close()
    with pytest.raises(ServiceError, match="serves no model 'evo'; it has tiny, default"):
        connected(f"{address}#evo", None)


def test_a_service_that_does_not_name_its_weights_is_refused(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Service._told

    def without(self: Service, path: str, **query: str | int) -> Any:
        found = told(self, path, **query)
        return {"data": [{**each, "sha256": ""} for each in found["data"]]} if path == "/v1/models" else found

    monkeypatch.setattr(Service, "_told", without)
    with pytest.raises(ServiceError, match="does not say which weights answer"):
        connected(address, None)


def test_regions_and_names_are_not_asked(remote: RemoteRespondent, genome: Path) -> None:
    assert remote.refuses(NameRequest(("BRCA1",))) == "a service does not answer requests to name"
    tracks = TracksRequest((Interval("chr20", 0, 128),), genome)
    assert remote.refuses(tracks) == "a service does not answer requests to tracks"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with one set of GUE: class 1 has more G and C."""
    folder = tmp_path / "data/benchmarks/gue/tf/0"
    folder.mkdir(parents=True)
    for part, count, seed in (("train", 60, 1), ("test", 40, 2)):
        bases = random.Random(seed)
        with gzip.open(folder / f"{part}.csv.gz", "wt") as stream:
            writer = csv.writer(stream)
            writer.writerow(("sequence", "label"))
            for at in range(count):
                weights = (3, 1 + 2 * (at % 2), 1 + 2 * (at % 2), 3)
                writer.writerow(("".join(bases.choices("ACGT", weights=weights, k=60)), at % 2))
    return tmp_path / "data"


def test_a_run_has_the_same_numbers_from_a_service(
    command: Run, address: str, tiny: Path, data: Path, tmp_path: Path
) -> None:
    words = ["eval", "run", "gue/tf/0", "--no-twins", "-m", tiny, "-m", address, "--data", data]
    ran = command(*words, "-o", tmp_path / "out")
    assert ran.code == 0, ran.err
    folder = tmp_path / "out/gue/tf/0"
    name = f"tiny-at-{address.partition('://')[2].replace(':', '-')}.json"
    near, far = (json.loads((folder / file).read_text()) for file in ("tiny.json", name))
    for one, other in zip(near["metrics"], far["metrics"], strict=True):
        assert one["value"] == pytest.approx(other["value"], abs=1e-6)
    assert far["model"]["service"].startswith(address)


def test_a_service_out_of_reach_is_one_line(command: Run, data: Path, tmp_path: Path) -> None:
    words = ["-m", "http://127.0.0.1:1", "-o", tmp_path / "out", "--data", data]
    assert "cannot reach http://127.0.0.1:1" in command("eval", "run", "gue/tf/0", *words).error
