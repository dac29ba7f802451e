"""The shell of a report: one HTML document that carries its own style and script and needs nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from importlib import resources

# The browser itself refuses whatever would leave the file.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def document(title: str, kind: str, body: str, footer: str) -> str:
    """A whole page.

    Args:
        title: Plain text, for the window and the heading.
        kind: Plain text above the heading: what sort of report this is.
        body: HTML between heading and footer.
        footer: Plain text at the end.
    """
    return f"""\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
{_static("page.css")}</style>
</head>
<body>
<header>
<p class="kind">{escape(kind)}</p>
<h1>{escape(title)}</h1>
</header>
<main>
{body}
</main>
<footer>{escape(footer)}</footer>
<script>
{_static("table.js")}</script>
</body>
</html>
"""


def _static(name: str) -> str:
    return resources.files("cistron.reports").joinpath("static", name).read_text(encoding="utf-8")


def tiles(entries: Iterable[tuple[str, str, str]]) -> str:
    """Numbers at a glance, from plain (name, value, remark)."""
    cells = "\n".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}<small>{escape(remark)}</small></dd></div>"
        for name, value, remark in entries
    )
    return f'<dl class="tiles">\n{cells}\n</dl>'


def facts(title: str, entries: Mapping[str, str]) -> str:
    """A headed list of plain names and values; nothing when there are none."""
    if not entries:
        return ""
    lines = "\n".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in entries.items())
    return f"<div><h3>{escape(title)}</h3>\n<dl>\n{lines}\n</dl></div>"


def figure(svg: str, caption: str) -> str:
    """An SVG with a plain caption; scrolls sideways where the page is too narrow for it."""
    scrollable = 'class="plot" tabindex="0" role="group" aria-label="figure, scrolls sideways"'
    return f"<figure>\n<div {scrollable}>{svg}</div>\n<figcaption>{escape(caption)}</figcaption>\n</figure>"
