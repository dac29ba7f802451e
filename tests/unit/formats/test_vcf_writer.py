from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pysam
import pytest

from cistron.errors import InputError, OutputError
from cistron.formats.vcf import InfoField, VcfReader, VcfWriter

MakeVcf = Callable[..., Path]
LLR = InfoField("CISTRON_LLR", "Float", 'score with "quotes"')
STATUS = InfoField("CISTRON_STATUS", "String", "why none")


def annotate(source: Path, out: Path | str, **options: Any) -> VcfWriter:
    """Write -1.5, -2.5, … per ALT; every second record has a status for its last ALT instead."""
    with VcfReader(source) as reader, VcfWriter(out, reader, [LLR, STATUS], **options) as writer:
        for record in reader:
            scores: list[float | None] = [-1.5 - number for number in range(len(record.variants))]
            words: list[str | None] = [None] * len(scores)
            if record.index % 2 and scores:
                scores[-1], words[-1] = None, "IUPAC"
            writer.write(record, {"CISTRON_LLR": scores, "CISTRON_STATUS": words})
    return writer


def without_ours(line: str) -> str:
    columns = line.split("\t")
    kept = [entry for entry in columns[7].split(";") if not entry.startswith("CISTRON_")]
    return "\t".join([*columns[:7], ";".join(kept) or ".", *columns[8:]])


@pytest.mark.parametrize("samples", [0, 2])
def test_plain_output_is_the_input_byte_for_byte_plus_our_fields(make_vcf: MakeVcf, samples: int) -> None:
    source = make_vcf(samples=samples)
    out = source.with_name("out.vcf")
    annotate(source, out, command_line="cistron score in.vcf")
    before, after = source.read_text().splitlines(), out.read_text().splitlines()
    ours = [line for line in after if line not in before and line.startswith("#")]
    assert ours == [
        '##INFO=<ID=CISTRON_LLR,Number=A,Type=Float,Description="score with \\"quotes\\"">',
        '##INFO=<ID=CISTRON_STATUS,Number=A,Type=String,Description="why none">',
        "##cistronCommand=cistron score in.vcf",
    ]
    heads = [line for line in after if line.startswith("#") and line not in ours]
    assert heads == [line for line in before if line.startswith("#")]
    rows = [line for line in after if not line.startswith("#")]
    assert [without_ours(row) for row in rows] == [line for line in before if not line.startswith("#")]
    infos = [row.split("\t")[7] for row in rows]
    assert infos[0] == "AC=1;AF=0.123456789;CISTRON_LLR=-1.5"
    assert infos[1] == "CISTRON_STATUS=IUPAC"
    assert infos[2] == "AC=1,.;DB;CISTRON_LLR=-1.5,-2.5"
    assert infos[4] == "END=170"
    assert infos[5] == "SVLEN=-20,30;CISTRON_LLR=-1.5,.;CISTRON_STATUS=.,IUPAC"


