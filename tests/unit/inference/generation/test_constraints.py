from __future__ import annotations

import random
import sys
from itertools import product

import pytest
import torch

from cistron.errors import CistronError, InputError
from cistron.genome.sequence import reverse_complement
from cistron.inference.generation.allowed import AllowedBases
from cistron.inference.generation.constraints import ConstraintError, Constraints, GCRange, parse_gc
from cistron.inference.generation.patterns import spelt_motifs

CPU = torch.device("cpu")


def allowed(constraints: Constraints, prompt: str, continuation: str, tokens: int) -> str:
    """Letters that may follow a prompt and the first bases of its continuation."""
    following = AllowedBases(constraints, [prompt], tokens, CPU)
    for base in continuation:
        following.advance(torch.tensor(["ACGT".index(base)]))
    return "".join(base for base, free in zip("ACGT", following.next()[0].tolist(), strict=True) if free)


def accepted_beginnings(constraints: Constraints, tokens: int) -> set[str]:
    """Beginnings of all sequences that DNA Chisel accepts."""
    every = ("".join(bases) for bases in product("ACGT", repeat=tokens))
    fine = [sequence for sequence in every if not constraints.breaches(sequence)]
    return {sequence[:at] for sequence in fine for at in range(tokens + 1)}


def walk(constraints: Constraints, tokens: int, seed: int, prompt: str = "") -> str | None:
    """A random sequence that takes nothing but allowed bases; None when it gets stuck."""
    following, bases, choose = AllowedBases(constraints, [prompt], tokens, CPU), "", random.Random(seed)
    for _ in range(tokens):
        free = [code for code, may in enumerate(following.next()[0].tolist()) if may]
        if not free:
            return None
        code = choose.choice(free)
        following.advance(torch.tensor([code]))
        bases += "ACGT"[code]
    return bases


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("GAATTC", ["GAATTC"]),
        ("gaaNtc", ["GAANTC"]),
        ("BsaI", ["GGTCTC"]),
        ("BsaI_site", ["GGTCTC"]),
        ("5xA", ["AAAAA"]),
    ],
)
def test_what_to_avoid_is_a_motif_an_enzyme_or_a_run(text, expected):
    assert list(spelt_motifs(text)) == expected


def test_a_repeat_stands_for_every_kmer_repeated():
    motifs = list(spelt_motifs("3x2mer"))
    assert len(motifs) == 16
    assert {"ACACAC", "GGGGGG"} <= set(motifs)


def test_an_enzyme_with_two_sites_is_avoided_at_both():
    from Bio.Restriction.Restriction_Dictionary import rest_dict

    double = [name for name, entry in rest_dict.items() if "|" in entry["site"]]
    assert double
    for name in double:
        assert list(spelt_motifs(name)) == rest_dict[name]["site"].split("|")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("EcoR1", "did you mean EcoR"),
        ("A[CG]+T", r"'A\[CG\]\+T' cannot be avoided, because it is no known pattern; give a motif"),
        ("", "'' cannot be avoided"),
        ("GAAUUC", "no known pattern"),
        ("0xA", "no known pattern"),
        ("2x6mer", "repeats of at most 5 bases"),
    ],
)
def test_a_pattern_that_is_not_understood_is_refused_in_one_line(text, named):
    with pytest.raises(InputError, match=named) as caught:
        assert Constraints(avoid=(text,)).automaton
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.4-0.6", GCRange(0.4, 0.6)),
        ("0.4-0.6/50", GCRange(0.4, 0.6, 50)),
        (".5-.5", GCRange(0.5, 0.5)),
        (" 0-1/3 ", GCRange(0, 1, 3)),
    ],
)
def test_gc_is_a_range_and_perhaps_a_window(text, expected):
    assert parse_gc(text) == expected


@pytest.mark.parametrize(
    "text", ["40-60", "0.6-0.4", "0.4", "0.4-0.6/0", "0.4-0.6/x", "-0.1-0.5", "", "nan-1"]
)
def test_gc_that_is_no_range_is_refused(text):
    with pytest.raises(InputError, match="GC content"):
        parse_gc(text)


