from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from cistron.errors import InputError
from cistron.formats.labelled_sequences import Labelled, read_delimited, read_fasta_records, read_rows


def _write(path: Path, text: str) -> Path:
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_rows_become_upper_case_sequences_with_labels(tmp_path: Path, name: str) -> None:
    path = _write(tmp_path / name, "sequence,other,label\nacgt,x,0\nGGN,y,1\n")
    assert read_delimited(path, sequence="sequence", label="label") == [
        Labelled("0", "ACGT", "0"),
        Labelled("1", "GGN", "1"),
    ]


def test_fasta_records_keep_their_names_and_join_their_lines(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.fa", ">one more\nACGT\nacg\n>two\n\nTT\n")
    assert read_fasta_records(path, "1") == [Labelled("one more", "ACGTACG", "1"), Labelled("two", "TT", "1")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seq,label\nACGT,0\n", "has no column sequence; its header is: seq, label"),
        ("sequence,label\n", "holds no rows"),
        ("sequence,label\nACGT,0\n,1\n", "sequence 2 is empty"),
        ("sequence,label\nAC-GT,0\n", "holds 'AC-GT…', which is not DNA"),
        ("sequence,label\nACGT\n", "row 1 is cut short"),
        ("sequence,label\nACGT,\n", "sequence 1 has no label"),
    ],
)
def test_a_table_that_is_wrong_says_where(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_delimited(_write(tmp_path / "a.csv", text), sequence="sequence", label="label")


def test_a_file_that_is_missing_or_cut_short_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv does not exist"):
        read_rows(tmp_path / "none.csv", ("a",))
    whole = _write(tmp_path / "a.csv.gz", "sequence,label\n" + "ACGTTGCA,0\n" * 500).read_bytes()
    (tmp_path / "a.csv.gz").write_bytes(whole[:-20])
    with pytest.raises(InputError, match="is cut short; get the file again"):
        read_rows(tmp_path / "a.csv.gz", ("label",))
    (tmp_path / "b.csv.gz").write_bytes(b"not gzip")
    with pytest.raises(InputError, match="cannot read"):
        read_rows(tmp_path / "b.csv.gz", ("label",))
    with pytest.raises(InputError, match="is not FASTA"):
        read_fasta_records(_write(tmp_path / "c.fa", "ACGT\n"), "1")
