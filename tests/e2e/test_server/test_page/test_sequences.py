"""Embeddings as a map, and generated sequences."""

from __future__ import annotations

from typing import Any

import pytest

expect = pytest.importorskip("playwright.sync_api", reason="the page's tests need playwright").expect


def test_embeddings_are_drawn_coloured_by_labels_and_saved(visitor: Any, page: Any) -> None:
    page.get_by_role("link", name="Embeddings").click()
    page.get_by_role("button", name="Example sequences").click()
    page.get_by_role("button", name="Embed", exact=True).click()
    drawn = page.get_by_role("img", name="Map of 36")
    expect(drawn).to_be_visible()
    assert drawn.locator("circle").count() == 36
    expect(drawn).to_contain_text("repeat")
    labels = "gc_1\tpromoter\ngc_2\tpromoter\nat_1\tdesert\nelsewhere\tnothing\n"
    visitor.upload("labels.tsv", labels)
    expect(page.get_by_text("labels of 3 sequences")).to_be_visible()
    for label in ("promoter", "desert", "no label"):
        expect(drawn).to_contain_text(label)
    table = visitor.saved("CSV with vectors").decode().splitlines()
    assert len(table) == 37
    assert table[1].startswith('"gc_1","promoter",')
    page.get_by_role("combobox", name="Map").select_option("umap")
    expect(page.get_by_role("img", name="Map of 36")).to_be_visible()
    assert visitor.saved("PNG").startswith(b"\x89PNG")


def test_generation_streams_and_says_what_the_screen_said(visitor: Any, page: Any) -> None:
    page.get_by_role("link", name="Generate").click()
    page.get_by_label("Bases").fill("20")
    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_text("Not screened")).to_have_count(2)
    expect(page.get_by_text("20 bp generated, GC")).to_have_count(2)
    assert visitor.saved("Save FASTA").count(b">sample_") == 2
