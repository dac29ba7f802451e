from __future__ import annotations

import gzip
import io

import pytest

from cistron.errors import OutputError
from cistron.formats.fasta_output import fasta_record, text_output
from cistron.formats.fasta_stream import stream_fasta


def test_a_record_has_80_letters_a_line():
    assert fasta_record("a", "ACGT" * 21, "x=1") == ">a x=1\n" + "ACGT" * 20 + "\nACGT\n"
    assert fasta_record("a", "ACGT" * 20) == ">a\n" + "ACGT" * 20 + "\n"
    assert fasta_record("empty", "") == ">empty\n"


@pytest.mark.parametrize("name", ["out.fa", "out.fa.gz"])
def test_what_is_written_is_read_again(tmp_path, name):
    path = tmp_path / name
    with text_output(str(path)) as write:
        write(fasta_record("one", "ACGT" * 50, "made up"))
        write(fasta_record("two", "GATTACA"))
    assert list(stream_fasta(path)) == [
        ("one", b""),
        ("one", b"ACGT" * 50),
        ("two", b""),
        ("two", b"GATTACA"),
    ]
    if name.endswith(".gz"):
        assert gzip.decompress(path.read_bytes()).startswith(b">one made up\n")


def test_a_file_that_is_not_finished_never_appears(tmp_path):
    path = tmp_path / "out.fa"

    def broken() -> None:
        with text_output(str(path)) as write:
            write(">a\n")
            raise KeyError

    with pytest.raises(KeyError):
        broken()
    assert list(tmp_path.iterdir()) == []


def test_a_stream_gets_each_record_at_once(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stdout", stream)
    with text_output("-") as write:
        write(">a\nA\n")
        assert stream.getvalue() == ">a\nA\n"


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(OutputError, match="does not exist"), text_output(str(tmp_path / "no" / "out.fa")):
        pass
