"""What every task of the catalogue keeps."""

from __future__ import annotations

import pytest

from cistron.evals import TASKS, Setting, Task
from cistron.evals.catalogue import all_tasks, tasks_of

EACH = pytest.mark.parametrize("task", all_tasks(), ids=lambda task: task.name)


@pytest.mark.parametrize("file", TASKS.names())
def test_names_begin_with_the_name_of_the_file(file: str) -> None:
    assert all(task.name == file or task.name.startswith(file + "/") for task in tasks_of(file))


def test_names_are_unique_and_no_name_is_a_suite() -> None:
    tasks = all_tasks()
    names = [task.name for task in tasks]
    assert len(set(names)) == len(names)
    assert not set(names) & {suite for task in tasks for suite in task.suites}


@EACH
def test_a_task_says_what_it_is_in_one_line(task: Task) -> None:
    for text in (task.summary, task.metric, task.source, task.licence):
        assert text
        assert text == text.strip()
        assert "\n" not in text
    assert not task.summary.endswith(".")
    assert task.version >= 1


@EACH
def test_what_it_needs_is_named_relative_to_the_data_folder(task: Task) -> None:
    assert all(not path.startswith("/") and ".." not in path for path in task.needs)
    if task.needs:
        assert str(task.missing(Setting())).startswith(f"needs {task.needs[0]}: give the data folder")