def test_a_gc_range_between_two_counts_is_refused_with_the_reason():
    with pytest.raises(ConstraintError, match=r"no number of G and C in 10 bp is GC 0.51-0.52"):
        Constraints(gc=GCRange(0.51, 0.52, 10)).require_possible("", 20)


def test_counts_in_a_range_are_those_dna_chisel_accepts():
    for low, high, width in [(0.3, 0.7, 10), (0.1, 0.3, 10), (1 / 3, 2 / 3, 3), (0.07, 0.29, 100)]:
        least, most = GCRange(low, high, width).counts(width)
        judge = Constraints(gc=GCRange(low, high, width))
        fine = [
            count for count in range(width + 1) if not judge.breaches("G" * count + "A" * (width - count))
        ]
        assert fine == list(range(least, most + 1))


@pytest.mark.parametrize(
    "constraints",
    [
        Constraints(("GAC", "TTN"), scope="continuation"),
        Constraints(max_homopolymer=2, scope="continuation"),
        Constraints(("2x2mer", "CG"), scope="continuation"),
        Constraints(gc=GCRange(0.4, 0.6, 4), scope="continuation"),
        Constraints(gc=GCRange(0.3, 0.5), scope="continuation"),
        Constraints(("AA", "GG", "CC"), GCRange(0.5, 0.75), scope="continuation"),
        Constraints(("WW",), GCRange(0.2, 0.4), scope="continuation"),
    ],
    ids=str,
)
def test_a_base_is_allowed_exactly_when_some_completion_is(constraints):
    tokens = 5
    possible = accepted_beginnings(constraints, tokens)
    for number in range(12):
        made = walk(constraints, tokens, number)
        assert (made is not None) == ("" in possible)
        for at in range(tokens if made else 0):
            free = allowed(constraints, "", made[:at], tokens)
            expected = "".join(base for base in "ACGT" if made[:at] + base in possible)
            if constraints.gc and not constraints.gc.window:
                # Of the whole sequence's GC, bases that keep the rest in the range are preferred.
                assert set(free) <= set(expected)
            else:
                assert free == expected


@pytest.mark.parametrize(
    "constraints",
    [
        Constraints(("EcoRI", "BsaI", "9xC", "3x2mer"), GCRange(0.4, 0.6, 50), 5),
        Constraints(("SfiI", "XcmI", "TATAAA"), GCRange(0.45, 0.55, 20), 3),
        Constraints(("GATC", "CG"), GCRange(0.48, 0.52), 2),
    ],
    ids=str,
)
def test_allowed_bases_alone_satisfy_dna_chisel(constraints):
    for seed, prompt in enumerate(["", "ACT", "TACAGTTCAGTGCAACTGTC"]):
        constraints.require_possible(prompt, 300)
        made = walk(constraints, 300, seed, prompt)
        assert made is not None
        assert constraints.breaches(prompt + made) == []


def test_dna_chisel_finds_a_motif_on_either_strand():
    constraints = Constraints(("GGTCTC",))
    assert constraints.breaches("AAGGTCTCAA")
    assert constraints.breaches(reverse_complement("AAGGTCTCAA"))
    assert not constraints.breaches("AAGGTCTTAA")


def test_a_motif_may_not_be_completed_across_the_end_of_the_prompt():
    assert allowed(Constraints(("GAATTC",)), "TTGAATT", "", 5) == "AGT"
    assert allowed(Constraints(("GAATTC",), scope="continuation"), "TTGAATT", "", 5) == "ACGT"
    assert allowed(Constraints(("GGTCTC",)), "TGAGAC", "", 5) == "AGT"  # the other strand's GGTCTC


