from __future__ import annotations

import json

import pytest

from cistron.errors import UnknownNameError
from cistron.training.loggers.jsonl import rows
from cistron.training.logs import RunLog


def written(folder, names=(), done=0, steps=(1, 2, 3)):
    log = RunLog(folder, names, done)
    for step in steps:
        log.write({"step": step, "nats_per_base": 1.5, "expert_tokens": [[3, 5], [4, 4]]})
    log.close()


def test_every_run_has_a_log_of_one_json_object_a_line(tmp_path):
    written(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3]


def test_a_resumed_log_forgets_what_comes_after_the_checkpoint_and_a_torn_line(tmp_path):
    written(tmp_path)
    with (tmp_path / "log.jsonl").open("a") as log:
        log.write('{"step": 2, "nats')
    written(tmp_path, done=2, steps=(3, 4))
    assert [row["step"] for row in rows(tmp_path / "log.jsonl")] == [1, 2, 3, 4]


def test_what_is_not_finite_is_null(tmp_path):
    log = RunLog(tmp_path, (), 0)
    log.write({"step": 1, "nats_per_base": float("nan"), "gradient_norm": float("inf")})
    assert rows(tmp_path / "log.jsonl") == [{"step": 1, "nats_per_base": None, "gradient_norm": None}]


def test_a_rank_that_is_not_the_main_one_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(None, ("tensorboard",))
    assert not list(tmp_path.iterdir())


def test_an_unknown_logger_is_refused_with_a_suggestion(tmp_path):
    with pytest.raises(UnknownNameError, match="no logger is called 'tensorbord'; did you mean tensorboard"):
        RunLog(tmp_path, ("tensorbord",), 0)


def test_a_logger_whose_package_is_missing_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    written(tmp_path, ("tensorboard",))
    assert not (tmp_path / "tensorboard").exists()
    assert len(rows(tmp_path / "log.jsonl")) == 3


def test_tensorboard_gets_every_number_and_a_curve_for_each_expert(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    written(tmp_path, ("tensorboard",))
    written(tmp_path, ("tensorboard",), done=2, steps=(3, 4))
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert "nats_per_base" in events.Tags()["scalars"]
    assert [event.step for event in events.Scalars("nats_per_base")] == [1, 2, 3, 4]
