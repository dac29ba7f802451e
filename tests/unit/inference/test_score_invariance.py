"""A score depends on the haplotypes and the width, on nothing else."""

from __future__ import annotations

import random

import pytest

from cistron.genome import Variant
from cistron.inference.score import BLOCK, score_variants

EXACT = 1e-8
PAIRS = str.maketrans("ACGT", "TGCA")


def scores(model, tokenizer, genome, variants, **options):
    return [score.llr for score in score_variants(model, tokenizer, genome, variants, width=48, **options)]


def assert_same(found, expected):
    assert [value is None for value in found] == [value is None for value in expected]
    assert found == pytest.approx(expected, abs=EXACT)


@pytest.fixture(scope="module")
def variants(variants_of):
    """More than fill one block, with duplicates and several alleles of one site."""
    found = [*variants_of("1", BLOCK - 15, 1), *variants_of("2", 12, 2)]
    return [*found, *found[:5]]


@pytest.fixture(scope="module")
def expected(model, tokenizer, genome, variants):
    """Each variant scored alone."""
    return [scores(model, tokenizer, genome, [variant])[0] for variant in variants]


@pytest.mark.parametrize("batch_tokens", [200, 1_000_000])
def test_batches_of_any_size_give_what_each_variant_has_alone(
    model, tokenizer, genome, variants, expected, batch_tokens
):
    assert len(variants) > BLOCK
    assert_same(scores(model, tokenizer, genome, variants, batch_tokens=batch_tokens), expected)


def test_the_order_of_variants_changes_no_score(model, tokenizer, genome, variants, expected):
    order = random.Random(4).sample(range(len(variants)), len(variants))
    found = scores(model, tokenizer, genome, [variants[i] for i in order])
    assert_same(found, [expected[i] for i in order])


def test_answers_come_in_the_order_of_the_variants(model, tokenizer, genome, variants):
    found = score_variants(model, tokenizer, genome, iter(variants), width=48)
    assert [score.variant for score in found] == variants


def test_no_more_than_one_block_is_read_ahead(model, tokenizer, genome, variants):
    taken = []
    stream = (taken.append(variant) or variant for variant in variants)
    next(score_variants(model, tokenizer, genome, stream, width=48))
    assert len(taken) == BLOCK


def test_an_empty_stream_gives_nothing(model, tokenizer, genome):
    assert scores(model, tokenizer, genome, []) == []


SPELLINGS = {
    "insertion into a repeat": [
        ("GCAG", "GCAGCAG", 4),
        ("CAG", "CAGCAG", 8),
        ("A", "AGCA", 9),
        ("GC", "GCAGC", 10),
    ],
    "deletion from a repeat": [("TGCAG", "TG", 3), ("GCAG", "G", 4), ("GCAG", "G", 10), ("CAGT", "T", 11)],
    "SNV": [("A", "G", 2), ("TAT", "TGT", 1), ("TATG", "TGTG", 1)],
    "pair of neighbours": [("AT", "GC", 2), ("TATG", "TGCG", 1)],
    "replacement": [("TAT", "C", 1), ("TTAT", "TC", 0), ("TATGC", "CGC", 1)],
}


@pytest.mark.parametrize("strands", ["both", "forward"])
@pytest.mark.parametrize("spellings", SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_of_a_haplotype_scores_alike(model, tokenizer, make_genome, spellings, strands):
    left, middle, right = "GATTACCATGGTTCAAGCTA" * 2, "TTATGCAGCAGCAGTTC", "TAGGACCTTGAAACGGATCC" * 2
    genome = make_genome(a=left + middle + right)
    variants, haplotypes = [], set()
    for ref, alt, start in spellings:
        assert middle.startswith(ref, start)
        haplotypes.add(middle[:start] + alt + middle[start + len(ref) :])
        variants.append(Variant("a", len(left) + start + 1, ref, alt))
    assert len(haplotypes) == 1
    found = scores(model, tokenizer, genome, variants, strands=strands)
    assert found == pytest.approx([found[0]] * len(found), abs=EXACT)
    assert abs(found[0]) > 1e-3


def test_lower_case_alleles_score_like_upper_case(model, tokenizer, genome, variants_of):
    variants = variants_of("2", 10)
    lower = [Variant(v.chrom, v.pos, v.ref.lower(), v.alt.lower()) for v in variants]
    assert_same(scores(model, tokenizer, genome, lower), scores(model, tokenizer, genome, variants))


@pytest.mark.parametrize("chrom", ["1", "2", "tiny"])
def test_the_reverse_complement_of_a_genome_gives_the_same_scores(
    model, tokenizer, genome, variants_of, chrom
):
    variants, length = variants_of(chrom, 30, 3), genome.contigs[chrom]
    turned = [
        Variant(
            chrom, length - v.pos - len(v.ref) + 2, v.ref.translate(PAIRS)[::-1], v.alt.translate(PAIRS)[::-1]
        )
        for v in variants
    ]
    found = scores(model, tokenizer, genome.reverse_complemented(), turned)
    assert_same(found, scores(model, tokenizer, genome, variants))


def test_exchanging_reference_and_alternative_of_an_snv_changes_the_sign(model, tokenizer, make_genome):
    left, right = "GATTACCATGGTTCAAGCTA", "TAGGACCTTGAAACGGATCC"
    there = scores(model, tokenizer, make_genome(a=left + "A" + right), [Variant("a", 21, "A", "C")])
    back = scores(model, tokenizer, make_genome(a=left + "C" + right), [Variant("a", 21, "C", "A")])
    assert there[0] == pytest.approx(-back[0], abs=EXACT)


def test_an_allele_equal_to_the_reference_scores_zero(model, tokenizer, genome):
    base = genome.texts["2"][200]
    assert scores(model, tokenizer, genome, [Variant("2", 201, base, base)]) == [0.0]


def test_bases_outside_the_window_change_nothing(model, tokenizer, make_genome):
    inside = "GATTACCATGGTTCAAGCTAGGCATATCGCCTTAAGCGAACTGCATTGGA"[:48]
    variant = Variant("a", 60 + 25, inside[24], "G" if inside[24] != "G" else "T")
    found = [
        scores(model, tokenizer, make_genome(a=side * 60 + inside + side * 60), [variant], strands="forward")
        for side in "AC"
    ]
    assert found[0] == found[1]
