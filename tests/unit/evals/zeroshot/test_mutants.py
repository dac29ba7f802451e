from __future__ import annotations

from pathlib import Path

import pytest

from cistron.errors import InputError
from cistron.evals.requests import Contigs
from cistron.evals.zeroshot.mutants import Mutant, mutant_edit, nearest_codon, read_mutants
from cistron.genome.coding import CodingGene
from cistron.genome.genetic_code import genetic_code


@pytest.mark.parametrize(
    "text",
    [
        "mutant;DMS_score\nH24C;-3,5\n",
        "mutant,DMS_score\nH24C,-3.5\n",
        "mutant,DMS_score\nH24C:A2C,1\nH24C,-3.5\n",
    ],
)
def test_single_mutants_are_read_whatever_the_decimal_sign(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    assert list(read_mutants(path)) == [Mutant("H", 24, "C", -3.5)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n", "it needs mutant and DMS_score"),
        ("mutant,DMS_score\nH24,1\n", "line 2: 'H24' with score '1' is no mutant"),
        ("mutant,DMS_score\nH24C,high\n", "line 2: 'H24C' with score 'high' is no mutant"),
        ("mutant,DMS_score\nH24C\n", "line 2 has 1 columns, its header 2"),
    ],
)
def test_malformed_tables_name_the_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        list(read_mutants(path))


def test_the_nearest_codon_changes_the_fewest_bases() -> None:
    code = genetic_code(11)
    assert nearest_codon("CAT", "R", code) == "CGT"
    assert nearest_codon("TGG", "*", code) == "TAG"
    assert nearest_codon("TGG", "B", code) is None


def test_a_mutant_of_another_wild_type_makes_no_edit() -> None:
    cds = "ATGCATTAA"
    contigs, gene = Contigs((("p", cds),)), CodingGene("g", "p", "+", ((0, 9),), 11)
    made = mutant_edit(Mutant("H", 2, "R", 0.0), gene, cds, contigs)
    assert made is not None
    assert (made.variant.pos, made.variant.ref, made.variant.alt) == (4, "CAT", "CGT")
    assert mutant_edit(Mutant("K", 2, "R", 0.0), gene, cds, contigs) is None
