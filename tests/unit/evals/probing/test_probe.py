from __future__ import annotations

import numpy as np
import pytest

from cistron.errors import InputError
from cistron.evals import EmbedRequest, Setting, Vectors
from cistron.evals.probing.examples import Examples, cross_validation, official_split
from cistron.evals.probing.fit import tell, tell_nonsense
from cistron.evals.probing.outcomes import outcome_of
from cistron.evals.probing.plan import OPTIONS, probe_plan
from cistron.evals.probing.words import both_strands, composition, word_counts
from cistron.formats.labelled_sequences import Labelled
from cistron.genome.sequence import reverse_complement

pytest.importorskip("sklearn")


def _records(count: int, seed: int = 0, length: int = 40) -> list[Labelled]:
    """Class 1 has more G and C; half of the records repeat nothing."""
    random = np.random.default_rng(seed)
    rows = []
    for at in range(count):
        odds = (0.15, 0.35, 0.35, 0.15) if at % 2 else (0.35, 0.15, 0.15, 0.35)
        rows.append(Labelled(str(at), "".join(random.choice(list("ACGT"), size=length, p=odds)), str(at % 2)))
    return rows


def _official() -> Examples:
    return official_split(_records(120), _records(60, seed=1), limit=None, seed=0)


def test_a_signal_in_one_of_many_features_is_found_and_permuted_labels_lose_it() -> None:
    examples = _official()
    features = np.random.default_rng(0).normal(size=(180, 30))
    features[:, 7] += 4 * examples.labels
    told = outcome_of(tell(features, examples, seed=0), examples, "auroc", 0)
    nonsense = outcome_of(tell_nonsense(features, examples, seed=0), examples, "auroc", 0)
    assert told.main.value > 0.97
    assert nonsense.main.low is not None
    assert nonsense.main.high is not None
    assert nonsense.main.low < 0.5 < nonsense.main.high
    assert nonsense.main.n == 10


def test_scaling_a_feature_does_not_change_what_is_told() -> None:
    examples = _official()
    features = np.random.default_rng(0).normal(size=(180, 10)) + examples.labels[:, None]
    scaled = features * 10.0 ** np.arange(-5, 5) + 3
    one, other = (tell(each, examples, seed=0).values for each in (features, scaled))
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_feature_that_is_constant_but_for_rounding_says_nothing() -> None:
    examples = _official()
    features = np.random.default_rng(0).normal(size=(180, 3))
    noise = np.full((180, 1), -1e4) + 1e-5 * examples.labels[:, None]
    with_noise = np.concatenate([features, noise], axis=1)
    one, other = (tell(each, examples, seed=0).values for each in (features, with_noise))
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_nothing_of_the_test_part_reaches_the_fit() -> None:
    examples = _official()
    features = np.random.default_rng(0).normal(size=(180, 5)) + examples.labels[:, None]
    wild = features.copy()
    wild[179] = 1e6
    one, other = (tell(each, examples, seed=0).values for each in (features, wild))
    np.testing.assert_array_equal(one[:-1], other[:-1])


def test_an_embedding_that_is_not_a_number_names_its_example() -> None:
    examples = _official()
    features = np.zeros((180, 2))
    features[121, 1] = np.nan
    with pytest.raises(InputError, match="1 of 180 embeddings are not numbers, the first that of test:1"):
        tell(features, examples, seed=0)


def test_equal_sequences_on_either_strand_and_equal_groups_stay_in_one_fold() -> None:
    rows = _records(40)
    rows += [
        row._replace(name=f"again {row.name}", sequence=reverse_complement(row.sequence)) for row in rows
    ]
    named = [f"gene {at % 40 % 13}" for at in range(80)]
    examples = cross_validation(rows, folds=3, limit=None, seed=0, groups=named)
    fold_of = {at: number for number, fold in enumerate(examples.folds) for at in fold.test.tolist()}
    assert len(fold_of) == 80
    for at in range(40):
        assert fold_of[at] == fold_of[at + 40]
    for fold in examples.folds:
        assert not {named[at] for at in fold.test} & {named[at] for at in fold.train}


def test_a_part_with_one_class_and_a_class_only_in_the_test_part_are_refused() -> None:
    rows = _records(20)
    ones = [row for row in rows if row.label == "1"]
    with pytest.raises(InputError, match="all 10 training examples are of class '1'"):
        official_split(ones, rows, limit=None, seed=0)
    with pytest.raises(InputError, match="class '2' of the test part does not occur"):
        official_split(rows, [rows[0]._replace(label="2")], limit=None, seed=0)
    with pytest.raises(
        InputError, match="4 examples in 4 groups, 1 of them in the rarest class, are too few"
    ):
        cross_validation([rows[0], *ones[:3]], limit=None, seed=0)


def test_there_are_no_more_folds_than_examples_of_the_rarest_class() -> None:
    rows = _records(20)
    examples = cross_validation([*rows[1::2], *rows[:6:2]], limit=None, seed=0)
    assert len(examples.folds) == 3
    for fold in examples.folds:
        assert set(examples.labels[fold.train]) == {0, 1}


def test_a_plan_embeds_every_sequence_and_carries_all_mandatory_rows() -> None:
    setting = Setting(options={**OPTIONS, "layer": "2"})
    plan = probe_plan(_official(), setting, "mcc", badges=())
    request = plan.requests["sequences"]
    assert isinstance(request, EmbedRequest)
    assert (len(request.sequences), request.layer, plan.twin) == (180, 2, True)
    rows = {baseline.name: baseline.judge().main for baseline in plan.baselines}
    assert rows["majority"].value == 0.0
    assert rows["length, GC, CpG"].value > 0.7
    assert rows["words of 5 bases"].value > 0.5
    assert rows["Markov 4 for each class"].value > 0.3
    vectors = {"sequences": Vectors(composition(request.sequences).astype(np.float32))}
    outcome = plan.judge(vectors)
    assert outcome.main.name == "mcc"
    assert list(outcome.items["item"][:2]) == ["test:0", "test:1"]
    assert {control.name for control in plan.controls} == {"labels shuffled"}


def test_three_classes_have_a_correlation_and_an_area_of_each_against_the_rest() -> None:
    rows = [row._replace(label=str(at % 3)) for at, row in enumerate(_records(90))]
    examples = official_split(rows, rows[:30], limit=None, seed=0)
    features = np.eye(3)[examples.labels]
    outcome = outcome_of(tell(features, examples, seed=0), examples, "mcc", 0)
    assert outcome.main.value == 1.0
    assert [metric.name for metric in outcome.metrics] == ["mcc", "accuracy", "f1", "macro-auroc"]
    assert outcome.metric("macro-auroc").value == 1.0
    assert outcome.items["p:2"].max() > 0.9


def test_words_are_counted_as_on_paper_and_strands_are_joined() -> None:
    counts = word_counts(["AACAA", "NAA", "A"], 2)
    assert counts[0].tolist() == [2, 1, 0, 0, 1] + [0] * 11
    assert counts[1].sum() == 1
    assert counts[2].sum() == 0
    joined = both_strands(word_counts(["AACGT", reverse_complement("AACGT")], 2), 2)
    assert joined.shape == (2, 10)
    np.testing.assert_array_equal(joined[0], joined[1])
