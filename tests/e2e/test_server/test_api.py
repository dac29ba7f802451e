"""The native API through a real socket: the verbs answer as a local model does."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from cistron.client.concurrent import AsyncRemoteModel
from cistron.client.connecting import connect
from cistron.client.refusals import ServiceError
from cistron.formats.fasta import Fasta
from cistron.genome import Variant
from cistron.inference.load import LoadedModel, load

WIDTH = 64
OPENAPI = Path(__file__).parents[3] / "docs" / "server" / "openapi.json"


@pytest.fixture(scope="module")
def local(tiny: Path) -> LoadedModel:
    return load(tiny, device="cpu")


def events(text: str) -> list[tuple[str, Any]]:
    """Name and data of each event."""
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        data = fields.get("data", "")
        found.append((fields.get("event", ""), data if data == "[DONE]" else json.loads(data)))
    return found


def test_scores_are_those_of_a_local_model(served: Any, local: LoadedModel) -> None:
    asked = [served.variant(pos) for pos in (500, 501, 9_000)] + [{**served.variant(700), "ref": "N"}]
    answer = served.post("/v1/variants:score", {"variants": asked, "width": WIDTH}).json()
    with Fasta(served.genome) as genome:
        variants = [Variant(**variant) for variant in asked]
        expected = list(local.score_variants(variants, genome, width=WIDTH, check_ref="warn"))
    assert [found["llr"] for found in answer["scores"]] == [
        pytest.approx(score.llr, abs=1e-4) for score in expected
    ]
    assert answer["model_sha256"] == local.sha256
    assert answer["scores"][0]["chrom"] == "chr20"


def test_what_cannot_be_scored_says_why(served: Any) -> None:
    wrong = [
        {**served.variant(500), "ref": served.variant(500)["alt"]},
        {**served.variant(500), "chrom": "7"},
        {**served.variant(500), "alt": "<INS>"},
    ]
    found = served.post("/v1/variants:score", {"variants": wrong, "width": WIDTH}).json()["scores"]
    assert [each["status"] for each in found] == ["REF_MISMATCH", "CONTIG_UNKNOWN", "SYMBOLIC"]
    assert all(each["llr"] is None for each in found)


def test_embeddings_have_openai_s_shape_and_are_exact_in_base64(served: Any, local: LoadedModel) -> None:
    asked = {"input": ["ACGTACGGT", "AAC"], "model": "tiny"}
    plain = served.post("/v1/embeddings", asked).json()
    packed = served.post("/v1/embeddings", {**asked, "encoding_format": "base64"}).json()
    assert plain["object"] == "list"
    assert plain["usage"] == {"prompt_tokens": 12, "total_tokens": 12}
    for index, expected in enumerate(local.embed(asked["input"])):
        vector = np.frombuffer(base64.b64decode(packed["data"][index]["embedding"]), dtype="<f4")
        np.testing.assert_allclose(vector, expected.vector, atol=1e-5)
        np.testing.assert_array_equal(vector, np.float32(plain["data"][index]["embedding"]))


def test_likelihoods_are_those_of_a_local_model(served: Any, local: LoadedModel) -> None:
    sequences = ["ACGTTGCAGT", "A", "NNNN"]
    answer = served.post("/v1/likelihood", {"sequences": sequences}).json()["likelihoods"]
    for found, expected in zip(answer, local.log_likelihood(sequences), strict=True):
        assert found["total"] == pytest.approx(expected.total, abs=1e-4)
        assert found["bases"] == expected.bases
    assert answer[1]["per_base"] is None


def test_generation_repeats_a_seed_and_says_that_nobody_screened(served: Any, local: LoadedModel) -> None:
    asked = {"prompts": ["ACGT", "TTTTG"], "tokens": 12, "samples": 2, "seed": 9}
    answer = served.post("/v1/generate", asked).json()["sequences"]
    expected = list(local.generate(asked["prompts"], tokens=12, samples=2, seed=9))
    assert [found["continuation"] for found in answer] == [each.continuation for each in expected]
    assert {found["screening"] for found in answer} == {"unscreened"}


def test_a_stream_of_sequences_ends_with_done(served: Any) -> None:
    asked = {"prompts": ["ACGT"], "tokens": 40, "samples": 2}
    whole = served.post("/v1/generate", asked).json()["sequences"]
    streamed = served.post("/v1/generate", {**asked, "stream": True})
    assert streamed.headers["content-type"].startswith("text/event-stream")
    found = events(streamed.text)
    assert [data for name, data in found if name == "sequence"] == whole
    assert found[-1] == ("", "[DONE]")


def test_a_stream_tells_an_error_as_an_event(served: Any) -> None:
    streamed = served.post("/v1/generate", {"prompts": ["AC!T"], "tokens": 4, "stream": True})
    names = [name for name, _ in events(streamed.text)]
    assert "error" in names
    assert names[-1] == ""


def test_every_substitution_of_a_region_is_scored(served: Any) -> None:
    asked = {"chrom": "20", "start": 600, "end": 604, "width": WIDTH}
    scores = served.post("/v1/variants:mutate", asked).json()["scores"]
    assert [score["pos"] for score in scores] == [pos for pos in range(601, 605) for _ in range(3)]
    assert all(score["llr"] is not None for score in scores)


def test_a_profile_shows_both_alleles_in_one_window(served: Any, local: LoadedModel) -> None:
    variant = served.variant(700)
    asked = {**variant, "width": WIDTH, "strands": "forward"}
    found = served.post("/v1/variants:profile", asked).json()
    start, offset = found["start"], found["allele_start"]
    assert found["ref"]["bases"] == served.bases[start : start + WIDTH]
    assert start + offset == 699
    assert found["alt"]["bases"][offset] == variant["alt"]
    assert found["ref"]["log_p"][0] is None
    assert found["ref"]["log_p"][1:offset] == pytest.approx(found["alt"]["log_p"][1:offset], abs=1e-5)
    total = next(local.log_likelihood([found["alt"]["bases"]])).total
    assert sum(found["alt"]["log_p"][1:]) == pytest.approx(total, abs=1e-4)
    wrong = served.post("/v1/variants:profile", {**asked, "ref": variant["alt"], "alt": variant["ref"]})
    assert (wrong.status_code, "REF_MISMATCH" in wrong.text) == (422, True)
    symbolic = served.post("/v1/variants:profile", {**asked, "alt": "<DEL>"})
    assert (symbolic.status_code, "a symbolic allele has no bases" in symbolic.text) == (422, True)


def test_genomes_give_bases_and_genes(served: Any) -> None:
    found = served.get("/v1/genomes/hg19/bases?chrom=chr20&start=100&end=110").json()
    assert found["bases"] == served.bases[100:110]
    near = served.get("/v1/genomes/hg19/genes?chrom=20&start=899&end=900").json()["genes"]
    assert [gene["name"] for gene in near] == ["PRNP"]
    named = served.get("/v1/genomes/hg19/genes/named?prefix=prn").json()["genes"]
    assert [gene["name"] for gene in named] == ["PRND", "PRNP"]


def test_models_answer_to_the_names_of_the_published_client(served: Any) -> None:
    sequence = {"input": "ACGT"}
    vectors = [
        served.post("/v1/embeddings", {**sequence, "model": name}).json()["data"]
        for name in ("tiny", "Genos-1.2B", "1.2B")
    ]
    assert vectors[0] == vectors[1] == vectors[2]
    refused = served.post("/v1/embeddings", {**sequence, "model": "Genos-10B"})
    assert refused.status_code == 404
    assert refused.headers["content-type"] == "application/problem+json"
    assert "tiny" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/v1/likelihood", {"sequences": ["AC!T"]}, 422),
        ("/v1/likelihood", {"sequences": [""]}, 422),
        ("/v1/likelihood", {"sequences": []}, 422),
        ("/v1/likelihood", {"sequences": ["A"] * 300}, 413),
        ("/v1/embeddings", {"input": "A" * 131_073}, 413),
        ("/v1/embeddings", {"input": "A" * 5_000}, 422),
        ("/v1/embeddings", {"input": "ACGT", "layers": ["nowhere"]}, 404),
        ("/v1/generate", {"prompts": ["A"], "tokens": 20_000}, 413),
        ("/v1/generate", {"prompts": ["A"], "tokens": 4_096}, 422),
        ("/v1/variants:score", {"variants": []}, 422),
        ("/v1/variants:score", {"variants": [{"chrom": "20", "pos": 0, "ref": "A", "alt": "C"}]}, 422),
        (
            "/v1/variants:score",
            {"variants": [{"chrom": "20", "pos": 5, "ref": "A" * 10_001, "alt": "C"}]},
            413,
        ),
        ("/v1/variants:score", {"variants": [{"chrom": "2", "pos": 5, "ref": "A", "alt": "C"}] * 1_001}, 413),
        (
            "/v1/variants:score",
            {"genome": "hg7", "variants": [{"chrom": "2", "pos": 5, "ref": "A", "alt": "C"}]},
            404,
        ),
        ("/v1/variants:mutate", {"chrom": "20", "start": 0, "end": 401}, 413),
        ("/v1/variants:mutate", {"chrom": "20", "start": 10, "end": 10}, 422),
        ("/v1/variants:mutate", {"chrom": "21", "start": 10, "end": 12}, 404),
        ("/v1/tracks", {"chrom": "20", "start": 10, "end": 12}, 501),
    ],
)
def test_a_refusal_is_a_problem_of_one_line(served: Any, path: str, body: Any, status: int) -> None:
    refused = served.post(path, body)
    told = refused.json()
    assert refused.status_code == told["status"] == status
    assert refused.headers["content-type"] == "application/problem+json"
    assert told["detail"]
    assert "\n" not in told["detail"]


def test_the_client_has_the_verbs_of_a_local_model(served: Any, local: LoadedModel) -> None:
    variants = [Variant(**served.variant(pos)) for pos in range(400, 470)]
    with connect(served.url, model="tiny") as remote, Fasta(served.genome) as genome:
        found = list(remote.score_variants(variants, "hg19", width=WIDTH))
        expected = list(local.score_variants(variants, genome, width=WIDTH))
        assert [each.variant for each in found] == variants
        assert [each.llr for each in found] == [pytest.approx(e.llr, abs=1e-4) for e in expected]
        vectors = [each.vector for each in remote.embed(["ACGT", "GGA"])]
        np.testing.assert_allclose(vectors, [each.vector for each in local.embed(["ACGT", "GGA"])], atol=1e-5)
        named = next(remote.embed(["ACGT"], layers=[0, -1])).layers
        assert list(named) == list(next(local.embed(["ACGT"], layers=[0, -1])).layers)
        assert next(remote.log_likelihood(["ACGT"])).total == pytest.approx(
            next(local.log_likelihood(["ACGT"])).total, abs=1e-4
        )
        assert [each.sequence for each in remote.generate(["ACGT"], tokens=6)] == [
            each.sequence for each in local.generate(["ACGT"], tokens=6)
        ]
        with pytest.raises(ServiceError, match="hg7"):
            list(remote.score_variants(variants[:1], "hg7"))


def test_the_asynchronous_client_keeps_the_order(served: Any) -> None:
    sequences = ["ACGT"[: 1 + i % 4] * (1 + i % 7) for i in range(100)]

    async def ask() -> list[Any]:
        async with AsyncRemoteModel(served.url) as remote:
            return [each async for each in remote.embed(sequences)]

    found = asyncio.run(ask())
    assert [each.length for each in found] == [len(sequence) for sequence in sequences]


def test_requests_together_answer_as_alone(served: Any) -> None:
    asked = [{"sequences": ["ACGGTTCA"[: 2 + i % 6]]} for i in range(24)]
    alone = [served.post("/v1/likelihood", body).json() for body in asked]

    async def together() -> list[Any]:
        async with httpx.AsyncClient(base_url=served.url, timeout=60) as http:
            sent = [http.post("/v1/likelihood", json=body) for body in asked]
            return [answer.json() for answer in await asyncio.gather(*sent)]

    for one, other in zip(alone, asyncio.run(together()), strict=True):
        assert one["likelihoods"][0]["total"] == pytest.approx(other["likelihoods"][0]["total"], abs=1e-5)


def test_the_committed_openapi_is_the_one_that_is_served(served: Any) -> None:
    assert json.loads(OPENAPI.read_text()) == served.get("/openapi.json").json()


def test_service_info_and_metrics_tell_what_there_is(served: Any) -> None:
    info = served.get("/v1/service-info").json()
    assert info["genomes"] == [{"name": "hg19", "build": None, "genes": True, "transcripts": True}]
    assert not info["needs_key"]
    assert served.get("/v1/models").json()["data"][0]["id"] == "tiny"
    assert "cistron_requests_total" in served.get("/metrics").text
