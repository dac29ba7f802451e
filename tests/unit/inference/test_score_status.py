"""What gets no score, and why; what is refused, and in which words."""

from __future__ import annotations

import math

import pytest

from cistron.errors import ReferenceMismatchError, WindowError
from cistron.genome import Variant
from cistron.inference.score import checked_width, score_variants

TEXT = "GATTACCATGGTTCAAGCTA" * 6


@pytest.fixture(scope="module")
def small(make_genome):
    return make_genome(
        **{"1": TEXT, "chr2": "N" * 90 + TEXT[:10] + "N" * 50, "3": TEXT[:60] + "R" + TEXT[61:]}
    )


@pytest.fixture(scope="module")
def score(genos, tokenizer, small):
    def run(variant, width=32, **options):
        return next(score_variants(genos, tokenizer, small, [variant], width=width, **options))

    return run


STATUSES = {
    "SYMBOLIC": [
        Variant("1", 50, "G", "<DUP>"),
        Variant("1", 50, "G", "<NON_REF>"),
        Variant("1", 50, "G", "<DEL>"),
    ],
    "SPANNING": [Variant("1", 50, "G", "*")],
    "BREAKEND": [Variant("1", 50, "G", "G[1:5["), Variant("1", 50, "G", "G.")],
    "IUPAC": [Variant("1", 50, "G", "R"), Variant("1", 50, "G", "AN")],
    "CONTIG_UNKNOWN": [Variant("7", 50, "G", "A"), Variant("MT", 50, "G", "A")],
    "N_WINDOW": [Variant("chr2", 92, "A", "C")],
    "TOO_LONG": [Variant("1", 41, TEXT[40:50], TEXT[40]), Variant("1", 50, "G", "G" + "ACGT" * 3)],
}


@pytest.mark.parametrize(("status", "variant"), [(k, v) for k, many in STATUSES.items() for v in many])
def test_an_allele_without_a_score_says_why(score, status, variant):
    assert score(variant) == (variant, None, None, status, None)


def test_unscored_alleles_do_not_disturb_the_others(genos, tokenizer, small, score):
    good = Variant("1", 60, TEXT[59], "C" if TEXT[59] != "C" else "G")
    bad = [variant for many in STATUSES.values() for variant in many]
    mixed = [item for variant in bad for item in (variant, good)]
    found = list(score_variants(genos, tokenizer, small, mixed, width=32))
    assert all(each.llr == pytest.approx(score(good).llr, abs=1e-8) for each in found[1::2])
    assert all(each.llr is None for each in found[::2])


def test_a_deletion_with_an_end_scores_like_the_spelled_one(score):
    spelled = score(Variant("1", 50, TEXT[49:54], TEXT[49]))
    symbolic = score(Variant("1", 50, TEXT[49], "<DEL>", end=54))
    assert symbolic.llr == pytest.approx(spelled.llr, abs=1e-8)
    assert symbolic.flank == pytest.approx(spelled.flank, abs=1e-8)


def test_a_contig_is_found_by_its_other_name(score):
    variant = Variant("1", 60, TEXT[59], "C" if TEXT[59] != "C" else "G")
    assert score(Variant("chr1", variant.pos, variant.ref, variant.alt)).llr == score(variant).llr


def test_an_ambiguous_base_of_the_reference_matches_what_it_contains(score):
    assert score(Variant("3", 61, "A", "G")).status is None
    assert score(Variant("3", 61, "C", "G"), check_ref="warn").status == "REF_MISMATCH"


def test_the_first_wrong_reference_allele_stops_and_says_where(score):
    assert TEXT[49] == "G"
    with pytest.raises(ReferenceMismatchError) as caught:
        score(Variant("1", 50, "T", "A"))
    assert str(caught.value) == (
        "REF differs from text.fa at 1:50: expected T, found G; is this the reference the variants were "
        "called on?"
    )


@pytest.mark.parametrize("pos", [0, 120, 121, 5000])
def test_a_reference_allele_outside_the_contig_is_a_mismatch(score, pos):
    variant = Variant("1", pos, "AG", "A")
    assert score(variant, check_ref="warn").status == "REF_MISMATCH"
    with pytest.raises(ReferenceMismatchError, match=r"found (A|nothing \(outside the contig\));"):
        score(variant)


def test_the_recommended_width_is_the_default(genos, tokenizer, small):
    variant = Variant("1", 60, TEXT[59], "C" if TEXT[59] != "C" else "G")
    default = next(score_variants(genos, tokenizer, small, [variant]))
    assert checked_width(genos, None) == genos.config.width == 512
    assert default == next(score_variants(genos, tokenizer, small, [variant], width=512))


def test_a_window_beyond_the_context_is_refused_with_the_largest_width(genos):
    assert checked_width(genos, 4096) == 4096
    with pytest.raises(WindowError) as caught:
        checked_width(genos, 4097)
    assert str(caught.value) == (
        "a window of 4,097 bp exceeds the model's context; the largest width is 4,096; "
        "models that read as much: genos-1.2b (1,048,576), genos-10b (1,048,576)"
    )


@pytest.mark.parametrize("width", [7, 1, 0, -5])
def test_a_window_that_holds_nothing_is_refused(genos, width):
    with pytest.raises(WindowError, match="is too small to compare alleles in; use 8 or more"):
        checked_width(genos, width)


def test_a_wrong_width_is_refused_before_any_variant_is_read(genos, tokenizer, small):
    def never():
        pytest.fail("a variant was read")
        yield

    with pytest.raises(WindowError):
        next(score_variants(genos, tokenizer, small, never(), width=5000))


def test_scores_are_nats_of_plain_floats(score):
    found = score(Variant("1", 60, TEXT[59], "C" if TEXT[59] != "C" else "G"))
    assert type(found.llr) is type(found.flank) is float
    assert math.isfinite(found.llr)
    assert math.isfinite(found.flank)
