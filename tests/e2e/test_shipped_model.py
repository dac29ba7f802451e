"""What a new user types first: the commands that use the shipped model."""

from __future__ import annotations

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pysam
import pytest

from cistron.cli.commands.doctor import TOLERANCE
from cistron.weights.hub import shipped_models

Run = Callable[..., Any]

pytestmark = pytest.mark.slow


class Links(HTMLParser):
    """Collects what a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if value and (
                (name == "src" and not value.startswith("data:")) or (tag == "link" and name == "href")
            ):
                self.found.append(value)


def test_the_package_ships_a_default_model_of_no_more_than_40_mb() -> None:
    folder = shipped_models()["default"]
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 40_000_000
    assert (folder / "README.md").is_file()
    assert (folder / "checksums.json").is_file()


def test_demo_prints_a_table_and_writes_scores_and_a_self_contained_report(
    process: Run, tmp_path: Path
) -> None:
    ran = process("demo", "results", cwd=tmp_path)
    assert ran.code == 0, ran.err
    table = ran.out.decode()
    for name in ("p.P102L", "p.E200K", "p.M129V", "high penetrance"):
        assert name in table
    assert "For research use only" in table
    folder = tmp_path / "results"
    assert sorted(path.name for path in folder.iterdir()) == [
        "prnp.vcf",
        "prnp_chr20.fa.gz",
        "prnp_chr20.fa.gz.fai",
        "prnp_chr20.fa.gz.gzi",
        "report.html",
        "scored.vcf.gz",
        "scored.vcf.gz.manifest.json",
        "scored.vcf.gz.tbi",
    ]
    with pysam.VariantFile(str(folder / "scored.vcf.gz")) as records:
        rows = [record.info.get("CISTRON_LLR") for record in records]
    assert len(rows) == 51
    assert sum(row is not None for row in rows) == 51
    page = Links()
    page.feed((folder / "report.html").read_text())
    assert page.found == []


@pytest.mark.parametrize("place", ["", "sub"])
def test_demo_into_a_file_is_told(command: Run, tmp_path: Path, place: str) -> None:
    (tmp_path / "taken").touch()
    assert "cannot make the folder" in command("demo", tmp_path / "taken" / place).error
    assert list(tmp_path.iterdir()) == [tmp_path / "taken"]


def test_doctor_finds_the_recorded_value_on_this_machine(command: Run) -> None:
    ran = command("doctor", "--json")
    assert ran.code == 0, ran.err
    facts = json.loads(ran.out)
    assert facts["healthy"] is True
    assert abs(facts["log-likelihood of the probe"] - facts["recorded"]) <= TOLERANCE


def test_score_uses_the_shipped_model_when_none_is_named(command: Run, example: Path) -> None:
    ran = command(
        "score", example / "prnp.vcf", "-r", example / "prnp_chr20.fa.gz", "--regions", "20:4680251-4680251"
    )
    assert ran.code == 0, ran.err
    assert "model=default" in ran.out.decode()


def test_a_misspelt_model_gets_the_right_name_suggested(command: Run, example: Path, tmp_path: Path) -> None:
    words = ["score", example / "prnp.vcf", "-r", example / "prnp_chr20.fa.gz", "-o", tmp_path / "out.vcf"]
    assert "did you mean default?" in command(*words, "-m", "defualt").error
    assert list(tmp_path.iterdir()) == []


def test_models_list_names_it_with_its_size(command: Run) -> None:
    models = {model["name"]: model for model in json.loads(command("models", "list", "--json").out)}
    assert models["default"]["kind"] == "shipped"
    assert 1_000_000 < models["default"]["parameters"] < 13_000_000
