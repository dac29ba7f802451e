import random

import pytest
from sklearn.metrics import precision_recall_fscore_support

from cistron.formats.diagnosis_records import DiagnosisRecord
from cistron.fusion.baselines import covered_by_gene, gene_lookup, majority, nearest
from cistron.fusion.judging import Row, compare, measure, measure_compatibly
from cistron.fusion.pairs import centred
from cistron.fusion.parts import Example

TRUTHS = ["a", "a", "b", "c", "b", "a", "c", "b"]
SAID = ["a", "b", "b", None, "b", "a", "d", "c"]
GENES = list("stuvwxyz")


def test_macro_means_over_true_labels_are_those_of_scikit_learn_and_a_miss_is_no_class() -> None:
    found = measure(Row("r", "", SAID), TRUTHS, GENES)
    expected = precision_recall_fscore_support(
        TRUTHS, [one or "-" for one in SAID], labels=["a", "b", "c"], average="macro", zero_division=0
    )
    assert (found.precision, found.recall, found.f1) == pytest.approx(expected[:3])
    assert found.accuracy == pytest.approx(4 / 8)
    assert found.missed == 1
    assert found.low is not None
    assert found.low <= found.accuracy <= found.high  # type: ignore[operator]


def test_the_published_rule_turns_wrong_texts_into_classes_so_that_precision_is_one() -> None:
    texts = ["it may be a or b", "Answer: b"]
    found = measure_compatibly(Row("r", "", ["a", "b"], texts), ["a", "c"])
    assert (found.accuracy, found.precision) == (0.5, 1.0)


def test_a_row_is_no_better_than_itself_and_better_than_its_opposite() -> None:
    right, wrong = Row("right", "", TRUTHS), Row("wrong", "", [None] * len(TRUTHS))
    assert compare(right, right, TRUTHS, GENES).estimate == 0
    assert compare(right, right, TRUTHS, GENES).p == 1
    better = compare(right, wrong, TRUTHS, GENES)
    assert (better.estimate, better.low, better.high) == (1, 1, 1)
    assert better.p == pytest.approx(2 / 2**8)


def example(gene: str, label: str, bases: str) -> Example:
    middle = len(bases) // 2
    variant = bases[:middle] + ("A" if bases[middle] != "A" else "C") + bases[middle + 1 :]
    record = DiagnosisRecord(f"{gene} {label}", "which?", label, bases, variant, gene=gene)
    return Example(record, centred(record, 200), "which?", label)


def test_baselines_answer_with_majority_gene_and_nearest_sequence() -> None:
    draw = random.Random(1)
    first, second = ("".join(draw.choices("ACGT", k=200)) for _ in range(2))
    train = [example("G1", "gout", first), example("G2", "ague", second), example("G3", "ague", "ACGT" * 50)]
    test = [example("G1", "gout", second[20:]), example("G9", "gout", first[40:]), example("", "gout", first)]
    assert majority(train, test) == ["ague"] * 3
    assert gene_lookup(train, test) == ["gout", "ague", "ague"]
    assert covered_by_gene(train, test) == [True, False, False]
    assert nearest(train, test) == ["ague", "gout", "gout"]
