from __future__ import annotations

import pytest

from cistron.errors import UnknownNameError
from cistron.evals.catalogue import find_tasks


def _names(*patterns: str) -> list[str]:
    return [task.name for task in find_tasks(patterns)]


def test_a_task_is_found_by_name_part_glob_and_suite() -> None:
    assert _names("gue/tf/0") == ["gue/tf/0"]
    assert _names("gue/tf") == [f"gue/tf/{number}" for number in range(5)]
    assert _names("gue/*/1") == ["gue/tf/1", "gue/mouse/1"]
    assert {"evo2-exon", "evo2-gene-completion"} <= set(_names("evo2"))


def test_a_task_meant_twice_runs_once_in_catalogue_order() -> None:
    assert _names("gue/tf/1", "gue/tf/0", "gue/tf/?")[:2] == ["gue/tf/0", "gue/tf/1"]
    assert len(_names("gue/tf", "gue/tf/1")) == 5


def test_an_unknown_name_suggests_what_was_meant() -> None:
    with pytest.raises(UnknownNameError, match="no task or suite is called 'gue/tf/9'; did you mean gue/tf/"):
        _names("gue/tf/9")
