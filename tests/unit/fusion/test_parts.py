import random
from pathlib import Path

import pytest

from cistron.errors import InputError
from cistron.formats.diagnosis_records import DiagnosisRecord, write_records
from cistron.fusion.parts import NAMELESS, Example, leak_report, overlapping, question_of, read_parts
from cistron.fusion.run import RecordSettings


def records(genes: int, each: int) -> list[DiagnosisRecord]:
    """Records whose windows overlap within a gene."""
    draw = random.Random(4)
    found = []
    for gene in range(genes):
        stretch = "".join(draw.choices("ACGT", k=400))
        for number in range(each):
            at = 150 + number
            new = "A" if stretch[at] != "A" else "C"
            variant = stretch[:at] + new + stretch[at + 1 :]
            name = f"{gene}-{number}"
            found.append(
                DiagnosisRecord(name, "which?", f"disease {gene % 3}", stretch, variant, gene=f"G{gene}")
            )
    return found


def parts_by(tmp_path: Path, by: str, **more: object) -> dict[str, list[Example]]:
    path = tmp_path / "all.jsonl"
    write_records(path, records(30, 4))
    return read_parts(RecordSettings(train=(str(path),), by=by, **more), 200, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("by", ["gene", "sequence"])
def test_disjoint_parts_share_neither_gene_nor_sequence(tmp_path: Path, by: str) -> None:
    parts = parts_by(tmp_path, by)
    genes = [{example.record.gene for example in examples} for examples in parts.values()]
    assert sum(map(len, genes)) == len(set.union(*genes)) == 30
    assert not leak_report(parts)


def test_parts_at_random_are_reported_to_share_genes_and_sequences(tmp_path: Path) -> None:
    told = " ".join(str(one) for one in leak_report(parts_by(tmp_path, "random"))["test"])
    assert "has a group that is in the training part too" in told
    assert "31-mers" in told


def test_given_files_are_the_parts_they_are_given_as(tmp_path: Path) -> None:
    path = tmp_path / "test.jsonl"
    write_records(path, records(2, 2))
    parts = parts_by(tmp_path, "gene", test=(str(path),))
    assert [example.record.name for example in parts["test"]] == ["0-0", "0-1", "1-0", "1-1"]
    assert len(parts["train"]) + len(parts["validation"]) == 120


def test_overlap_is_found_on_the_other_strand_too() -> None:
    one = records(1, 1)[0].reference
    other = one.translate(str.maketrans("ACGT", "TGCA"))[::-1]
    assert len(set(overlapping([one, other]))) == 1


def test_bad_records_are_refused_or_left_out(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    same = DiagnosisRecord("same", "which?", "gout", "ACGT", "ACGT", gene="H")
    write_records(path, [*records(30, 2), same])
    with pytest.raises(InputError, match=r"same: reference and variant.*on_bad=skip"):
        read_parts(RecordSettings(train=(str(path),)), 200, 1)
    parts = read_parts(RecordSettings(train=(str(path),), on_bad="skip"), 200, 1)
    assert sum(map(len, parts.values())) == 60


def test_records_without_an_answer_cannot_be_learnt_from(tmp_path: Path) -> None:
    path = tmp_path / "bare.jsonl"
    write_records(path, [DiagnosisRecord("bare", "which?", "", "ACGTA", "ACCTA")])
    with pytest.raises(InputError, match="bare has no answer to learn from"):
        read_parts(RecordSettings(train=(str(path),)), 16, 1)


def test_questions_lose_their_lists_or_everything_that_names_a_gene() -> None:
    asked = (
        "Chromosome Number: 4\nGenes in the pathway: SNCA; synuclein | TH\n\nwhat does this SNCA allele do?"
    )
    record = DiagnosisRecord("r", asked, "", "A", "C")
    assert question_of(record, "short") == "Chromosome Number: 4\nwhat does this SNCA allele do?"
    assert question_of(record, "nameless") == NAMELESS
    assert question_of(record, "asked") == asked
