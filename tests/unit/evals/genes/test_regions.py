from __future__ import annotations

import random

import pytest

from cistron.evals.genes.regions import Region, tile_starts, windows_of
from cistron.evals.requests import Contigs
from cistron.genome.annotation import GeneModel
from cistron.genome.sequence import reverse_complement

BASES = "".join(random.Random(1).choices("ACGT", k=400))
OTHER = reverse_complement(BASES)
GENOME = Contigs((("chr1", BASES), ("back", OTHER), ("unknown", "N" * 400)))
PLUS = GeneModel("G", "chr1", "+", ((100, 150), (200, 300)), ((120, 150), (200, 240)))
MINUS = GeneModel("G", "back", "-", ((100, 200), (250, 300)), ((160, 200), (250, 280)))


@pytest.mark.parametrize("gene", [PLUS, MINUS])
@pytest.mark.parametrize(
    ("region", "wanted"),
    [
        ("tss", [BASES[80:120]]),
        ("promoter", [BASES[60:100]]),
        ("gene_body", [BASES[100:140], BASES[180:220], BASES[260:300]]),
        ("transcript", [(BASES[100:150] + BASES[200:300])[at : at + 40] for at in (0, 80, 110)]),
        ("cds", [(BASES[120:150] + BASES[200:240])[at : at + 40] for at in (0, 30)]),
        ("utr3", [BASES[240:280], BASES[260:300]]),
    ],
)
def test_a_region_is_read_on_the_transcribed_strand(
    gene: GeneModel, region: Region, wanted: list[str]
) -> None:
    assert windows_of(gene, region, GENOME, width=40, most=3) == (tuple(wanted),)


def test_several_parts_stay_apart() -> None:
    parts = windows_of(PLUS, "multi", GENOME, width=40, most=1)
    assert parts is not None
    assert [len(part) for part in parts] == [1, 1, 1]


def test_a_window_is_cut_at_the_ends_of_the_contig() -> None:
    first = GeneModel("G", "chr1", "+", ((10, 30),))
    last = GeneModel("G", "chr1", "-", ((350, 395),))
    assert windows_of(first, "tss", GENOME, width=40, most=1) == ((BASES[:30],),)
    assert windows_of(last, "tss", GENOME, width=40, most=1) == ((reverse_complement(BASES[375:400]),),)


def test_what_a_gene_lacks_or_the_genome_does_not_know_has_no_windows() -> None:
    noncoding = GeneModel("G", "chr1", "+", ((100, 150),))
    assert windows_of(noncoding, "cds", GENOME, width=40, most=1) is None
    assert windows_of(noncoding, "multi", GENOME, width=40, most=1) is None
    assert windows_of(GeneModel("G", "unknown", "+", ((100, 150),)), "tss", GENOME, width=40, most=1) is None


def test_tiles_cover_a_text_or_are_taken_at_equal_steps() -> None:
    assert tile_starts(100, 40, 9) == [0, 40, 60]
    assert tile_starts(40, 40, 9) == [0]
    assert tile_starts(10, 40, 9) == [0]
    assert tile_starts(0, 40, 9) == []
    assert tile_starts(1000, 10, 3) == [0, 500, 990]
