from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cistron.errors import InputError
from cistron.formats.gene_model_file import read_model_file, read_names, write_vectors_model
from cistron.formats.gene_report import append_report
from cistron.formats.gene_vectors import write_gene_vectors
from cistron.formats.labelled_sequences import read_rows
from cistron.formats.named_vectors import read_named_vectors


def test_a_written_model_file_takes_its_vectors_from_the_table(tmp_path: Path) -> None:
    write_vectors_model(tmp_path / "m.yaml", "v.csv", "mine")
    model = read_model_file(tmp_path / "m.yaml")
    assert model.encoder.class_name == "PreComputedEncoder"
    assert model.encoder.class_args == {"encoder_model_name": "v.csv"}
    assert (model.model_name, model.post_processing, model.descriptor) == ("mine", "average", None)


def test_numbers_of_a_base_model_stay_numbers(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(
        "encoder: {class_name: BagOfWordsEncoder}\n"
        "base_model: {class_name: LogisticRegression, class_args: {C: 0.5}}\n"
    )
    base = read_model_file(path).base_model
    assert base is not None
    assert base.class_args == {"C": 0.5}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model_name: x\n", "needs an entry 'encoder'"),
        ("encoder: {class_args: {}}\n", "needs a class_name"),
        ("encoder: {class_name: A}\nencodr: 1\n", "unknown entry 'encodr'"),
        ("encoder: {class_name: A}\npost_processing: sum\n", "'sum' is not one of average, concat"),
        ("encoder: [", "not readable YAML"),
    ],
)
def test_a_malformed_model_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "m.yaml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_model_file(tmp_path / "m.yaml")


def test_names_that_yaml_takes_for_truth_values_stay_names(tmp_path: Path) -> None:
    (tmp_path / "l.yaml").write_text("- NO\n- ON\n- NA\n- 1\n")
    (tmp_path / "l.txt").write_text("NO\nON\nNA\n")
    assert read_names(tmp_path / "l.yaml") == ["NO", "ON", "NA", "1"]
    assert read_names(tmp_path / "l.txt") == ["NO", "ON", "NA"]
    (tmp_path / "empty.txt").write_text("")
    with pytest.raises(InputError, match="a list of names"):
        read_names(tmp_path / "empty.txt")


def test_vectors_are_read_back_bit_by_bit(tmp_path: Path) -> None:
    vectors = {name: np.random.default_rng(3).normal(size=5) for name in ("NA", "TP53")}
    write_gene_vectors(tmp_path / "v.csv", vectors)
    names, found = read_named_vectors(tmp_path / "v.csv")
    assert names == ["NA", "TP53"]
    np.testing.assert_array_equal(found, np.array([*vectors.values()], dtype=np.float32))


def test_lines_with_other_columns_are_appended_to_a_report(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    append_report(path, {"task_name": "a", "test_roc_auc": "0.5,0.6"})
    append_report(path, {"task_name": "b", "test_r2": 0.1})
    rows = read_rows(path, ("task_name",))
    assert [row["task_name"] for row in rows] == ["a", "b"]
    assert rows[0]["test_roc_auc"] == "0.5,0.6"
    assert rows[0]["test_r2"] == ""
    append_report(path, {"task_name": "c"}, append=False)
    assert [row["task_name"] for row in read_rows(path, ())] == ["c"]
