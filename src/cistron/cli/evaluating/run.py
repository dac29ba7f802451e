"""The job behind `cistron eval run`."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cistron import __version__
from cistron.cli.command_line import command_line
from cistron.cli.evaluating.models import opened_models
from cistron.cli.progress import note, progress_of
from cistron.errors import CistronError, InputError, OutputError
from cistron.evals import Respondent, Setting, Task
from cistron.evals.catalogue import find_tasks
from cistron.evals.loaded import LoadedRespondent
from cistron.evals.report import RUN_FILE, write_report
from cistron.evals.rows import Row
from cistron.evals.run import Runner
from cistron.evals.store import AnswerStore
from cistron.formats.atomic import atomic_output, output_error
from cistron.reports.evaluation import ReportedTask


@dataclass(frozen=True)
class EvaluationRequest:
    """What the user asked for; see `cistron eval run --help`."""

    tasks: Sequence[str]
    output: Path
    models: Sequence[str] = ("default",)
    data: Path | None = None
    limit: int | None = None
    seed: int = 0
    options: Sequence[str] = ()
    cache: Path | None = None
    twins: bool = True
    device: str = "auto"
    dtype: str = "auto"
    threads: int | None = None
    resume: bool = False


@dataclass
class _Tally:
    """What became of the tasks."""

    run: list[str] = field(default_factory=list)
    skipped: list[ReportedTask] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def run_evaluation(request: EvaluationRequest) -> None:
    """Run the tasks that can run, write a report on all of them, and say at the end which failed.

    Raises:
        CistronError: What the caller can fix; results that were reached are written all the same.
    """
    setting = Setting.usual(request.data, seed=request.seed, limit=request.limit)
    tasks, given = find_tasks(request.tasks), _options(request.options)
    _refuse_unknown(given, tasks)
    missing = [task.missing(task.with_options(setting, given)) for task in tasks]
    if all(missing):
        raise InputError(f"{tasks[0].name} {missing[0]}")
    _make_folder(request.output)
    tally = _Tally()
    with (
        opened_models(request.models, request.device, request.dtype, request.threads) as models,
        progress_of("Evaluating") as progress,
    ):
        store = AnswerStore(
            request.cache or request.output / "answers", keep=request.resume or request.cache is not None
        )
        runner = Runner(
            models,
            store,
            request.output,
            resume=request.resume,
            twins=_twins(request.seed) if request.twins else None,
            progress=progress,
        )
        for task in tasks:
            _run_task(runner, task, task.with_options(setting, given), tally)
    _write_run(request, tally)
    report = write_report(request.output)
    note(f"{len(tally.run)} tasks run, {len(tally.skipped)} skipped; wrote {report}")
    if tally.failed:
        more = f" (and {len(tally.failed) - 1} more)" if len(tally.failed) > 1 else ""
        raise InputError(f"{tally.failed[0]}{more}")


def _run_task(runner: Runner, task: Task, setting: Setting, tally: _Tally) -> None:
    missing = task.missing(setting)
    if missing is not None:
        tally.skipped.append(_skipped(task, missing))
        note(f"{task.name} skipped: {missing}")
        return
    try:
        rows = runner.run(task, setting)
    except OutputError:
        raise
    except CistronError as error:
        tally.skipped.append(_skipped(task, str(error)))
        tally.failed.append(f"{task.name}: {error}")
        return
    tally.run.append(task.name)
    _tell(task, rows, tally)


def _tell(task: Task, rows: Sequence[Row], tally: _Tally) -> None:
    for row in rows:
        if row.skipped is not None:
            note(f"{task.name}: no numbers for {row.name}: {row.skipped}")
    if all(row.outcome is None for row in rows):
        tally.failed.append(f"{task.name}: no row has numbers: {rows[0].skipped if rows else 'no rows'}")


def _skipped(task: Task, reason: str) -> ReportedTask:
    return ReportedTask(task.name, task.version, task.summary, task.metric, skipped=reason)


def _twins(seed: int) -> Any:
    def twin(respondent: Respondent) -> Respondent | None:
        from cistron.evals.local import random_twin

        return random_twin(respondent, seed) if isinstance(respondent, LoadedRespondent) else None

    return twin


def _options(given: Sequence[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in given]
    for name, sign, _ in pairs:
        if not sign or not name:
            raise InputError(f"--set {name} is not of the form OPTION=VALUE")
    return {name: value for name, _, value in pairs}


def _refuse_unknown(given: dict[str, str], tasks: Sequence[Task]) -> None:
    known = {name for task in tasks for name in task.options}
    for name in given:
        if name not in known:
            raise InputError(
                f"no task of this run has an option '{name}'; known: {', '.join(sorted(known)) or 'none'}"
            )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise output_error(folder, error) from error


def _write_run(request: EvaluationRequest, tally: _Tally) -> None:
    facts = {
        "Command": command_line(),
        "Cistron": __version__,
        "Seed": request.seed,
        "Limit": "none" if request.limit is None else request.limit,
        "Python": platform.python_version(),
        "Machine": f"{platform.machine()}, {os.cpu_count()} cores",
        **_versions(),
    }
    names = ", ".join(tally.run) or "nothing ran"
    content = {
        "title": names if len(names) < 80 else f"{len(tally.run)} tasks",
        "facts": facts,
        "skipped": [asdict(task) for task in tally.skipped],
    }
    with atomic_output(request.output / RUN_FILE) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for package in ("torch", "numpy", "scipy", "scikit-learn"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
