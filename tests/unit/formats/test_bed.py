from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from cistron.errors import InputError
from cistron.formats.bed import read_bed, write_bed
from cistron.genome import Interval

INTERVALS = [Interval("20", 0, 5, "-", "first"), Interval("chrX", 7, 7), Interval("20", 3, 9, "+", "b")]


@pytest.mark.parametrize("name", ["out.bed", "out.bed.gz"])
def test_what_is_written_is_read_back(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_bed(path, iter(INTERVALS))
    assert list(read_bed(path)) == INTERVALS


def test_comments_headings_and_missing_columns_are_allowed(tmp_path: Path) -> None:
    path = tmp_path / "in.bed.gz"
    text = "track name=x\nbrowser position\n# note\n\n20\t1\t2\r\n20 3 4 peak\n20\t5\t6\t.\t9\t.\n"
    path.write_bytes(gzip.compress(text.encode()))
    assert list(read_bed(path)) == [
        Interval("20", 1, 2),
        Interval("20", 3, 4, name="peak"),
        Interval("20", 5, 6),
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("20\t5", "line 2 has 2 columns"),
        ("20\t5\tx", "line 2 runs from '5' to 'x'"),
        ("20\t-5\t7", "line 2 runs from '-5'"),
        ("20\t9\t8", "line 2 runs from '9' to '8'"),
        ("20\t1\t2\tn\t0\tplus", "line 2 has strand 'plus'"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "in.bed"
    path.write_text(f"20\t1\t2\n{line}\n")
    with pytest.raises(InputError, match=message):
        list(read_bed(path))
