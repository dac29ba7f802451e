"""What holds for the whole page: its build, languages, colours, screens, keys, and a service that is gone."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cistron
from cistron.server.settings import Settings

expect = pytest.importorskip("playwright.sync_api", reason="the page's tests need playwright").expect

WEB = Path(__file__).parents[4] / "web"
STATIC = Path(cistron.__file__).parent / "server" / "static"
VIEWS = {
    "analyse": "变异分析",
    "diagnose": "诊断推理",
    "explore": "嵌入",
    "generate": "生成",
    "jobs": "任务",
    "service": "服务",
}
PAIRS = [
    ("text", "page"),
    ("text", "surface"),
    ("text", "sunken"),
    ("text", "accent-soft"),
    ("quiet", "page"),
    ("quiet", "surface"),
    ("quiet", "sunken"),
    ("accent", "surface"),
    ("accent", "accent-soft"),
    ("on-accent", "accent"),
    ("bad", "bad-soft"),
    ("good", "good-soft"),
]


@pytest.fixture
def bare(run_inside: Any, tiny: Path, tmp_path: Path) -> Iterator[Any]:
    """A service with a model and nothing else."""
    with run_inside(Settings(tmp_path / "home", port=0, models={"tiny": str(tiny)})) as found:
        yield found


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


def test_chinese_is_complete_and_kept(visitor: Any, page: Any) -> None:
    page.get_by_label("Language").select_option("zh")
    for view, title in VIEWS.items():
        visitor.go(view)
        expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
        expect(page).to_have_title(f"{title} · Cistron")
        if view != "jobs":  # errors of the service are in English
            words = page.locator("main").inner_text()
            assert not re.search(r"[a-z]{4,} [a-z]{4,} [a-z]{3,}", words), words
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")


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


def test_narrow_screens_do_not_scroll_sideways(visitor: Any, page: Any) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    for view in VIEWS:
        visitor.go(view)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 400, view


def test_key_is_asked_for_once_there_is_one(bare: Any, visit: Any, command: Any) -> None:
    visitor = visit(str(bare.http.base_url))
    page = visitor.page
    visitor.refusals.add("status of 401")
    expect(page.get_by_role("heading", name="Analyse variants")).to_be_visible()
    home = bare.service.settings.home
    key = command("keys", "create", "page", "--home", home).out.decode().strip()
    while bare.http.get("/v1/models").status_code != 401:
        page.wait_for_timeout(100)
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


def test_what_is_not_installed_is_said_with_how_to_start_it(bare: Any, visit: Any) -> None:
    visitor = visit(str(bare.http.base_url))
    page = visitor.page
    expect(page.get_by_text("cistron serve --genome")).to_be_visible()
    visitor.go("diagnose")
    expect(page.get_by_text("cistron serve --fusion")).to_be_visible()
    expect(page.get_by_role("button", name="Ask")).to_have_count(0)
    visitor.go("jobs")
    expect(page.get_by_text("No job yet")).to_be_visible()


def test_a_service_that_is_gone_is_said_and_asked_again(visitor: Any, page: Any) -> None:
    visitor.refusals.add("ERR_INTERNET_DISCONNECTED")
    expect(page.get_by_role("heading", name="Analyse variants")).to_be_visible()
    page.context.set_offline(True)
    page.get_by_label("Variants, a region").fill("ACGTACGTACGTACGT")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_contain_text("the service does not answer")
    page.get_by_role("link", name="Jobs").click()
    expect(page.get_by_role("alert")).to_contain_text("the service does not answer")
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("alert")).to_have_count(0)
