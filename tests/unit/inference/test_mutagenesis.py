"""Saturation mutagenesis."""

from __future__ import annotations

import numpy as np
import pytest

from cistron.errors import InputError, WindowError
from cistron.genome import Interval, Variant
from cistron.inference.interpretation.mutation_map import MutationMap
from cistron.inference.mutagenesis import count_changes, mutate, saturation, shared_slack
from cistron.inference.score import VariantScore, score_variants


def bases(length: int, seed: int) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


@pytest.fixture(scope="module")
def small(make_genome):
    return make_genome(c="ACCNT" + bases(95, 3))


def spelled(variant: Variant) -> str:
    return f"{variant.pos}{variant.ref}>{variant.alt}"


def test_every_base_is_replaced_by_the_three_others_and_n_by_none(small):
    found = [spelled(v) for v in saturation(small, [Interval("c", 2, 5)])]
    assert found == ["3C>A", "3C>G", "3C>T", "5T>A", "5T>C", "5T>G"]


@pytest.mark.parametrize("deletions", [False, True])
def test_changes_are_counted_without_making_them(small, deletions):
    region = [Interval("c", 0, 20), Interval("c", 30, 31)]
    made = list(saturation(small, region, deletions=deletions))
    assert count_changes(small, region, deletions=deletions) == len(made)


def test_deletions_are_spelled_with_the_base_before_or_at_the_start_the_base_behind(small):
    found = [v for v in saturation(small, [Interval("c", 0, 3)], deletions=True) if len(v.ref) == 2]
    assert [spelled(v) for v in found] == ["1AC>C", "1AC>A", "2CC>C"]


def test_exact_scores_are_those_of_score_variants(genos, tokenizer, small):
    region = Interval("c", 30, 36)
    found = list(mutate(genos, tokenizer, small, [region], width=64, window_slack=0, deletions=True))
    variants = list(saturation(small, [region], deletions=True))
    assert found == list(score_variants(genos, tokenizer, small, variants, width=64))


@pytest.mark.parametrize("method", ["ism", "gradient"])
def test_what_is_skipped_does_not_change_the_rest(method, genos, tokenizer, small):
    region = Interval("c", 20, 70)
    whole = list(mutate(genos, tokenizer, small, [region], method=method, width=64))
    rest = list(mutate(genos, tokenizer, small, [region], method=method, width=64, skip=128))
    assert rest == whole[128:]


def test_a_region_may_be_written_as_samtools_does(genos, tokenizer, small):
    (one, *_), (other, *_) = (
        list(mutate(genos, tokenizer, small, region, width=64))
        for region in ("c:31-31", Interval("c", 30, 31))
    )
    assert one == other


def test_several_parts_follow_each_other(small):
    parts = [Interval("c", 10, 12), Interval("c", 50, 51)]
    assert [v.pos for v in saturation(small, parts)] == [11] * 3 + [12] * 3 + [51] * 3


def test_an_unknown_method_is_refused_by_name(genos, tokenizer, small):
    with pytest.raises(
        InputError, match="method 'occlusion' is not one of ism, gradient, integrated-gradients"
    ):
        mutate(genos, tokenizer, small, [], method="occlusion", width=64)


def test_gradients_refuse_a_suffix(genos, tokenizer, small):
    with pytest.raises(InputError, match="a suffix goes with method 'ism'"):
        mutate(genos, tokenizer, small, [], method="gradient", suffix="auto", width=64)


def test_gradients_refuse_deletions(genos, tokenizer, small):
    with pytest.raises(InputError, match="use method 'ism' for deletions"):
        mutate(genos, tokenizer, small, [], method="gradient", deletions=True, width=64)


@pytest.mark.parametrize("slack", [-1, 17])
def test_a_slack_that_leaves_too_little_context_is_refused(slack):
    with pytest.raises(WindowError, match="give 0 to 16"):
        shared_slack(64, slack)


def scored(pos: int, ref: str, alt: str, llr: float | None) -> VariantScore:
    return VariantScore(Variant("c", pos, ref, alt), llr, llr, None)


def test_a_map_holds_each_score_at_its_position_and_base(small):
    scores = [scored(6, small.texts["c"][5], alt, -float(n)) for n, alt in enumerate("ACGT")]
    found = MutationMap.of(small, Interval("c", 4, 8), scores)
    assert found.llr[:, 1].tolist() == [0.0, -1.0, -2.0, -3.0]
    assert np.isnan(found.llr[:, [0, 2, 3]]).all()
    assert (found.start, found.end, found.bases) == (4, 8, small.texts["c"][4:8])


def test_a_map_knows_which_base_of_a_run_a_deletion_was_of(small, make_genome):
    scores = [scored(1, "AC", "C", -1.0), scored(1, "AC", "A", -2.0), scored(2, "CC", "C", -3.0)]
    found = MutationMap.of(small, Interval("c", 0, 4), scores)
    assert found.deletions[:3].tolist() == [-1.0, -2.0, -3.0]
    run = MutationMap.of(make_genome(c="AAG"), Interval("c", 0, 3), [scored(1, "AA", "A", -1.0)])
    assert run.deletions[:2].tolist() == [-1.0, -1.0]


def test_importance_is_minus_the_mean_of_what_has_a_score(small):
    scores = [scored(1, "A", "C", -1.0), scored(1, "A", "G", -4.0), scored(1, "A", "T", None)]
    found = MutationMap.of(small, Interval("c", 0, 2), scores)
    assert found.importance[0] == 2.5
    assert np.isnan(found.importance[1])


def test_a_part_of_a_map_keeps_its_coordinates(small):
    scores = [scored(7, small.texts["c"][6], alt, -1.0) for alt in "ACGT"]
    part = MutationMap.of(small, Interval("c", 4, 10), scores).part(6, 8)
    assert (part.start, part.end, part.bases) == (6, 8, small.texts["c"][6:8])
    assert np.isfinite(part.llr[:, 0]).all()
