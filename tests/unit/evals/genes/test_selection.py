from __future__ import annotations

import pytest

from cistron.errors import InputError
from cistron.evals.genes.selection import Selection, scoring_of
from cistron.formats.gene_tasks import GeneTask

PAIRS = GeneTask(
    "Pairs",
    ("symbol", "symbol"),
    (("A", "B"), ("B", "C"), ("C", "D"), ("NA", "A")),
    ("Outcomes",),
    (("x",), ("x",), ("x",), ("y",)),
)
LABELS = GeneTask(
    "Labels", ("symbol",), (("A",), ("B",), ("C",), ("D",)), ("p", "q"), (("1", "0"),) * 3 + (("1", "1"),)
)


def test_a_row_goes_with_any_excluded_gene_and_stays_only_with_all_included_ones() -> None:
    assert Selection(excluded={"A"}).of(PAIRS).entities == (("B", "C"), ("C", "D"))
    assert Selection(included={"A", "B", "C"}).of(PAIRS).entities == (("A", "B"), ("B", "C"))
    assert Selection(included={"A", "NA"}).of(PAIRS).entities == (("NA", "A"),)


def test_rare_classes_and_labels_go_by_their_share() -> None:
    assert len(Selection(least_class_share=0.25).of(PAIRS)) == 3
    assert Selection(least_label_share=0.25).of(LABELS).columns == ("p",)


def test_a_sub_sample_is_drawn_from_its_seed_without_repeats() -> None:
    first, again, other = (Selection(fraction=0.5, seed=seed).of(PAIRS) for seed in (1, 1, 2))
    assert first == again
    assert len(first) == len(other) == 2
    assert len(set(first.entities)) == 2


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (Selection(included={"Z"}), "nothing of task 'Pairs' is left"),
        (Selection(fraction=0.0), "is not above 0"),
        (Selection(fraction=1.5), "is not above 0"),
    ],
)
def test_a_selection_that_leaves_nothing_is_refused(selection: Selection, message: str) -> None:
    with pytest.raises(InputError, match=message):
        selection.of(PAIRS)


def test_the_kind_of_a_task_is_seen_from_its_outcomes() -> None:
    def kind(*outcomes: str) -> str:
        rows = tuple((str(at),) for at in range(len(outcomes)))
        return scoring_of(GeneTask("T", ("symbol",), rows, ("Outcomes",), tuple((o,) for o in outcomes)))

    assert scoring_of(LABELS) == "multi"
    assert kind("a", "b", "a") == "binary"
    assert kind("a", "b", "c") == "category"
    assert kind("1", "2", "3", "1", "2", "3") == "category"
    assert kind("1.5", "2.5", "3.5", "4.5") == "regression"
