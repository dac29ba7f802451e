"""The report on an evaluation: who is better where, at a glance."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cistron.reports.evaluation import (
    MetricCell,
    ReportedRow,
    ReportedTask,
    write_evaluation_report,
)
from cistron.reports.evaluation_strip import interval_strip


def _row(name: str, kind: str, value: float | None, verdict: str = "", *, higher: bool = True) -> ReportedRow:
    cells = () if value is None else (MetricCell("auroc", value, value - 0.1, value + 0.1, 9, "", higher),)
    return ReportedRow(
        name, kind, metrics=cells, skipped="needs 9 tokens" if value is None else "", verdict=verdict
    )


def _circles(svg: str) -> list[float]:
    return [float(x) for x in re.findall(r'<circle cx="([\d.]+)"', svg)]


@pytest.mark.parametrize("higher", [True, False])
def test_the_better_number_is_further_right_in_the_strip(higher: bool) -> None:
    rows = [(_row("a", "model", 0.9, higher=higher), "s3"), (_row("b", "baseline", 0.5, higher=higher), "s0")]
    first, second = _circles(interval_strip(rows))
    assert (first > second) == higher


def test_rows_without_a_number_have_no_line_and_equal_ones_do_not_break_the_scale() -> None:
    bare = ReportedRow("b", "baseline", metrics=(MetricCell("auroc", 0.5),))
    assert interval_strip([(_row("a", "model", None), "s3")]) == ""
    assert len(_circles(interval_strip([(bare, "s3"), (_row("a", "model", None), "s1"), (bare, "s0")]))) == 2


@pytest.fixture
def page(tmp_path: Path) -> str:
    baseline = _row("words", "baseline", 0.6)
    tasks = [
        ReportedTask("one", 1, "s", "auroc", rows=(_row("m", "model", 0.9, "better"), baseline)),
        ReportedTask(
            "two",
            1,
            "s",
            "auroc",
            rows=(_row("m", "model", 0.6, "tie"), _row("n", "model", None), baseline),
            badges=(("leak", "40 of 50 test sequences"), ("warn", "few")),
            published=(("Other", "0.95", "not named", "a paper", "fine-tuned"),),
        ),
    ]
    write_evaluation_report(tmp_path / "r.html", tasks, title="t", model_facts={}, run_facts={})
    return (tmp_path / "r.html").read_text(encoding="utf-8")


def test_every_model_is_told_on_how_many_tasks_it_is_better_a_tie_or_worse(page: str) -> None:
    standing = re.search(r'<ul class="standing">(.*?)</ul>', page, re.DOTALL)
    assert standing is not None
    told = [re.sub(r"<[^>]+>", " ", item).split() for item in standing[1].split("</li>")[:-1]]
    assert told == [
        ["m", "▲", "1", "=", "1", "▼", "0"],
        ["n", "▲", "0", "=", "0", "▼", "0", "1", "not", "answered"],
    ]


def test_a_task_carries_its_worst_badge_and_published_numbers_stand_apart(page: str) -> None:
    overview, _, sections = page.partition('<h2 id="task-0">')
    assert '<span class="badge leak">leak</span>' in overview
    assert '<span class="badge not-audited">not audited</span>' in overview
    assert "0.95" not in overview
    assert "Published by others, not measured here" in sections
    assert '<abbr title="needs 9 tokens">not answered</abbr>' in overview
