from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cistron.client.refusals import ServiceError
from cistron.errors import InputError
from cistron.evals import (
    Answer,
    Answers,
    EmbedRequest,
    GenerateRequest,
    LikelihoodRequest,
    MarkovRule,
    NameRequest,
    Outcome,
    Plan,
    Request,
    Respondent,
    Setting,
    Task,
)
from cistron.evals.compare import compare_paths
from cistron.evals.precomputed import PrecomputedVectors
from cistron.evals.report import write_report
from cistron.evals.rows import load_row, row_path
from cistron.evals.run import Runner
from cistron.evals.store import AnswerStore

New = Callable[..., Any]


def _runner(folder: Path, *models: Respondent, resume: bool = False) -> Runner:
    return Runner(models, AnswerStore(folder / "answers", keep=resume), folder, resume=resume)


def test_a_model_stands_beside_its_control_and_the_baselines(
    tmp_path: Path, new_counter: New, gc_task: Task
) -> None:
    rows = {row.name: row for row in _runner(tmp_path, new_counter()).run(gc_task, Setting())}
    assert {name: row.kind for name, row in rows.items()} == {
        "counter": "model",
        "counter, shuffled": "control",
        "C alone": "baseline",
    }
    values = {name: row.outcome.main.value for name, row in rows.items() if row.outcome is not None}
    assert values["counter"] == 1.0
    assert values["counter, shuffled"] == pytest.approx(0.5, abs=0.1)
    assert 0.6 < values["C alone"] < 0.95


def test_what_was_written_is_read_back_with_its_items(
    tmp_path: Path, new_counter: New, gc_task: Task
) -> None:
    (row, *_) = _runner(tmp_path, new_counter()).run(gc_task, Setting())
    again = load_row(tmp_path / "gc/test/counter.json")
    assert again.outcome is not None
    assert row.outcome is not None
    assert again.outcome.metrics == row.outcome.metrics
    np.testing.assert_array_equal(again.outcome.items["score"], row.outcome.items["score"])
    assert again.identity["model"] == "c0" * 32


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, new_counter: New, gc_task: Task) -> None:
    for folder in ("a", "b"):
        _runner(tmp_path / folder, new_counter()).run(gc_task, Setting(limit=50))
    for name in ("counter.json", "C-alone.json", "task.json", "counter.parquet"):
        one, other = ((tmp_path / folder / "gc/test" / name).read_bytes() for folder in ("a", "b"))
        assert one == other


def test_resume_asks_nothing_again_but_the_answers_it_checks(
    tmp_path: Path, new_counter: New, gc_task: Task
) -> None:
    _runner(tmp_path, new_counter()).run(gc_task, Setting())
    again = new_counter()
    rows = _runner(tmp_path, again, resume=True).run(gc_task, Setting())
    assert again.seen == []
    assert rows[0].outcome is not None


def test_resume_with_another_seed_judges_again(tmp_path: Path, new_counter: New, gc_task: Task) -> None:
    _runner(tmp_path, new_counter()).run(gc_task, Setting(seed=0))
    before = load_row(tmp_path / "gc/test/counter-shuffled.json")
    _runner(tmp_path, new_counter(), resume=True).run(gc_task, Setting(seed=1))
    after = load_row(tmp_path / "gc/test/counter-shuffled.json")
    assert before.outcome is not None
    assert after.outcome is not None
    assert before.outcome.main.value != after.outcome.main.value


def test_a_model_that_cannot_answer_is_skipped_with_the_reason(
    tmp_path: Path, new_counter: New, gc_task: Task
) -> None:
    def prepare(setting: Setting) -> Plan:
        plan = gc_task.prepare(setting)
        return replace(plan, requests={"continuations": GenerateRequest(("ACGT",), tokens=4)})

    rows = _runner(tmp_path, new_counter()).run(replace(gc_task, prepare=prepare), Setting())
    assert rows[0].skipped == "continuations: does not generate"
    assert rows[-1].outcome is not None  # the baseline stands


def test_what_a_judge_cannot_measure_is_a_row_with_the_reason(
    tmp_path: Path, new_counter: New, gc_task: Task
) -> None:
    (row, *_) = _runner(tmp_path, new_counter()).run(gc_task, Setting(limit=1))
    assert row.skipped is not None
    assert "both classes" in row.skipped


def test_two_rows_are_compared_on_their_items(tmp_path: Path, new_counter: New, gc_task: Task) -> None:
    _runner(tmp_path, new_counter()).run(gc_task, Setting())
    folder = tmp_path / "gc/test"
    (better,) = compare_paths(folder / "counter.json", folder / "C-alone.json")
    assert better.verdict == "first"
    assert better.classical is not None
    assert better.classical < 0.001
    (tie,) = compare_paths(folder / "counter.json", folder / "counter.json")
    assert (tie.verdict, tie.difference.estimate, tie.p) == ("tie", 0.0, 1.0)


def test_folders_are_compared_task_by_task(tmp_path: Path, new_counter: New, gc_task: Task) -> None:
    noisy = new_counter(name="other", sha256="ab" * 32, add=1.0)
    _runner(tmp_path / "a", new_counter()).run(gc_task, Setting())
    _runner(tmp_path / "b", noisy).run(gc_task, Setting(limit=200))
    (found,) = compare_paths(tmp_path / "a", tmp_path / "b")
    assert found.verdict == "tie"
    assert found.items == 200


