from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cistron.errors import OutOfBoundsError, UnknownContigError, WindowError
from cistron.genome import Variant
from cistron.genome.alleles import Allele, AlleleStatus, trim
from cistron.genome.sequence import reverse_complement
from cistron.genome.windows import AlleleWindow, allele_window, checked_slack

HAND = "GATTACAGGCTTAACCGTC"
STRANDS = ("+", "-")


def test_an_snv_sits_at_half_the_width_on_either_strand(genome) -> None:
    allele = Allele("c", 9, "C", "T")
    plus = allele_window(genome(c=HAND), allele, 8, "+")
    minus = allele_window(genome(c=HAND), allele, 8, "-")
    assert plus == AlleleWindow("+", "CAGG", "C", "T", "TTA", "TTA")
    assert minus == AlleleWindow("-", "TTAA", "G", "A", "CCT", "CCT")
    assert plus.ref_sequence[4] == "C"
    assert minus.ref_sequence[4] == "G"
    assert len(plus.ref_sequence) == len(minus.alt_sequence) == 8


def test_a_deletion_leaves_both_alleles_the_same_downstream_bases(genome) -> None:
    allele = Allele("c", 10, "TT", "")
    plus = allele_window(genome(c=HAND), allele, 8, "+")
    minus = allele_window(genome(c=HAND), allele, 8, "-")
    assert plus == AlleleWindow("+", "AGGC", "TT", "", "AA", "AA")
    assert minus == AlleleWindow("-", "GGTT", "AA", "", "GC", "GC")


def test_an_insertion_fills_the_width_with_the_longer_haplotype(genome) -> None:
    window = allele_window(genome(c=HAND), Allele("c", 9, "", "AT"), 9, "+")
    assert window == AlleleWindow("+", "CAGG", "", "AT", "CTT", "CTT")
    assert len(window.alt_sequence) == 9


def test_equal_tokens_takes_more_reference_for_the_shorter_allele(genome) -> None:
    allele = Allele("c", 10, "TT", "")
    plus = allele_window(genome(c=HAND), allele, 8, "+", indel="equal-tokens")
    minus = allele_window(genome(c=HAND), allele, 8, "-", indel="equal-tokens")
    assert plus == AlleleWindow("+", "AGGC", "TT", "", "AA", "AACC")
    assert minus == AlleleWindow("-", "GGTT", "AA", "", "GC", "GCCT")


def test_each_strand_shifts_an_indel_its_own_way(genome) -> None:
    reference = genome(c="GGGTACACACCGTGG")
    for start, ref in ((4, "AC"), (6, "AC"), (5, "CA")):
        plus = allele_window(reference, Allele("c", start, ref, ""), 10, "+")
        minus = allele_window(reference, Allele("c", start, ref, ""), 10, "-")
        assert plus == AlleleWindow("+", "GGGT", "AC", "", "ACA", "ACA")
        assert minus == AlleleWindow("-", "CCACG", "GT", "", "GTG", "GTG")


def test_the_first_and_the_last_base_of_a_contig_have_a_window(genome) -> None:
    reference = genome(c=HAND)
    first, last = Allele("c", 0, "G", "A"), Allele("c", 18, "C", "A")
    assert allele_window(reference, first, 8, "+") == AlleleWindow("+", "", "G", "A", "ATT", "ATT")
    assert allele_window(reference, first, 8, "-") == AlleleWindow("-", "TAAT", "C", "T", "", "")
    assert allele_window(reference, last, 8, "+") == AlleleWindow("+", "CCGT", "C", "A", "", "")
    assert allele_window(reference, last, 8, "-") == AlleleWindow("-", "", "G", "T", "ACG", "ACG")


def test_equal_tokens_holds_at_the_end_of_a_contig_by_cutting_the_longer_allele(genome) -> None:
    window = allele_window(genome(c=HAND), Allele("c", 16, "GTC", ""), 20, "+", indel="equal-tokens")
    assert window == AlleleWindow("+", "CAGGCTTAAC", "C", "", "", "C")


