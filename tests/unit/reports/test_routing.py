"""The report on expert routing."""

from __future__ import annotations

import re

import numpy as np
import pytest

from cistron.inference.interpretation.routing_counts import RoutingCounts
from cistron.reports.routing import layer_number, routing_rows, write_routing_report

CLASSES = ("all", "A", "C", "G", "T", "exons", "nothing")


@pytest.fixture
def counts() -> RoutingCounts:
    """Three layers of four experts over twenty blocks; no base is of the last class."""
    random = np.random.default_rng(1)
    composition = np.zeros((20, 7, 4), dtype=int)
    chosen = np.zeros((20, 3, 4, 7), dtype=int)
    for block in range(20):
        for letter in range(4):
            composition[block, [0, 1 + letter, 5], letter] = [50, 50, 10]
            for layer in range(3):
                for classes, number in (((0, 1 + letter), 50), ((5,), 10)):
                    drawn = random.multinomial(2 * number, [0.4, 0.3, 0.2, 0.1])
                    chosen[block, layer, :, list(classes)] += drawn
    layers = tuple(f"model.layers.{number}.block_sparse_moe" for number in (0, 2, 4))
    return RoutingCounts(layers, (2, 2, 2), CLASSES, chosen, composition, np.full((20, 3), 2), 1e-4)


def test_the_table_has_a_row_for_each_layer_expert_and_class(counts):
    rows = list(routing_rows(counts, counts.bounds(resamples=50)))
    assert len(rows) == 3 * 4 * 7
    assert {row.name for row in rows} == set(CLASSES)
    for row in rows:
        if row.name == "nothing":
            assert row.bases == 0
            assert row.share is row.log2_enrichment is row.low is None
        else:
            assert row.log2_enrichment == pytest.approx(np.log2(row.share / row.expected))


def test_the_page_shows_layers_by_their_own_numbers_and_leaves_empty_classes_out(counts, tmp_path):
    path = tmp_path / "r.html"
    bounds = counts.bounds(resamples=50)
    write_routing_report(
        path, counts, bounds, title="T", model_facts={"Model": "m"}, run_facts={"Window": "w"}
    )
    page = path.read_text()
    assert all(f"layer {number}" in page for number in (0, 2, 4))
    assert "nothing" not in page
    assert "120" in page  # near-ties
    assert not re.search("https?://", page)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_a_layer_without_a_number_has_that_of_its_place():
    assert layer_number("network.model.layers.3.block_sparse_moe", 0) == 3
    assert layer_number("moe", 5) == 5
