"""The published client `genos-client` 0.1.2, unmodified, against the service through a real socket."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

VERSION = "0.1.2"


@pytest.fixture(scope="module")
def genos() -> Any:
    """The client's package; fetched once, into a folder that later runs find again."""
    pytest.importorskip("requests", reason="genos-client needs requests")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    folder = Path(os.environ.get("CISTRON_GENOS_CLIENT", cache / "cistron" / f"genos-client-{VERSION}"))
    if not (folder / "genos").is_dir():
        words = ["install", "--quiet", "--no-deps", "--no-compile", "--target", str(folder)]
        fetched = subprocess.run(
            [sys.executable, "-m", "pip", *words, f"genos-client=={VERSION}"],
            capture_output=True,
            check=False,
        )
        if fetched.returncode:
            pytest.skip("genos-client cannot be fetched; name its folder in CISTRON_GENOS_CLIENT")
    sys.path.insert(0, str(folder))
    yield importlib.import_module("genos")
    sys.path.remove(str(folder))


@pytest.fixture
def client(genos: Any, served: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client as its own documentation makes one, with addresses from the environment."""
    base = f"{served.url}/api/aigateway/genos"
    monkeypatch.setenv("GENOS_API_URL_VARIANT", f"{base}/variant_predict")
    monkeypatch.setenv("GENOS_API_URL_EMBEDDING", f"{base}/embedding")
    monkeypatch.setenv("GENOS_API_URL_RNA", f"{base}/rna_seq_coverage_track")
    return genos.create_client(token="any")


def test_a_variant_is_benign_or_pathogenic(client: Any, served: Any) -> None:
    # Of all contigs, 17 is the one on which the client allows small positions.
    ref = served.bases[1_233]
    alt = "A" if ref != "A" else "C"
    answer = client.variant_predict("hg19", "chr17", 1_234, ref, alt)
    result = answer["result"]
    assert set(answer) == {"result", "status", "message"}
    assert (answer["status"], answer["message"]) == (200, None)
    assert result["variant"] == f"chr17-1234-{ref}-{alt}"
    assert result["score_Benign"] + result["score_Pathogenic"] == pytest.approx(1)
    assert result["prediction"] == ("Pathogenic" if result["score_Pathogenic"] > 0.5 else "Benign")
    assert result["method"] == "zero-shot score, not calibrated"


@pytest.mark.parametrize("pooling", ["mean", "max", "last", "none"])
def test_an_embedding_comes_as_a_tensor(client: Any, pooling: str) -> None:
    answer = client.get_embedding("ACGTTGCAAC", pooling_method=pooling)
    result = answer["result"]
    assert set(answer) == {"result", "status", "message"}
    assert isinstance(result["embedding"], torch.Tensor)
    assert list(result["embedding"].shape) == result["embedding_shape"]
    assert result["embedding_shape"][:-1] == ([1, 10] if pooling == "none" else [1])
    assert (result["sequence_length"], result["pooling_method"]) == (10, pooling)


def test_health_is_what_the_client_asks(genos: Any, client: Any, served: Any) -> None:
    health = importlib.import_module("genos.api").HealthAPI(client.session, served.url)
    assert health.check()["status"] == "healthy"


def test_what_is_not_installed_raises_in_the_client(genos: Any, client: Any) -> None:
    error = importlib.import_module("genos.exceptions").APIRequestError
    for ask, status, words in (
        (lambda: client.rna_coverage_track_pred("chr19", 39_407_000), 501, "no head for tracks"),
        (lambda: client.variant_predict("hg38", "chr6", 51_484_075, "T", "G"), 404, "hg38 is not installed"),
        (lambda: client.variant_predict("hg19", "chr6", 51_484_075, "T", "G"), 400, "no such contig"),
        (lambda: client.get_embedding("ACGT", model_name="Genos-10B"), 404, "no model is called"),
        (lambda: client.get_embedding("ACG!"), 422, "not a nucleotide"),
    ):
        with pytest.raises(error, match=words) as raised:
            ask()
        assert raised.value.status_code == status


def test_errors_carry_both_spellings_of_their_message(served: Any) -> None:
    refused = served.post("/api/aigateway/genos/embedding", {"sequence": ""})
    told = refused.json()
    assert (refused.status_code, told["result"], told["status"]) == (400, {}, 400)
    assert told["message"] == told["messages"]
