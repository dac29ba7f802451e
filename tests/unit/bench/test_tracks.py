from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from cistron.formats.fasta import Fasta
from cistron.genome.contigs import BUILDS
from cistron.genome.sequence import reverse_complement

BENCH = Path(__file__).parents[3] / "bench"
HEADER = "lrg\tgene\tlength\tassembly\tchrom\tstart1\tend\tstrand\n"


@pytest.fixture
def tracks(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`bench/tracks.py`."""
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module("tracks")


def test_loci_lie_on_chr21_along_the_plus_strand(
    tracks: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "human").mkdir()
    (tmp_path / "human/lrg_loci.fa").write_text(">LRG_1\nACGTTT\n>LRG_2\nGGGTTA\n>LRG_3\nCC\n")
    (tmp_path / "human/lrg_loci.fa").rename(tmp_path / "human/lrg_loci.fa.gz")
    (tmp_path / "human/lrg_index.tsv").write_text(
        HEADER
        + "LRG_1\tA\t6\tGRCh37.p13\t21\t11\t16\t1\n"
        + "LRG_1\tA\t6\tGRCh38\t21\t31\t36\t1\n"
        + "LRG_2\tB\t6\tGRCh37.p13\t21\t21\t26\t-1\n"
        + "LRG_3\tC\t2\tGRCh37.p13\t20\t1\t2\t1\n"
    )
    monkeypatch.setattr(tracks, "DATA", tmp_path)
    with Fasta(tracks.loci_as_chr21(tmp_path / "chr21.fa")) as genome:
        assert genome.contigs == {"chr21": BUILDS["GRCh37"]["21"]}
        expected = "N" * 10 + "ACGTTT" + "N" * 4 + reverse_complement("GGGTTA") + "N" * 14
        assert genome.fetch("chr21", 0, 40) == expected


@pytest.mark.parametrize("name", ["encode", "brainspan"])
def test_parts_of_a_run_share_no_base(tracks: ModuleType, name: str) -> None:
    from cistron.genome.splits import Split, parse_region

    parts = tracks.PLANS[name].parts
    split = Split({part: [parse_region(text) for text in regions] for part, regions in parts.items()})
    assert list(split.parts) == ["train", "validation", "test"]
