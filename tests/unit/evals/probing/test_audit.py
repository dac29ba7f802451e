from __future__ import annotations

import numpy as np

from cistron.evals.probing.audit import audit
from cistron.evals.probing.examples import Examples, official_split
from cistron.evals.task import Badge
from cistron.formats.labelled_sequences import Labelled
from cistron.genome.sequence import reverse_complement

RANDOM = np.random.default_rng(7)
TRAIN = ["".join(RANDOM.choice(list("ACGT"), size=100)) for _ in range(40)]
TEST = ["".join(RANDOM.choice(list("ACGT"), size=100)) for _ in range(40)]


def _split(test: list[str]) -> Examples:
    train_records = [Labelled(str(at), each, str(at % 2)) for at, each in enumerate(TRAIN)]
    test_records = [Labelled(str(at), each, str(at % 2)) for at, each in enumerate(test)]
    return official_split(train_records, test_records, limit=None, seed=0)


def _swapped(sequence: str) -> str:
    """The sequence with two pieces swapped that begin and end alike, which keeps its dinucleotides."""
    a, b, c = [at for at in range(1, 99) if sequence[at] == sequence[50]][:3]
    return sequence[:a] + sequence[b:c] + sequence[a:b] + sequence[c:]


def _found(test: list[str]) -> dict[str, str]:
    return {badge.finding.partition("each ")[2]: badge.verdict for badge in audit(_split(test))}


def test_unrelated_sequences_are_clean() -> None:
    assert audit(_split(TEST)) == (
        Badge("clean", "no copies, shared 31-mers or shuffled twins among 40 test sequences"),
    )


def test_one_copy_on_the_other_strand_is_a_blemish_and_its_31_mers_are_shared() -> None:
    found = _found([reverse_complement(TRAIN[3]), *TEST[1:]])
    assert found["is in the training part too, on either strand"] == "warn"
    assert found["shares a quarter of its 31-mers with the training part"] == "warn"


def test_many_overlapping_windows_are_a_leak_without_being_copies() -> None:
    shifted = [each[50:] + other[:50] for each, other in zip(TRAIN[:10], TEST[:10], strict=True)]
    found = _found(shifted + TEST[10:])
    assert found == {"shares a quarter of its 31-mers with the training part": "leak"}


def test_a_window_that_shares_less_than_a_quarter_is_not_counted() -> None:
    shifted = [each[62:] + other[:62] for each, other in zip(TRAIN[:10], TEST[:10], strict=True)]
    assert _found(shifted + TEST[10:]) == {"": "clean"}


def test_negatives_that_are_shuffled_positives_are_a_leak() -> None:
    rows = [*TEST]
    for at in range(20):
        rows[at + 1] = _swapped(TRAIN[at])  # the neighbour is of the other class
    assert _found(rows)["is a shuffle of a training sequence of another class"] == "leak"
