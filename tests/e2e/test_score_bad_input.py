"""Bad input costs one clear line, exit code 1, and nothing else."""

from __future__ import annotations

import gzip
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cistron.formats.bgzf import bgzf_output

Run = Callable[..., Any]


@pytest.fixture
def refused(score: Run, bench: Any) -> Run:
    """Runs a score that must fail, and gives its error after checking that it left nothing behind."""

    def run(vcf: object, fasta: object, *more: object, out: str = "out.vcf.gz", **options: Any) -> str:
        before = sorted(bench.folder.rglob("*"))
        line: str = score(vcf, fasta, bench.out / out, *more, **options).error
        indexes = {str(fasta) + ".fai", str(fasta) + ".gzi"}
        assert [path for path in sorted(bench.folder.rglob("*")) if str(path) not in indexes] == [
            path for path in before if str(path) not in indexes
        ]
        return line

    return run


@pytest.fixture
def raw(bench: Any) -> Callable[[str, bytes], Path]:
    """Writes bytes to a file in the inputs' folder."""

    def write(name: str, content: bytes) -> Path:
        path: Path = bench.folder / name
        path.write_bytes(content)
        return path

    return write


def bgzf(path: Path, content: bytes) -> bytes:
    with bgzf_output(path) as stream:
        stream.write(content)
    return path.read_bytes()


def test_a_missing_vcf(refused: Run, bench: Any) -> None:
    assert refused(bench.folder / "no.vcf", bench.fasta()).endswith("no.vcf does not exist; check the name")


def test_a_folder_in_place_of_a_vcf(refused: Run, bench: Any) -> None:
    assert "is a folder; name a file in it" in refused(bench.folder, bench.fasta())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"##fileformat=VCFv4.3\n", "line of column names"),
        (b"##fileformat=VCFv4.3\n#CHROM POS ID REF ALT QUAL FILTER INFO\n", "line 2"),
        (b">1\nACGT\n", "is not VCF or BCF"),
        (b"1\t500\t.\tA\tC\t.\t.\t.\n", "is not VCF or BCF"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "is not VCF or BCF"),
        ("##fileformat=VCFv4.3\n".encode("utf-16"), "is not VCF or BCF"),
        (b"PK\x03\x04 a zip archive", "is not VCF or BCF"),
    ],
    ids=["empty", "no-columns", "spaces", "fasta", "no-header", "binary", "utf-16", "zip"],
)
def test_what_is_not_a_vcf(refused: Run, bench: Any, raw: Run, content: bytes, told: str) -> None:
    line = refused(raw("in.vcf", content), bench.fasta())
    assert "in.vcf" in line
    assert told in line


@pytest.mark.parametrize(
    "record", ["1 -5 A C", "1 x A C", "a,b 5 A C", "1\t500\t.\tA", "1\t500\t.\tA\tC\t.\t.\t.\t."]
)
def test_a_malformed_record_is_named_by_its_line(refused: Run, bench: Any, record: str) -> None:
    assert "line 6 " in refused(bench.vcf(bench.snv(500), record), bench.fasta())


@pytest.mark.parametrize("keep", [10, 60, -40, -28, -1])
def test_a_bgzf_vcf_cut_anywhere(refused: Run, bench: Any, raw: Run, keep: int) -> None:
    whole = bgzf(bench.folder / "whole.vcf.gz", bench.vcf(bench.snv(500), bench.snv(700)).read_bytes())
    assert "cut short" in refused(raw("cut.vcf.gz", whole[:keep]), bench.fasta())


def test_a_gzip_vcf_cut_short(refused: Run, bench: Any, raw: Run) -> None:
    whole = gzip.compress(bench.vcf(bench.snv(500)).read_bytes())
    assert "cut short" in refused(raw("cut.vcf.gz", whole[:-9]), bench.fasta())


def test_a_plain_vcf_cut_within_a_record(refused: Run, bench: Any, raw: Run) -> None:
    whole = bench.vcf(bench.snv(500), bench.snv(700)).read_bytes()
    assert "line 6 has 4 tab-separated columns where the header names 8" in refused(
        raw("cut.vcf", whole[:-9]), bench.fasta()
    )


