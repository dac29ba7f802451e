"""The page in a real browser, against a real service on this machine."""

from __future__ import annotations

import gzip
import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cistron

playwright = pytest.importorskip("playwright.sync_api", reason="the page's tests need playwright")
expect = playwright.expect

WEB = Path(__file__).parents[3] / "web"
STATIC = Path(cistron.__file__).parent / "server" / "static"
PAIRS = [
    ("text", "page"),
    ("text", "surface"),
    ("text", "sunken"),
    ("quiet", "page"),
    ("quiet", "surface"),
    ("quiet", "sunken"),
    ("accent", "surface"),
    ("accent", "accent-soft"),
    ("on-accent", "accent"),
    ("bad", "bad-soft"),
    ("good", "good-soft"),
]
MANY = 50_000
PATIENCE = 60_000
"""Milliseconds for what a busy machine computes."""


@pytest.fixture(scope="module")
def service(make_served: Any, example: Path) -> Any:
    """A service with the random genome `hg19` and the bundled piece of GRCh37."""
    found = make_served("page", "--genome", f"grch37={example / 'prnp_chr20.fa.gz'}")
    found.start()
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium, or a skip."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("needs Chromium: apt install chromium")
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def page(browser: Any, service: Any) -> Iterator[Any]:
    """A fresh tab; it may ask nobody but the service, and its console stays free of errors.

    Refusals that a test provokes are listed in `page.refusals` by their status.
    """
    context = browser.new_context(locale="en-GB", accept_downloads=True)
    found = context.new_page()
    found.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    found.refusals = set()
    errors: list[str] = []
    asked: list[str] = []
    found.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    found.on("pageerror", lambda error: errors.append(str(error)))
    found.on("request", lambda request: asked.append(request.url))
    found.goto(service.url)
    yield found
    context.close()
    assert [e for e in errors if not any(f"status of {s}" in e for s in found.refusals)] == []
    assert all(url.startswith((service.url, "data:", "blob:")) for url in asked)


def analyse(page: Any, text: str, **options: str) -> None:
    """Paste something and start, at a width that is soon computed."""
    page.get_by_label("Variants, a region").fill(text)
    choose(page, **options)
    page.get_by_role("button", name="Start").click()


def choose(page: Any, genome: str = "hg19", check_ref: str = "warn") -> None:
    """Fill in the options."""
    if not page.get_by_label("Window (bp)").is_visible():
        page.get_by_text("Options").click()
    page.get_by_label("Window (bp)").fill("64")
    page.locator("select[name=genome]").select_option(genome)
    page.locator("select[name=check_ref]").select_option(check_ref)


def saved(page: Any, button: str) -> bytes:
    """What a button offers to be saved."""
    with page.expect_download() as download:
        page.get_by_role("button", name=button, exact=True).first.click()
    return Path(download.value.path()).read_bytes()


def test_built_page_is_that_of_its_sources() -> None:
    names = ["index.html", "package-lock.json", "public", "src", "vite.config.ts"]
    paths = [p for name in names for p in [WEB / name, *(WEB / name).rglob("*")] if p.is_file()]
    digest = hashlib.sha256()
    for path in sorted(paths, key=lambda p: p.relative_to(WEB).as_posix()):
        digest.update(path.relative_to(WEB).as_posix().encode() + b"\0" + path.read_bytes())
    built = (STATIC / "assets" / "sources.sha256").read_text().strip()
    assert built == digest.hexdigest(), "the page is older than its sources: npm run build in web/"


def test_lock_file_names_no_registry() -> None:
    assert '"resolved"' not in (WEB / "package-lock.json").read_text()


def test_example_goes_from_upload_to_every_export(page: Any) -> None:
    choose(page)
    page.get_by_role("button", name="PRNP example").click()
    expect(page.get_by_text("54 alleles")).to_be_visible()
    vcf = gzip.decompress(saved(page, "VCF")).decode()
    records = [line for line in vcf.splitlines() if not line.startswith("#")]
    assert len(records) == sum("CISTRON_LLR=" in each or "CISTRON_STATUS=" in each for each in records) == 51
    table = saved(page, "TSV").decode().splitlines()
    assert table[0].split("\t")[:3] == ["chrom", "pos", "id"]
    assert len(table) == 55
    assert b"<html" in saved(page, "HTML report")
    assert saved(page, "PNG").startswith(b"\x89PNG")


