from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cistron.errors import InputError
from cistron.evals.genes.encoders import encoded
from cistron.formats.gene_model_file import Component, ModelFile
from cistron.formats.gene_tasks import GeneTask
from cistron.formats.gene_vectors import write_gene_vectors

TASK = GeneTask(
    "T",
    ("symbol", "symbol"),
    (("A", "B"), ("B", "C"), ("A", "Z")),
    ("Outcomes",),
    (("0",), ("1",), ("1",)),
)
VECTORS = {"A": np.array([1.0, 0.0]), "B": np.array([3.0, 2.0]), "C": np.array([5.0, 5.0])}


@pytest.fixture
def table(tmp_path: Path) -> ModelFile:
    write_gene_vectors(tmp_path / "v.csv", VECTORS)
    return _precomputed("v.csv")


def _precomputed(path: str, post: str = "average") -> ModelFile:
    return ModelFile(Component("PreComputedEncoder", {"encoder_model_name": path}), post_processing=post)


def test_rows_with_a_gene_without_a_vector_are_left_out_and_counted(table: ModelFile, tmp_path: Path) -> None:
    found = encoded(table, TASK, tmp_path)
    np.testing.assert_array_equal(found.features, [[2, 1], [4, 3.5]])
    assert (found.missing, found.left_out) == (("Z",), 1)
    assert found.task.outcomes == (("0",), ("1",))


def test_several_vectors_are_put_side_by_side_when_asked(table: ModelFile, tmp_path: Path) -> None:
    side_by_side = _precomputed("v.csv", "concat")
    np.testing.assert_array_equal(encoded(side_by_side, TASK, tmp_path).features[0], [1, 0, 3, 2])


def test_noise_for_missing_genes_depends_on_name_and_seed_alone(table: ModelFile, tmp_path: Path) -> None:
    first, again, other = (encoded(table, TASK, tmp_path, seed=seed, noise=True) for seed in (1, 1, 2))
    assert len(first.features) == 3
    assert first.missing == ("Z",)
    np.testing.assert_array_equal(first.features, again.features)
    assert (first.features[2] != other.features[2]).all()


def test_a_table_that_was_moved_with_its_model_file_is_found(table: ModelFile, tmp_path: Path) -> None:
    moved = _precomputed("elsewhere/v.csv")
    np.testing.assert_array_equal(
        encoded(moved, TASK, tmp_path).features, encoded(table, TASK, tmp_path).features
    )
    with pytest.raises(InputError, match=r"gone\.csv does not exist"):
        encoded(_precomputed("gone.csv"), TASK, tmp_path)


def test_a_vector_that_is_not_a_number_is_named(tmp_path: Path) -> None:
    write_gene_vectors(tmp_path / "v.csv", {**VECTORS, "B": np.array([np.nan, 0.0])})
    with pytest.raises(InputError, match="vectors of 1 entities are not numbers, the first that of B"):
        encoded(_precomputed("v.csv"), TASK, tmp_path)


def test_words_of_descriptions_are_counted(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    (tmp_path / "texts.csv").write_text("id,description\nA,zinc finger\nB,finger finger\nC,\n")
    model = ModelFile(
        Component("BagOfWordsEncoder"), Component("CSVDescriptions", {"csv_file_path": "texts.csv"})
    )
    found = encoded(model, TASK, tmp_path)
    assert found.missing == ("C", "Z")
    assert found.left_out == 2
    with pytest.raises(InputError, match="has vectors for none of the 1 rows"):
        encoded(model, TASK.rows([2]), tmp_path)


def test_each_kind_of_entity_can_have_its_own_encoder(table: ModelFile, tmp_path: Path) -> None:
    write_gene_vectors(tmp_path / "d.csv", {"D1": np.array([9.0])})
    task = GeneTask("T", ("symbol", "diseaseId"), (("A", "D1"),), ("Outcomes",), (("1",),))
    parts = {
        kind: {"class_name": "PreComputedEncoder", "class_args": {"encoder_model_name": path}}
        for kind, path in (("symbol", "v.csv"), ("diseaseId", "d.csv"))
    }
    encoder = Component("MultiEntityEncoder", {"encoder_dict": parts})
    found = encoded(ModelFile(encoder, post_processing="concat"), task, tmp_path)
    np.testing.assert_array_equal(found.features, [[1, 0, 9]])
    with pytest.raises(InputError, match="vectors of several lengths in task 'T' cannot be averaged"):
        encoded(ModelFile(encoder), task, tmp_path)
    with pytest.raises(InputError, match="no encoder for the column 'drug'"):
        encoded(ModelFile(encoder), GeneTask("T", ("drug",), (("A",),), ("Outcomes",), (("1",),)), tmp_path)


@pytest.mark.parametrize(
    ("encoder", "descriptor", "message"),
    [
        (Component("PrecomputedEncoder"), None, "did you mean PreComputedEncoder"),
        (Component("PreComputedEncoder"), None, "needs encoder_model_name"),
        (
            Component("BagOfWordsEncoder"),
            Component("NCBIDescriptor"),
            "fetches descriptions from the network",
        ),
        (Component("BagOfWordsEncoder"), Component("CSVDescription"), "did you mean CSVDescriptions"),
        (
            Component("SentenceTransformerEncoder", {"encoder_model_name": "all-mpnet"}),
            None,
            "is no folder of a sentence-transformers model",
        ),
    ],
)
def test_what_a_model_file_asks_in_vain_is_refused(
    encoder: Component, descriptor: Component | None, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        encoded(ModelFile(encoder, descriptor), TASK, tmp_path)
