from __future__ import annotations

import gzip
import random
from pathlib import Path

import pysam
import pytest

from cistron.errors import InputError
from cistron.formats.bgzf import bgzf_output, is_bgzf, is_gzip, read_chunks, read_lines, require_complete


@pytest.mark.parametrize("size", [0, 1, 65_279, 65_280, 65_281, 1_000_000])
def test_htslib_reads_back_what_is_written(tmp_path: Path, size: int) -> None:
    path = tmp_path / "data.gz"
    data = random.Random(size).randbytes(size)
    with bgzf_output(path) as stream:
        for start in range(0, size, 7_000):
            stream.write(data[start : start + 7_000])
    with pysam.BGZFile(str(path), "rb") as back:
        assert back.read(size + 1) == data
    assert gzip.decompress(path.read_bytes()) == data
    assert is_bgzf(path.read_bytes())
    require_complete(path)


def test_kinds_of_compression_are_told_apart_by_content() -> None:
    assert is_gzip(gzip.compress(b"x"))
    assert not is_bgzf(gzip.compress(b"x"))
    assert not is_gzip(b"##fileformat")


def test_lines_lose_their_ends_and_keep_everything_else(tmp_path: Path) -> None:
    path = tmp_path / "text"
    raw = b"a\r\n\nb\tc \n\xff\nlast"
    for content in (raw, gzip.compress(raw)):
        path.write_bytes(content)
        lines = list(read_lines(path))
        assert [line.encode("utf-8", "surrogateescape") for line in lines] == [
            b"a", b"", b"b\tc ", b"\xff", b"last",
        ]  # fmt: skip


@pytest.mark.parametrize("cut", [-4, -29, 30_000])
def test_damaged_compression_is_an_input_error(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "data.gz"
    with bgzf_output(path) as stream:
        stream.write(random.Random(1).randbytes(100_000))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match=r"data\.gz is cut short"):
        require_complete(path)
    with pytest.raises(InputError, match=r"data\.gz is damaged or cut short"):
        for _ in read_chunks(path):
            pass