def test_a_circular_contig_is_read_across_its_origin(genome) -> None:
    allele = Allele("c", 0, "G", "A")
    plus = allele_window(genome(c=HAND), allele, 8, "+", circular=True)
    minus = allele_window(genome(c=HAND), allele, 8, "-", circular=True)
    assert plus == AlleleWindow("+", "CGTC", "G", "A", "ATT", "ATT")
    assert minus == AlleleWindow("-", "TAAT", "C", "T", "GAC", "GAC")


def test_a_circular_contig_shorter_than_the_window_is_read_once_round(genome) -> None:
    window = allele_window(genome(c=HAND), Allele("c", 3, "T", "G"), 1_000, "+", circular=True)
    assert sorted(window.ref_sequence) == sorted(HAND)
    assert window.ref_sequence in HAND * 2
    tokens = allele_window(
        genome(c=HAND), Allele("c", 4, "A", ""), 1_000, "+", indel="equal-tokens", circular=True
    )
    assert len(tokens.ref_sequence) == len(tokens.alt_sequence) <= len(HAND)


@pytest.mark.parametrize(
    ("ref", "alt", "fits"),
    [("GC", "", True), ("GCT", "", False), ("", "AA", True), ("", "AAA", False), ("GCT", "A", False)],
)
@pytest.mark.parametrize("strand", STRANDS)
def test_an_allele_that_leaves_less_than_a_quarter_downstream_is_too_long(
    genome, ref: str, alt: str, fits: bool, strand: str
) -> None:
    window = allele_window(genome(c=HAND), Allele("c", 8, ref, alt), 8, strand)
    assert (window == AlleleStatus.TOO_LONG) is not fits


def test_too_long_is_decided_before_a_huge_deletion_is_read(genome) -> None:
    reference = genome(c=HAND)
    reference.contigs["c"] = 100_000_000
    allele = trim(Variant("c", 5, "A", "<DEL>", 90_000_000))
    assert allele_window(reference, allele, 8_192, "-") is AlleleStatus.TOO_LONG


def test_a_symbolic_deletion_that_fits_equals_the_spelled_one(genome) -> None:
    reference = genome(c=HAND)
    symbolic, spelled = Variant("c", 8, "G", "<DEL>", 10), Variant("c", 8, "GGC", "G")
    for strand in STRANDS:
        assert allele_window(reference, trim(symbolic), 12, strand) == allele_window(
            reference, trim(spelled), 12, strand
        )


@pytest.mark.parametrize(("letters", "n"), [("NNNNAAAA", False), ("NNNNNAAA", True), ("RRRRRAAA", True)])
def test_a_window_with_under_half_acgt_is_refused(genome, letters: str, n: bool) -> None:
    window = allele_window(genome(c=letters), Allele("c", 4, letters[4], "C"), 8, "+")
    assert (window == AlleleStatus.N_WINDOW) is n


def test_the_ref_allele_is_taken_from_the_vcf_where_the_genome_is_ambiguous(genome) -> None:
    window = allele_window(genome(c="ACGRACGT"), Allele("c", 3, "G", "T"), 6, "+")
    assert window.ref == "G"


def test_an_alt_that_equals_its_ref_has_two_equal_haplotypes(genome) -> None:
    window = allele_window(genome(c=HAND), trim(Variant("c", 8, "GG", "GG")), 8, "+")
    assert window.ref_sequence == window.alt_sequence == HAND[3:11]


def test_impossible_requests_are_errors(genome) -> None:
    reference = genome(c=HAND)
    with pytest.raises(UnknownContigError):
        allele_window(reference, Allele("d", 0, "A", "C"), 8, "+")
    with pytest.raises(OutOfBoundsError, match="c:19-20 reaches beyond the contig of 19 bp"):
        allele_window(reference, Allele("c", 18, "CA", "C"), 8, "+")
    with pytest.raises(WindowError, match="0 bp"):
        allele_window(reference, Allele("c", 0, "G", "C"), 0, "+")


