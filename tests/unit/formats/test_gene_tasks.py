from __future__ import annotations

from pathlib import Path

import pytest

from cistron.errors import InputError, UnknownNameError
from cistron.formats.gene_tasks import GeneTask, gene_task_names, read_gene_task, write_gene_task

PAIRS = GeneTask(
    "Nested/Pairs",
    ("symbol", "symbol"),
    (("NA", "TP53"), ("BRCA1", "NA")),
    ("Outcomes",),
    (("1",), ("0",)),
)


def _write(folder: Path, entities: str | None, outcomes: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    if entities is not None:
        (folder / "entities.csv").write_text(entities)
    (folder / "outcomes.csv").write_text(outcomes)
    return folder


def test_what_is_written_is_read_back_with_repeated_headers_and_the_gene_called_na(tmp_path: Path) -> None:
    write_gene_task(tmp_path, PAIRS)
    assert (tmp_path / "Nested/Pairs/entities.csv").read_text().splitlines()[0] == "symbol,symbol"
    assert read_gene_task(tmp_path, "Nested/Pairs") == PAIRS
    assert gene_task_names(tmp_path) == ["Nested/Pairs"]


def test_a_task_without_entities_takes_those_of_the_nearest_folder_above(tmp_path: Path) -> None:
    _write(tmp_path / "a", "symbol\nA\nB\n", "Outcomes\nx\ny\n")
    _write(tmp_path / "a/b/c", None, "Outcomes\nz\nw\n")
    assert read_gene_task(tmp_path, "a/b/c").entities == (("A",), ("B",))


def test_one_outcome_of_several_is_named_behind_a_semicolon(tmp_path: Path) -> None:
    _write(tmp_path / "Pathways", "symbol\nA\nB\n", "Apoptosis,Repair\n1,0\n0,1\n")
    task = read_gene_task(tmp_path, "Pathways;Repair")
    assert task.columns == ("Repair",)
    assert task.outcomes == (("0",), ("1",))
    with pytest.raises(UnknownNameError, match="did you mean Repair"):
        read_gene_task(tmp_path, "Pathways;Repairs")


@pytest.mark.parametrize(
    ("entities", "outcomes", "message"),
    [
        ("symbol\nA\nB\n", "Outcomes\nx\n", "has 2 rows of entities and 1 of outcomes"),
        ("symbol,symbol\nA,B\nC\n", "Outcomes\nx\ny\n", "line 3 has 1 filled cells for 2 columns"),
        ("symbol\nA\n", "Outcomes\n", "holds no rows"),
        ("symbol\nA\n", "", "holds no rows"),
        (None, "Outcomes\nx\n", "has no entities.csv, and neither has a folder above"),
    ],
)
def test_a_damaged_task_is_refused(tmp_path: Path, entities: str | None, outcomes: str, message: str) -> None:
    _write(tmp_path / "T", entities, outcomes)
    with pytest.raises(InputError, match=message):
        read_gene_task(tmp_path, "T")


def test_an_unknown_task_suggests_others(tmp_path: Path) -> None:
    _write(tmp_path / "TF vs non-TF", "symbol\nA\n", "Outcomes\nx\n")
    with pytest.raises(UnknownNameError, match="did you mean TF vs non-TF"):
        read_gene_task(tmp_path, "TF vs nonTF")


def test_a_task_is_not_written_outside_its_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no name of a task"):
        write_gene_task(tmp_path, GeneTask("../up", ("symbol",), (("A",),), ("Outcomes",), (("1",),)))
