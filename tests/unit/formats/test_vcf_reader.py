from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pysam
import pytest

from cistron.errors import InputError
from cistron.formats.bgzf import bgzf_output
from cistron.formats.vcf import VcfReader
from cistron.genome import Variant

MakeVcf = Callable[..., Path]
MINIMAL = "##fileformat=VCFv4.2\n"
COLUMNS = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"

EXPECTED = [
    [Variant("20", 100, "A", "C")],
    [Variant("20", 100, "A", "C")],
    [Variant("20", 150, "A", "C"), Variant("20", 150, "A", "*")],
    [Variant("20", 160, "A", "<DEL>", 190)],
    [],
    [Variant("20", 180, "G", "<DEL>", 200), Variant("20", 180, "G", "<DUP>")],
    [Variant("20", 190, "G", "<DEL>", 195)],
    [Variant("20", 200, "G", "G[20:5[")],
    [Variant("X", 5, "acg", "a")],
]


def as_bgzf(path: Path) -> Path:
    packed = path.with_name(path.name + ".gz")
    with bgzf_output(packed) as stream:
        stream.write(path.read_bytes())
    return packed


def as_gzip(path: Path) -> Path:
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    return packed


def as_bcf(path: Path) -> Path:
    packed = path.with_suffix(".bcf")
    pysam.bcftools.view("-Ob", "-o", str(packed), str(path), catch_stdout=False)
    return packed


def as_crlf(path: Path) -> Path:
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    return path


def unchanged(path: Path) -> Path:
    return path


KINDS = [unchanged, as_bgzf, as_gzip, as_bcf, as_crlf]


@pytest.mark.parametrize("samples", [0, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_gives_the_same_records(
    make_vcf: MakeVcf, kind: Callable[[Path], Path], samples: int
) -> None:
    with VcfReader(kind(make_vcf(samples=samples))) as reader:
        for _ in range(2):
            records = list(reader)
            assert [record.variants for record in records] == EXPECTED
            assert [record.index for record in records] == list(range(9))
        assert [(r.chrom, r.pos, r.id) for r in records][-1] == ("X", 5, "a;b")
        assert reader.count == len(reader) == 9
        assert reader.samples == [f"S{number}" for number in range(samples)]
        assert reader.contig_lengths == {"20": 63_025_520, "X": None}
        assert reader.build_hint == "GRCh37"
        assert reader.is_sorted


def test_a_deletion_among_several_alleles_ends_by_its_own_length(make_vcf: MakeVcf) -> None:
    record = "20\t10\t.\tA\t<DEL>,C,<DEL>,<INS>\t.\t.\tSVLEN=-5,.,7,9;END=17"
    with VcfReader(make_vcf(records=[record])) as reader:
        (found,) = reader
    assert [variant.end for variant in found.variants] == [15, None, 17, 17]


def test_end_wins_for_a_single_allele_and_words_like_it_are_not_it(make_vcf: MakeVcf) -> None:
    records = ["20\t10\t.\tA\t<DEL>\t.\t.\tSVLEN=-5;END=17", "20\t10\t.\tA\t<DEL>\t.\t.\tCIEND=3;XEND=9"]
    with VcfReader(make_vcf(records=records)) as reader:
        assert [record.variants[0].end for record in reader] == [17, None]


def test_what_the_header_does_not_define_is_found_by_reading(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bare.vcf"
    records = ["chr7\t5\t.\tA\tC\t.\tlow\tFOO=1;END=5", "chr9\t6\t.\tA\tC\t.\t.\t."]
    path.write_text(MINIMAL + COLUMNS + "\n".join(records) + "\n")
    with VcfReader(path) as reader:
        assert reader.contig_lengths == {"chr7": None, "chr9": None}
        assert len(list(reader)) == 2
        assert reader.build_hint is None
        assert {line.split(",")[0].rstrip(">") for line in reader.undeclared} == {
            "##contig=<ID=chr7", "##contig=<ID=chr9", "##FILTER=<ID=low", "##INFO=<ID=FOO", "##INFO=<ID=END",
            '##FILTER=<ID=PASS',
        }  # fmt: skip
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("positions", "is_sorted"),
    [
        ([("20", 5), ("20", 5), ("X", 1)], True),
        ([("20", 6), ("20", 5)], False),
        ([("20", 5), ("X", 5), ("20", 9)], False),
    ],
)
def test_unsorted_and_duplicate_records_are_read_in_file_order(
    make_vcf: MakeVcf, positions: list[tuple[str, int]], is_sorted: bool
) -> None:
    records = [f"{chrom}\t{pos}\t.\tA\tC\t.\t.\t." for chrom, pos in positions]
    with VcfReader(make_vcf(records=records)) as reader:
        assert [(record.chrom, record.pos) for record in reader] == positions
        assert reader.is_sorted is is_sorted


def test_a_file_without_records_is_valid(make_vcf: MakeVcf) -> None:
    with VcfReader(make_vcf(records=[])) as reader:
        assert reader.count == 0
        assert list(reader) == []


def test_fields_of_this_package_are_listed(make_vcf: MakeVcf) -> None:
    header = MINIMAL + '##INFO=<ID=CISTRON_LLR,Number=A,Type=Float,Description="x">\n'
    with VcfReader(make_vcf(records=[], header=header)) as reader:
        assert reader.cistron_fields == ["CISTRON_LLR"]


@pytest.mark.parametrize(
    ("words", "build"),
    [
        ("##reference=file:///data/GRCh38.fa", "GRCh38"),
        ("##contig=<ID=1,assembly=b37>", "GRCh37"),
        ("##reference=chm13v2.0.fa", "T2T-CHM13v2"),
        ("##reference=hg19ToHg38.fa", None),
        ("##source=hg19", None),
        ("##reference=hg19.fa\n##contig=<ID=chr20,length=64444167>", "GRCh38"),
    ],
)
def test_the_build_is_told_by_lengths_before_words(make_vcf: MakeVcf, words: str, build: str | None) -> None:
    with VcfReader(make_vcf(records=[], header=f"{MINIMAL}{words}\n")) as reader:
        assert reader.build_hint == build


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "does not exist"),
        (b"", "is empty"),
        (b"hello\nworld\n", "not VCF or BCF"),
        (b"20\t100\t.\tA\tC\t.\t.\t.\n", "not VCF or BCF"),
        (MINIMAL.encode(), "line 2 should be the tab-separated line of column names"),
        ((MINIMAL + COLUMNS.replace("\t", " ")).encode(), "line 2 should be the tab-separated"),
        ((MINIMAL + COLUMNS + "20\t1\t.\tA\n").encode(), "line 3 has 4 .* the header names 8"),
        ((MINIMAL + COLUMNS + "20\t1\t.\tA\tC\t.\t.\t.\tGT\t0/1\n").encode(), "line 3 has 10 .* names 8"),
        ((MINIMAL + COLUMNS + "20\t1\t.\tA\tC\t.\t.\t.\n\n").encode(), "line 4 has no columns"),
        ((MINIMAL + COLUMNS + "20\tone\t.\tA\tC\t.\t.\t.\n").encode(), "line 3 is malformed"),
        ((MINIMAL + COLUMNS + "20\t-7\t.\tA\tC\t.\t.\t.\n").encode(), "line 3 is malformed"),
        (b"\x1f\x8b\x08\x00garbage", "damaged or cut short"),
    ],
)
def test_files_that_are_no_vcf_are_refused_in_one_line(
    tmp_path: Path, content: bytes | None, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "in.vcf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        VcfReader(path)
    assert "\n" not in str(caught.value)
    assert "in.vcf" in str(caught.value)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", [as_bgzf, as_bcf, as_gzip])
@pytest.mark.parametrize("keep", [0.5, 0.999])
def test_a_file_cut_short_is_refused(
    make_vcf: MakeVcf, kind: Callable[[Path], Path], keep: float, capfd: pytest.CaptureFixture[str]
) -> None:
    records = [f"20\t{pos}\t.\tA\tC\t{pos % 97}\t.\tAC={pos % 1009}" for pos in range(1, 20_000)]
    path = kind(make_vcf(records=records))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(InputError, match="cut short"):
        VcfReader(path)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", [as_bgzf, as_bcf])
def test_damage_in_the_middle_is_found_before_the_first_record(
    make_vcf: MakeVcf, kind: Callable[[Path], Path], capfd: pytest.CaptureFixture[str]
) -> None:
    records = [f"20\t{pos}\t.\tA\tC\t{pos % 97}\t.\tAC={pos % 1009}" for pos in range(1, 20_000)]
    path = kind(make_vcf(records=records))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 50] = bytes(50)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"damaged|line [\d,]+ has"):
        VcfReader(path)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("kind", [unchanged, as_gzip, as_bcf])