@pytest.mark.parametrize("name", ["out.vcf", "out.vcf.gz", "out.bcf"])
@pytest.mark.parametrize("samples", [0, 2])
@pytest.mark.skipif(shutil.which("bcftools") is None, reason="bcftools is not installed")
def test_bcftools_sees_the_same_file_apart_from_our_fields(
    make_vcf: MakeVcf, tmp_path: Path, name: str, samples: int
) -> None:
    def view(path: Path) -> list[str]:
        command = ["bcftools", "view", "--no-version", str(path)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()

    source = make_vcf(samples=samples)
    annotate(source, tmp_path / name)
    stripped = ["bcftools", "annotate", "--no-version", "-x", "INFO/CISTRON_LLR,INFO/CISTRON_STATUS"]
    subprocess.run([*stripped, "-o", tmp_path / "back.vcf", tmp_path / name], check=True)
    assert view(tmp_path / "back.vcf") == view(source)


@pytest.mark.parametrize(("name", "suffix"), [("out.vcf.gz", ".tbi"), ("out.bcf", ".csi")])
def test_compressed_output_has_an_index_that_works(
    make_vcf: MakeVcf, tmp_path: Path, name: str, suffix: str
) -> None:
    writer = annotate(make_vcf(), tmp_path / name)
    assert writer.index_note is None
    assert (tmp_path / (name + suffix)).is_file()
    with pysam.VariantFile(str(tmp_path / name)) as back:
        found = [(record.chrom, record.pos) for record in back.fetch("20", 148, 181)]
        assert found == [("20", 150), ("20", 160), ("20", 170), ("20", 180)]
        assert [record.pos for record in back.fetch("X")] == [5]
    assert {path.name for path in tmp_path.iterdir()} == {"in.vcf", name, name + suffix}


def test_a_contig_beyond_512_megabases_gets_a_csi_index(make_vcf: MakeVcf, tmp_path: Path) -> None:
    header = "##fileformat=VCFv4.2\n##contig=<ID=1,length=800000000>\n"
    source = make_vcf(records=["1\t700000000\t.\tA\tC\t.\t.\t."], header=header)
    annotate(source, tmp_path / "out.vcf.gz")
    assert (tmp_path / "out.vcf.gz.csi").is_file()
    with pysam.VariantFile(str(tmp_path / "out.vcf.gz")) as back:
        assert [record.pos for record in back.fetch("1", 600_000_000)] == [700_000_000]


def test_unsorted_output_keeps_its_order_and_says_why_it_has_no_index(
    make_vcf: MakeVcf, tmp_path: Path
) -> None:
    source = make_vcf(records=["20\t9\t.\tA\tC\t.\t.\t.", "20\t5\t.\tA\tC\t.\t.\t."])
    (tmp_path / "out.vcf.gz.tbi").write_text("index of an older file")
    writer = annotate(source, tmp_path / "out.vcf.gz")
    assert writer.index_note is not None
    assert "in.vcf is not sorted" in writer.index_note
    assert not (tmp_path / "out.vcf.gz.tbi").exists()
    with VcfReader(tmp_path / "out.vcf.gz") as back:
        assert [record.pos for record in back] == [9, 5]


def test_the_same_input_gives_the_same_bytes(make_vcf: MakeVcf, tmp_path: Path) -> None:
    source = make_vcf(samples=2)
    for name in ("out.vcf", "out.vcf.gz", "out.bcf"):
        (tmp_path / "again").mkdir(exist_ok=True)
        annotate(source, tmp_path / name)
        annotate(source, tmp_path / "again" / name)
        assert (tmp_path / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_existing_fields_are_refused_unless_dropped(make_vcf: MakeVcf, tmp_path: Path) -> None:
    once, twice = tmp_path / "once.vcf", tmp_path / "twice.vcf"
    annotate(make_vcf(), once)
    with pytest.raises(InputError, match="already has INFO CISTRON_LLR and CISTRON_STATUS"):
        annotate(once, twice)
    assert not twice.exists()
    annotate(once, twice, drop=["CISTRON_LLR", "CISTRON_STATUS"])
    assert twice.read_text() == once.read_text()


def test_dropping_the_only_field_leaves_a_missing_info(make_vcf: MakeVcf, tmp_path: Path) -> None:
    source = make_vcf(records=["20\t9\t.\tA\tC\t.\t.\tDB", "20\t9\t.\tA\tC\t.\t.\tDB;DBX=1"])
    with VcfReader(source) as reader, VcfWriter(tmp_path / "o.vcf", reader, [], drop=["DB"]) as writer:
        for record in reader:
            writer.write(record)
    text = (tmp_path / "o.vcf").read_text()
    assert "ID=DB," not in text
    assert [line.split("\t")[7] for line in text.splitlines()[-2:]] == [".", "DBX=1"]


def test_crlf_input_becomes_lf_output(make_vcf: MakeVcf, tmp_path: Path) -> None:
    source = make_vcf()
    plain = annotate(source, tmp_path / "lf.vcf")
    source.write_bytes(source.read_bytes().replace(b"\n", b"\r\n"))
    annotate(source, tmp_path / "crlf.vcf")
    assert plain.index_note is None
    assert (tmp_path / "crlf.vcf").read_bytes() == (tmp_path / "lf.vcf").read_bytes()


def test_bytes_that_are_not_utf8_survive(make_vcf: MakeVcf, tmp_path: Path) -> None:
    source = make_vcf(records=["20\t9\t.\tA\tC\t.\t.\tN=Muller"])
    source.write_bytes(source.read_bytes().replace(b"Muller", b"M\xfcller"))
    annotate(source, tmp_path / "out.vcf")
    assert b"N=M\xfcller;CISTRON_LLR=-1.5\n" in (tmp_path / "out.vcf").read_bytes()


def test_standard_output_is_plain_vcf(make_vcf: MakeVcf, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    source = make_vcf()
    annotate(source, source.with_name("out.vcf"))
    annotate(source, "-")
    assert capfdbinary.readouterr().out == source.with_name("out.vcf").read_bytes()


def test_a_header_without_contigs_can_become_bcf(
    make_vcf: MakeVcf, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    header = "##fileformat=VCFv4.2\n"
    source = make_vcf(records=["7\t5\t.\tA\tC\t.\tlow\tFOO=x"], header=header)
    annotate(source, tmp_path / "out.bcf")
    with VcfReader(tmp_path / "out.bcf") as back:
        assert [record.line for record in back] == ["7\t5\t.\tA\tC\t.\tlow\tFOO=x;CISTRON_LLR=-1.5"]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("value", "text"), [(-0.0, "0"), (1e-9, "1e-09"), (-1234.56789, "-1234.57"), (2, "2")]
)
def test_numbers_have_six_digits_and_no_negative_zero(
    make_vcf: MakeVcf, tmp_path: Path, value: float, text: str
) -> None:
    source = make_vcf(records=["20\t9\t.\tA\tC\t.\t.\t."])
    with VcfReader(source) as reader, VcfWriter(tmp_path / "o.vcf", reader, [LLR]) as writer:
        for record in reader:
            writer.write(record, {"CISTRON_LLR": [value]})
    assert (tmp_path / "o.vcf").read_text().endswith(f"\tCISTRON_LLR={text}\n")


def test_values_that_do_not_fit_the_record_or_the_fields_are_a_bug(make_vcf: MakeVcf, tmp_path: Path) -> None:
    with VcfReader(make_vcf()) as reader:
        record = next(iter(reader))
        writer = VcfWriter(tmp_path / "o.vcf", reader, [LLR])
        with pytest.raises(ValueError, match="inside its with block"):
            writer.write(record)
        with writer:
            with pytest.raises(ValueError, match="2 values for 1 ALT"):
                writer.write(record, {"CISTRON_LLR": [1.0, 2.0]})
            with pytest.raises(ValueError, match="OTHER not among the fields"):
                writer.write(record, {"OTHER": [1.0]})


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("name", ["out.vcf", "out.vcf.gz", "out.bcf"])
def test_an_interrupted_run_leaves_nothing(
    make_vcf: MakeVcf, tmp_path: Path, name: str, error: type[BaseException]
) -> None:
    source = make_vcf()

    def interrupted() -> None:
        with VcfReader(source) as reader, VcfWriter(tmp_path / name, reader, [LLR]) as writer:
            writer.write(next(iter(reader)))
            raise error

    with pytest.raises(error):
        interrupted()
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.parametrize("name", ["out.vcf", "out.vcf.gz", "out.bcf"])
def test_a_full_disk_is_one_clear_line_and_leaves_nothing(
    make_vcf: MakeVcf,
    full_disk: AbstractContextManager[Path],
    name: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    records = [f"20\t{n}\trs{n * 7919 % 99991}\tA\tC\t.\t.\tAC={n * 31 % 1009}" for n in range(1, 30_000)]
    source = make_vcf(records=records)
    with full_disk as folder:
        with pytest.raises(OutputError, match=rf"cannot write .*{name}: the disk is full"):
            annotate(source, folder / name)
        assert list(folder.iterdir()) == []
    assert capfd.readouterr().err == ""


def test_a_disk_too_full_for_the_header_leaves_nothing(
    make_vcf: MakeVcf, full_disk: AbstractContextManager[Path]
) -> None:
    header = "##fileformat=VCFv4.2\n" + "".join(f"##note={number}\n" for number in range(20_000))
    source = make_vcf(header=header)
    with full_disk as folder:
        with pytest.raises(OutputError, match="the disk is full"):
            annotate(source, folder / "out.vcf")
        assert list(folder.iterdir()) == []


def test_a_folder_that_is_missing_is_refused(make_vcf: MakeVcf, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist; create it first"):
        annotate(make_vcf(), tmp_path / "no" / "out.vcf.gz")
