"""One allele closely."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

expect = pytest.importorskip("playwright.sync_api", reason="the page's tests need playwright").expect

HEADER = (
    '##fileformat=VCFv4.3\n##INFO=<ID=END,Number=1,Type=Integer,Description="e">\n'
    '##ALT=<ID=DEL,Description="d">\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n'
)


def test_variant_shows_differences_browser_and_heat_map_and_saves_each(
    visitor: Any, page: Any, service: Any
) -> None:
    ref = service.bases[499]
    visitor.analyse(f"chr20:500 {ref}>{'A' if ref != 'A' else 'C'}")
    page.get_by_role("row").nth(1).click()
    expect(page.get_by_role("img", name="log P with ALT")).to_be_visible()
    expect(page.get_by_text("Opening the genome browser")).to_have_count(0)
    expect(page.locator(".browser")).to_contain_text("ALT − REF by base")
    page.get_by_role("button", name="Compute heat map").click()
    drawn = page.get_by_role("img", name="Log-likelihood ratio of every")
    expect(drawn).to_be_visible()
    assert drawn.locator("rect[opacity]").count() == 183
    expect(page.locator(".browser")).to_contain_text("Mean LLR of substitutions")
    page.get_by_role("button", name="Predict tracks").click()
    expect(page.locator(".browser")).to_contain_text("brain RNA")
    variant = page.get_by_role("region", name="Variant", exact=True)
    assert variant.get_by_role("button", name="PNG").count() == 3
    for number in range(3):
        for kind, start in (("PNG", b"\x89PNG"), ("SVG", b"<svg")):
            with page.expect_download() as download:
                variant.get_by_role("button", name=kind).nth(number).click()
            assert start in Path(download.value.path()).read_bytes()[:200]


def test_a_change_of_language_leaves_one_browser_with_its_tracks(
    visitor: Any, page: Any, service: Any
) -> None:
    visitor.analyse(service.vcf([600]))
    page.get_by_role("row").nth(1).click()
    expect(page.locator(".browser")).to_contain_text("ALT − REF by base")
    page.get_by_label("Language").select_option("zh")
    expect(page.locator(".browser")).to_contain_text("逐碱基 ALT − REF")
    expect(page.locator(".igv-container")).to_have_count(1)
    expect(page.get_by_role("alert")).to_have_count(0)


def test_symbolic_allele_says_why_it_has_no_differences(visitor: Any, page: Any, service: Any) -> None:
    visitor.analyse(f"{HEADER}20\t700\t.\t{service.bases[699]}\t<DEL>\t.\t.\tEND=720\n")
    page.get_by_role("row").nth(1).click()
    variant = page.get_by_role("region", name="Variant", exact=True)
    expect(variant).to_contain_text("<DEL> stands for bases that the file does not write out")
    expect(page.get_by_text("Opening the genome browser")).to_have_count(0)
    expect(page.locator(".browser")).to_contain_text("LLR of this file")
    expect(variant.get_by_role("link", name="Diagnose")).to_have_count(0)
    assert not any("variants:profile" in url for url in visitor.asked)


def test_keyboard_alone_opens_and_closes_a_variant(visitor: Any, page: Any, service: Any) -> None:
    expect(page.get_by_role("heading", name="Analyse variants")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    visitor.analyse(service.vcf([400, 401, 402]))
    expect(page.get_by_text("3 alleles")).to_be_visible()
    page.get_by_role("grid").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Variant", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("region", name="Variant", exact=True)).to_have_count(0)