def test_standard_input_is_read_like_a_file(
    make_vcf: MakeVcf, kind: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = kind(make_vcf()).read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    with VcfReader("-") as reader:
        assert reader.name == "standard input"
        assert [record.variants for record in reader] == EXPECTED


def test_an_empty_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    with pytest.raises(InputError, match="standard input is empty"):
        VcfReader("-")


def test_a_named_pipe_is_read_like_a_file(make_vcf: MakeVcf, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    feeder = threading.Thread(target=lambda: pipe.write_bytes(make_vcf().read_bytes()))
    feeder.start()
    with VcfReader(pipe) as reader:
        assert [record.variants for record in reader] == EXPECTED
    feeder.join()


PEAK = """
import resource, sys
from cistron.formats.vcf import InfoField, VcfReader, VcfWriter
field = InfoField("X", "Float", "")
with VcfReader(sys.argv[1]) as reader, VcfWriter(sys.argv[2], reader, [field]) as writer:
    for record in reader:
        writer.write(record, {"X": [0.5] * len(record.variants)})
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_number_of_records(make_vcf: MakeVcf, tmp_path: Path) -> None:
    def peak_kilobytes(records: int) -> int:
        rows = [f"20\t{pos}\t.\tA\tC\t.\t.\tAC=1" for pos in range(1, records + 1)]
        path = as_bgzf(make_vcf(name=f"{records}.vcf", records=rows))
        done = subprocess.run(
            [sys.executable, "-c", PEAK, str(path), str(tmp_path / "out.vcf.gz")],
            capture_output=True,
            text=True,
            check=True,
        )
        return int(done.stdout)

    assert peak_kilobytes(100_000) < peak_kilobytes(1_000) + 4_000


def test_an_empty_allele_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "in.vcf"
    path.write_text(
        "##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n20\t9\t.\tA\tC,,G\t.\t.\t.\n"
    )
    with VcfReader(path) as reader, pytest.raises(InputError, match="20:9 has an empty allele"):
        list(reader)


def test_a_score_that_the_header_does_not_define_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "in.vcf"
    path.write_text(
        "##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        "20\t9\t.\tA\tC\t.\t.\tCISTRON_LLR=3\n"
    )
    with VcfReader(path) as reader:
        assert reader.cistron_fields == ["CISTRON_LLR"]


def test_a_header_that_is_not_utf_8_is_refused_in_one_line(tmp_path):
    path = tmp_path / "latin.vcf"
    path.write_bytes(
        "##fileformat=VCFv4.2\n##source=Müller\n".encode("latin-1")
        + b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
    )
    with pytest.raises(InputError, match="not UTF-8"):
        VcfReader(path)
