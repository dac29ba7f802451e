from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cistron.errors import InputError
from cistron.formats.labelled_files import find_labelled, read_labelled

ROWS = [("ACGT", "0"), ("ggcc", "1"), ("TTNA", "0")]
EXPECTED = [("ACGT", "0"), ("GGCC", "1"), ("TTNA", "0")]


def _write(folder: Path, ending: str) -> Path:
    path = folder / f"train{ending}"
    if ending == ".parquet":
        columns = {"sequence": [s for s, _ in ROWS], "label": [int(each) for _, each in ROWS]}
        pq.write_table(pa.table(columns), path)
        return path
    text = {
        ".jsonl": "".join(json.dumps({"seq": s, "label": int(label)}) + "\n" for s, label in ROWS),
        ".fna": "".join(f">x{n}|{label}\n{s}\n" for n, (s, label) in enumerate(ROWS)),
        ".csv": "sequence,label\n" + "".join(f"{s},{label}\n" for s, label in ROWS),
        ".tsv": "label\tseq\n" + "".join(f"{label}\t{s}\n" for s, label in ROWS),
    }[ending.removesuffix(".gz")]
    path.write_bytes(gzip.compress(text.encode()) if ending.endswith(".gz") else text.encode())
    return path


@pytest.mark.parametrize(
    "ending", [".jsonl", ".jsonl.gz", ".fna", ".fna.gz", ".csv", ".tsv", ".csv.gz", ".parquet"]
)
def test_every_layout_gives_the_same_records_and_is_found_by_its_stem(tmp_path: Path, ending: str) -> None:
    path = _write(tmp_path, ending)
    found = read_labelled(find_labelled(tmp_path, "train"))
    assert [(each.sequence, each.label) for each in found] == EXPECTED
    assert find_labelled(tmp_path, "train") == path


def test_files_of_several_tasks_are_read_for_one(tmp_path: Path) -> None:
    path = tmp_path / "train.tsv"
    path.write_text("sequence\tname\tlabel\ttask\nAC\tx\t1\tH3\nGG\ty\t0\tH4\n")
    assert [each.sequence for each in read_labelled(path, task="H3")] == ["AC"]
    with pytest.raises(InputError, match="holds no sequences of the task H2"):
        read_labelled(path, task="H2")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", b'{"seq": "ACGT"}\n', 'line 1 lacks "seq" or "label"'),
        ("a.jsonl", b'{"seq": "ACGT", "label": 1}\n{"seq": "AC', "line 2 is not JSON"),
        ("a.jsonl", b'{"seq": "HELLO", "label": 1}\n', "holds 'HELLO…', which is not DNA"),
        ("a.jsonl", b'{"seq": "", "label": 1}\n', "sequence 1 is empty"),
        ("a.jsonl", b"", "holds no sequences"),
        ("a.fna", b">x\nACGT\n", "has no |label behind its name"),
        ("a.csv", b"sequence,class\nACGT,1\n", "has no column label; it has: class"),
        ("a.csv", b"text,label\nACGT,1\n", "has no column"),
        ("a.csv", b"sequence,label\nACGT,\n", "sequence 1 has no label"),
        ("a.jsonl.gz", gzip.compress(b'{"seq": "ACGT", "label": 1}\n' * 99)[:40], "is cut short"),
        ("a.txt", b"ACGT", "known endings of labelled sequences are .jsonl"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message.replace("|", r"\|")):
        read_labelled(path)


def test_a_missing_file_names_its_endings(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no test with one of the endings"):
        find_labelled(tmp_path, "test")
