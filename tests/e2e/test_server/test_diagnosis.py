"""Questions to an installed fused model: answer, ranking, evidence, stream; and what is refused."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cistron.client.concurrent import AsyncRemoteModel
from cistron.client.connecting import connect
from cistron.client.refusals import ServiceError
from cistron.formats.diagnosis_records import DiagnosisRecord
from cistron.formats.fasta import Fasta
from cistron.fusion.asking import NOTICE, example_of
from cistron.fusion.evidence import by_gradient
from cistron.fusion.from_variants import record_of, records_of
from cistron.fusion.rows import likeliest, runner_up, spoken
from cistron.fusion.saved import FusedModel, load_fused
from cistron.genome import Interval, Variant
from cistron.inference.load import load
from cistron.server.settings import Limits, Settings

GENE = [Interval("20", 19_000, 21_000, name="PRNP")]
POS = 20_000
GFF = "\n".join(
    "20\tx\t{}\t19001\t21000\t.\t+\t{}\t{}".format(*row)
    for row in (
        ("gene", ".", "ID=gene:G1;Name=PRNP;biotype=protein_coding;gene_id=G1"),
        ("mRNA", ".", "ID=transcript:T1;Parent=gene:G1;biotype=protein_coding;transcript_id=T1"),
        ("exon", ".", "ID=E1;Parent=transcript:T1"),
        ("CDS", "0", "ID=C1;Parent=transcript:T1"),
    )
)


@pytest.fixture(scope="module")
def bases() -> str:
    return "".join(random.Random(3).choices("ACGT", k=40_000))


@pytest.fixture(scope="module")
def asked(
    run_inside: Any, tmp_path_factory: pytest.TempPathFactory, tiny: Path, fused: Path, bases: str
) -> Iterator[Any]:
    """A service with a fused model, a genome, and genes with transcripts."""
    folder = tmp_path_factory.mktemp("asked")
    (folder / "genome.fa").write_text(f">20\n{bases}\n")
    (folder / "genes.gff3").write_text(f"##gff-version 3\n{GFF}\n")
    settings = Settings(
        folder / "home",
        port=0,
        models={"tiny": str(tiny)},
        genomes={"hg19": folder / "genome.fa"},
        annotations={"hg19": folder / "genes.gff3"},
        fusions={"kegg": fused},
        limits=Limits(question=600, spoken=64, windows=4, allele=50, sequence=5_000),
    )
    with run_inside(settings) as found:
        found.genome = folder / "genome.fa"
        yield found


@pytest.fixture(scope="module")
def local(fused: Path) -> FusedModel:
    return load_fused(fused, device="cpu")


@pytest.fixture(scope="module")
def pair(bases: str) -> dict[str, str]:
    return {
        "reference_sequence": bases[1_000:1_200],
        "variant_sequence": bases[1_000:1_100] + "ACGT" + bases[1_100:1_200],
        "question": "Which one?",
    }


@pytest.fixture(scope="module")
def variant(bases: str) -> dict[str, Any]:
    ref = bases[POS - 1]
    return {"chrom": "chr20", "pos": POS, "ref": ref, "alt": "C" if ref != "C" else "G"}


def post(asked: Any, body: dict[str, Any], path: str = "/v1/diagnose") -> Any:
    return asked.http.post(path, json=body)


def events(text: str) -> list[tuple[str, Any]]:
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        data = fields.get("data", "")
        found.append((fields.get("event", ""), data if data == "[DONE]" else json.loads(data)))
    return found


def test_the_answer_is_that_of_the_model_on_this_machine(
    asked: Any, local: FusedModel, pair: dict[str, str]
) -> None:
    found = post(asked, {**pair, "max_length": 12, "seed": 3, "temperature": 0.7}).json()
    record = DiagnosisRecord("r", "Which one?", "", pair["reference_sequence"], pair["variant_sequence"])
    example = example_of(local, record)
    ranking = likeliest(local, example)
    said = next(spoken(local, [example], max_new_tokens=12, seed=3, temperature=0.7))
    assert [each["label"] for each in found["ranking"]] == [label for label, _ in ranking]
    assert [each["probability"] for each in found["ranking"]] == pytest.approx([p for _, p in ranking])
    assert found["answer"] == ranking[0][0]
    assert found["text"] == said.text
    assert (found["model"], found["mode"], found["question"]) == ("kegg", "fused", "Which one?")
    assert found["bases"]["dna"]["sha256"] == local.bases["dna"]["sha256"]
    assert found["notice"] == NOTICE


def test_temperature_and_length_count(asked: Any, pair: dict[str, str]) -> None:
    longer, shorter, other, none = (
        post(asked, {**pair, "evidence": False, **options}).json()["text"]
        for options in (
            {"max_length": 16},
            {"max_length": 4},
            {"max_length": 16, "temperature": 2.0, "seed": 8},
            {"max_length": 0},
        )
    )
    assert longer.startswith(shorter)
    assert len(shorter) < len(longer)
    assert other != longer
    assert none is None


def test_a_variant_is_cut_as_records_for_training_are_and_shown_with_what_is_known_of_it(
    asked: Any, local: FusedModel, variant: dict[str, Any], tmp_path: Path
) -> None:
    found = post(asked, {"variant": variant, "max_length": 0}).json()
    with Fasta(asked.genome) as genome:
        cut = record_of(Variant(**variant), genome, GENE)
        llr = next(load(local.dna.model, device="cpu").score_variants([Variant(**variant)], genome)).llr
    vcf = tmp_path / "one.vcf"
    fields = [variant["chrom"], POS, ".", variant["ref"], variant["alt"], ".", ".", "."]
    head = "##fileformat=VCFv4.3\n##contig=<ID=chr20>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    vcf.write_text(head + "\t".join(map(str, fields)) + "\n")
    (trained,) = records_of(vcf, asked.genome)
    assert (trained.reference, trained.variant) == (cut.record.reference, cut.record.variant)
    assert [each["label"] for each in found["ranking"]] == [
        label for label, _ in likeliest(local, example_of(local, cut.record))
    ]
    assert f"at {POS}" in found["question"]
    assert "PRNP allele" in found["question"]
    known = found["evidence"]
    assert known["variant"] == variant
    assert (known["genome"], known["gene"]) == ("hg19", "PRNP")
    assert known["llr"] == pytest.approx(llr, abs=1e-4)
    assert known["consequences"][0]["gene"] == "PRNP"
    assert known["tracks"] is None


def test_a_pathway_in_the_question_is_part_of_the_evidence(asked: Any, pair: dict[str, str]) -> None:
    told = "Network Definition of the pathway: A -> B\nGenes in the pathway: A; a | B; b"
    body = {**pair, "question": f"Chromosome Number: 20\n{told}\n\nWhat now?", "max_length": 0}
    known = post(asked, body).json()["evidence"]
    assert known["pathway"] == told
    assert known["llr"] is not None
    assert known["variant"] is None


def test_a_stream_tells_the_parts_and_then_the_same_answer(asked: Any, variant: dict[str, Any]) -> None:
    body = {"variant": variant, "max_length": 16}
    whole = post(asked, body).json()
    streamed = post(asked, {**body, "stream": True})
    assert streamed.headers["content-type"].startswith("text/event-stream")
    found = events(streamed.text)
    names = [name for name, _ in found]
    assert names[:2] == ["ranking", "evidence"]
    assert names[-2:] == ["answer", ""]
    assert set(names[2:-2]) == {"text"}
    assert dict(found)["answer"] == whole
    assert dict(found)["evidence"] == whole["evidence"]
    assert dict(found)["ranking"]["ranking"] == whole["ranking"]
    assert "".join(data["text"] for name, data in found if name == "text") == whole["text"]


def test_bases_that_moved_the_answer_lie_where_they_are_said_to(
    asked: Any, local: FusedModel, variant: dict[str, Any], bases: str
) -> None:
    found = post(asked, {"variant": variant}, "/v1/diagnose:evidence").json()
    start, site = found["start"], found["variant"]["site"]
    assert (found["chrom"], start + site[0]) == ("20", POS - 1)
    assert found["reference"]["bases"] == bases[start : start + 65]
    with Fasta(asked.genome) as genome:
        example = example_of(local, record_of(Variant(**variant), genome, GENE).record)
    answer = likeliest(local, example)[0][0]
    expected = by_gradient(local, example, answer, runner_up(local, example, answer))
    assert found["variant"]["values"] == pytest.approx(expected.variant.tolist(), abs=1e-5)
    hidden = post(asked, {"variant": variant, "method": "occlusion", "windows": 2}, "/v1/diagnose:evidence")
    assert hidden.json()["exchanged"].keys() == {"reference", "variant"}
    assert len(hidden.json()["reference"]["values"]) == 65


def test_the_original_s_path_has_its_body_and_answer(asked: Any, pair: dict[str, str]) -> None:
    greedy = {**pair, "max_length": 8, "temperature": 0}
    found = post(asked, greedy, "/ask").json()
    assert set(found) == {"answer", "processing_time", "model_loaded"}
    assert found["answer"] == post(asked, {**greedy, "evidence": False}).json()["text"]
    assert found["model_loaded"] is True
    assert post(asked, {**pair, "question": ""}, "/ask").status_code == 422


def test_the_clients_give_the_service_s_answer(
    asked: Any, pair: dict[str, str], variant: dict[str, Any]
) -> None:
    url = str(asked.http.base_url)
    told = post(asked, {"variant": variant, "max_length": 6}).json()
    with connect(url) as remote:
        found = remote.diagnose(variant=Variant(**variant), max_length=6)
        bases = remote.explain_diagnosis(variant=Variant(**variant))
        with pytest.raises(ServiceError, match="there is kegg"):
            remote.diagnose(**pair, model="other")
    assert (found.answer, found.text, found.evidence) == (told["answer"], told["text"], told["evidence"])
    assert found.ranking[0] == (told["answer"], told["ranking"][0]["probability"])
    assert bases.place is not None
    assert bases.place[1] + bases.variant.site[0] == POS - 1
    assert len(bases.variant.values) == len(bases.variant.bases)

    async def ask() -> Any:
        async with AsyncRemoteModel(url) as remote:
            return await remote.diagnose(variant=Variant(**variant), max_length=6)

    assert asyncio.run(ask()) == found


def test_the_command_lets_a_service_answer(
    asked: Any, command: Any, pair: dict[str, str], fused: Path, tmp_path: Path
) -> None:
    words = ["--reference", pair["reference_sequence"], "--variant", pair["variant_sequence"]]
    words += ["-q", pair["question"], "--evidence"]
    here = command("fusion", "ask", fused, *words, tmp_path / "here.tsv")
    there = command(
        *("fusion", "ask", "kegg", *words, tmp_path / "there.tsv"), "--server", asked.http.base_url
    )
    assert (here.out, there.err) == (there.out, here.err.replace("here", "there"))
    values = [
        [line.split("\t")[:4] for line in (tmp_path / name).read_text().splitlines() if line[0] != "#"]
        for name in ("here.tsv", "there.tsv")
    ]
    assert values[0] == values[1]


def test_service_info_announces_fused_models(asked: Any, local: FusedModel) -> None:
    (found,) = asked.http.get("/v1/service-info").json()["fusions"]
    assert (found["name"], found["mode"], found["labels"], found["width"]) == ("kegg", "fused", 3, 65)
    assert found["language"]["sha256"] == local.bases["language"]["sha256"]
    assert found["language"]["name"] == Path(local.bases["language"]["name"]).name
    assert "/" not in found["dna"]["name"]


def test_without_a_fused_model_it_is_said_how_to_install_one(bounded: Any, pair: dict[str, str]) -> None:
    for path in ("/v1/diagnose", "/v1/diagnose:evidence"):
        refused = post(bounded, pair, path)
        assert refused.status_code == 501
        assert "--fusion NAME=FOLDER" in refused.json()["detail"]
    assert post(bounded, pair, "/ask").status_code == 503
    assert bounded.http.get("/v1/service-info").json()["fusions"] == []


@pytest.mark.parametrize(
    ("change", "status", "told"),
    [
        ({"variant_sequence": None}, 422, "give reference_sequence and variant_sequence"),
        ({"variant": {"chrom": "20", "pos": 5, "ref": "A", "alt": "C"}}, 422, "not both"),
        ({"variant_sequence": "ACGTXACGT"}, 422, "variant_sequence has 'X' at position 5"),
        ({"variant_sequence": "SAME"}, 422, "are the same sequence"),
        (
            {"reference_sequence": "N" * 60 + "A", "variant_sequence": "N" * 60 + "C"},
            422,
            "is not A, C, G or T",
        ),
        ({"variant_sequence": "ACGT" * 100}, 422, "leaves no flanks"),
        ({"reference_sequence": "A" * 5_001}, 413, "5,000 at most"),
        ({"question": "x" * 601}, 413, "601 characters; 600 at most"),
        ({"max_length": 65}, 413, "64 at most"),
        ({"model": "other"}, 404, "there is kegg"),
        ({"question": "What <|im_end|>?"}, 422, "the question holds <|im_end|>"),
        ({"windows": 3}, 422, "windows"),
    ],
)
def test_a_question_that_cannot_be_asked_is_a_problem_of_one_line(
    asked: Any, pair: dict[str, str], change: dict[str, Any], status: int, told: str
) -> None:
    if change.get("variant_sequence") == "SAME":
        change = {"variant_sequence": pair["reference_sequence"]}
    refused = post(asked, {**pair, **change})
    assert refused.status_code == status, refused.text
    assert refused.headers["content-type"] == "application/problem+json"
    assert told in refused.json()["detail"]


@pytest.mark.parametrize(
    ("change", "status", "told"),
    [
        ({"ref": "N"}, 422, "has no sequence (IUPAC)"),
        ({"alt": "<DEL>"}, 422, "has no sequence (SYMBOLIC)"),
        ({"pos": POS + 10, "ref": "ACGTACGTAC"}, 422, "REF differs from the genome"),
        ({"chrom": "7"}, 404, "no contig of that name"),
        ({"alt": "A" * 51}, 413, "50 bases"),
    ],
)
def test_a_variant_that_has_no_sequences_says_why(
    asked: Any, variant: dict[str, Any], change: dict[str, Any], status: int, told: str
) -> None:
    refused = post(asked, {"variant": {**variant, **change}})
    assert (refused.status_code, told in refused.json()["detail"]) == (status, True), refused.text


def test_a_question_beyond_the_context_says_what_takes_how_much(
    run_inside: Any, tmp_path: Path, fused: Path, tiny: Path, pair: dict[str, str]
) -> None:
    settings = Settings(tmp_path, port=0, models={"tiny": str(tiny)}, fusions={"kegg": fused})
    with run_inside(settings) as found:
        body = {**pair, "question": "x" * 2_000}
        refused = post(found, body)
        assert refused.status_code == 422
        assert "question 2,000" in refused.json()["detail"]
        streamed = events(post(found, {**body, "stream": True}).text)
        assert [name for name, _ in streamed] == ["error", ""]
        assert streamed[0][1]["status"] == 422


def test_windows_and_evidence_have_their_limits(asked: Any, pair: dict[str, str]) -> None:
    body = {**pair, "method": "occlusion", "windows": 5}
    assert post(asked, body, "/v1/diagnose:evidence").status_code == 413


def test_fused_models_count_in_the_memory_and_what_is_wrong_with_them_is_for_the_operator(
    run_inside: Any, tmp_path: Path, fused: Path, tiny: Path, pair: dict[str, str], caplog: Any
) -> None:
    common: dict[str, Any] = {"port": 0, "models": {"tiny": str(tiny)}, "fusions": {"kegg": fused}}
    quick = {**pair, "max_length": 0, "evidence": False}
    size = sum(p.numel() for p in load(tiny, device="cpu").built.model.parameters()) * 4
    with run_inside(Settings(tmp_path / "small", memory=size + 1, **common)) as found:
        assert post(found, quick).status_code == 507
        assert found.http.post("/v1/embeddings", json={"input": "ACGT"}).status_code == 200
    with run_inside(Settings(tmp_path / "tight", memory=2 * size, **common)) as found:
        assert post(found, quick).status_code == 200
        assert found.service.residents.names == []
        assert found.http.get("/v1/service-info").json()["fusions"][0]["loaded"]
        assert found.http.post("/v1/embeddings", json={"input": "ACGT"}).status_code == 200
        assert not found.http.get("/v1/service-info").json()["fusions"][0]["loaded"]
    with (
        caplog.at_level(logging.ERROR, "cistron.server"),
        run_inside(Settings(tmp_path / "moved", languages={"kegg": str(tmp_path)}, **common)) as found,
    ):
        refused = post(found, quick)
    assert refused.status_code == 503
    assert str(tmp_path) not in refused.text
    assert str(tmp_path) in caplog.text


def test_neither_question_nor_sequences_are_logged(
    asked: Any, pair: dict[str, str], variant: dict[str, Any], caplog: Any
) -> None:
    with caplog.at_level(logging.INFO, "cistron.server"):
        for body in (pair, {**pair, "variant_sequence": pair["reference_sequence"]}, {"variant": variant}):
            for path in ("/v1/diagnose", "/v1/diagnose:evidence", "/ask"):
                short = {} if path == "/v1/diagnose:evidence" else {"max_length": 2}
                post(asked, {**body, **short}, path)
        post(asked, {**pair, "question": "Which one? " + "x" * 600})
    assert "POST /v1/diagnose 200" in caplog.text
    for secret in ("Which one?", pair["reference_sequence"][:20], str(POS), f"{POS:,}"):
        assert secret not in caplog.text


def test_a_client_that_hangs_up_stops_the_generation(asked: Any, pair: dict[str, str]) -> None:
    body = {**pair, "max_length": 64, "stream": True, "temperature": 5.0}
    for _ in range(3):
        with asked.http.stream("POST", "/v1/diagnose", json=body) as streamed:
            next(streamed.iter_lines())
    started = time.monotonic()
    assert post(asked, {**pair, "max_length": 0, "evidence": False}).status_code == 200
    assert time.monotonic() - started < 10
    assert asked.service.streams == 0
