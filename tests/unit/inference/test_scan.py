from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from cistron.errors import OutOfBoundsError, SequenceError, UnknownContigError, WindowError
from cistron.genome import Interval, Variant
from cistron.genome.sequence import reverse_complement
from cistron.inference.scan import scan
from cistron.inference.score import score_variants

WIDTH = 32
HALF = WIDTH // 2


def whole(found, chrom):
    """Log-odds, log-probability of the reference and entropy of a whole contig."""
    parts = [each for each in found if each.chrom == chrom]
    return tuple(
        np.concatenate([getattr(each, name) for each in parts])
        for name in ("log_odds", "ref_log_p", "entropy")
    )


def log_p(model, tokenizer, before: str) -> np.ndarray:
    """Log-probabilities of A, C, G and T behind a text."""
    ids = torch.from_numpy(tokenizer.encode(before)).unsqueeze(0)
    with torch.no_grad():
        last = model(ids).logits[0, -1].log_softmax(-1)
    return np.array([float(last[tokenizer.nucleotide_ids[base]]) for base in "ACGT"])


def test_an_entry_is_the_log_odds_of_a_substitution_mean_over_the_strands(model, tokenizer, genome):
    text = genome.texts["2"]
    found = list(scan(model, tokenizer, genome, [Interval("2", 0, 400)], width=WIDTH))
    odds, reference, _ = whole(found, "2")
    for pos in (1, 7, 100, 111, 112, 299, 398):
        cell = pos // HALF * HALF
        plus = log_p(model, tokenizer, text[max(cell - HALF, 0) : pos])
        behind = text[pos + 1 : min(cell + 2 * HALF, 400)]
        minus = log_p(model, tokenizer, reverse_complement(behind))[::-1]
        mean = (plus + minus) / 2
        ref = "ACGT".index(text[pos])
        np.testing.assert_allclose(odds[pos], mean - mean[ref], rtol=0, atol=1e-9)
        assert reference[pos] == pytest.approx(mean[ref], abs=1e-9)


def test_log_odds_are_the_part_of_a_score_that_falls_on_the_allele(model, tokenizer, genome):
    # At the beginning of a block a scan and a score have the same bases before the allele.
    text = genome.texts["2"]
    odds, _, _ = whole(scan(model, tokenizer, genome, width=WIDTH, strands="forward"), "2")
    for start in range(HALF, 400 - WIDTH, 3 * HALF):
        for column, alt in enumerate("ACGT"):
            if alt == text[start]:
                assert odds[start, column] == 0
                continue
            variant = Variant("2", start + 1, text[start], alt)
            (score,) = score_variants(
                model, tokenizer, genome, [variant], width=WIDTH, strands="forward", check_ref="error"
            )
            assert odds[start, column] == pytest.approx(score.llr - score.flank, abs=1e-8)


def test_whole_contigs_come_in_the_order_of_the_genome_without_gaps(genos, tokenizer, genome):
    found = list(scan(genos, tokenizer, genome, width=WIDTH))
    assert list(dict.fromkeys(each.chrom for each in found)) == ["1", "2", "tiny", "ring"]
    for chrom, text in genome.texts.items():
        parts = [each for each in found if each.chrom == chrom]
        assert "".join(each.bases for each in parts) == text
        assert [each.start for each in parts[1:]] == [each.end for each in parts[:-1]]


def test_a_stretch_has_the_values_of_the_whole_contig(model, tokenizer, genome):
    odds, reference, entropy = whole(scan(model, tokenizer, genome, width=WIDTH), "1")
    stretches = [Interval("1", 250, 333, "-"), Interval("1", 10, 11), Interval("1", 15, 17)]
    found = list(scan(model, tokenizer, genome, stretches, width=WIDTH, batch_tokens=50))
    assert [(each.start, each.end) for each in found][-3:] == [(10, 11), (15, 16), (16, 17)]
    for each in found:
        np.testing.assert_allclose(each.log_odds, odds[each.start : each.end], rtol=0, atol=1e-8)
        np.testing.assert_allclose(each.ref_log_p, reference[each.start : each.end], rtol=0, atol=1e-8)
        np.testing.assert_allclose(each.entropy, entropy[each.start : each.end], rtol=0, atol=1e-8)


@pytest.mark.parametrize("batch_tokens", [1, 100, 100_000])
def test_the_batch_changes_nothing(model, tokenizer, genome, batch_tokens):
    expected = whole(scan(model, tokenizer, genome, width=WIDTH), "1")
    found = whole(scan(model, tokenizer, genome, width=WIDTH, batch_tokens=batch_tokens), "1")
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-8)


