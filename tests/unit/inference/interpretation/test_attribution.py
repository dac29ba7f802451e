"""First-order estimates of the variant score."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest

from cistron.errors import InputError, ReferenceMismatchError
from cistron.genome import Interval, Variant
from cistron.genome.alleles import AlleleStatus
from cistron.inference.interpretation.attribution import estimate_variants
from cistron.inference.mutagenesis import mutate
from cistron.inference.score import score_variants

WIDTH = 64


def bases(length: int, seed: int) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


@pytest.fixture(scope="module")
def long(make_genome):
    return make_genome(c=bases(300, 2))


@pytest.fixture(scope="module")
def estimates(genos, tokenizer):
    def run(genome, interval, method="gradient", **options):
        options = {"width": WIDTH, **options}
        return list(mutate(genos, tokenizer, genome, [interval], method=method, **options))

    return run


@pytest.mark.parametrize("slack", [0, 16])
def test_windows_and_what_falls_on_the_base_itself_are_those_of_the_score(
    estimates, genos, tokenizer, long, slack
):
    found = estimates(long, Interval("c", 140, 150), window_slack=slack)
    variants = [s.variant for s in found]
    exact = list(score_variants(genos, tokenizer, long, variants, width=WIDTH, window_slack=slack))
    for ours, theirs in zip(found, exact, strict=True):
        assert ours.llr - ours.flank == pytest.approx(theirs.llr - theirs.flank, abs=1e-9)


def test_at_the_end_of_a_contig_nothing_follows_and_the_estimate_is_exact(estimates, genos, tokenizer, long):
    last = Interval("c", 299, 300)
    found = estimates(long, last, window_slack=0, strands="forward")
    exact = mutate(genos, tokenizer, long, [last], width=WIDTH, window_slack=0, strands="forward")
    for ours, theirs in zip(found, exact, strict=True):
        assert ours.llr == pytest.approx(theirs.llr, abs=1e-9)
        assert ours.flank == pytest.approx(0, abs=1e-12)


def test_estimates_are_right_to_first_order(genos, tokenizer, long):
    alike = deepcopy(genos)
    rows = alike.model.embed_tokens.weight.data
    rows.copy_(rows.mean(dim=0) + 1e-4 * (rows - rows.mean(dim=0)))
    region = [Interval("c", 140, 144)]
    found, exact = (
        np.array(
            [s.flank for s in mutate(alike, tokenizer, long, region, method=m, width=WIDTH, window_slack=0)]
        )
        for m in ("gradient", "ism")
    )
    np.testing.assert_allclose(found, exact, atol=0.01 * np.abs(exact).max())


def test_the_other_strand_of_the_genome_gives_the_same_estimates(estimates, long):
    opposite = long.reverse_complemented()
    length = len(long.texts["c"])
    found = {
        (s.variant.pos, s.variant.alt): s.llr
        for s in estimates(long, Interval("c", 120, 135), window_slack=0)
    }
    partner = dict(zip("ACGT", "TGCA", strict=True))
    for score in estimates(opposite, Interval("c", length - 135, length - 120), window_slack=0):
        mirrored = length + 1 - score.variant.pos, partner[score.variant.alt]
        assert score.llr == pytest.approx(found[mirrored], abs=1e-9)


@pytest.mark.parametrize("method", ["gradient", "integrated-gradients"])
def test_an_estimate_does_not_depend_on_what_else_is_asked(method, estimates, long):
    whole = {s.variant: s.llr for s in estimates(long, Interval("c", 90, 170), method, steps=4)}
    for score in estimates(long, Interval("c", 133, 137), method, steps=4):
        assert whole[score.variant] == score.llr


def test_a_shared_window_is_that_of_its_middle_position(estimates, long):
    middle = 4 * 32 + 16
    shared = estimates(long, Interval("c", middle - 16, middle + 16), window_slack=16)
    centred = estimates(long, Interval("c", middle, middle + 1), window_slack=0)
    assert [s for s in shared if s.variant.start == middle] == centred


def test_integrated_gradients_give_no_part_for_the_bases_downstream(estimates, long):
    assert all(
        s.flank is None for s in estimates(long, Interval("c", 10, 12), "integrated-gradients", steps=2)
    )


def test_windows_that_are_mostly_n_have_no_estimate(estimates, make_genome):
    genome = make_genome(c="N" * 200 + bases(20, 1) + "N" * 200)
    found = estimates(genome, Interval("c", 205, 208))
    assert {s.status for s in found} == {AlleleStatus.N_WINDOW}
    assert all(s.llr is None for s in found)


def test_a_circular_contig_is_read_across_its_origin(estimates, make_genome):
    text = bases(120, 4)
    turned = make_genome(c=text[60:] + text[:60])
    found = estimates(make_genome(c=text), Interval("c", 0, 3), circular=["c"], window_slack=0)
    middle = estimates(turned, Interval("c", 60, 63), circular=["c"], window_slack=0)
    np.testing.assert_allclose([s.llr for s in found], [s.llr for s in middle], atol=1e-9)


@pytest.mark.parametrize(
    ("variant", "error", "message"),
    [
        (Variant("c", 5, "AC", "A"), InputError, "AC>A at c:5 is no substitution"),
        (Variant("c", 5, "A", "N"), InputError, "A>N at c:5 is no substitution"),
        (Variant("c", 5, "N", "A"), ReferenceMismatchError, "REF differs from text.fa at c:5: expected N"),
    ],
)
def test_only_substitutions_of_the_reference_are_estimated(variant, error, message, genos, tokenizer, long):
    with pytest.raises(error, match=message):
        list(estimate_variants(genos, tokenizer, long, [variant], width=WIDTH, window_slack=0))
