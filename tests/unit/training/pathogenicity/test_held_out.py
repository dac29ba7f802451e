"""Cross-validation of heads: folds keep groups whole, and nothing of a fold is known to its head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from cistron.errors import InputError
from cistron.heads.allele_pair import AllelePairConfig
from cistron.training.pathogenicity import Fitting
from cistron.training.pathogenicity.fit import Examples, fitted, outputs
from cistron.training.pathogenicity.held_out import Contestant, by_columns, folds_of, held_out

QUICK = Fitting(passes=15)


@pytest.fixture
def examples() -> Examples:
    """The sign of one column decides, in three of four cases."""
    draw = np.random.default_rng(0)
    column = draw.normal(size=(240, 1)).astype(np.float32)
    pathogenic = ((column[:, 0] > 0) ^ (draw.random(240) < 0.25)).astype(np.float32)[:, None]
    return Examples(torch.zeros(240, 1, 2, 0), torch.from_numpy(column), torch.from_numpy(pathogenic))


def test_groups_stay_whole_and_folds_are_even():
    groups = [f"g{number % 17}" for number in range(300)]
    folds = folds_of(groups, 4)
    assert all(len(set(folds[[g == name for g in groups]])) == 1 for name in set(groups))
    assert max(np.bincount(folds)) - min(np.bincount(folds)) <= 18


def test_folds_do_not_depend_on_the_order_of_alleles():
    groups = [f"g{number % 7}" for number in range(50)]
    backwards = folds_of(groups[::-1], 3)[::-1]
    assert folds_of(groups, 3).tolist() == backwards.tolist()


def test_too_few_groups_are_refused():
    with pytest.raises(InputError, match="2 groups of alleles cannot make 3 folds"):
        folds_of(["a", "b"], 3)


def test_what_can_be_learned_is_learned_and_what_cannot_is_not(examples: Examples):
    folds = folds_of([str(number // 10) for number in range(240)], 4)
    noise = torch.from_numpy(np.random.default_rng(1).normal(size=(240, 1)).astype(np.float32))
    found = held_out(
        {"signal": by_columns(["x"], examples), "noise": by_columns(["x"], examples.with_columns(noise))},
        folds,
        seed=0,
    )
    truth = examples.pathogenic[:, 0].numpy() == 1
    assert ((found["signal"] > 0.5) == truth).mean() > 0.7
    assert 0.4 < ((found["noise"] > 0.5) == truth).mean() < 0.6


def test_labels_of_the_judged_fold_change_nothing_in_it(examples: Examples):
    folds = folds_of([str(number // 10) for number in range(240)], 4)
    first = torch.from_numpy(folds == 0)[:, None]
    turned = replace(examples, pathogenic=torch.where(first, 1 - examples.pathogenic, examples.pathogenic))
    before, after = (
        held_out({"x": by_columns(["x"], one)}, folds, seed=0)["x"] for one in (examples, turned)
    )
    assert np.array_equal(before[folds == 0], after[folds == 0])
    assert not np.array_equal(before[folds == 1], after[folds == 1])


def test_a_seed_repeats_a_head_bit_for_bit_and_leaves_the_callers_draws_alone(examples: Examples):
    rows = torch.arange(240)
    config = AllelePairConfig(1, parts=(), columns=("x",), inner_size=8)
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    one, same = (fitted(config, examples, rows[:160], rows[160:], QUICK, 3) for _ in range(2))
    assert torch.equal(torch.rand(3), wanted)
    assert torch.equal(outputs(one, examples, rows), outputs(same, examples, rows))


def test_outputs_are_the_mean_over_strands():
    draw = torch.Generator().manual_seed(2)
    vectors = torch.randn(20, 2, 2, 6, generator=draw)
    examples = Examples(vectors, torch.zeros(20, 0), (torch.arange(20) % 2).float()[:, None])
    config = AllelePairConfig(3, columns=(), inner_size=4)
    rows = torch.arange(20)
    head = fitted(config, examples, rows, rows, Fitting(passes=2), 0)
    each = [outputs(head, replace(examples, vectors=vectors[:, [strand]]), rows) for strand in (0, 1)]
    assert torch.allclose(outputs(head, examples, rows), torch.stack(each).mean(dim=0))


def test_contestants_are_judged_on_the_same_folds(examples: Examples):
    one = by_columns(["x"], examples)
    folds = folds_of([str(number) for number in range(240)], 3)
    found = held_out({"a": one, "b": Contestant(one.config, examples, one.how)}, folds, seed=0)
    assert np.array_equal(found["a"], found["b"])


def test_states_that_are_noise_leave_the_regression_on_the_columns(examples: Examples):
    vectors = torch.randn(240, 2, 2, 400, generator=torch.Generator().manual_seed(0))
    noisy = replace(examples, vectors=vectors)
    folds = folds_of([str(number // 10) for number in range(240)], 4)
    head = Contestant(AllelePairConfig(200, columns=("x",), inner_size=16), noisy, Fitting(passes=6))
    found = held_out({"head": head, "alone": by_columns(["x"], examples)}, folds, seed=0)
    truth = examples.pathogenic[:, 0].numpy() == 1
    hits = {name: ((said > 0.5) == truth).mean() for name, said in found.items()}
    assert hits["head"] > hits["alone"] - 0.03


def test_a_head_begins_as_the_regression_on_its_columns(examples: Examples):
    rows, validation = torch.arange(160), torch.arange(160, 240)
    vectors = torch.randn(240, 1, 2, 4, generator=torch.Generator().manual_seed(0))
    config = AllelePairConfig(2, columns=("x",), inner_size=8)
    one = fitted(config, replace(examples, vectors=vectors), rows, validation, Fitting(passes=0), 0)
    alone = by_columns(["x"], examples)
    other = fitted(alone.config, examples, rows, validation, alone.how, 0)
    told = [
        outputs(head, seen, validation)
        for head, seen in ((one, replace(examples, vectors=vectors)), (other, examples))
    ]
    assert torch.allclose(*told, atol=1e-5)