def test_results_that_do_not_belong_together_are_not_compared(
    tmp_path: Path, new_counter: New, gc_task: Task
) -> None:
    _runner(tmp_path / "a", new_counter()).run(gc_task, Setting())
    _runner(tmp_path / "b", new_counter()).run(replace(gc_task, version=2), Setting())
    with pytest.raises(InputError, match=r"gc/test \(version 1\) and gc/test \(version 2\) are different"):
        compare_paths(tmp_path / "a", tmp_path / "b")
    with pytest.raises(InputError, match="holds no results"):
        compare_paths(tmp_path / "a", tmp_path / "c")
    broken = tmp_path / "broken.json"
    broken.write_text("{}")
    with pytest.raises(InputError, match="is not a result of cistron eval"):
        compare_paths(broken, broken)


def test_the_report_calls_a_difference_a_difference_and_lists_every_number(
    tmp_path: Path, new_counter: New, gc_task: Task
) -> None:
    _runner(tmp_path, new_counter()).run(gc_task, Setting())
    page = write_report(tmp_path).read_text()
    assert "▲" in page
    assert "made up" in page
    assert "src=" not in page
    assert "://" not in page
    table = (tmp_path / "results.tsv").read_text().splitlines()
    assert table[0].startswith("task\tversion\trow")
    assert len(table) == 4


def test_a_report_on_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no results"):
        write_report(tmp_path)


def test_a_task_lists_its_rows_in_order(tmp_path: Path, new_counter: New, gc_task: Task) -> None:
    _runner(tmp_path, new_counter()).run(gc_task, Setting())
    content = json.loads((tmp_path / "gc/test/task.json").read_text())
    assert content["rows"] == ["counter.json", "counter-shuffled.json", "C-alone.json"]


def test_options_keep_the_type_of_their_default(gc_task: Task) -> None:
    assert gc_task.with_options(Setting(), {"width": "16", "other": "x"}).options == {"width": 16}
    with pytest.raises(InputError, match="width=wide is not of type int"):
        gc_task.with_options(Setting(), {"width": "wide"})


def test_a_task_says_in_one_line_what_it_needs(tmp_path: Path, gc_task: Task) -> None:
    task = replace(gc_task, needs=("sets/a.csv",))
    assert task.missing(Setting()) == "needs sets/a.csv: give the data folder with --data or CISTRON_DATA"
    assert task.missing(Setting(tmp_path)) == f"needs sets/a.csv, which is not in {tmp_path}"
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets/a.csv").write_text("x")
    assert task.missing(Setting(tmp_path)) is None


def test_the_address_of_a_question_depends_on_its_options_and_not_on_its_items() -> None:
    from cistron.evals.requests import options_of

    one = options_of(LikelihoodRequest(("A",)))
    assert one == options_of(LikelihoodRequest(("C", "G")))
    assert one != options_of(LikelihoodRequest(("A",), strands="both"))


def test_a_model_called_like_another_file_or_row_keeps_its_own(
    tmp_path: Path, new_counter: New, gc_task: Task
) -> None:
    def prepare(setting: Setting) -> Plan:
        plan = gc_task.prepare(setting)
        bases = plan.requests["sequences"].sequences  # type: ignore[union-attr]
        return replace(plan, markov=MarkovRule(1, lambda: bases, "itself"))

    models = [new_counter(name="task"), new_counter(name="markov-1", sha256="ee" * 32)]
    rows = _runner(tmp_path, *models).run(replace(gc_task, prepare=prepare), Setting(limit=40))
    paths = {row_path(tmp_path, row.name) for row in rows}
    assert len(paths) == len(rows)
    assert "markov-1, fitted here" in {row.name for row in rows}
    assert json.loads((tmp_path / "gc/test/task.json").read_text())["rows"][0] == "task-row.json"


def test_a_table_by_name_is_asked_the_task_by_name(tmp_path: Path, new_counter: New, gc_task: Task) -> None:
    def prepare(setting: Setting) -> Plan:
        plan = gc_task.prepare(setting)
        request = plan.requests["sequences"]
        assert isinstance(request, EmbedRequest)
        names = tuple(f"item{number}" for number in range(len(request.sequences)))
        (control,) = plan.controls

        def judge(answers: Answers) -> Outcome:
            return plan.judge({"sequences": answers["names"]})

        by_name = Plan({"names": NameRequest(names)}, judge, controls=(replace(control, judge=judge),))
        return replace(plan, by_name=by_name)

    sequences = gc_task.prepare(Setting()).requests["sequences"]
    assert isinstance(sequences, EmbedRequest)
    lines = [
        f"item{number},{','.join(str(text.count(base)) for base in 'ACGT')}"
        for number, text in enumerate(sequences.sequences)
    ]
    (tmp_path / "table.csv").write_text("\n".join(["name,a,c,g,t", *lines]) + "\n")
    models = (PrecomputedVectors(tmp_path / "table.csv"), new_counter())
    rows = {
        row.name: row for row in _runner(tmp_path, *models).run(replace(gc_task, prepare=prepare), Setting())
    }
    for name in ("table", "counter", "table, shuffled"):
        outcome = rows[name].outcome
        assert outcome is not None
        assert outcome.main.value == 1.0


def test_a_service_that_fails_in_the_middle_costs_its_row_alone(
    tmp_path: Path, new_counter: New, gc_task: Task
) -> None:
    class Failing(type(new_counter())):  # type: ignore[misc]
        def answer(self, request: Request) -> Answer:
            raise ServiceError("cannot reach http://127.0.0.1:1")

    failing = Failing(name="far", sha256="fa" * 32)
    rows = {row.name: row for row in _runner(tmp_path, failing, new_counter()).run(gc_task, Setting())}
    assert rows["far"].skipped == "sequences: cannot reach http://127.0.0.1:1"
    assert rows["counter"].outcome is not None
