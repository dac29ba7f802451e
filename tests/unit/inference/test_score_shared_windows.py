"""Variants that share windows of a grid, and suffixes that are not read to their ends."""

from __future__ import annotations

import math
import random

import pytest
import torch

from cistron.errors import InputError, WindowError
from cistron.genome import Variant
from cistron.inference.score import BLOCK, score_variants

EXACT = 1e-8
WIDTH, SLACK = 64, 16


def run(model, tokenizer, genome, variants, **options):
    return list(score_variants(model, tokenizer, genome, variants, **{"width": WIDTH, **options}))


def saturation(text, chrom, start, end):
    """All three substitutions at every base."""
    return [
        Variant(chrom, pos + 1, text[pos], alt)
        for pos in range(start, end)
        for alt in "ACGT"
        if text[pos] in "ACGT" and alt != text[pos]
    ]


def in_grid(oracle, genome, variant):
    """An SNV's score straight from its definition in the window of the grid, one strand after the other."""
    text, place = genome.texts[variant.chrom], variant.pos - 1
    middle = place // (2 * SLACK) * (2 * SLACK) + SLACK
    llr = []
    for strand in "+-":
        first, last = middle - WIDTH // 2, middle - WIDTH // 2 + WIDTH
        if strand == "-":
            first, last = middle + WIDTH // 2 + 1 - WIDTH, middle + WIDTH // 2 + 1
        first, last = max(first, 0), min(last, len(text))
        both = []
        for base in (variant.ref, variant.alt):
            window = text[first:place] + base + text[place + 1 : last]
            at = place - first
            if strand == "-":
                window = window.translate(str.maketrans("ACGTN", "TGCAN"))[::-1]
                at = len(window) - 1 - at
            both.append([value for value in oracle.scores(window)[at:] if not math.isnan(value)])
        llr.append(math.fsum(both[1]) - math.fsum(both[0]))
    return sum(llr) / 2


@pytest.fixture(scope="module")
def substitutions(genome):
    """More than a block: part of a saturated stretch, and both ends of a contig."""
    text = genome.texts["2"]
    found = saturation(text, "2", 180, 215) + saturation(text, "2", 0, 6) + saturation(text, "2", 390, 400)
    assert len(found) > BLOCK
    return found


def test_substitutions_score_as_defined_in_the_window_of_their_cell(
    model, tokenizer, genome, substitutions, make_oracle
):
    oracle = make_oracle(model, WIDTH)
    for score in run(model, tokenizer, genome, substitutions, window_slack=SLACK):
        assert score.llr == pytest.approx(in_grid(oracle, genome, score.variant), abs=EXACT), score


@pytest.fixture(scope="module")
def mixed(genome, variants_of, substitutions):
    """Variants of every kind, many in one another's windows, with duplicates."""
    return [*variants_of("1", 20, 1), *variants_of("2", 15, 2), *substitutions[:12], *substitutions[5:8]]


@pytest.mark.parametrize("indel", ["neutral", "equal-tokens"])
@pytest.mark.parametrize("slack", [0, SLACK])
def test_company_order_and_batches_change_no_score(model, tokenizer, genome, mixed, slack, indel):
    options = {"window_slack": slack, "indel": indel}
    expected = [run(model, tokenizer, genome, [variant], **options)[0] for variant in mixed]
    order = random.Random(3).sample(range(len(mixed)), len(mixed))
    for batch_tokens in (150, 100_000):
        found = run(model, tokenizer, genome, [mixed[i] for i in order], batch_tokens=batch_tokens, **options)
        for place, score in zip(order, found, strict=True):
            assert score.variant == mixed[place]
            assert score.status == expected[place].status
            assert score.llr == pytest.approx(expected[place].llr, abs=EXACT)
            assert score.flank == pytest.approx(expected[place].flank, abs=EXACT)


@pytest.fixture
def two_threads():
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


@pytest.mark.parametrize("suffix", ["exact", "auto"])
def test_two_workers_give_what_one_gives(model, tokenizer, genome, mixed, two_threads, suffix):
    options = {"window_slack": SLACK, "batch_tokens": 300, "suffix": suffix}
    two = run(model, tokenizer, genome, mixed, **options)
    torch.set_num_threads(1)
    one = run(model, tokenizer, genome, mixed, **options)
    assert [score.llr for score in two] == pytest.approx([score.llr for score in one], abs=EXACT)