def test_variant_shows_differences_browser_and_heat_map(page: Any, service: Any) -> None:
    ref = service.bases[499]
    analyse(page, f"chr20:500 {ref}>{'A' if ref != 'A' else 'C'}")
    page.get_by_role("row").nth(1).click()
    expect(page.get_by_role("img", name="log P with ALT")).to_be_visible()
    expect(page.get_by_text("Opening the genome browser")).to_have_count(0)
    expect(page.locator(".browser")).to_contain_text("ALT − REF by base")
    page.get_by_role("button", name="Compute heat map").click()
    expect(page.get_by_role("img", name="Every substitution")).to_be_visible()
    assert page.locator("figure rect.less, figure rect.more").count() > 180


def test_gene_is_searched_in_results(page: Any, service: Any) -> None:
    def line(pos: int) -> str:
        ref = service.bases[pos - 1]
        return f"20:{pos} {ref}>{'A' if ref != 'A' else 'C'}"

    analyse(page, "\n".join([line(300), line(2100), line(5000)]))
    expect(page.get_by_text("3 alleles")).to_be_visible()
    page.get_by_role("searchbox").fill("prnd")
    expect(page.get_by_text("1 of 3 alleles")).to_be_visible()
    expect(page.get_by_role("gridcell", name="2,100")).to_be_visible()


def test_gene_leads_to_the_map_of_its_region(page: Any) -> None:
    analyse(page, "prnp")
    page.get_by_role("link", name="PRNP").click()
    expect(page.get_by_role("heading", name="Region 20:101-900")).to_be_visible()
    expect(page.get_by_text("The first 200 bp")).to_be_visible()
    page.goto(f"{page.url.split('#')[0]}#/analyse")
    analyse(page, "chr20:5,001-5,010")
    page.get_by_role("button", name="Compute heat map").click()
    expect(page.get_by_role("img", name="Every substitution")).to_be_visible()
    assert page.locator("figure rect.less, figure rect.more").count() == 30


def test_sequences_get_their_likelihood(page: Any) -> None:
    analyse(page, ">one\nACGTACGTACGTAC\n>two\nGGGTTT\nAAACCC")
    expect(page.get_by_role("cell", name="one")).to_be_visible()
    assert page.get_by_role("cell").all_inner_texts()[1::4] == ["13", "11"]


def test_broken_vcf_is_refused_with_its_line(page: Any) -> None:
    page.refusals.add(422)
    page.refusals.add(400)
    analyse(
        page, "##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n20\tx\t.\tA\tC\t.\t.\t."
    )
    expect(page.get_by_role("alert")).to_contain_text("the uploaded file")


def test_what_is_nothing_known_is_refused(page: Any) -> None:
    analyse(page, "!!!")
    expect(page.get_by_role("alert")).to_contain_text("no VCF")


def test_reference_that_differs_is_said(page: Any, service: Any) -> None:
    wrong = next(base for base in "ACGT" if base != service.bases[499])
    other = next(base for base in "ACGT" if base not in (wrong, service.bases[499]))
    analyse(page, f"20:500 {wrong}>{other}")
    expect(page.get_by_role("gridcell", name="REF_MISMATCH")).to_be_visible()
    page.goto(f"{service.url}/#/analyse")
    analyse(page, f"20:500 {wrong}>{other}", check_ref="error")
    expect(page.get_by_role("alert")).to_contain_text("REF")


def test_two_jobs_run_at_once_and_survive_a_reload(page: Any, service: Any) -> None:
    text = service.vcf(list(range(100, 800)))
    analyse(page, text)
    page.wait_for_url("**/#/job/*")
    first = page.url
    page.get_by_role("link", name="New analysis").click()
    analyse(page, text)
    page.wait_for_url(lambda url: "/job/" in url and url != first)
    second = page.url
    page.reload()
    assert page.url == second
    expect(page.get_by_text("700 alleles")).to_be_visible()
    page.goto(first)
    expect(page.get_by_text("700 alleles")).to_be_visible()
    page.get_by_role("link", name="Jobs").click()
    for url in (first, second):
        expect(page.get_by_role("link", name=url.rsplit("/", 1)[1][:8])).to_be_visible()


