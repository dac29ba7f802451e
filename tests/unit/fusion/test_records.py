import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from cistron.errors import InputError
from cistron.formats.diagnosis_records import DiagnosisRecord, read_records, write_records
from cistron.formats.items import write_items

KEGG = {
    "question": "Chromosome Number: 20\n\nwhat is the effect of this PRNP allele?",
    "answer": "Prion disease; other",
    "reasoning": "Step 1",
    "reference_sequence": "acg t\nACGT",
    "variant_sequence": "acga ACGT ",
}


def written(path: Path, *contents: object) -> Path:
    path.write_text("".join(json.dumps(content) + "\n" for content in contents))
    return path


def test_sequences_lose_case_and_white_space_and_the_question_names_the_gene(tmp_path: Path) -> None:
    (record,) = read_records(written(tmp_path / "a.jsonl", KEGG))
    assert (record.reference, record.variant, record.gene) == ("ACGTACGT", "ACGAACGT", "PRNP")
    assert record.name == "a.jsonl:1"


def test_printed_lists_of_the_variant_effect_format_become_plain_answers(tmp_path: Path) -> None:
    path = tmp_path / "effects.parquet"
    columns = {key: np.array([KEGG[key]]) for key in ("question", "reference_sequence", "variant_sequence")}
    write_items(path, {**columns, "answer": np.array(["['prion_disease', 'not_provided']"])}, {})
    (record,) = read_records(path)
    assert record.answer == "prion disease; not provided"
    assert not record.reasoning


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    record = DiagnosisRecord("one", "why?", "gout", "ACGT", "ACCT", "because", "G1")
    path = tmp_path / "a.jsonl.gz"
    assert write_records(path, [record]) == 1
    assert list(read_records(path)) == [record]


@pytest.mark.parametrize("key", ["question", "reference_sequence", "variant_sequence"])
def test_a_missing_field_is_named_with_its_record(tmp_path: Path, key: str) -> None:
    path = written(tmp_path / "a.jsonl", KEGG, {**KEGG, key: " "})
    with pytest.raises(InputError, match=rf"a\.jsonl:2 has no {key}"):
        list(read_records(path))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds no records"),
        ("{", "line 1 is not JSON"),
        ("[1]", "line 1 is no record"),
        (json.dumps({**KEGG, "variant_sequence": "ACXT"}), "the variant of a.jsonl:1 has 'X' at position 3"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match=told):
        list(read_records(path))


def test_a_cut_gzip_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(KEGG).encode() * 50)[:60])
    with pytest.raises(InputError):
        list(read_records(path))
