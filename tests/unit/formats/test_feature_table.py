from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cistron.errors import InputError
from cistron.formats.fasta import Fasta
from cistron.formats.feature_table import read_features
from cistron.genome import Interval
from cistron.genome.sequence import reverse_complement

DATA = Path(os.environ.get("CISTRON_DATA", Path(__file__).parents[4] / "shared" / "data")) / "human"
needs_data = pytest.mark.skipif(
    not (DATA / "gencode_v19").is_dir(), reason="needs GENCODE v19 of CISTRON_DATA"
)


def _table(path: Path, **columns: list[object]) -> Path:
    content = {"_labels": ["1", "2"], "_starts": [3, 5], "_ends": [4, 9]} | columns
    pq.write_table(pa.table({name: column for name, column in content.items() if column}), path)
    return path


def test_both_conventions_give_half_open_intervals_with_strand_and_name(tmp_path: Path) -> None:
    path = _table(tmp_path / "t.parquet", Strand=["-", "+"], gene_name=["A", "B"])
    assert list(read_features(path, one_based=True)) == [
        Interval("1", 2, 4, "-", "A"),
        Interval("2", 4, 9, "+", "B"),
    ]
    assert list(read_features(path, one_based=False, chrom="2")) == [Interval("2", 5, 9, "+", "B")]


def test_strand_and_name_may_be_absent(tmp_path: Path) -> None:
    assert next(read_features(_table(tmp_path / "t.parquet"), one_based=False)) == Interval("1", 3, 4)


def test_a_feature_that_is_empty_under_the_convention_points_at_the_convention(tmp_path: Path) -> None:
    path = _table(tmp_path / "t.parquet", _ends=[3, 9])
    assert len(next(read_features(path, one_based=True))) == 1
    with pytest.raises(InputError, match="1 3 3 that holds no bases counted from 0; it may count from 1"):
        list(read_features(path, one_based=False))


def test_missing_files_other_files_and_missing_columns_are_named(tmp_path: Path) -> None:
    text = tmp_path / "text.parquet"
    text.write_text("chr1 1 2\n")
    for path, message in (
        (tmp_path / "none.parquet", "there is no file"),
        (text, "not a readable Parquet file"),
        (_table(tmp_path / "cut.parquet", _starts=[]), "lacks _starts"),
    ):
        with pytest.raises(InputError, match=message):
            list(read_features(path, one_based=True))


@needs_data
def test_start_codons_read_atg_when_gencode_counts_from_one() -> None:
    codons = list(read_features(DATA / "gencode_v19/start_codons.parquet", one_based=True, chrom="chr20"))
    with Fasta(DATA / "chr20.fa.gz") as fasta:
        found = [_read(fasta, codon) for codon in codons if len(codon) == 3]
    assert found.count("ATG") > 0.98 * len(found) > 500


@needs_data
def test_alu_elements_start_and_end_with_their_consensus_when_repeatmasker_counts_from_zero() -> None:
    """The 5' end of an Alu is GGCCGGGCGC; on the other strand the element ends in its complement."""
    table = DATA / "gencode_v19/hg19_repeats_chr20_22_X.parquet"
    repeats = list(read_features(table, one_based=False, chrom="chr20"))
    head = "GGCCGGGCGC"
    starts, ends = [0, 0, 0], [0, 0, 0]
    with Fasta(DATA / "chr20.fa.gz") as fasta:
        bases = fasta.fetch("chr20", 0, fasta.contigs["chr20"])
    for repeat in repeats:
        for shift in (-1, 0, 1):
            first, last = repeat.start + shift, repeat.end + shift
            starts[shift + 1] += bases.startswith(head, first)
            ends[shift + 1] += bases.endswith(reverse_complement(head), first, last)
    assert starts[1] > 500 > 50 * (starts[0] + starts[2])
    assert ends[1] > 500 > 50 * (ends[0] + ends[2])


def _read(fasta: Fasta, feature: Interval) -> str:
    bases = fasta.fetch(feature.chrom, feature.start, feature.end)
    return reverse_complement(bases) if feature.strand == "-" else bases
