from __future__ import annotations

import pytest

from cistron.errors import UnknownNameError
from cistron.genome.genetic_code import CODES, CODONS, STOP, genetic_code


@pytest.mark.parametrize("number", sorted(CODES))
def test_every_code_is_the_one_that_biopython_has_under_its_number(number: int) -> None:
    tables = pytest.importorskip("Bio.Data.CodonTable").unambiguous_dna_by_id
    code, theirs = genetic_code(number), tables[number]
    assert {c: code.meaning[c] for c in CODONS if code.meaning[c] != STOP} == theirs.forward_table
    assert sorted(code.stops) == sorted(theirs.stop_codons)
    assert sorted(code.starts) == sorted(theirs.start_codons)


def test_a_reassigned_stop_is_read_through_in_the_codes_that_reassign_it() -> None:
    cds = "ATGTGATAATAGCAATAA"
    proteins = {number: genetic_code(number).translate(cds) for number in (1, 4, 6, 11)}
    assert proteins == {1: "M***Q*", 4: "MW**Q*", 6: "M*QQQQ", 11: "M***Q*"}


def test_lower_case_and_rna_are_read_and_ambiguous_codons_are_x() -> None:
    assert genetic_code(1).translate("augNNNgcrTA") == "MXX"


def test_an_unknown_table_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="translation table 99 is not known; known are 1, 2, 3, 4"):
        genetic_code(99)
