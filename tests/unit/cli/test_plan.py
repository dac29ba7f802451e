from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from cistron.cli.main import build_app


def run(*words: object) -> tuple[int, str, str]:
    found = CliRunner().invoke(build_app(), [str(word) for word in words], catch_exceptions=False)
    return found.exit_code, found.stdout, found.stderr


def test_a_plan_in_json_holds_memory_by_kind_time_and_settings_that_train_takes() -> None:
    code, out, _ = run("plan", "train", "laptop", "--gpus", 2, "--gpu-memory", 2, "--json")
    assert code == 0
    plan = json.loads(out)
    memory = plan["memory"]
    assert memory["total"] == sum(size for kind, size in memory.items() if kind != "total")
    assert memory["total"] < plan["gpu_memory"] == 2 * 2**30
    assert plan["parameters"] > plan["active_parameters"] > 0
    assert plan["memory_with_checkpointing"]["total"] < plan["memory_without_checkpointing"]["total"]
    assert plan["layouts"][0]["tokens_per_second"] > 0
    shown = run("train", "laptop", "--show", *(word for each in plan["settings"] for word in ("--set", each)))
    assert shown[0] == 0
    assert json.loads(shown[1])["micro_tokens"] > 0


def test_a_plan_as_text_names_the_layout_and_the_command_that_starts_it() -> None:
    code, out, _ = run("plan", "train", "laptop", "--gpus", 2, "--gpu-memory", 2)
    assert code == 0
    assert "shard=2" in out
    assert "torchrun --nproc-per-node 2 -m cistron train laptop -o RUN --set layout.tensor=1" in out
    for kind in ("weights", "gradients", "optimiser", "activations", "total"):
        assert f"\n{kind} " in out


def test_settings_and_a_single_stage_change_the_plan() -> None:
    words = ("plan", "train", "laptop", "--gpus", 1, "--gpu-memory", 4, "--stage", 0, "--json")
    short, long = (
        json.loads(run(*words, "--set", f"stages.0.lengths.0.length={length}")[1])["memory"]["total"]
        for length in (512, 4096)
    )
    assert long != short


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("labtop",), "did you mean laptop"),
        (("markov",), "needs no plan"),
        (("laptop", "--gpus", 5), "no layout divides the run among 5 GPUs"),
        (("laptop", "--gpu", "H10000"), "H100"),
        (("laptop", "--stage", 9), "stages 0 to"),
        (("laptop", "--set", "stages.0.tokens=1e9", "--set", "stages.0.lengths.0.length=1000000"), "context"),
    ],
)
def test_what_cannot_be_planned_is_an_error_of_one_line(words: tuple[object, ...], said: str) -> None:
    code, out, err = run("plan", "train", *words)
    assert code == 1
    assert not out
    assert said in err
    assert err.count("\n") == 1
