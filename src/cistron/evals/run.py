"""Run tasks against models: ask, judge, add the rows that give a number its meaning, write all of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from cistron import __version__
from cistron.client.refusals import ServiceError
from cistron.errors import CistronError, InputError, UnknownNameError, WindowError
from cistron.evals.answers import Answer
from cistron.evals.data_digest import data_digests
from cistron.evals.outcome import Outcome
from cistron.evals.requests import digest, item_key, items_of, options_of
from cistron.evals.respondent import Respondent
from cistron.evals.rows import Kind, Row, load_row, row_path, save_row
from cistron.evals.store import AnswerStore
from cistron.evals.task import Plan, Setting, Task
from cistron.formats.atomic import atomic_output

TASK_FILE = "task.json"
"""What describes a task in its folder of results; lists its rows in order."""

Progress = Callable[[int, int, str], None]
"""Called with items done, items in all, and what is being done."""

MakeTwin = Callable[[Respondent], Respondent | None]


@dataclass(frozen=True)
class Asked:
    """A respondent and what it is in the table."""

    respondent: Respondent
    kind: Kind
    statement: str = ""


@dataclass
class Runner:
    """Runs one task at a time.

    Attributes:
        models: Who is asked.
        store: Where answers are kept.
        out: Folder of the results; each task has a folder below it, named as the task.
        resume: Take rows that are there and depend on nothing else.
        twins: Gives a random model like another one; None for none.
        progress: Told what is going on.
    """

    models: Sequence[Respondent]
    store: AnswerStore
    out: Path
    resume: bool = False
    twins: MakeTwin | None = None
    progress: Progress | None = None

    def run(self, task: Task, setting: Setting) -> list[Row]:
        """Run a task and write its rows, its figures and `task.json`; a row that failed says why.

        Raises:
            CistronError: The task's data is missing or damaged, or a result cannot be written.
        """
        folder = self.out / task.name
        folder.mkdir(parents=True, exist_ok=True)
        plan = task.prepare(setting)
        identity = _identity(task, setting, plan)
        rows = []
        for row in self._rows(task, plan, identity, folder):
            save_row(folder, row)
            rows.append(row)
        figures = _drawn(plan, rows, folder)
        _write_task(task, plan, rows, figures, identity, folder)
        return rows

    def _rows(self, task: Task, plan: Plan, identity: Mapping[str, Any], folder: Path) -> Iterator[Row]:
        blank = Row(task.name, task.version, "", "baseline")
        for asked in self._asked(plan):
            facts = asked.respondent.facts
            base = replace(blank, name=asked.respondent.name, kind=asked.kind, statement=asked.statement)
            base = replace(base, identity={**identity, "model": asked.respondent.sha256}, facts=facts)
            controls = [control.name for control in plan.controls if asked.kind == "model"]
            kept = self._kept(folder, base, controls)
            yield from kept or self._judged(plan, asked.respondent, base)
        for baseline in plan.baselines:
            row = replace(blank, name=baseline.name, statement=baseline.statement, identity=identity)
            yield from self._kept(folder, row, []) or [_with_outcome(row, baseline.judge)]

    def _asked(self, plan: Plan) -> Iterator[Asked]:
        for model in self.models:
            yield Asked(model, "model")
            twin = self.twins(model) if plan.twin and self.twins is not None else None
            if twin is not None:
                yield Asked(twin, "twin", "the same architecture with its initial, random weights")
        if plan.markov is not None:
            from cistron.evals.local import fitted_markov

            rule = plan.markov
            self._tell(0, 1, f"fitting a Markov model of order {rule.order}")
            fitted = fitted_markov(rule)
            if fitted.name in {model.name for model in self.models}:
                fitted = replace(fitted, name=f"{fitted.name}, fitted here")
            yield Asked(fitted, "markov", f"order {rule.order}, fitted to {rule.statement}")

    def _judged(self, plan: Plan, respondent: Respondent, base: Row) -> Iterator[Row]:
        if plan.by_name is not None and _refusal(plan.by_name, respondent) is None:
            plan = plan.by_name
        answers = self._answers(plan, respondent)
        if isinstance(answers, str):
            yield replace(base, skipped=answers)
            return
        yield _with_outcome(base, partial(plan.judge, answers))
        for control in plan.controls if base.kind == "model" else ():
            name = _control_name(base.name, control.name)
            row = replace(base, name=name, kind="control", statement=control.statement)
            yield _with_outcome(row, partial(control.judge, answers))

    def _answers(self, plan: Plan, respondent: Respondent) -> dict[str, Answer] | str:
        """All answers, or why there are none."""
        reason = _refusal(plan, respondent)
        if reason is not None:
            return reason
        found: dict[str, Answer] = {}
        for name, request in plan.requests.items():
            total, done = len(items_of(request)), 0

            def advance(items: int, name: str = name, total: int = total) -> None:
                nonlocal done
                done += items
                self._tell(done, total, f"{respondent.name}: {name}")

            try:
                found[name] = self.store.answer(respondent, request, advance)
            except (InputError, ServiceError, UnknownNameError, WindowError) as error:
                return f"{name}: {error}"
        return found

    def _kept(self, folder: Path, base: Row, controls: Sequence[str]) -> list[Row] | None:
        """The rows of an earlier run that depend on the same things; None unless all are there."""
        if not self.resume:
            return None
        rows = []
        for name in [base.name, *(_control_name(base.name, control) for control in controls)]:
            path = row_path(folder, name)
            if not path.exists():
                return None
            row = load_row(path)
            if dict(row.identity) != json.loads(json.dumps(dict(base.identity))) or row.skipped:
                return None
            rows.append(row)
        return rows

    def _tell(self, done: int, total: int, text: str) -> None:
        if self.progress is not None:
            self.progress(done, total, text)


def _refusal(plan: Plan, respondent: Respondent) -> str | None:
    """Why a respondent does not answer a plan; None when it does."""
    for name, request in plan.requests.items():
        try:
            reason = respondent.refuses(request)
        except ServiceError as error:
            reason = str(error)
        if reason is not None:
            return f"{name}: {reason}"
    return None


def _with_outcome(row: Row, judge: Callable[[], Outcome]) -> Row:
    """The row with its numbers, or with the reason why they cannot be had."""
    try:
        return replace(row, outcome=judge())
    except CistronError as error:
        return replace(row, skipped=str(error))


def _control_name(model: str, control: str) -> str:
    return f"{model}, {control}"


def _identity(task: Task, setting: Setting, plan: Plan) -> dict[str, Any]:
    return {
        "cistron": __version__,
        "task_version": task.version,
        "seed": setting.seed,
        "limit": setting.limit,
        "options": dict(setting.options),
        "data": data_digests(setting, task.needed(setting)),
        "requests": {
            name: digest([options_of(request), [item_key(item).hex() for item in items_of(request)]])
            for name, request in plan.requests.items()
        },
    }


def _drawn(plan: Plan, rows: Iterable[Row], folder: Path) -> dict[str, str]:
    """Figures, each as a part of a page and as a picture: title → file name without its ending."""
    known = {row.name: row.outcome for row in rows if row.outcome is not None}
    if plan.draw is None or not known:
        return {}
    from cistron.reports.figures import theme, to_svg

    files: dict[str, str] = {}
    with theme():
        for number, (title, figure) in enumerate(plan.draw(known).items(), start=1):
            files[title] = name = f"figure-{number}"
            prefix = f"{folder.as_posix().replace('/', '-')}-{number}"
            with atomic_output(folder / f"{name}.svg.html") as temporary:
                temporary.write_text(to_svg(figure, prefix, title), encoding="utf-8")
            with atomic_output(folder / f"{name}.png") as temporary:
                figure.savefig(temporary, dpi=150, bbox_inches="tight")
    return files


def _write_task(
    task: Task,
    plan: Plan,
    rows: Sequence[Row],
    figures: Mapping[str, str],
    identity: Mapping[str, Any],
    folder: Path,
) -> None:
    content = {
        "task": task.name,
        "version": task.version,
        "summary": task.summary,
        "metric": task.metric,
        "source": task.source,
        "licence": task.licence,
        "suites": list(task.suites),
        "notes": list(plan.notes),
        "badges": [asdict(badge) for badge in plan.badges],
        "published": [asdict(number) for number in task.published],
        "figures": dict(figures),
        "rows": [row_path(folder, row.name).name for row in rows],
        "identity": dict(identity),
    }
    with atomic_output(folder / TASK_FILE) as temporary:
        temporary.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