def test_every_spelling_of_a_haplotype_lies_in_the_same_window(model, tokenizer, make_genome):
    genome = make_genome(a="GATTACCATGGTTCAAGCTA" * 2 + "TTATGCAGCAGCAGTTC" + "TAGGACCTTGAAACGGATCC" * 2)
    spellings = [Variant("a", 43, "ATG", "A"), Variant("a", 44, "TGC", "C"), Variant("a", 42, "TATGC", "TAC")]
    found = run(model, tokenizer, genome, spellings, width=48, window_slack=12)
    assert [score.llr for score in found] == pytest.approx([found[0].llr] * 3, abs=EXACT)


def test_a_ring_has_a_grid_as_well(model, tokenizer, genome):
    variants = saturation(genome.texts["ring"], "ring", 0, 3) + saturation(
        genome.texts["ring"], "ring", 94, 97
    )
    options = {"width": 32, "circular": ["ring"], "window_slack": 8}
    together = run(model, tokenizer, genome, variants, **options)
    apart = [run(model, tokenizer, genome, [variant], **options)[0] for variant in variants]
    assert [score.llr for score in together] == pytest.approx([score.llr for score in apart], abs=EXACT)


class Counting(torch.nn.Module):
    """The same model, counting the tokens that it reads, in all and at most at once."""

    def __init__(self, model):
        super().__init__()
        self.inner, self.config, self.empty_state, self.tokens = model, model.config, model.empty_state, 0
        self.most = 0

    def forward(self, input_ids, *args, **options):
        self.tokens += input_ids.numel()
        self.most = max(self.most, input_ids.numel())
        return self.inner(input_ids, *args, **options)


def test_a_saturated_stretch_reads_its_reference_once_a_strand(model, tokenizer, genome, substitutions):
    counting = Counting(model)
    stretch = [variant for variant in substitutions if 193 <= variant.pos <= 208]
    assert len(stretch) == 48
    run(counting, tokenizer, genome, stretch, window_slack=SLACK)
    # These are the first half of a cell: their suffixes are long on the one strand and short on the other.
    suffixes = 3 * sum(WIDTH - 1 - upstream for upstream in (*range(16, 32), *range(33, 49)))
    reread = 2 * 48 * 3  # the branches of a fork leave within a sixteenth of what lies behind it
    assert suffixes <= counting.tokens - 2 * (WIDTH - 1) <= suffixes + reread


def test_a_model_of_short_memory_needs_little_of_a_long_suffix(tokenizer, make_genome):
    from cistron.models.markov import fit

    rng = random.Random(1)
    text = "".join(rng.choices("ACGT", k=6000))
    model = Counting(fit([text[:3000]], 4).double())
    genome = make_genome(c=text)
    variants = [Variant("c", pos, text[pos - 1], "ACGT"["CGTA".index(text[pos - 1])]) for pos in (2900, 3000)]
    exact = run(model, tokenizer, genome, variants, width=4096)
    whole, model.tokens = model.tokens, 0
    found = run(model, tokenizer, genome, variants, width=4096, suffix="auto")
    assert [score.llr for score in found] == pytest.approx([score.llr for score in exact], abs=EXACT)
    assert [score.error for score in found] == [0, 0]
    assert 4 * 2048 <= model.tokens <= 4 * (2048 + 2 * 256) < whole / 2


def test_windows_longer_than_a_chunk_are_read_a_chunk_at_a_time(tokenizer, make_genome):
    from cistron.inference.chunks import CHUNK_TOKENS
    from cistron.models.markov import fit

    text = "".join(random.Random(1).choices("ACGT", k=60_000))
    model, genome = Counting(fit([text[:3000]], 4).double()), make_genome(c=text)
    places = (29_900, 30_000, 30_001)
    variants = [Variant("c", pos, text[pos - 1], "ACGT"["CGTA".index(text[pos - 1])]) for pos in places]
    long = run(model, tokenizer, genome, variants, width=50_000, window_slack=2000)
    assert model.most <= CHUNK_TOKENS
    assert model.tokens > 4 * 50_000
    # A model of four bases of memory cannot tell how far the window reaches.
    short = run(model, tokenizer, genome, variants, width=1000)
    assert [score.llr for score in long] == pytest.approx([score.llr for score in short], abs=EXACT)


