from __future__ import annotations

import json
from pathlib import Path

import pytest

from cistron.errors import InputError
from cistron.formats.kegg import read_kegg

RECORD = {
    "question": "Chromosome Number: 20\nGenes\n\nwhat is the effect of this PRNP allele, and what disease?",
    "answer": "Prion disease; another name",
    "reasoning": "Step 1",
    "reference_sequence": "acgtN",
    "variant_sequence": "ACTTN",
}


def _write(path: Path, *records: object) -> Path:
    path.write_text("\n".join(json.dumps(record) for record in records) + "\n")
    return path


def test_gene_chromosome_and_disease_are_taken_from_the_texts(tmp_path: Path) -> None:
    (record,) = read_kegg(_write(tmp_path / "k.json", RECORD))
    assert (record.gene, record.chromosome, record.answer) == ("PRNP", "20", "prion disease")
    assert (record.reference, record.variant) == ("ACGTN", "ACTTN")


def test_a_question_that_names_no_gene_has_none(tmp_path: Path) -> None:
    (record,) = read_kegg(_write(tmp_path / "k.json", {**RECORD, "question": "What disease?"}))
    assert record.gene is None
    assert record.chromosome is None


@pytest.mark.parametrize(
    "broken",
    [{"answer": "x"}, {**RECORD, "variant_sequence": "AC-T"}, {**RECORD, "answer": " ;x"}, "text"],
)
def test_a_line_that_is_no_record_is_named(tmp_path: Path, broken: object) -> None:
    with pytest.raises(InputError, match="line 2 is no KEGG record"):
        read_kegg(_write(tmp_path / "k.json", RECORD, broken))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "k.json").write_text("\n")
    with pytest.raises(InputError, match="holds no records"):
        read_kegg(tmp_path / "k.json")
