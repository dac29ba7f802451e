"""The report on a saturation mutagenesis."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from cistron.genome.annotation import GeneModel
from cistron.inference.interpretation.mutation_map import MutationMap
from cistron.reports.change_classes import change_rows, kind_of
from cistron.reports.effect_track import binned
from cistron.reports.heat_map import PER_LINE, Stretch, heat_map_svg, write_heat_map
from cistron.reports.mutagenesis import DETAIL, detail, write_mutagenesis_report

GENE = GeneModel("ABC<1>", "20", "-", ((1000, 1020), (1040, 1090)), ((1010, 1020), (1040, 1060)))


def scores(length: int, seed: int = 0, start: int = 1000) -> MutationMap:
    """Random scores of random bases."""
    random = np.random.default_rng(seed)
    bases = "".join(random.choice(list("ACGT"), length))
    llr = random.normal(-0.5, 1, (4, length))
    llr[["ACGT".index(base) for base in bases], range(length)] = np.nan
    return MutationMap("20", start, bases, llr, np.full(length, np.nan))


def written(path: Path, found: MutationMap, **options) -> str:
    facts = {"model_facts": {"Model": "m"}, "run_facts": {"Window": "w"}}
    write_mutagenesis_report(path, found, title="T & t", **facts, **options)
    return path.read_text()


def test_the_page_carries_everything_and_names_nothing_outside(tmp_path):
    page = written(tmp_path / "r.html", scores(80), genes=[GENE])
    assert "<h1>T &amp; t</h1>" in page
    assert "ABC&lt;1&gt;" in page
    assert not re.search("https?://", page)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_the_same_scores_give_the_same_bytes(tmp_path):
    one, two = (written(tmp_path / name, scores(120), genes=[GENE]) for name in ("a.html", "b.html"))
    assert one == two
    for name in ("a.png", "b.png"):
        write_heat_map(tmp_path / name, [scores(30)], dpi=50)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_short_regions_are_drawn_whole_and_long_ones_from_afar_too(tmp_path):
    short, long = written(tmp_path / "s.html", scores(90)), written(tmp_path / "l.html", scores(1000))
    assert "Along the region" not in short
    assert "All positions, read on the plus strand" in short
    assert "Along the region" in long
    assert f"The 3 stretches of {PER_LINE} bases that matter most" in long


def test_the_stretches_that_matter_most_are_chosen_without_overlap():
    found = scores(2000)
    found.llr[:] *= 0.1
    for start in (400, 450, 900, 1500):
        found.llr[:, start : start + 50] -= 2
    parts = detail(found)
    assert [(part.end - part.start) for part in parts] == [PER_LINE] * 3
    assert sum(len(part.bases) for part in parts) == DETAIL
    assert all(a.end <= b.start for a, b in pairwise(parts))
    assert parts[0].start == 1000 + 400
    assert parts[1].start <= 1000 + 900 <= 1000 + 950 <= parts[1].end
    assert parts[2].start <= 1000 + 1500 <= 1000 + 1550 <= parts[2].end


def test_the_minus_strand_is_read_backwards_in_complements():
    found = MutationMap(
        "20",
        1000,
        "ACGGT",
        np.array(
            [
                [np.nan, 1, 2, 3, 4],
                [5, np.nan, 6, 7, 8],
                [9, 10, np.nan, np.nan, 11],
                [12, 13, 14, 15, np.nan],
            ]
        ),
        np.full(5, np.nan),
    )
    line = Stretch.of(found, "-", [GENE])
    assert line.bases == "ACCGT"
    assert list(line.positions) == [1005, 1004, 1003, 1002, 1001]
    np.testing.assert_array_equal(line.effects[3], [4, 3, 2, 1, np.nan])  # A>… on plus is T>… here
    (gene,) = line.genes
    assert (gene.strand, gene.exons[-1], gene.cds[-1]) == ("+", (-15, 5), (-15, -5))


def test_deletions_get_a_row_only_where_there_are_some():
    found = scores(20)
    assert len(Stretch.of(found, "+", []).effects) == 4
    found.deletions[3] = -1.0
    assert len(Stretch.of(found, "+", []).effects) == 5


def test_every_change_with_a_score_is_a_cell():
    found = scores(60)
    svg = heat_map_svg([found])
    assert "60 positions" in svg
    assert svg.count("fill-opacity") + svg.count("opacity:") >= 180


@pytest.mark.parametrize(
    ("ref", "alt", "around", "kind"),
    [
        ("C", "T", "ACG", "CpG transition"),
        ("G", "A", "CGT", "CpG transition"),
        ("C", "T", "ACA", "transition"),
        ("G", "A", " GT", "transition"),
        ("C", "A", "ACG", "transversion"),
        ("C", "", "ACG", "deletion"),
    ],
)
def test_changes_have_kinds(ref, alt, around, kind):
    assert kind_of(ref, alt, around) == kind


def test_changes_lie_in_parts_of_genes():
    found = scores(100)
    places = {row.pos: row.label for row in change_rows(found, [GENE])}
    assert [places[pos] for pos in (1001, 1011, 1021, 1041, 1061, 1091)] == [
        "non-coding exon",
        "coding",
        "intron",
        "coding",
        "non-coding exon",
        "between genes",
    ]
    assert {row.label for row in change_rows(found, [])} == {""}


def test_a_region_without_scores_says_so(tmp_path):
    found = MutationMap("20", 1000, "NNN", np.full((4, 3), np.nan), np.full(3, np.nan))
    assert "No substitution has a score" in written(tmp_path / "r.html", found)


def test_bins_keep_the_extremes():
    values = np.array([1.0, -2.0, np.nan, 3.0, 0.5])
    edges, high, low = binned(values, 100, 2)
    assert edges.tolist() == [100.5, 103.5, 105.5]
    assert (high.tolist(), low.tolist()) == ([1.0, 3.0], [-2.0, 0.0])


def test_estimates_are_called_estimates(tmp_path):
    assert "first-order estimate" in written(tmp_path / "r.html", scores(10), method="gradient")
    assert "averaged over a straight path" in written(
        tmp_path / "r.html", scores(10), method="integrated-gradients"
    )
