from __future__ import annotations

import gzip
import os
import random
from pathlib import Path

import pysam
import pytest

from cistron.errors import InputError, OutOfBoundsError, OutputError, SequenceError, UnknownContigError
from cistron.formats.bgzf import bgzf_output
from cistron.formats.fasta import Fasta

RNG = random.Random(5)
LONG = "".join(RNG.choices("ACGTacgtN", k=200_000))
SHORT = "ACGTRYKMn"


def wrapped(sequence: str, width: int = 60) -> str:
    return "\n".join(sequence[start : start + width] for start in range(0, len(sequence), width))


TEXT = f">long a comment\n{wrapped(LONG)}\n>short\n{SHORT}\n"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(params=["plain", "bgzf", "crlf"])
def fasta(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "bgzf":
        path = tmp_path / "genome.fa.gz"
        with bgzf_output(path) as stream:
            stream.write(TEXT.encode())
        return path
    path = tmp_path / "genome.fa"
    path.write_text(TEXT, newline="\r\n" if request.param == "crlf" else "\n")
    return path


def test_every_stretch_is_the_upper_case_text(fasta: Path) -> None:
    with Fasta(fasta) as genome:
        assert dict(genome.contigs) == {"long": len(LONG), "short": len(SHORT)}
        assert genome.name == fasta.name
        assert genome.fetch("short", 0, 9) == "ACGTRYKMN"
        starts = [0, 65_535, 65_536, 131_072, len(LONG) - 10, *RNG.choices(range(len(LONG)), k=100)]
        for start in starts:
            for length in (0, 1, 10, 8_192, 65_536, 150_000):
                end = min(start + length, len(LONG))
                assert genome.fetch("long", start, end) == LONG[start:end].upper()


def test_requests_outside_the_genome_are_errors(fasta: Path) -> None:
    with Fasta(fasta) as genome:
        with pytest.raises(UnknownContigError, match=r"'chr1' is not in genome\.fa"):
            genome.fetch("chr1", 0, 1)
        for start, end in ((-1, 2), (0, 10), (5, 4)):
            with pytest.raises(OutOfBoundsError, match="short has 9 bp"):
                genome.fetch("short", start, end)


def test_text_that_is_not_nucleotides_is_named_only_when_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "bad.fa"
    path.write_text(">c\nACGTACGT\nACGTEFGT\n")
    with Fasta(path) as genome:
        assert genome.fetch("c", 0, 12) == "ACGTACGTACGT"
        with pytest.raises(SequenceError, match=r"bad.fa contig c has 'E' at position 13"):
            genome.fetch("c", 4, 16)


def test_a_missing_index_is_built_beside_the_file_and_fits(fasta: Path, own_cache: Path) -> None:
    Fasta(fasta).close()
    assert fasta.with_name(fasta.name + ".fai").is_file()
    assert fasta.with_name(fasta.name + ".gzi").is_file() == (fasta.suffix == ".gz")
    assert not own_cache.exists()
    with pysam.FastaFile(str(fasta)) as other:
        assert other.fetch("short") == SHORT
    before = fasta.with_name(fasta.name + ".fai").stat().st_mtime_ns
    Fasta(fasta).close()
    assert fasta.with_name(fasta.name + ".fai").stat().st_mtime_ns == before


def test_a_stale_index_is_left_alone_and_replaced_by_one_in_the_cache(fasta: Path, own_cache: Path) -> None:
    Fasta(fasta).close()
    index = fasta.with_name(fasta.name + ".fai")
    index.write_text("short\t9\t7\t9\t10\n")
    os.utime(index, (1, 1))
    for _ in range(2):
        with Fasta(fasta) as genome:
            assert genome.fetch("long", 100, 200) == LONG[100:200].upper()
    assert index.read_text() == "short\t9\t7\t9\t10\n"
    assert len(list(own_cache.rglob("index.fai"))) == 1
    assert not list(own_cache.rglob(".index-*"))


def test_where_no_index_can_be_written_the_error_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "genome.fa"
    path.write_text(TEXT)
    Fasta(path).close()
    os.utime(tmp_path / "genome.fa.fai", (1, 1))
    monkeypatch.setenv("XDG_CACHE_HOME", str(path))
    with pytest.raises(OutputError, match="set XDG_CACHE_HOME"):
        Fasta(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        (b"", "is empty"),
        (b"ACGT\n", "not FASTA"),
        (b"@read\nACGT\n+\nIIII\n", "not FASTA"),
        (b">\n", "holds no sequence|cannot be indexed"),
        (b">c\nACGT\nAC\nACGT\n", "cannot be indexed.*equally long"),
        (gzip.compress(TEXT.encode()), r"ordinary gzip.*gunzip -c genome.fa.gz \| bgzip > genome.fa.bgz"),
    ],
)
def test_files_that_are_no_usable_fasta_are_refused_with_advice(
    tmp_path: Path, content: bytes | None, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "genome.fa.gz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        Fasta(path)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr().err == ""


def test_a_folder_is_not_a_genome(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        Fasta(tmp_path)


def test_a_file_cut_short_behind_its_index_is_refused(fasta: Path) -> None:
    Fasta(fasta).close()
    data = fasta.read_bytes()
    fasta.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="cut short"):
        Fasta(fasta)
    for index in fasta.parent.glob("genome.fa*i"):
        os.utime(index)
    with pytest.raises(InputError, match="cut short"):
        Fasta(fasta)


def test_an_index_that_is_no_index_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "genome.fa"
    path.write_text(TEXT)
    (tmp_path / "genome.fa.fai").write_text("nonsense\n")
    with pytest.raises(InputError, match=r"genome.fa.fai is not a FASTA index; delete it"):
        Fasta(path)


def test_damage_inside_a_compressed_file_is_an_error_when_reached(tmp_path: Path) -> None:
    path = tmp_path / "genome.fa.gz"
    with bgzf_output(path) as stream:
        stream.write(TEXT.encode())
    Fasta(path).close()
    data = bytearray(path.read_bytes())
    data[60_000:60_100] = bytes(100)
    path.write_bytes(data)
    for index in tmp_path.glob("genome.fa.gz.*"):
        os.utime(index)
    with Fasta(path) as genome, pytest.raises(InputError, match=r"is damaged near|ends within long"):
        genome.fetch("long", 0, 200_000)


@pytest.mark.skipif("CISTRON_DATA" not in os.environ, reason="CISTRON_DATA is not set")
def test_the_real_chromosome_reads_like_htslib() -> None:
    path = Path(os.environ["CISTRON_DATA"]) / "human" / "chr20.fa.gz"
    with Fasta(path) as genome, pysam.FastaFile(str(path)) as other:
        (chrom,) = genome.contigs
        for start in (0, 59_990, 4_679_866, 63_000_000):
            assert (
                genome.fetch(chrom, start, start + 20_000)
                == other.fetch(chrom, start, start + 20_000).upper()
            )