@st.composite
def contig_and_edit(draw) -> tuple[str, int, int, str]:
    """A contig over few letters, so that repeats are common, and a stretch of it to replace."""
    contig = draw(st.text("AC", min_size=2, max_size=24)) + draw(st.text("ACGT", max_size=24))
    start = draw(st.integers(0, len(contig)))
    end = draw(st.integers(start, min(len(contig), start + 6)))
    alt = draw(st.text("ACG", max_size=6).filter(lambda text: text != contig[start:end]))
    return contig, start, end, alt


@settings(max_examples=400, deadline=None)
@given(contig_and_edit(), st.integers(1, 60), st.sampled_from(STRANDS), st.booleans())
def test_windows_are_pieces_of_the_contig_and_of_the_mutated_contig(
    genome, edit: tuple[str, int, int, str], width: int, strand: str, equal: bool
) -> None:
    contig, start, end, alt = edit
    mutated = contig[:start] + alt + contig[end:]
    window = allele_window(
        genome(c=contig),
        trim(Variant("c", start + 1, contig[start:end], alt)),
        width,
        strand,
        indel="equal-tokens" if equal else "neutral",
    )
    if strand == "-":
        contig, mutated = reverse_complement(contig), reverse_complement(mutated)
    # Whole contigs in reading direction, trimmed behind first: the most upstream place of the difference.
    shorter = min(len(contig), len(mutated))
    behind = next((i for i in range(shorter) if contig[-1 - i] != mutated[-1 - i]), shorter)
    before = next((i for i in range(shorter - behind) if contig[i] != mutated[i]), shorter - behind)
    ref, alt = contig[before : len(contig) - behind], mutated[before : len(mutated) - behind]
    room = width - width // 2
    longest = max(len(ref), len(alt))
    if room - longest < width / 4:
        assert window is AlleleStatus.TOO_LONG
        return
    first = max(0, before - width // 2)
    if equal:
        tokens = min(room, len(contig) - before, len(mutated) - before)
        ref_end = alt_end = before + tokens
    else:
        ref_end, alt_end = before + len(ref) + room - longest, before + len(alt) + room - longest
        assert (window.ref, window.alt, window.upstream) == (ref, alt, contig[first:before])
        assert window.downstream_ref == window.downstream_alt
    assert window.ref_sequence == contig[first:ref_end]
    assert window.alt_sequence == mutated[first:alt_end]


@settings(max_examples=300, deadline=None)
@given(contig_and_edit(), st.integers(0, 8), st.integers(0, 8), st.integers(4, 60), st.sampled_from(STRANDS))
def test_every_spelling_of_a_haplotype_gives_the_same_window(
    genome, edit: tuple[str, int, int, str], left: int, right: int, width: int, strand: str
) -> None:
    contig, start, end, alt = edit
    first, last = max(0, start - left), min(len(contig), end + right)
    padded = Variant("c", first + 1, contig[first:last].lower(), contig[first:start] + alt + contig[end:last])
    tight = Variant("c", start + 1, contig[start:end], alt)
    reference = genome(c=contig)
    windows = [allele_window(reference, trim(each), width, strand) for each in (padded, tight)]
    assert windows[0] == windows[1]


@settings(max_examples=300, deadline=None)
@given(contig_and_edit(), st.integers(1, 40), st.sampled_from(STRANDS))
def test_a_circular_window_equals_one_in_the_middle_of_three_copies(
    genome, edit: tuple[str, int, int, str], width: int, strand: str
) -> None:
    contig, start, end, alt = edit
    contig += "GATTTCAGTTACGGCT"  # no indel can turn all the way round past this
    width = min(width, len(contig))
    ref = contig[start:end]
    once = trim(Variant("c", start + 1, ref, alt))
    middle = trim(Variant("c", len(contig) + start + 1, ref, alt))
    assert allele_window(genome(c=contig), once, width, strand, circular=True) == allele_window(
        genome(c=contig * 3), middle, width, strand
    )


def test_neighbours_of_one_cell_of_the_grid_share_a_window(genome) -> None:
    reference = genome(c=HAND * 6)
    for strand in STRANDS:
        windows = [
            allele_window(reference, Allele("c", start, HAND[start % 19], "N"), 32, strand, slack=8)
            for start in range(48, 64)
        ]
        assert {window.origin for window in windows} == {("c", 40 if strand == "+" else 72)}
        assert len({window.ref_sequence for window in windows}) == 1
    # The base in the middle of the cell sits at half the width, as without slack.
    middle = Allele("c", 56, "A", "C")
    assert allele_window(reference, middle, 32, "+", slack=8) == allele_window(reference, middle, 32, "+")


@settings(max_examples=300, deadline=None)
@given(contig_and_edit(), st.integers(8, 60), st.integers(0, 15), st.sampled_from(STRANDS), st.booleans())
def test_a_window_of_the_grid_differs_from_a_centred_one_only_in_where_it_begins_and_ends(
    genome, edit: tuple[str, int, int, str], width: int, slack: int, strand: str, equal: bool
) -> None:
    contig, start, end, alt = edit
    slack = min(slack, width // 4)
    allele = trim(Variant("c", start + 1, contig[start:end], alt))
    indel = "equal-tokens" if equal else "neutral"
    far = "GATTACA" * 20
    reference = genome(c=far + contig + far)
    allele = Allele("c", len(far) + allele.start, allele.ref, allele.alt)
    centred = allele_window(reference, allele, width, strand, indel=indel)
    window = allele_window(reference, allele, width, strand, indel=indel, slack=slack)
    assert isinstance(window, AlleleStatus) == isinstance(centred, AlleleStatus)
    if isinstance(window, AlleleStatus):
        return
    assert (window.ref, window.alt) == (centred.ref, centred.alt)
    moved = len(window.upstream) - width // 2
    assert -slack <= moved <= slack
    assert width // 4 <= len(window.upstream) <= width // 2 + slack
    assert 4 * len(window.ref_sequence[len(window.upstream) :]) >= width or len(window.alt) > len(window.ref)
    assert max(len(window.ref_sequence), len(window.alt_sequence)) == width
    text = reference.fetch("c", 0, reference.contigs["c"])
    first = window.origin[1]
    if strand == "-":
        text, first = reverse_complement(text), len(text) - 1 - first
    assert text[first:].startswith(window.ref_sequence)
    if slack:
        # The window's middle is the middle of a cell of the grid, or the allele's own.
        middle = first + width // 2
        place = middle if strand == "+" else len(text) - 1 - middle
        assert moved == 0 or place % (2 * slack) == slack


def test_an_allele_too_long_for_the_place_that_the_grid_gives_it_has_its_own_window(genome) -> None:
    reference = genome(c=HAND * 6)
    long = Allele("c", 63, "", "ACGTACGT")
    assert len(allele_window(reference, long, 32, "+", slack=8).upstream) == 16
    assert len(allele_window(reference, Allele("c", 63, "T", "A"), 32, "+", slack=8).upstream) == 23


@pytest.mark.parametrize(("slack", "width"), [(0, 8), (2, 8), (512, 2048)])
def test_a_slack_up_to_a_quarter_of_the_width_is_taken(slack: int, width: int) -> None:
    assert checked_slack(slack, width) == slack


@pytest.mark.parametrize("slack", [-1, 513])
def test_a_slack_that_leaves_too_little_on_a_side_is_refused(slack: int) -> None:
    with pytest.raises(WindowError, match="does not fit windows of 2,048 bp; give 0 to 512"):
        checked_slack(slack, 2048)