@pytest.mark.parametrize("slack", [0, 64])
def test_auto_stops_where_its_estimate_allows_and_says_what_it_may_have_missed(
    genos, tokenizer, make_genome, monkeypatch, slack
):
    tolerance = 0.5
    monkeypatch.setattr("cistron.inference.scoring.branches.TOLERANCE", tolerance)
    text = "".join(random.Random(2).choices("ACGT", k=1000))
    genome = make_genome(c=text)
    variants = [*saturation(text, "c", 500, 505), Variant("c", 505, text[504:508], text[504])]
    options = {"width": 512, "window_slack": slack}
    exact = run(genos, tokenizer, genome, variants, **options)
    found = run(genos, tokenizer, genome, variants, suffix="auto", **options)
    for one, other in zip(found, exact, strict=True):
        assert one.error <= tolerance
        assert abs(one.llr - other.llr) <= (tolerance if one.error else EXACT)
    assert sum(score.error > 0 for score in found) > 5


@pytest.mark.parametrize("slack", [0, SLACK])
def test_a_number_reads_so_many_bases_behind_the_allele(model, tokenizer, genome, variants_of, slack):
    variants = [v for v in variants_of("2", 40, 5) if len(v.ref) == len(v.alt)]
    cut = run(model, tokenizer, genome, variants, suffix=3, window_slack=slack)
    long = run(model, tokenizer, genome, variants, suffix=1000, window_slack=slack)
    exact = run(model, tokenizer, genome, variants, window_slack=slack)
    assert [score.llr for score in long] == pytest.approx([score.llr for score in exact], abs=EXACT)
    assert all(score.error == 0 for score in long + exact)
    inside = [score for score in cut if WIDTH < score.variant.pos < 400 - WIDTH]
    assert inside
    assert all(score.error > 0 for score in inside)


def test_a_number_counts_bases_and_not_those_of_the_allele(genos, tokenizer, make_genome, make_oracle):
    text = "".join(random.Random(4).choices("ACGT", k=200))
    genome, variant = make_genome(c=text), Variant("c", 101, text[100], "ACGT"["CGTA".index(text[100])])
    (found,) = run(genos, tokenizer, genome, [variant], suffix=5, strands="forward")
    scores = make_oracle(genos, WIDTH).scores
    ref, alt = (scores(text[68:100] + base + text[101:106])[32:] for base in (variant.ref, variant.alt))
    assert found.llr == pytest.approx(math.fsum(alt) - math.fsum(ref), abs=EXACT)
    assert found.flank == pytest.approx(math.fsum(alt[1:]) - math.fsum(ref[1:]), abs=EXACT)


@pytest.mark.parametrize("suffix", [4, "auto"])
def test_the_correction_for_length_takes_the_mean_of_the_whole_reference_window(
    model, tokenizer, genome, suffix
):
    # Everything but the flank: the allele itself and the correction.
    text = genome.texts["2"]
    long = Variant("2", 200, text[199], text[199] + "ACGTTGCATTAC")
    short = Variant("2", 200, text[199], text[199] + "AC")
    for variant in (long, short):
        (cut,) = run(model, tokenizer, genome, [variant], suffix=suffix, strands="forward")
        (exact,) = run(model, tokenizer, genome, [variant], strands="forward")
        assert cut.llr - cut.flank == pytest.approx(exact.llr - exact.flank, abs=EXACT)


def test_indels_under_the_rule_of_equal_tokens_are_always_read_to_their_ends(model, tokenizer, genome):
    text = genome.texts["2"]
    indels = [Variant("2", 200, text[199:203], text[199]), Variant("2", 220, text[219], text[219] + "GATC")]
    exact = run(model, tokenizer, genome, indels, indel="equal-tokens")
    for suffix in (2, "auto"):
        found = run(model, tokenizer, genome, indels, indel="equal-tokens", suffix=suffix)
        assert [score.llr for score in found] == pytest.approx([score.llr for score in exact], abs=EXACT)
        assert [score.error for score in found] == [0, 0]


@pytest.mark.parametrize(("slack", "width"), [(17, 64), (-1, 64)])
def test_a_slack_that_does_not_fit_is_refused_before_any_variant_is_read(
    genos, tokenizer, genome, slack, width
):
    with pytest.raises(WindowError, match="give 0 to 16"):
        next(score_variants(genos, tokenizer, genome, iter([object()]), width=width, window_slack=slack))


def test_a_suffix_that_does_not_exist_is_refused_before_any_variant_is_read(genos, tokenizer, genome):
    with pytest.raises(InputError, match="suffix 'most'"):
        next(score_variants(genos, tokenizer, genome, iter([object()]), suffix="most"))