def test_the_other_strand_gives_the_same_values_complemented(model, tokenizer, make_genome, genome):
    # 400 is a multiple of the block, so the windows of either strand are those of the other.
    there = make_genome(x=reverse_complement(genome.texts["2"]))
    odds, reference, entropy = whole(scan(model, tokenizer, genome, width=WIDTH), "2")
    other_odds, other_reference, other_entropy = whole(scan(model, tokenizer, there, width=WIDTH), "x")
    np.testing.assert_allclose(odds, other_odds[::-1][:, [3, 2, 1, 0]], rtol=0, atol=1e-8)
    np.testing.assert_allclose(reference, other_reference[::-1], rtol=0, atol=1e-8)
    np.testing.assert_allclose(entropy, other_entropy[::-1], rtol=0, atol=1e-8)


def test_n_has_no_value_and_every_base_has_one(genos, tokenizer, genome):
    odds, reference, entropy = whole(scan(genos, tokenizer, genome, width=WIDTH), "1")
    unknown = np.array([letter == "N" for letter in genome.texts["1"]])
    for values in (odds[:, 0], reference, entropy):
        np.testing.assert_array_equal(np.isnan(values), unknown)


def test_one_strand_has_nothing_to_say_about_the_first_base(genos, tokenizer, genome):
    _, reference, _ = whole(scan(genos, tokenizer, genome, width=WIDTH, strands="forward"), "2")
    assert np.isnan(reference).tolist() == [True] + [False] * 399


def test_the_mean_log_odds_are_those_of_the_three_substitutions(genos, tokenizer, genome):
    for each in scan(genos, tokenizer, genome, [Interval("2", 0, 40)], width=WIDTH):
        for row, base, mean in zip(each.log_odds, each.bases, each.mean_log_odds, strict=True):
            others = [value for value, letter in zip(row, "ACGT", strict=True) if letter != base]
            assert mean == pytest.approx(math.fsum(others) / 3, abs=1e-12)


def test_a_circular_contig_can_be_cut_anywhere(model, tokenizer, make_genome, genome):
    text = genome.texts["2"][:96]
    cut = 2 * HALF
    here = make_genome(x=text)
    there = make_genome(x=text[cut:] + text[:cut])
    one, other = (
        whole(scan(model, tokenizer, each, width=WIDTH, circular=["x"]), "x") for each in (here, there)
    )
    for values, turned in zip(one, other, strict=True):
        np.testing.assert_allclose(np.concatenate((values[cut:], values[:cut])), turned, rtol=0, atol=1e-8)
    straight = whole(scan(model, tokenizer, here, width=WIDTH), "x")
    assert np.abs(one[1][:3] - straight[1][:3]).max() > 1e-6


def test_a_human_mitochondrion_is_circular_without_being_asked(genos, tokenizer, make_genome):
    text = "".join(np.random.default_rng(1).choice(list("ACGT"), 16_569))
    mitochondrion = make_genome(MT=text)
    end = [Interval("MT", 16_560, 16_569)]
    (found,) = scan(genos, tokenizer, mitochondrion, end, width=64)
    (asked,) = scan(genos, tokenizer, mitochondrion, end, width=64, circular=["MT"])
    np.testing.assert_array_equal(found.log_p, asked.log_p)
    # A linear contig's last base has one strand only; here both have read something.
    renamed = make_genome(x=text)
    (linear,) = scan(genos, tokenizer, renamed, [Interval("x", 16_560, 16_569)], width=64)
    assert np.abs(found.log_p[-1] - linear.log_p[-1]).max() > 1e-6


@pytest.mark.parametrize(
    ("interval", "error", "told"),
    [
        (Interval("9", 0, 5), UnknownContigError, "'9' is not in text.fa"),
        (Interval("2", 390, 401), OutOfBoundsError, "2:391-401 is not in text.fa, where 2 has 400 bp"),
        (Interval("2", -1, 5), OutOfBoundsError, "is not in text.fa"),
    ],
)
def test_places_that_are_not_there_are_refused(genos, tokenizer, genome, interval, error, told):
    with pytest.raises(error, match=told):
        list(scan(genos, tokenizer, genome, [interval], width=WIDTH))


def test_a_window_beyond_the_context_is_refused(genos, tokenizer, genome):
    with pytest.raises(WindowError, match="exceeds the model's context"):
        next(scan(genos, tokenizer, genome, width=genos.config.context_length + 1))


def test_rna_is_refused_with_its_place_on_the_contig(genos, tokenizer, make_genome):
    with pytest.raises(SequenceError, match="contig x has U at position 70, so it is RNA"):
        list(scan(genos, tokenizer, make_genome(x="A" * 69 + "U" + "A" * 50), width=WIDTH))