@pytest.mark.parametrize("stdin", [b"", b"not a vcf\n", b"##fileformat=VCFv4.3\n"])
def test_bad_standard_input_is_called_that(refused: Run, bench: Any, stdin: bytes) -> None:
    assert refused("-", bench.fasta(), stdin=stdin).startswith("standard input")


def test_a_missing_reference(refused: Run, bench: Any) -> None:
    assert refused(bench.vcf(bench.snv(500)), bench.folder / "no.fa").endswith(
        "no.fa does not exist; check the name"
    )


def test_an_empty_reference(refused: Run, bench: Any, raw: Run) -> None:
    assert "no.fa is empty" in refused(bench.vcf(bench.snv(500)), raw("no.fa", b""))


def test_what_is_not_a_fasta(refused: Run, bench: Any) -> None:
    vcf = bench.vcf(bench.snv(500))
    assert "is not FASTA" in refused(vcf, vcf)
    assert "is a folder" in refused(vcf, bench.folder)


def test_an_ordinary_gzip_reference_says_how_to_recompress_it(refused: Run, bench: Any, raw: Run) -> None:
    packed = raw("genome.fa.gz", gzip.compress(bench.fasta().read_bytes()))
    assert "gunzip -c genome.fa.gz | bgzip" in refused(bench.vcf(bench.snv(500)), packed)


@pytest.mark.parametrize("keep", [200, -28, -1])
def test_a_bgzf_reference_cut_short(refused: Run, bench: Any, raw: Run, keep: int) -> None:
    whole = bgzf(bench.folder / "whole.fa.gz", bench.fasta().read_bytes())
    assert "cut short" in refused(bench.vcf(bench.snv(500)), raw("cut.fa.gz", whole[:keep]))


def test_a_plain_reference_cut_short_shows_by_its_index(refused: Run, score: Run, bench: Any) -> None:
    fasta, vcf = bench.fasta(), bench.vcf(bench.snv(500))
    assert score(vcf, fasta, bench.folder / "before.vcf").code == 0
    fasta.write_bytes(fasta.read_bytes()[:-700])
    os.utime(f"{fasta}.fai")
    line = refused(vcf, fasta)
    assert "is cut short, or genome.fa.fai belongs to another file" in line


def test_lines_of_unequal_length_in_the_reference(refused: Run, bench: Any, raw: Run) -> None:
    assert "equally long" in refused(bench.vcf(bench.snv(500)), raw("r.fa", b">1\nACGT\nACGTACG\nAC\n"))


def test_text_that_is_not_nucleotides_is_named_with_its_place(refused: Run, bench: Any) -> None:
    bases = bench.sequences["1"]
    fasta = bench.fasta("q.fa", **{"1": bases[:510] + "!" + bases[511:], "2": bench.sequences["2"]})
    assert "contig 1 has '!' at position 511" in refused(bench.vcf(bench.snv(500)), fasta)


def test_a_contig_name_that_the_reference_lacks(refused: Run, bench: Any) -> None:
    vcf = bench.vcf("7 500 A C", header=("##contig=<ID=7>",))
    line = refused(vcf, bench.fasta())
    assert "no contig of" in line
    assert "(7) is in genome.fa (1, 2)" in line


def test_a_ref_mismatch_says_where_what_and_what_instead(refused: Run, bench: Any) -> None:
    found = bench.ref(700)
    expected = "ACGT"["CGTA".index(found)]
    line = refused(bench.vcf(bench.snv(500), f"1 700 {expected} {found}"), bench.fasta())
    assert f"genome.fa at 1:700: expected {expected}, found {found}" in line


def test_a_ref_mismatch_on_a_known_build_suggests_another_one(
    refused: Run, bench: Any, example: Path
) -> None:
    vcf = bench.vcf("20 4680251 C G", header=("##contig=<ID=20>",))
    line = refused(vcf, example / "prnp_chr20.fa.gz")
    assert "expected C, found A" in line
    assert "is GRCh37, were the variants called on another build?" in line


