from __future__ import annotations

import numpy as np
import pytest

from cistron.errors import InputError
from cistron.evals.people import by_person, by_sequence, given_away
from cistron.formats.labelled_sequences import Labelled

pytest.importorskip("sklearn")


def _haplotypes(people: int = 40, *, shared: int = 3) -> tuple[list[Labelled], list[str]]:
    """Two haplotypes of each person; every `shared`-th haplotype is a common one."""
    random = np.random.default_rng(0)
    records, owners = [], []
    for number in range(2 * people):
        own = "".join(random.choice(list("ACGT"), size=30))
        person = number // 2
        sequence = "ACGT" * 8 if number % shared == 0 else own
        records.append(Labelled(f"p{person}/{number % 2 + 1}", sequence, "AB"[person % 2]))
        owners.append(f"p{person}")
    return records, owners


def test_nobody_and_no_haplotype_is_on_both_sides_though_common_ones_connect_everybody() -> None:
    records, owners = _haplotypes()
    examples = by_person(records, owners, seed=0)
    assert given_away(examples) == (0, 0)
    assert sorted(examples.tested.tolist()) == list(range(80))
    for fold in examples.folds:
        assert set(examples.labels[fold.train]) == {0, 1}
        assert len(fold.train) < 80 - len(fold.test)


def test_a_split_by_sequence_gives_people_and_haplotypes_away() -> None:
    copies, people = given_away(by_sequence(*_haplotypes(), seed=0))
    assert copies > 20
    assert people > 40


def test_one_haplotype_for_all_and_one_class_are_refused() -> None:
    records, owners = _haplotypes()
    alike = [record._replace(sequence="ACGT") for record in records]
    with pytest.raises(InputError, match="lacks a class once the haplotypes of its test part are left out"):
        by_person(alike, owners, seed=0)
    with pytest.raises(InputError, match="80 haplotypes of one class alone"):
        by_person([record._replace(label="A") for record in records], owners, seed=0)
