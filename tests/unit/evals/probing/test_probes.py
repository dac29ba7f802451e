"""Every probe on every kind of label it is for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cistron.errors import InputError
from cistron.evals import EmbedRequest, Setting, TrainRequest, Vectors
from cistron.evals.probing.estimators import PROBES
from cistron.evals.probing.examples import Examples, Fold, Kind, group_folds
from cistron.evals.probing.fit import tell, tell_nonsense
from cistron.evals.probing.linear import STRENGTHS
from cistron.evals.probing.outcomes import METRICS, outcome_of
from cistron.evals.probing.plan import OPTIONS, probe_plan

pytest.importorskip("sklearn")
pytest.importorskip("xgboost")

COUNT, WIDTH = 120, 4
RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(size=(COUNT, WIDTH))
LABELS = {
    "classes": (FEATURES[:, 0] > 0).astype(int) + (FEATURES[:, 1] > 0.5),
    "marks": (FEATURES[:, :2] > 0).astype(int),
    "numbers": 10 + 3 * FEATURES[:, 0] - FEATURES[:, 1],
}
NAMES = {"classes": ("low", "middle", "high"), "marks": ("a", "b"), "numbers": ()}
EACH = pytest.mark.parametrize(
    ("kind", "probe"), [(kind, name) for kind, names in PROBES.items() for name in names]
)


def _examples(kind: Kind) -> Examples:
    sequences = tuple("".join(row) for row in RANDOM.choice(list("ACGT"), size=(COUNT, 20)))
    groups = np.arange(COUNT) // 2
    folds = group_folds(LABELS[kind], groups, kind, folds=3, seed=0)
    names = tuple(f"s{number}" for number in range(COUNT))
    return Examples(names, sequences, LABELS[kind], NAMES[kind], groups, folds, kind)


@EACH
def test_a_probe_finds_what_is_there_and_is_the_same_again(kind: Kind, probe: str) -> None:
    examples = _examples(kind)
    told = tell(FEATURES, examples, seed=3, probe=probe)
    again = tell(FEATURES, examples, seed=3, probe=probe)
    np.testing.assert_array_equal(told.values, again.values)
    main = METRICS[kind][0]
    found = outcome_of(told, examples, main, 0).main
    assert found.value > {"classes": 0.4, "marks": 0.8, "numbers": 0.4}[kind]
    assert found.low is not None
    assert found.low < found.value


@pytest.mark.parametrize("kind", ["classes", "marks", "numbers"])
def test_shuffled_labels_are_not_told(kind: Kind) -> None:
    examples = _examples(kind)
    found = outcome_of(tell_nonsense(FEATURES, examples, seed=0), examples, METRICS[kind][0], 0).main
    assert found.low is not None
    assert found.high is not None
    assert found.low < {"classes": 0.02, "marks": 0.52, "numbers": 0.02}[kind]


def test_a_probe_that_is_not_for_such_labels_is_refused() -> None:
    with pytest.raises(InputError, match="probe for numbers"):
        tell(FEATURES, _examples("numbers"), seed=0, probe="logistic")
    with pytest.raises(InputError, match="probe for classes"):
        probe_plan(_examples("classes"), Setting(options={"probe": "ridge"}), "mcc", badges=())


def test_ridge_holds_back_more_where_there_is_nothing_to_learn() -> None:
    examples = _examples("numbers")
    noise = replace(examples, labels=np.random.default_rng(1).normal(size=COUNT))
    clear, unclear = (tell(FEATURES, each, seed=0).strengths for each in (examples, noise))
    assert max(unclear) < min(clear)
    assert set(clear) | set(unclear) <= set(STRENGTHS)


def test_folds_keep_groups_on_one_side() -> None:
    for kind in ("classes", "marks", "numbers"):
        examples = _examples(kind)
        for fold in examples.folds:
            assert not set(examples.groups[fold.train]) & set(examples.groups[fold.test])


def test_a_mark_of_everybody_is_told_by_its_share_and_does_not_count() -> None:
    examples = _examples("marks")
    labels = examples.labels.copy()
    labels[:, 1] = 1
    examples = replace(examples, labels=labels)
    told = tell(FEATURES, examples, seed=0)
    assert (told.values[:, 1] == 1).all()
    outcome = outcome_of(told, examples, "macro-auroc", 0)
    assert "1 of 2 marks are those of all items or none and do not count" in outcome.notes
    assert len(outcome.items["item"]) == 2 * COUNT
    assert outcome.items["item"][1] == f"{examples.names[told.at[0]]} b"


def test_a_plan_on_numbers_and_marks_has_baselines_that_need_no_classes() -> None:
    for kind in ("marks", "numbers"):
        plan = probe_plan(_examples(kind), Setting(options=OPTIONS), METRICS[kind][0], badges=())
        assert [each.name for each in plan.baselines] == ["majority", "length, GC, CpG", "words of 5 bases"]
        majority = plan.baselines[0].judge().main.value
        assert majority == pytest.approx({"marks": 0.5, "numbers": 0.0}[kind], abs=0.15)


def test_fine_tuning_asks_for_a_training_run_of_each_fold_and_not_for_embeddings() -> None:
    examples = _examples("classes")
    plan = probe_plan(examples, Setting(options={**OPTIONS, "probe": "fine-tune"}), "mcc", badges=())
    assert not plan.twin
    assert not any(isinstance(each, EmbedRequest) for each in plan.requests.values())
    answers = {}
    for (name, request), fold in zip(plan.requests.items(), examples.folds, strict=True):
        assert isinstance(request, TrainRequest)
        assert not set(request.known) & set(request.sequences)
        answers[name] = Vectors(np.eye(3, dtype=np.float32)[examples.labels[fold.test]])
    assert plan.judge(answers).main.value == 1.0


def test_a_fold_of_one_class_is_refused() -> None:
    examples = _examples("classes")
    alone = np.flatnonzero(examples.labels == 1)
    with pytest.raises(InputError, match="of one class alone"):
        tell(FEATURES, replace(examples, folds=(Fold(alone[:9], alone[9:]),)), seed=0)
