"""Windows of parts: inside their regions, with enough known bases, and nothing lost between parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cistron.data.spans import merged
from cistron.data.tracks.windows import complement, cut, read_blacklist
from cistron.errors import InputError, WindowError
from cistron.genome import Interval


class Genome:
    """A reference in memory."""

    name = "memory"

    def __init__(self, **bases: str) -> None:
        self.bases = bases
        self.contigs = {chrom: len(text) for chrom, text in bases.items()}

    def fetch(self, chrom: str, start: int, end: int) -> str:
        return self.bases[chrom][start:end]


@given(
    st.text("ACGTN", min_size=1, max_size=60),
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=3),
    st.integers(1, 20),
    st.data(),
)
def test_windows_and_what_is_known_in_them_are_those_found_base_by_base(bases, black, width, data):
    stride = data.draw(st.integers(1, width))
    start = data.draw(st.integers(0, len(bases) - 1))
    region = Interval("x", start, data.draw(st.integers(start + 1, len(bases))))
    share = data.draw(st.sampled_from([0.0, 0.25, 0.5, 0.9]))
    blacklist = {"x": merged((min(pair), max(pair)) for pair in black)}
    part = cut([region], Genome(x=bases), blacklist, width=width, stride=stride, most_unknown=share)

    known = np.array([letter != "N" for letter in bases])
    for one, other in black:
        known[min(one, other) : max(one, other)] = False
    last = region.end - width
    starts = sorted({*range(region.start, last + 1, stride), last}) if last >= region.start else []
    kept = [at for at in starts if known[at : at + width].sum() >= (1 - share) * width]
    assert [(window.start, window.end) for window in part.windows] == [(at, at + width) for at in kept]
    assert part.short == (not starts)
    assert part.unknown == len(starts) - len(kept)
    inside = {base for at in kept for base in range(at, at + width) if known[base]}
    found = {base for low, high in part.known["x"].tolist() for base in range(low, high)}
    assert found == inside


def test_what_parts_leave_of_contigs_is_the_rest_without_overlap():
    genome = Genome(a="A" * 100, b="A" * 50, c="A" * 10)
    held_out = [Interval("a", 20, 30), Interval("a", 25, 40), Interval("b", 0, 50)]
    assert list(complement(held_out, genome, ["a", "b"])) == [Interval("a", 0, 20), Interval("a", 40, 100)]


def test_a_blacklist_is_read_under_the_names_of_the_genome_and_other_contigs_do_not_matter(tmp_path):
    (tmp_path / "black.bed").write_text("chr2\t5\t9\nchr2\t7\t12\nchrUn\t0\t3\n")
    found = read_blacklist([tmp_path / "black.bed"], Genome(**{"2": "A" * 20}))
    assert {chrom: spans.tolist() for chrom, spans in found.items()} == {"2": [[5, 12]]}


@pytest.mark.parametrize(("width", "stride"), [(0, None), (4, 5), (4, 0)])
def test_windows_that_would_leave_bases_out_are_refused(width, stride):
    with pytest.raises(WindowError):
        cut([Interval("x", 0, 9)], Genome(x="A" * 9), {}, width=width, stride=stride, most_unknown=0.5)


def test_a_malformed_blacklist_is_refused(tmp_path):
    (tmp_path / "black.bed").write_text("chr2\t9\t5\n")
    with pytest.raises(InputError, match="start not after end"):
        read_blacklist([tmp_path / "black.bed"], Genome(x="A"))