def test_the_wrong_build_is_named_by_contig_lengths_before_anything_is_scored(
    refused: Run, bench: Any, example: Path
) -> None:
    vcf = bench.vcf("chr20 4680251 A G", header=("##contig=<ID=chr20,length=64444167>",))
    line = refused(vcf, example / "prnp_chr20.fa.gz")
    assert "in.vcf is on GRCh38" in line
    assert "prnp_chr20.fa.gz is GRCh37" in line
    assert "64,444,167 bases in the one and 63,025,520 in the other" in line


def test_the_wrong_build_is_named_by_the_words_of_the_header(refused: Run, bench: Any, example: Path) -> None:
    vcf = bench.vcf("20 4680251 A G", header=("##reference=file:///refs/GRCh38.fa",))
    assert "in.vcf is on GRCh38" in refused(vcf, example / "prnp_chr20.fa.gz")


def test_a_genome_of_other_lengths_is_refused(refused: Run, bench: Any) -> None:
    vcf = bench.vcf(bench.snv(500), header=("##contig=<ID=1,length=2999>",))
    assert "contig 1 has 2,999 bases in the one and 3,000 in the other" in refused(vcf, bench.fasta())


def test_a_position_behind_the_contig(refused: Run, bench: Any) -> None:
    assert "1:3001: expected A, found nothing" in refused(bench.vcf("1 3001 A C"), bench.fasta())


def test_a_variant_that_already_has_scores(refused: Run, score: Run, bench: Any) -> None:
    score(bench.vcf(bench.snv(500)), bench.fasta(), bench.folder / "scored.vcf")
    line = refused(bench.folder / "scored.vcf", bench.fasta())
    assert "already carries CISTRON_LLR, CISTRON_FLANK, CISTRON_STATUS" in line
    assert "--tag" in line
    assert "--overwrite" in line


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--width", 5000), "the largest width is 4,096"),
        (("--regions", "7:1-100"), "there is no contig '7'; the contigs are 1, 2"),
        (("--regions", "1:100"), "write 1:100-100 for one base"),
        (("--regions", "1:9-3"), "holds no bases"),
        (("--circular", "7"), "--circular 7: no such contig in genome.fa"),
        (("--tag", "my model"), "use letters"),
        (("--tag", "é"), "use letters"),
        (("--device", "cuda"), "torch sees no GPU"),
        (("-m", "genos-tiny"), "is the size of an architecture"),
        (("-m", "./nowhere"), "no model folder is at './nowhere'"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_an_option_that_cannot_be_met(
    refused: Run, bench: Any, monkeypatch: pytest.MonkeyPatch, options: tuple[object, ...], told: str
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert told in refused(bench.vcf(bench.snv(500)), bench.fasta(), *options)


def test_an_unknown_model_is_told_with_a_way_out(refused: Run, bench: Any) -> None:
    line = refused(bench.vcf(bench.snv(500)), bench.fasta(), "-m", "defalt")
    assert line.startswith("no model is called 'defalt'; ")
    assert "give a model folder or owner/name on the hub" in line


def test_a_file_in_place_of_a_model_folder(refused: Run, bench: Any, tiny: Path) -> None:
    line = refused(bench.vcf(bench.snv(500)), bench.fasta(), "-m", tiny / "model.safetensors")
    assert "is a file; give the model folder that holds it" in line


@pytest.mark.parametrize("checked", [True, False], ids=["checksums", "no-checksums"])
@pytest.mark.parametrize("keep", [0, 7, 500, -1])
def test_weights_cut_short(refused: Run, bench: Any, tiny: Path, keep: int, checked: bool) -> None:
    model = shutil.copytree(tiny, bench.folder / "model")
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:keep])
    if not checked:
        (model / "checksums.json").unlink()
    assert "model.safetensors" in refused(bench.vcf(bench.snv(500)), bench.fasta(), "-m", model)


def test_tampered_weights(refused: Run, bench: Any, tiny: Path) -> None:
    model = shutil.copytree(tiny, bench.folder / "model")
    content = bytearray((model / "model.safetensors").read_bytes())
    content[random.Random(0).randrange(5000, len(content))] ^= 1
    (model / "model.safetensors").write_bytes(content)
    assert "was changed since it was saved" in refused(bench.vcf(bench.snv(500)), bench.fasta(), "-m", model)