def test_fifty_thousand_variants_scroll_sort_and_filter(page: Any, service: Any) -> None:
    job = service.finished(service.submit(service.vcf([100]), options='{"width": 64, "genome": "hg19"}'))
    lines = ["##fileformat=VCFv4.3", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
    lines += [f"20\t{n}\tv{n}\tA\tC\t.\t.\tCISTRON_LLR={n / 1000 - 20:.3f}" for n in range(1, MANY + 1)]
    result = service.home / "jobs" / job["id"] / "result.vcf.gz"
    result.write_bytes(gzip.compress("\n".join([*lines, ""]).encode(), 1))
    page.goto(f"{service.url}/#/job/{job['id']}")
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


def test_keyboard_alone_opens_and_closes_a_variant(page: Any, service: Any) -> None:
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    analyse(page, service.vcf([400, 401, 402]))
    expect(page.get_by_text("3 alleles")).to_be_visible()
    page.get_by_role("grid").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Variant", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("region", name="Variant", exact=True)).to_have_count(0)


def test_chinese_is_complete_and_kept(page: Any) -> None:
    page.get_by_label("Language").select_option("zh")
    for view, title in {"analyse": "变异分析", "explore": "嵌入", "generate": "生成", "jobs": "任务"}.items():
        page.goto(f"{page.url.split('#')[0]}#/{view}")
        expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
        if view != "jobs":  # errors of the service are in English
            words = page.locator("main").inner_text()
            assert not re.search(r"[a-z]{4,} [a-z]{4,} [a-z]{3,}", words), words
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")


def test_embeddings_are_drawn_and_saved(page: Any) -> None:
    page.get_by_role("link", name="Embeddings").click()
    page.get_by_role("button", name="Example sequences").click()
    page.get_by_role("button", name="Embed", exact=True).click()
    expect(page.get_by_role("img", name="Map of 36")).to_be_visible()
    assert page.locator("figure circle").count() >= 36
    assert len(saved(page, "CSV with vectors").decode().splitlines()) == 37
    page.get_by_role("combobox", name="Map").select_option("umap")
    expect(page.get_by_role("img", name="Map of 36")).to_be_visible()
    assert saved(page, "PNG").startswith(b"\x89PNG")


def test_generation_streams_and_says_what_the_screen_said(page: Any) -> None:
    page.get_by_role("link", name="Generate").click()
    page.get_by_label("Bases").fill("20")
    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_text("Not screened")).to_have_count(2)
    assert saved(page, "Save FASTA").count(b">sample_") == 2


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_palette_has_contrast(page: Any, theme: str) -> None:
    page.get_by_label("Theme").select_option(theme)
    style = "name => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim()"
    for ink, ground in PAIRS:
        assert contrast(page.evaluate(style, ink), page.evaluate(style, ground)) >= 4.5, (ink, ground)


def contrast(one: str, other: str) -> float:
    """Contrast of two colours. Source: WCAG 2.2, contrast ratio."""
    darker, lighter = sorted(map(luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb` or `#rgb`. Source: WCAG 2.2, relative luminance."""
    colour = colour if len(colour) == 7 else "#" + "".join(2 * digit for digit in colour[1:])
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_narrow_screens_do_not_scroll_sideways(page: Any, service: Any) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    for view in ("analyse", "explore", "generate", "jobs", "service"):
        page.goto(f"{service.url}/#/{view}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 400, view


def test_key_is_asked_for_once_there_is_one(page: Any, service: Any, command: Any) -> None:
    """Last in this file: from here on the service is closed."""
    page.refusals.add(401)
    key = command("keys", "create", "page", "--home", service.home).out.decode().strip()
    service.wait(lambda: service.get("/v1/models").status_code == 401)
    page.reload()
    page.get_by_label("API key").fill("cistron_wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("This key does not work")).to_be_visible()
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Analyse variants")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Analyse variants")).to_be_visible()
    page.get_by_role("link", name="Service").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("API key")).to_be_visible()
