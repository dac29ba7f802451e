from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from cistron.errors import UnknownContigError
from cistron.genome.contigs import (
    BUILDS,
    HG19_CHRM_LENGTH,
    RCRS_LENGTH,
    ContigNames,
    contig_length,
    is_rcrs,
    recognise_build,
)

CHAINS = (
    Path(os.environ.get("CISTRON_DATA", Path(__file__).parents[4] / "shared" / "data"))
    / "human/liftover_chains"
)


@pytest.mark.parametrize("genome_name", ["20", "chr20", "NC_000020.10", "Chr20"])
@pytest.mark.parametrize("file_name", ["20", "chr20", "NC_000020.11", "CHR20"])
def test_one_chromosome_is_found_under_every_style_of_name(genome_name: str, file_name: str) -> None:
    assert ContigNames({genome_name: 63_025_520, "7": 1}).resolve(file_name) == genome_name


def test_names_that_are_no_alias_are_not_resolved() -> None:
    names = ContigNames({"chr2": 10, "chrX": 10})
    assert names.resolve("20") is None
    assert names.resolve("chr") is None
    assert names.resolve("NC_000024.10") is None
    assert names.resolve("NC_000023.10") == "chrX"
    assert names.resolve("NC_060947.1") == "chrX"


def test_a_genome_with_both_spellings_gives_exact_names_only() -> None:
    names = ContigNames({"20": 5, "chr20": 6})
    assert names.resolve("20") == "20"
    assert names.resolve("chr20") == "chr20"
    assert names.resolve("NC_000020.10") is None


@pytest.mark.parametrize("name", ["M", "MT", "chrMT"])
def test_the_mitochondrion_goes_by_another_name_only_at_equal_known_length(name: str) -> None:
    rcrs, hg19 = ContigNames({"chrM": RCRS_LENGTH}), ContigNames({"chrM": HG19_CHRM_LENGTH})
    assert rcrs.resolve(name, RCRS_LENGTH) == "chrM"
    assert rcrs.resolve(name) is None
    assert hg19.resolve(name, RCRS_LENGTH) is None
    assert hg19.resolve(name, HG19_CHRM_LENGTH) == "chrM"
    assert rcrs.resolve("chrM") == "chrM"


def test_the_refseq_mitochondrion_is_the_rcrs() -> None:
    assert ContigNames({"MT": RCRS_LENGTH}).resolve("NC_012920.1") == "MT"
    assert ContigNames({"chrM": HG19_CHRM_LENGTH}).resolve("NC_012920.1") is None


def test_only_a_mitochondrion_of_the_right_length_is_circular_by_default() -> None:
    assert is_rcrs("chrM", 16_569)
    assert is_rcrs("MT", 16_569)
    assert not is_rcrs("chrM", 16_571)
    assert not is_rcrs("plasmid", 16_569)


@pytest.mark.parametrize("build", BUILDS)
def test_a_build_is_recognised_from_all_or_any_one_chromosome(build: str) -> None:
    assert recognise_build(BUILDS[build]) == build
    for name, length in BUILDS[build].items():
        assert recognise_build({f"chr{name}": length}) == build


def test_no_build_is_recognised_from_other_lengths_or_a_tie() -> None:
    assert recognise_build({}) is None
    assert recognise_build({"chr20": 1_000}) is None
    assert recognise_build({"M": RCRS_LENGTH}) is None
    tie = {"1": BUILDS["GRCh37"]["1"], "2": BUILDS["GRCh38"]["2"]}
    assert recognise_build(tie) is None
    assert recognise_build(tie | {"3": BUILDS["GRCh38"]["3"]}) == "GRCh38"


@pytest.mark.skipif(not CHAINS.is_dir(), reason="needs the liftOver chains of CISTRON_DATA")
@pytest.mark.parametrize(
    ("chain", "build"),
    [("hg18ToHg19", "NCBI36"), ("hg19ToHg38", "GRCh37"), ("hg38ToHg19", "GRCh38")],
)
def test_lengths_agree_with_the_liftover_chains(chain: str, build: str) -> None:
    with gzip.open(CHAINS / f"{chain}.over.chain.gz", "rt") as lines:
        heads = (line.split() for line in lines if line.startswith("chain"))
        sizes = {head[2].removeprefix("chr"): int(head[3]) for head in heads}
    for name, length in BUILDS[build].items():
        assert sizes.get(name, length) == length
    assert len(BUILDS[build].keys() & sizes.keys()) >= 23


def test_the_length_of_an_unknown_contig_is_an_error(genome) -> None:
    assert contig_length(genome(a="ACGT"), "a") == 4
    with pytest.raises(UnknownContigError, match="'b' is not in text"):
        contig_length(genome(a="ACGT"), "b")
