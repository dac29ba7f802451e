from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cistron.cli.main import build_app
from cistron.data.packed import PackedCorpus


def run(*words: object) -> tuple[int, str, str]:
    found = CliRunner().invoke(build_app(), [str(word) for word in words], catch_exceptions=False)
    return found.exit_code, found.stdout, found.stderr


def refused(*words: object) -> str:
    code, out, err = run(*words)
    assert (code, out) == (1, "")
    assert err.startswith("cistron: ")
    assert err.count("\n") == 1
    return err


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    path = tmp_path / "genome.fa"
    path.write_text(">chr1\n" + "ACGTR" * 40 + "\n>chr20\n" + "ACGT" * 30 + "\n")
    return path


def test_a_corpus_is_built_shown_and_checked(fasta: Path, tmp_path: Path) -> None:
    (tmp_path / "genes.gff").write_text("1\tx\tgene\t3\t50\t.\t+\t.\tID=a\n")
    words = ("data", "build", fasta, "-o", tmp_path / "corpus", "--annotation", tmp_path / "genes.gff")
    code, out, _ = run(*words, "--json")
    assert code == 0
    facts = json.loads(out)
    assert facts["bases"] == 320
    assert facts["sources"][0]["unknown"] == 40
    assert facts["contigs"][0] == {
        "name": "chr1",
        "source": "genome",
        "length": 200,
        "usable": 199,
        "unknown": 40,
        "stretches": 1,
        "genes": 1,
    }
    code, out, _ = run("data", "show", tmp_path / "corpus")
    assert code == 0
    assert facts["sha256"] in out
    assert "319 usable" in out
    assert json.loads(run("data", "show", tmp_path / "corpus", "--json")[1]) == facts
    code, out, _ = run("data", "verify", tmp_path / "corpus")
    assert (code, out.split()[-1]) == (0, facts["sha256"])


def test_the_manifest_beside_says_how_it_was_made(fasta: Path, tmp_path: Path) -> None:
    assert run("data", "build", fasta, "-o", tmp_path / "corpus")[0] == 0
    manifest = json.loads((tmp_path / "corpus.manifest.json").read_text())
    assert manifest["sha256"] == PackedCorpus.open(tmp_path / "corpus").sha256
    assert manifest["inputs"] == [str(fasta)]
    assert len(manifest["request"]["sources"][0]["fasta"]) == 64


def test_held_out_bases_are_refused_dropped_or_kept(fasta: Path, tmp_path: Path) -> None:
    words = ("data", "build", fasta, "-o", tmp_path / "corpus", "--held-out", "20:11-20", "--json")
    told = refused(*words)
    assert "10 bases of contig chr20 that are held out (from chr20:11-20)" in told
    assert "--drop-held-out" in told
    assert not (tmp_path / "corpus").exists()
    code, out, _ = run(*words, "--drop-held-out")
    assert (code, json.loads(out)["usable"]) == (0, 309)
    code, out, _ = run(*words[:3], "-o", tmp_path / "other", *words[5:], "--allow-held-out")
    assert (code, json.loads(out)["held_out_kept"], json.loads(out)["usable"]) == (0, True, 319)


def test_a_second_build_is_refused_and_a_resumed_one_is_the_same(fasta: Path, tmp_path: Path) -> None:
    words = ("data", "build", fasta, "-o", tmp_path / "corpus", "--json")
    first = run(*words)
    assert "already holds a corpus; add --resume" in refused(*words)
    assert run(*words, "--resume")[:2] == first[:2]


def test_a_table_of_sources_gives_each_its_own_filters(fasta: Path, tmp_path: Path) -> None:
    (tmp_path / "keep.bed").write_text("chr1\t0\t100\n")
    table = tmp_path / "sources.tsv"
    table.write_text(
        f"fasta\tname\tassembly\tinclude\n{fasta}\twhole\thg38\t\n{fasta}\tpart\t\t{tmp_path}/keep.bed\n"
    )
    code, out, _ = run("data", "build", "--sources", table, "-o", tmp_path / "corpus", "--json")
    assert code == 0
    found = [(source["name"], source["assembly"], source["usable"]) for source in json.loads(out)["sources"]]
    assert found == [("whole", "hg38", 319), ("part", None, 99)]
    assert "is a column of the table" in refused(
        "data", "build", "--sources", table, "-o", tmp_path / "x", "--include", tmp_path / "keep.bed"
    )
    assert "give FASTA files, or a table" in refused("data", "build", "-o", tmp_path / "x")


def test_a_damaged_shard_is_named(fasta: Path, tmp_path: Path) -> None:
    run("data", "build", fasta, "-o", tmp_path / "corpus")
    shard = tmp_path / "corpus" / "bases-00000.bin"
    content = bytearray(shard.read_bytes())
    content[5] ^= 255
    shard.write_bytes(content)
    assert "bases-00000.bin is damaged" in refused("data", "verify", tmp_path / "corpus")
    shard.write_bytes(content[:-1])
    assert "bases-00000.bin has 79 bytes where the index expects 80" in refused(
        "data", "show", tmp_path / "corpus"
    )


def test_many_contigs_are_counted_and_the_first_ones_listed(tmp_path: Path) -> None:
    path = tmp_path / "many.fa"
    path.write_text("".join(f">contig{number}\nACGT\n" for number in range(30)))
    run("data", "build", path, "-o", tmp_path / "corpus")
    out = run("data", "show", tmp_path / "corpus")[1]
    assert "30 contigs" in out
    assert "contig19" in out
    assert "contig20" not in out
    assert "and 10 more" in out
