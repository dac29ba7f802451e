"""`score_variants` against the definition, computed without state, batches or sharing."""

from __future__ import annotations

import pytest
import torch

from cistron.genome import Variant
from cistron.inference.score import score_variants

EXACT = 1e-8


def run(model, tokenizer, genome, variants, **options):
    return list(score_variants(model, tokenizer, genome, variants, **options))


def assert_agrees(oracle, genome, found, **options):
    for score in found:
        expected = oracle.score(genome, score.variant, **options)
        assert score.status is None
        assert score.llr == pytest.approx(expected.llr, abs=EXACT), score
        assert score.flank == pytest.approx(expected.flank, abs=EXACT), score


@pytest.mark.parametrize("indel", ["neutral", "equal-tokens"])
@pytest.mark.parametrize("width", [33, 64])
def test_random_variants_of_every_kind_score_as_defined(
    model, tokenizer, genome, variants_of, make_oracle, width, indel
):
    variants = [*variants_of("1", 40, width), *variants_of("2", 20, width)]
    found = run(model, tokenizer, genome, variants, width=width, indel=indel)
    kept = [score for score in found if score.status is None]
    assert len(kept) > 50
    assert sum(len(score.variant.ref) != len(score.variant.alt) for score in kept) > 15
    assert_agrees(make_oracle(model, width, indel=indel), genome, kept)


def test_the_forward_strand_alone_scores_as_defined(model, tokenizer, genome, variants_of, make_oracle):
    found = run(model, tokenizer, genome, variants_of("2", 25), width=48, strands="forward")
    assert_agrees(make_oracle(model, 48, strands="forward"), genome, found)


def test_windows_cut_by_both_ends_of_a_contig_score_as_defined(
    model, tokenizer, genome, variants_of, make_oracle
):
    found = run(model, tokenizer, genome, variants_of("tiny", 30), width=200)
    assert_agrees(make_oracle(model, 200), genome, found)


@pytest.mark.parametrize("indel", ["neutral", "equal-tokens"])
def test_the_first_and_last_bases_of_a_contig_score_as_defined(model, tokenizer, genome, make_oracle, indel):
    text = genome.texts["2"]
    size = len(text)
    variants = [
        *(Variant("2", pos, text[pos - 1], alt) for pos in (1, 2, size - 1, size) for alt in "ACGT"),
        Variant("2", 1, text[:3], text[2]),
        Variant("2", 1, text[0], "GATT" + text[0]),
        Variant("2", 1, text[:2], "CCAG"),
        Variant("2", size - 3, text[-4:], text[-4]),
        Variant("2", size, text[-1], text[-1] + "GCA"),
        Variant("2", size - 1, text[-2:], "GTACC"),
    ]
    variants = [variant for variant in variants if variant.ref != variant.alt]
    found = run(model, tokenizer, genome, variants, width=40, indel=indel)
    assert_agrees(make_oracle(model, 40, indel=indel), genome, found)


def test_circular_contigs_are_read_across_their_ends(model, tokenizer, genome, variants_of, make_oracle):
    text = genome.texts["ring"]
    edges = [
        Variant("ring", 1, text[0], "A" if text[0] != "A" else "C"),
        Variant("ring", 97, text[-1], "A" if text[-1] != "A" else "C"),
        Variant("ring", 96, text[-2:], "GG" if text[-2:] != "GG" else "CC"),
    ]
    variants = [*edges, *variants_of("ring", 25)]
    found = run(model, tokenizer, genome, variants, width=32, circular=["ring"])
    assert_agrees(make_oracle(model, 32), genome, found, circular=True)
    straight = run(model, tokenizer, genome, edges, width=32)
    assert all(abs(a.llr - b.llr) > 1e-6 for a, b in zip(straight, found, strict=False))


def test_a_ring_shorter_than_the_window_is_read_once_round(model, tokenizer, genome, make_oracle):
    text = genome.texts["ring"]
    variants = [Variant("ring", pos, text[pos - 1], "A" if text[pos - 1] != "A" else "C") for pos in (1, 50)]
    found = run(model, tokenizer, genome, variants, width=4000, circular=["ring"])
    assert_agrees(make_oracle(model, 97), genome, found, circular=True)


def test_a_mitochondrion_of_16569_bases_is_circular_by_itself(model, tokenizer, make_genome, make_oracle):
    text = ("GATCACAGGTCTATCACCCTATTAACCACTCACGGGAGCTCTCCATGCAT" * 332)[:16_569]
    genome = make_genome(chrM=text)
    variants = [
        Variant("chrM", pos, text[pos - 1], "A" if text[pos - 1] != "A" else "C") for pos in (3, 16_568)
    ]
    found = run(model, tokenizer, genome, variants, width=64)
    assert_agrees(make_oracle(model, 64), genome, found, circular=True)
    named = [Variant("MT", variant.pos, variant.ref, variant.alt) for variant in variants]
    again = run(model, tokenizer, genome, named, width=64, lengths={"MT": 16_569})
    assert [score.llr for score in again] == [score.llr for score in found]


class OpinionatedAboutN(torch.nn.Module):
    """The same model with another, wildly varying, but always negligible probability of N."""

    def __init__(self, model, scale):
        super().__init__()
        self.inner, self.scale, self.config, self.empty_state = model, scale, model.config, model.empty_state

    def forward(self, *args, **options):
        output = self.inner(*args, **options)
        output.logits[..., 9] = -60 + self.scale * output.logits[..., 5].tanh()
        return output


def test_the_likelihood_of_an_n_is_in_no_score(model, tokenizer, make_genome):
    left, right = "ACGTTGCAAGCTTGCATTAC", "GGATCCTTAGCATCGGATAC"
    genome = make_genome(a=left + "NNNNN" + right)
    variants = [Variant("a", 19, "A", "G"), Variant("a", 18, "TA", "T"), Variant("a", 27, "G", "GACA")]
    opinions = [OpinionatedAboutN(model, scale) for scale in (0, 15)]
    silent, loud = (run(opinion, tokenizer, genome, variants, width=40) for opinion in opinions)
    for quiet, other in zip(silent, loud, strict=True):
        assert quiet.status is None
        assert other.llr == pytest.approx(quiet.llr, abs=EXACT)
        assert other.flank == pytest.approx(quiet.flank, abs=EXACT)


def test_float32_with_a_shared_prefix_stays_within_the_bound(
    genos, tokenizer, make_genome, variants_of, make_oracle
):
    single = type(genos)(genos.config).eval()
    single.load_state_dict({name: value.float() for name, value in genos.state_dict().items()})
    generator = torch.Generator().manual_seed(1)
    text = "".join("ACGT"[i] for i in torch.randint(4, (3000,), generator=generator).tolist())
    genome = make_genome(c=text)
    variants = [
        Variant("c", 1501, text[1500], "ACGT"["ACGT".index(text[1500]) - 1]),
        Variant("c", 1600, text[1599], text[1599] + "GATTACA"),
        Variant("c", 1400, text[1399:1410], text[1399]),
    ]
    oracle = make_oracle(single, 2048)
    for score in run(single, tokenizer, genome, variants, width=2048):
        expected = oracle.score(genome, score.variant)
        assert score.llr == pytest.approx(expected.llr, abs=1e-4)
        assert score.flank == pytest.approx(expected.flank, abs=1e-4)
