from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from cistron.errors import InputError
from cistron.evals.genes.labels import all_gene_pairs, elevated_tissues, factor_families, gene_pairs
from cistron.evals.task import Setting


def _text(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt") as stream:
        stream.write(text)
    return path


def _pairs(folder: Path, texts: str = "A B\nB C\n", labels: str = "1\n0\n") -> Setting:
    for part in ("train", "valid", "test"):
        _text(folder / f"benchmarks/gene2gene/{part}_text.txt.gz", texts)
        _text(folder / f"benchmarks/gene2gene/{part}_label.txt.gz", labels)
    return Setting(folder)


def test_the_parts_of_gene2gene_are_put_together_in_their_order(tmp_path: Path) -> None:
    task = all_gene_pairs(_pairs(tmp_path))
    assert (len(task), task.kinds, task.entities[:2]) == (6, ("symbol", "symbol"), (("A", "B"), ("B", "C")))


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        ("A B\nB C\n", "1\n", "has 2 pairs and 1 labels"),
        ("A B\nB\n", "1\n0\n", "line 2 has 1 words instead of 2"),
    ],
)
def test_damaged_pairs_are_refused(tmp_path: Path, texts: str, labels: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        gene_pairs(_pairs(tmp_path, texts, labels), "train")


def test_a_file_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    setting = _pairs(tmp_path)
    path = tmp_path / "benchmarks/gene2gene/train_text.txt.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match="is cut short"):
        gene_pairs(setting, "train")


def test_a_gene_has_a_mark_for_each_list_that_names_it(tmp_path: Path) -> None:
    for tissue, genes in (("brain", "B\nA\n"), ("liver", "B\n")):
        _text(tmp_path / f"benchmarks/hpa_elevated_tissue/{tissue}.tsv.gz", f"Gene\tEnsembl\n{genes}")
    task = elevated_tissues(Setting(tmp_path))
    assert (task.columns, task.entities) == (("brain", "liver"), (("A",), ("B",)))
    assert task.outcomes == (("1", "0"), ("1", "1"))


def test_lists_that_are_not_there_are_missed(tmp_path: Path) -> None:
    (tmp_path / "benchmarks/hpa_elevated_tissue").mkdir(parents=True)
    with pytest.raises(InputError, match="holds no lists of genes"):
        elevated_tissues(Setting(tmp_path))


def test_a_table_without_its_columns_is_refused(tmp_path: Path) -> None:
    _text(tmp_path / "benchmarks/humantfs/DatabaseExtract_v_1.01.csv.gz", "HGNC symbol,DBD\nA,bHLH\n")
    with pytest.raises(InputError, match=r"has no column Is TF\?"):
        factor_families(Setting(tmp_path))
