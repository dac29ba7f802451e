"""The KEGG tasks on the real records: what recall alone reaches, and that the split by gene takes it away."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from cistron.evals.answers import Vectors
from cistron.evals.genes.recall import told_by_genes, told_by_neighbour
from cistron.evals.probing.examples import Examples, Fold
from cistron.evals.requests import EmbedRequest
from cistron.evals.task import Setting
from cistron.evals.tasks.kegg import FILES, TASK
from cistron.formats.kegg import KeggRecord, read_kegg

pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def data() -> Path:
    default = Path(__file__).parents[5] / "shared" / "data"
    folder = Path(os.environ.get("CISTRON_DATA", default))
    if not (folder / FILES[0]).is_file():
        pytest.skip("needs the KEGG records: set CISTRON_DATA to the folder of real data")
    return folder


def _examples(records: Sequence[KeggRecord], folds: tuple[Fold, ...]) -> Examples:
    classes = tuple(sorted({record.answer for record in records}))
    labels = np.array([classes.index(record.answer) for record in records])
    names = tuple(map(str, range(len(records))))
    texts = tuple(record.reference for record in records)
    return Examples(names, texts, labels, classes, np.arange(len(records)), folds)


def test_leaving_one_out_the_gene_tells_255_of_the_265_diseases_whose_gene_comes_again(data: Path) -> None:
    records = [record for path in FILES for record in read_kegg(data / path)]
    everything = np.arange(len(records))
    folds = tuple(Fold(np.delete(everything, at), everything[[at]]) for at in everything)
    genes = [record.gene or "" for record in records]
    examples = _examples(records, folds)
    told = told_by_genes([(gene,) for gene in genes], examples).values
    best = told[everything, examples.labels] == told.max(axis=1)
    again = np.array([genes.count(gene) > 1 for gene in genes])
    assert again.sum() == 265
    assert best[again].sum() == 255  # four of them tied with another disease of the gene


def test_the_nearest_reference_tells_94_percent_of_the_test_records_that_share_a_word(data: Path) -> None:
    train, test = (read_kegg(data / path) for path in FILES)
    border, count = len(train), len(train) + len(test)
    examples = _examples([*train, *test], (Fold(np.arange(border), np.arange(border, count)),))
    told = told_by_neighbour(examples).values
    covered = told.max(axis=1) == 1
    right = told.argmax(axis=1) == examples.labels[border:]
    assert covered.sum() == 107
    assert right[covered].mean() == pytest.approx(0.944, abs=5e-4)


def test_no_gene_is_on_two_sides_of_the_split_by_gene_and_most_are_in_the_published_one(data: Path) -> None:
    by_gene, published = (
        task.prepare(Setting(data, limit=60, options={**task.options, "width": 64})).badges for task in TASK
    )
    assert [badge.verdict for badge in by_gene] == ["clean", "clean"]
    assert published[0].verdict == "leak"
    assert int(published[0].finding.split()[0]) > 30


def test_the_windows_hold_the_variant_and_the_change_is_what_the_probe_sees(data: Path) -> None:
    task = TASK[0]
    plan = task.prepare(Setting(data, limit=60, options={**task.options, "width": 64}))
    request = plan.requests["windows"]
    assert isinstance(request, EmbedRequest)
    assert {len(text) for text in request.sequences} == {64}
    counts = [[text.count(base) for base in "ACGT"] for text in request.sequences]
    row = plan.judge({"windows": Vectors(np.array(counts, dtype=np.float32))})
    assert row.main.name == "accuracy"
    assert 0 <= row.main.value < 0.6
