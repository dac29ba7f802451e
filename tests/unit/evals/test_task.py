"""What a task needs before it can run."""

from __future__ import annotations

from pathlib import Path

import pytest

from cistron.errors import InputError
from cistron.evals import Plan, Setting, Task


def _task() -> Task:
    return Task(
        "a/b",
        1,
        "s",
        "auroc",
        "made up",
        "none",
        lambda setting: Plan({}, lambda answers: pytest.fail("not judged")),
        needs=("genome.fa", "tables/genes.parquet", "always.txt"),
        options={"fasta": "genome.fa", "annotation": "tables", "width": 8},
    )


def test_what_an_option_names_takes_the_place_of_its_default() -> None:
    task = _task()
    assert task.needed(Setting()) == task.needs
    other = task.with_options(Setting(), {"fasta": "mine.fa", "annotation": "t"})
    assert task.needed(other) == ("mine.fa", "t/genes.parquet", "always.txt")
    bare = task.with_options(Setting(), {"annotation": ""})
    assert task.needed(bare) == ("genome.fa", "always.txt")


def test_a_file_is_looked_for_in_the_data_folder_and_then_where_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "mine.fa").touch()
    monkeypatch.chdir(tmp_path)
    setting = Setting(tmp_path / "data")
    assert setting.path("mine.fa") == Path("mine.fa")
    (tmp_path / "data/mine.fa").touch()
    assert setting.path("mine.fa") == tmp_path / "data/mine.fa"
    assert Setting().path(str(tmp_path / "mine.fa")) == tmp_path / "mine.fa"
    with pytest.raises(InputError, match=r"needs other\.fa, which is not in"):
        setting.path("other.fa")
    with pytest.raises(InputError, match=r"needs other\.fa: give the data folder"):
        Setting().path("other.fa")