def test_rows_of_different_prompts_are_followed_each_on_its_own():
    constraints = Constraints(("GAATTC",), GCRange(0.25, 0.75, 4), 2)
    prompts, tokens = ["A", "GAATT", "CCAA", "TGTGTGTGTGTG"], 12
    together = AllowedBases(constraints, prompts, tokens, CPU)
    alone = [AllowedBases(constraints, [prompt], tokens, CPU) for prompt in prompts]
    choose = random.Random(3)
    for _ in range(tokens):
        free = together.next()
        assert free.tolist() == [each.next()[0].tolist() for each in alone]
        codes = [choose.choice([c for c in range(4) if row[c]]) if any(row) else 0 for row in free.tolist()]
        together.advance(torch.tensor(codes))
        for each, code in zip(alone, codes, strict=True):
            each.advance(torch.tensor([code]))


def test_gc_of_the_whole_is_kept_without_a_tail_of_nothing_but_gc():
    constraints = Constraints(gc=GCRange(0.5, 0.6))
    following, bases, choose = AllowedBases(constraints, [""], 400, CPU), "", random.Random(1)
    for _ in range(400):
        free = torch.tensor([0.4, 0.1, 0.1, 0.4]) * following.next()[0]
        code = choose.choices(range(4), weights=free.tolist())[0]
        following.advance(torch.tensor([code]))
        bases += "ACGT"[code]
    assert constraints.breaches(bases) == []
    tail = bases[-40:]
    assert (tail.count("G") + tail.count("C")) / 40 < 0.8


def test_a_prompt_far_outside_the_gc_range_is_made_up_for():
    constraints = Constraints(gc=GCRange(0.45, 0.5))
    constraints.require_possible("AT" * 50, 200)
    made = walk(constraints, 200, 5, "AT" * 50)
    assert made is not None
    assert constraints.breaches("AT" * 50 + made) == []


@pytest.mark.parametrize(
    ("constraints", "prompt", "named"),
    [
        (
            Constraints(("EcoRI",)),
            "AAGAATTCAA",
            "the prompt itself holds what is to be avoided, ending at its base 8",
        ),
        (Constraints(("BsaI",)), "AAGAGACC", "ending at its base 8"),
        (Constraints(max_homopolymer=3), "CAAAAT", "ending at its base 5"),
        (
            Constraints(gc=GCRange(0.4, 0.6, 5)),
            "ACGTAAAAAACG",
            "outside GC 0.4-0.6 in every 5 bp from its base 3",
        ),
        (Constraints(gc=GCRange(0.9, 1, 10)), "AAAA", "0 G and C in 4 bp, after which no continuation keeps"),
        (Constraints(gc=GCRange(0.9, 1)), "A" * 90, "after which no continuation keeps"),
        (
            Constraints(gc=GCRange(0.4, 0.6, 50)),
            "ACGT",
            "window of 50 bp is longer than the sequence of 14 bp",
        ),
        (Constraints(("N",)), "", "no more than 0 bases can follow"),
        (Constraints(("AA", "AC", "AG", "AT")), "CCA", "no more than 0 bases can follow"),
        (Constraints(("EcoRI",)), "ACGNNT", "holds other letters than A, C, G, T"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_kept_is_refused_before_anything_is_generated(constraints, prompt, named):
    with pytest.raises(ConstraintError, match=named):
        constraints.require_possible(prompt, 10)


def test_constraints_on_the_continuation_alone_do_not_look_at_the_prompt():
    constraints = Constraints(("EcoRI",), GCRange(0.4, 0.6, 5), 3, scope="continuation")
    constraints.require_possible("AAGAATTCAANNAAAAAAAA", 10)


def test_lower_case_prompts_are_judged_like_upper_case():
    with pytest.raises(ConstraintError, match="ending at its base 6"):
        Constraints(("EcoRI",)).require_possible("gaattc", 10)


def test_a_homopolymer_limit_below_1_is_refused():
    with pytest.raises(InputError, match="longest homopolymer is 0"):
        Constraints(max_homopolymer=0)


def test_no_constraints_are_false_and_need_no_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "dnachisel", None)
    assert not Constraints()
    assert Constraints().automaton is None


def test_without_dna_chisel_constraints_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "dnachisel", None)
    with pytest.raises(CistronError, match=r"pip install 'cistron\[design\]'"):
        Constraints(("EcoRI",))
