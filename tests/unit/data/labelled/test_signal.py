"""Means of bigWig files over intervals, as labels; files of another assembly are refused."""

from __future__ import annotations

import numpy as np
import pyBigWig
import pysam
import pytest

from cistron.data.labelled import LabelledData
from cistron.data.labelled.reading import read_items
from cistron.errors import CistronError
from cistron.formats.bigwig import Run, write_bigwig


@pytest.fixture
def genome(tmp_path):
    path = tmp_path / "genome.fa"
    path.write_text(">chr1\n" + "ACGTTGCA" * 50 + "\n>chr2\n" + "GGGCCCAT" * 50 + "\n")
    pysam.faidx(str(path))
    return path


def bed(folder, text):
    path = folder / "a.bed"
    path.write_text(text)
    return path


def items(data):
    return list(read_items(data, data.train, width=40))


def test_labels_are_means_over_the_interval_as_pybigwig_has_them(tmp_path, genome):
    rng = np.random.default_rng(0)
    first, second = tmp_path / "brain.bw", tmp_path / "liver.bw"
    write_bigwig(first, {"chr1": 400}, [Run("chr1", 0, rng.random(400))])
    write_bigwig(second, {"1": 400}, [Run("1", 0, rng.random(400))])
    places = bed(tmp_path, "chr1\t0\t10\n1\t33\t390\tx\t0\t-\n")
    data = LabelledData((str(places),), reference=str(genome), signal=(str(first), str(second)), width=20)
    assert data.labels == ("brain", "liver")
    found = items(data)
    for path, name, column in ((first, "chr1", 0), (second, "1", 1)):
        with pyBigWig.open(str(path)) as opened:
            expected = [opened.stats(name, *span, exact=True)[0] for span in ((0, 10), (33, 390))]
        assert [float(item.labels[column]) for item in found] == pytest.approx(expected)
    assert found[0].place == ("chr1", 0, 15)


def test_bases_without_a_value_count_as_zero(tmp_path, genome):
    write_bigwig(tmp_path / "a.bw", {"chr1": 400}, [Run("chr1", 10, np.full(5, 4.0))])
    places = bed(tmp_path, "chr1\t0\t20\nchr1\t100\t120\n")
    data = LabelledData((str(places),), reference=str(genome), signal=(str(tmp_path / "a.bw"),))
    assert [float(item.labels[0]) for item in items(data)] == [1.0, 0.0]


@pytest.mark.parametrize(
    ("contigs", "value", "places", "settings", "said"),
    [
        ({"chr1": 500}, 1.0, "chr1\t0\t9\n", {}, "another assembly: its chr1 has 500 bp, chr1 of .* has 400"),
        ({"chr1": 400}, 1.0, "chr2\t0\t9\n", {}, "has nothing on 'chr2'"),
        ({"chr1": 400}, 1.0, "chr1\t5\t5\n", {}, "chr1:6-5 is empty"),
        ({"chr1": 400}, 1.0, "chr1\t0\t401\n", {}, "reaches beyond its 400 bp"),
        ({"chr1": 400}, np.inf, "chr1\t0\t9\n", {}, "infinite values at chr1:1-9"),
        ({"chr1": 400}, 1.0, "chr1\t0\t9\n", {"labels": ("a", "b")}, "2 names in data.labels for 1"),
    ],
)
def test_signal_that_does_not_fit_is_refused(tmp_path, genome, contigs, value, places, settings, said):
    write_bigwig(tmp_path / "a.bw", contigs, [Run("chr1", 0, np.full(400, value))])
    path = bed(tmp_path, places)
    data = LabelledData((str(path),), reference=str(genome), signal=(str(tmp_path / "a.bw"),), **settings)
    with pytest.raises(CistronError, match=said) as error:
        items(data)
    assert "\n" not in str(error.value)


def test_a_signal_file_that_is_missing_is_named(tmp_path, genome):
    path = bed(tmp_path, "chr1\t0\t9\n")
    data = LabelledData((str(path),), reference=str(genome), signal=(str(tmp_path / "no.bw"),))
    with pytest.raises(CistronError, match=r"no\.bw does not exist"):
        items(data)
