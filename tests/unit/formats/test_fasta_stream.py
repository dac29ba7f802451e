from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cistron.errors import InputError
from cistron.formats import bgzf, fasta_stream
from cistron.formats.bgzf import bgzf_output
from cistron.formats.fasta_stream import stream_fasta, stream_records

TEXT = ">one first > contig\r\nACGT\r\nnn*\r\n\n>two\n>three\nAC GT\nT>A"
CONTIGS = {"one": "ACGTnn*", "two": "", "three": "ACGTT>A"}


def read(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, letters in stream_fasta(path):
        found[name] = found.get(name, "") + letters.decode()
    return found


@pytest.mark.parametrize("kind", ["plain", "gzip", "two gzip members", "bgzf"])
def test_all_letters_come_whatever_the_compression(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.fa"
    if kind == "bgzf":
        with bgzf_output(path) as stream:
            stream.write(TEXT.encode())
    else:
        packed = {
            "plain": TEXT.encode(),
            "gzip": gzip.compress(TEXT.encode()),
            "two gzip members": gzip.compress(TEXT[:30].encode()) + gzip.compress(TEXT[30:].encode()),
        }
        path.write_bytes(packed[kind])
    assert read(path) == CONTIGS
    assert list(tmp_path.iterdir()) == [path], "no index is written"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(size=st.integers(1, 40))
def test_pieces_of_any_size_give_the_same_contigs(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.fa"
    path.write_text(TEXT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fasta_stream, "read_chunks", lambda path: bgzf.read_chunks(path, size))
        assert read(path) == CONTIGS


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("ACGT\n>one\nA\n", "is not FASTA"),
        ("\n\n", "is not FASTA"),
        (">\nACGT\n", "a contig without a name"),
        (">one\nA\n>one again\nC\n", "two contigs called 'one'"),
    ],
)
def test_what_is_not_fasta_is_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "a.fa").write_text(text)
    with pytest.raises(InputError, match=told):
        read(tmp_path / "a.fa")


def test_a_compressed_file_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.fa.gz"
    with bgzf_output(path) as stream:
        stream.write(TEXT.encode())
    path.write_bytes(path.read_bytes()[:-28])
    with pytest.raises(InputError, match="its BGZF end marker is missing"):
        read(path)
    path.write_bytes(gzip.compress(TEXT.encode())[:-9])
    with pytest.raises(InputError, match="damaged or cut short"):
        read(path)


def test_records_of_one_name_stay_apart_where_names_need_not_differ(tmp_path: Path) -> None:
    path = tmp_path / "a.fa"
    path.write_text(">r\nAC\nGT\n>r\nA\n>r again\n>s\nT\n")
    found = [(name, b"".join(pieces)) for name, pieces in stream_records(path, unique=False)]
    assert found == [("r", b"ACGT"), ("r", b"A"), ("r", b""), ("s", b"T")]
    with pytest.raises(InputError, match="two contigs called 'r'"):
        [list(pieces) for _, pieces in stream_records(path)]


def test_a_record_whose_letters_are_not_taken_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.fa"
    path.write_text(TEXT)
    assert [name for name, _ in stream_records(path)] == list(CONTIGS)
