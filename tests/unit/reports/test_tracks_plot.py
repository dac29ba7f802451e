"""Tracks over genes: what is drawn where, and on which scale."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cistron.errors import OutputError
from cistron.genome import Interval
from cistron.genome.annotation import GeneModel
from cistron.reports.tracks_plot import BINS, LANES, track_figure, write_track_figure

PLACE = Interval("1", 1_000, 1_000 + 4 * BINS)
LOW, HIGH = np.full(len(PLACE), 1.0), np.full(len(PLACE), 5.0)


def test_long_regions_show_means_of_bins_from_the_first_to_the_last_base():
    values = np.arange(len(PLACE), dtype=float)
    (panel, *_) = track_figure({"x": values}, PLACE).axes
    (steps,) = panel.patches
    heights, edges, _ = steps.get_data()
    assert len(heights) == BINS
    assert heights[:2].tolist() == [1.5, 5.5]
    assert (edges[0], edges[-1]) == (1_000.5, 1_000.5 + len(PLACE))


def test_bases_without_a_value_are_drawn_as_nothing():
    (panel, *_) = track_figure({"x": np.full(len(PLACE), np.nan)}, PLACE).axes
    assert panel.patches[0].get_data()[0].max() == 0


def test_tracks_share_a_scale_unless_told_otherwise():
    tracks = {"low": LOW, "high": HIGH, "other": LOW}
    together = [axes.get_ylim()[1] for axes in track_figure(tracks, PLACE).axes]
    assert together == pytest.approx([5.2] * 3)
    apart = [axes.get_ylim()[1] for axes in track_figure(tracks, PLACE, scales=[0, 0, 1]).axes]
    assert apart == pytest.approx([5.2, 5.2, 1.04])


def test_of_many_genes_the_widest_are_drawn_in_order_of_place():
    genes = [
        GeneModel(f"G{n}", "1", "+", ((1_000 + 10 * n, 1_100 + 20 * n),)) for n in reversed(range(LANES + 3))
    ]
    axes = track_figure({"x": LOW}, PLACE, genes).axes[-1]
    assert [text.get_text() for text in axes.texts] == [f"G{n} →" for n in range(3, LANES + 3)]


def test_other_endings_are_refused(tmp_path: Path):
    with pytest.raises(OutputError, match=r"\.png, \.svg, \.pdf"):
        write_track_figure(tmp_path / "x.jpg", {"x": LOW}, PLACE)
