"""A browser, a service that has everything, and what tests do with a page."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch

from cistron.heads import HEADS
from cistron.inference.load import load
from cistron.weights.heads import Backbone, SavedHead, save_head

PATIENCE = 60_000
"""Milliseconds for what a busy machine computes."""
PRNP = (
    ("gene", 4_666_882, 4_682_236, ".", "ID=gene:PRNP;Name=PRNP;gene_id=PRNP"),
    ("mRNA", 4_666_882, 4_682_236, ".", "ID=transcript:PRNP-1;Parent=gene:PRNP;biotype=protein_coding"),
    ("exon", 4_679_857, 4_682_236, ".", "Parent=transcript:PRNP-1"),
    ("CDS", 4_679_867, 4_680_628, "0", "Parent=transcript:PRNP-1"),
)


@dataclass
class Visitor:
    """Somebody who uses the page.

    Attributes:
        page: A tab of the browser.
        url: Where the page is.
        refusals: Parts of the console's errors that a test provokes.
        errors: All errors of the console.
        asked: Every address that the page asked.
    """

    page: Any
    url: str
    refusals: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def go(self, view: str) -> None:
        """Open a view by its address."""
        self.page.goto(f"{self.url}/#/{view}")

    def analyse(self, text: str, **options: str) -> None:
        """Paste something and start, at a width that is soon computed."""
        self.page.get_by_label("Variants, a region").fill(text)
        self.choose(**options)
        self.page.get_by_role("button", name="Start").click()

    def choose(self, genome: str = "hg19", check_ref: str = "warn", width: int = 64) -> None:
        """Fill in the options."""
        if not self.page.get_by_label("Window (bp)").is_visible():
            self.page.get_by_text("Options").click()
        self.page.get_by_label("Window (bp)").fill(str(width))
        self.page.locator("select[name=genome]").select_option(genome)
        self.page.locator("select[name=check_ref]").select_option(check_ref)

    def upload(self, name: str, content: str) -> None:
        """Choose a file; the page's last field for one takes it."""
        file = {"name": name, "mimeType": "text/plain", "buffer": content.encode()}
        self.page.locator("input[type=file]").last.set_input_files(file)

    def saved(self, button: str, inside: Any = None) -> bytes:
        """What a button offers to be saved; the first one of that name."""
        with self.page.expect_download() as download:
            (inside or self.page).get_by_role("button", name=button, exact=True).first.click()
        return Path(download.value.path()).read_bytes()


@pytest.fixture(scope="session")
def service(make_served: Any, example: Path, tiny: Path, fused: Path, tmp_path_factory: Any) -> Any:
    """The random genome `hg19`, the bundled piece of GRCh37 with PRNP, and both kinds of trained models."""
    folder = tmp_path_factory.mktemp("page")
    lines = [
        f"20\tx\t{kind}\t{start}\t{end}\t.\t+\t{phase}\t{more}" for kind, start, end, phase, more in PRNP
    ]
    (folder / "prnp.gff3").write_text("\n".join(["##gff-version 3", *lines, ""]))
    words = ["--genome", f"grch37={example / 'prnp_chr20.fa.gz'}"]
    words += ["--annotation", f"grch37={folder / 'prnp.gff3'}"]
    words += ["--head", f"tracks={track_head(tiny, folder / 'head')}", "--fusion", f"kegg={fused}"]
    found = make_served("page", *words)
    found.start()
    return found


def track_head(tiny: Path, folder: Path) -> Path:
    """A head for one track with random weights."""
    model, spec = load(tiny, device="cpu"), HEADS.get("coverage-track")
    with torch.random.fork_rng():
        torch.manual_seed(5)
        config = {"hidden_size": model.model.config.hidden_size, "tracks": ("brain RNA",), "means": (1.0,)}
        head = spec.build(spec.config(config)).eval()
    save_head(folder, SavedHead(head, spec, Backbone(model.name, model.sha256), facts={"width": 512}))
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium, or a skip; closed soon: until then Playwright keeps the event loop."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the page's tests need playwright")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("needs Chromium: apt install chromium")
    playwright.expect.set_options(timeout=PATIENCE)
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Any]:
    """Opens a service's page in a fresh tab, which may ask nobody else; its console stays without errors."""
    visitors: list[Visitor] = []

    def visit(url: str) -> Visitor:
        page = browser.new_context(locale="en-GB", accept_downloads=True).new_page()
        page.set_default_timeout(PATIENCE)
        found = Visitor(page, url)
        visitors.append(found)
        page.on("console", lambda said: found.errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: found.errors.append(str(error)))
        page.on("request", lambda request: found.asked.append(request.url))
        page.goto(url)
        return found

    yield visit
    for found in visitors:
        found.page.context.close()
        assert [e for e in found.errors if not any(known in e for known in found.refusals)] == []
        assert all(url.startswith((found.url, "data:", "blob:")) for url in found.asked)


@pytest.fixture
def visitor(visit: Any, service: Any) -> Visitor:
    """Somebody on the page of the service that has everything."""
    found: Visitor = visit(service.url)
    return found


@pytest.fixture
def page(visitor: Visitor) -> Any:
    """The visitor's tab."""
    return visitor.page
