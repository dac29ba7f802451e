import random

import pytest

from cistron.errors import InputError
from cistron.formats.diagnosis_records import DiagnosisRecord
from cistron.fusion.pairs import DnaPair, centred, changed, exchanged


def record(reference: str, variant: str) -> DiagnosisRecord:
    return DiagnosisRecord("r1", "which?", "gout", reference, variant)


def bases(count: int, seed: int = 1) -> str:
    return "".join(random.Random(seed).choices("ACGT", k=count))


@pytest.mark.parametrize(
    ("reference", "variant", "expected"),
    [
        ("ACGTA", "ACCTA", (2, 3, 3)),
        ("ACGTA", "ACTA", (2, 3, 2)),
        ("ACTA", "ACGTA", (2, 2, 3)),
        ("AAAA", "AAA", (3, 4, 3)),
        ("ACGT", "ACGT", (4, 4, 4)),
    ],
)
def test_common_ends_are_trimmed(reference: str, variant: str, expected: tuple[int, int, int]) -> None:
    assert changed(reference, variant) == expected


def test_windows_have_the_variant_in_their_middle() -> None:
    left, right = bases(2000), bases(2000, 2)
    pair = centred(record(f"{left}A{right}", f"{left}G{right}"), 1025)
    assert pair.reference_site == pair.variant_site == (512, 513)
    assert len(pair.reference) == len(pair.variant) == 1025
    assert pair.variant[512] == "G"


def test_both_windows_have_the_same_flanks_around_an_indel() -> None:
    left, right = bases(300), bases(300, 2)
    pair = centred(record(f"{left}A{right}", f"{left}{'CG' * 10}{right}"), 120)
    (start, end), (_, alt_end) = pair.reference_site, pair.variant_site
    assert pair.reference[:start] == pair.variant[:start]
    assert pair.reference[end:] == pair.variant[alt_end:]
    assert len(pair.variant) <= 120


def test_a_record_that_ends_early_keeps_what_it_has() -> None:
    pair = centred(record("ACGTACGTACGTT", "ACGTACGTACGTA"), 64)
    assert pair == DnaPair("ACGTACGTACGTT", "ACGTACGTACGTA", (12, 13), (12, 13))


def test_identical_sequences_are_refused() -> None:
    with pytest.raises(InputError, match="r1: reference and variant are the same sequence"):
        centred(record("ACGT", "ACGT"), 64)


def test_sequences_of_very_unequal_length_are_refused_with_both_lengths() -> None:
    left = bases(100)
    with pytest.raises(InputError, match="r1: its alleles have 0 and 3,900 bases"):
        centred(record(left, left[:50] + bases(3900, 3) + left[50:]), 1024)


def test_windows_of_unknown_bases_are_refused() -> None:
    with pytest.raises(InputError, match="more than half of the reference window"):
        centred(record("N" * 40 + "A" + "N" * 40, "N" * 40 + "G" + "N" * 40), 64)


def test_exchanged_pairs_are_all_there_and_none_at_its_own_place() -> None:
    pairs = [centred(record(bases(9, n) + "A", bases(9, n) + "G"), 16) for n in range(7)]
    turned = exchanged(pairs, seed=3)
    assert sorted(map(id, turned)) == sorted(map(id, pairs))
    assert all(one is not other for one, other in zip(pairs, turned, strict=True))
