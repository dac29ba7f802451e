"""From a VCF, a region, a gene or sequences to results and files."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

expect = pytest.importorskip("playwright.sync_api", reason="the page's tests need playwright").expect

MANY = 50_000
HEADER = ["##fileformat=VCFv4.3", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]


def test_example_goes_from_upload_to_every_export(visitor: Any, page: Any) -> None:
    visitor.choose()
    page.get_by_role("button", name="PRNP example").click()
    expect(page.get_by_text("54 alleles")).to_be_visible()
    vcf = gzip.decompress(visitor.saved("VCF")).decode()
    records = [line for line in vcf.splitlines() if not line.startswith("#")]
    assert len(records) == sum("CISTRON_LLR=" in each or "CISTRON_STATUS=" in each for each in records) == 51
    table = [line.split("\t") for line in visitor.saved("TSV").decode().splitlines()]
    assert len(table) == 55
    told = {tuple(row[1:5]): dict(zip(table[0], row, strict=True)) for row in table}
    p102l = told["4680171", "rs74315401", "C", "T"]
    assert (p102l["gene"], p102l["consequence"]) == ("PRNP", "missense_variant")
    assert b"<html" in visitor.saved("HTML report")
    assert visitor.saved("PNG").startswith(b"\x89PNG")
    assert b"Log-likelihood ratio ALT" in visitor.saved("SVG")


def test_consequences_are_a_column_that_is_searched(visitor: Any, page: Any) -> None:
    visitor.analyse("20:4680171 C>T\n20:4680000 G>A\n20:4671000 G>A", genome="grch37")
    expect(page.get_by_text("3 alleles")).to_be_visible()
    expect(page.get_by_role("columnheader", name="Gene")).to_be_visible()
    page.get_by_role("searchbox").fill("missense")
    expect(page.get_by_role("gridcell", name="4,680,171")).to_be_visible()
    page.get_by_role("row").nth(1).click()
    variant = page.get_by_role("region", name="Variant", exact=True)
    expect(variant.get_by_role("definition").filter(has_text="PRNP")).to_be_visible()


def test_gene_is_searched_in_results(visitor: Any, page: Any, service: Any) -> None:
    def line(pos: int) -> str:
        ref = service.bases[pos - 1]
        return f"20:{pos} {ref}>{'A' if ref != 'A' else 'C'}"

    visitor.analyse("\n".join([line(300), line(2100), line(5000)]))
    expect(page.get_by_text("3 alleles")).to_be_visible()
    page.get_by_role("searchbox").fill("prnd")
    expect(page.get_by_text("1 of 3 alleles")).to_be_visible()
    expect(page.get_by_role("gridcell", name="2,100")).to_be_visible()


def test_gene_leads_to_its_region_with_browser_tracks_and_heat_map(visitor: Any, page: Any) -> None:
    visitor.analyse("prnp")
    page.get_by_role("link", name="PRNP").click()
    expect(page.get_by_role("heading", name="Region 20:101-900")).to_be_visible()
    expect(page.get_by_text("Opening the genome browser")).to_have_count(0)
    expect(page.get_by_role("heading", name="Every substitution of 20:401-600")).to_be_visible()
    visitor.go("region?genome=hg19&model=tiny&chrom=20&start=5000&end=5010")
    page.get_by_role("button", name="Compute heat map").click()
    drawn = page.get_by_role("img", name="Log-likelihood ratio of every")
    expect(drawn).to_be_visible()
    assert drawn.locator("rect[opacity]").count() == 30
    page.get_by_role("button", name="Predict tracks").click()
    for track in ("Mean LLR of substitutions", "brain RNA"):
        expect(page.locator(".browser")).to_contain_text(track)


def test_sequences_get_their_likelihood(visitor: Any, page: Any) -> None:
    visitor.analyse(">one\nACGTACGTACGTAC\n>two\nGGGTTT\nAAACCC")
    expect(page.get_by_role("cell", name="one")).to_be_visible()
    assert page.get_by_role("cell").all_inner_texts()[1::4] == ["13", "11"]


def test_broken_vcf_is_refused_with_its_line(visitor: Any, page: Any) -> None:
    visitor.refusals |= {"status of 422", "status of 400"}
    visitor.analyse("\n".join([*HEADER, "20\tx\t.\tA\tC\t.\t.\t."]))
    expect(page.get_by_role("alert")).to_contain_text("the uploaded file")


def test_what_is_nothing_known_is_refused(visitor: Any, page: Any) -> None:
    visitor.analyse("!!!")
    expect(page.get_by_role("alert")).to_contain_text("no VCF")


def test_reference_that_differs_is_said(visitor: Any, page: Any, service: Any) -> None:
    wrong = next(base for base in "ACGT" if base != service.bases[499])
    other = next(base for base in "ACGT" if base not in (wrong, service.bases[499]))
    visitor.analyse(f"20:500 {wrong}>{other}")
    expect(page.get_by_role("gridcell", name="REF_MISMATCH")).to_be_visible()
    expect(page.get_by_text("is it another build?")).to_be_visible()
    visitor.go("analyse")
    visitor.analyse(f"20:500 {wrong}>{other}", check_ref="error")
    expect(page.get_by_role("alert")).to_contain_text("REF")


def test_an_upload_says_how_far_it_is(visitor: Any, page: Any, service: Any) -> None:
    visitor.choose()
    long = "\n".join([*HEADER, f"20\t100\t{'x' * 300_000}\t{service.bases[99]}\tN\t.\t.\t."])
    visitor.upload("slow.vcf", long)
    network = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 150_000}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", network)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("status")).to_contain_text("Uploading,")
    page.wait_for_url("**/#/job/*")


def test_a_long_vcf_that_is_pasted_becomes_a_file(visitor: Any, page: Any, service: Any) -> None:
    long = "\n".join([*HEADER, *(f"20\t{n}\t.\tA\tC\t.\t.\t." for n in range(1, 5_000)), ""])
    paste = """(place, text) => {
        const clipboardData = new DataTransfer();
        clipboardData.setData("text", text);
        place.dispatchEvent(new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true}));
    }"""
    field = page.get_by_label("Variants, a region")
    field.evaluate(paste, long)
    expect(page.get_by_text("Pasted VCF")).to_be_visible()
    expect(field).to_have_value("")
    page.get_by_role("button", name="Close").click()
    expect(field).to_be_enabled()


def test_a_running_job_is_cancelled_and_deleted(visitor: Any, page: Any, service: Any) -> None:
    visitor.choose(width=4_096)
    visitor.upload("long.vcf", service.vcf(list(range(3_000, 5_000))))
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_text("Running").first).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".badge.cancelled")).to_be_visible()
    job = page.url.rsplit("/", 1)[1]
    page.on("dialog", lambda asked: asked.accept())
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="Jobs")).to_be_visible()
    expect(page.get_by_role("link", name=job[:8])).to_have_count(0)


def test_two_jobs_run_at_once_and_survive_a_reload(visitor: Any, page: Any, service: Any) -> None:
    text = service.vcf(list(range(100, 400)))
    visitor.analyse(text)
    page.wait_for_url("**/#/job/*")
    first = page.url
    page.get_by_role("link", name="New analysis").click()
    visitor.analyse(text)
    page.wait_for_url(lambda url: "/job/" in url and url != first)
    second = page.url
    page.reload()
    assert page.url == second
    expect(page.get_by_text("300 alleles")).to_be_visible()
    page.goto(first)
    expect(page.get_by_text("300 alleles")).to_be_visible()
    page.get_by_role("link", name="Jobs").click()
    for url in (first, second):
        expect(page.get_by_role("link", name=url.rsplit("/", 1)[1][:8])).to_be_visible()
    assert b"<html" in visitor.saved("HTML report")


def test_fifty_thousand_variants_scroll_sort_and_filter(visitor: Any, page: Any, service: Any) -> None:
    job = service.finished(service.submit(service.vcf([100]), options='{"width": 64, "genome": "hg19"}'))
    lines = [f"20\t{n}\tv{n}\tA\tC\t.\t.\tCISTRON_LLR={n / 1000 - 20:.3f}" for n in range(1, MANY + 1)]
    result = service.home / "jobs" / job["id"] / "result.vcf.gz"
    result.write_bytes(gzip.compress("\n".join([*HEADER, *lines, ""]).encode(), 1))
    visitor.go(f"job/{job['id']}")
    expect(page.get_by_text("50,000 alleles")).to_be_visible()
    assert page.get_by_role("row").count() < 60
    expect(page.get_by_role("row").nth(1)).to_contain_text("v1")
    page.get_by_role("grid").focus()
    page.keyboard.press("End")
    expect(page.get_by_role("gridcell", name="v50000")).to_be_visible()
    page.get_by_role("button", name="LLR").click()
    expect(page.get_by_role("row").nth(1)).to_contain_text("v50000")
    page.get_by_label("LLR from").fill("29.9")
    expect(page.get_by_text("101 of 50,000 alleles")).to_be_visible()
