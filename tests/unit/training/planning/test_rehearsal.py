from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist

from cistron.errors import InputError
from cistron.models.genos import GenosConfig
from cistron.training.parallel import Layout
from cistron.training.planning.rehearsal import Memory, rehearse
from cistron.training.pretrain import DataSettings, Pretraining

WORKER = Path(__file__).with_name("measured_step.py")
SECONDS = 400
TOLERANCE = 0.15

DEEP = GenosConfig(
    vocab_size=16,
    hidden_size=128,
    intermediate_size=192,
    num_hidden_layers=4,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=32,
    max_position_embeddings=8192,
)
WIDE = replace(DEEP, hidden_size=256, intermediate_size=512, num_hidden_layers=2, num_local_experts=4)

SMALL = replace(WIDE, hidden_size=64, intermediate_size=64, head_dim=16)

STANDARD: dict[str, Any] = {
    "model": DEEP,
    "layout": {},
    "rows": 2,
    "length": 512,
    "parts": 1,
    "gather": "same",
    "autocast": False,
    "checkpointing": False,
}
SIMPLE = STANDARD | {"model": SMALL}
ALONE: dict[str, dict[str, Any]] = {
    "deep, float32": {},
    "deep, 2,048 tokens, bfloat16": {"length": 2048, "autocast": True},
    "wide, two parts": {"model": WIDE, "rows": 1, "parts": 2},
}
TOGETHER: dict[str, dict[str, Any]] = {
    "sharded, gathered in bfloat16": {"model": WIDE, "autocast": True, "gather": "bfloat16", "parts": 2},
    "sharded and checkpointed": {"checkpointing": True, "parts": 2},
    "experts apart": {"layout": {"expert": 2}},
    "heads apart": {"layout": {"tensor": 2}, "rows": 1},
    "context apart": {
        "layout": {"context": 2},
        "rows": 1,
        "length": 1024,
        "autocast": True,
        "gather": "bfloat16",
    },
}


def a_run(case: dict[str, Any]) -> Pretraining:
    return Pretraining(
        architecture="genos",
        model=case["model"].to_dict(),
        data=DataSettings(),
        stages=(),
        layout=Layout(**case["layout"]),
        autocast=case["autocast"],
        gather=case["gather"],
        activation_checkpointing=case["checkpointing"],
    )


def planned(case: dict[str, Any], world: int = 1) -> Memory:
    """What the rehearsal of a case says; `rows` are those of a data rank."""
    return rehearse(a_run(case), world, length=case["length"], rows=case["rows"], parts=case["parts"]).memory


def measured(world: int, cases: dict[str, dict[str, Any]], folder: Path) -> dict[str, int]:
    """Bytes at the peak by case, of the rank that waited least for others."""
    plain = {name: case | {"model": case["model"].to_dict()} for name, case in cases.items()}
    (folder / "cases.json").write_text(json.dumps(plain))
    command = [sys.executable, str(WORKER), str(folder / "cases.json"), str(folder / "measured.json")]
    settings = os.environ | {"OMP_NUM_THREADS": "1", "WORLD_SIZE": str(world)}
    with ExitStack() as held:
        started = [
            held.enter_context(
                subprocess.Popen(
                    command, env=settings | {"RANK": str(rank)}, stderr=subprocess.PIPE, text=True
                )
            )
            for rank in range(world)
        ]
        for process in started:
            held.callback(process.kill)
        said = [process.communicate(timeout=SECONDS)[1] for process in started]
    assert [process.returncode for process in started] == [0] * world, "\n".join(said)
    ranks = [json.loads((folder / f"measured.json.{rank}").read_text()) for rank in range(world)]
    return {name: min(rank[name] for rank in ranks) for name in cases}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    cases = {name: STANDARD | case for name, case in ALONE.items()}
    return measured(1, cases, tmp_path_factory.mktemp("alone"))


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    cases = {name: STANDARD | case for name, case in TOGETHER.items()}
    return measured(2, cases, tmp_path_factory.mktemp("together"))


@pytest.mark.parametrize("name", ALONE)
def test_one_process_takes_the_memory_that_was_rehearsed(name: str, alone: dict[str, int]) -> None:
    assert planned(STANDARD | ALONE[name]).total == pytest.approx(alone[name], rel=TOLERANCE)


@pytest.mark.parametrize("name", TOGETHER)
def test_each_of_two_processes_takes_the_memory_that_was_rehearsed(
    name: str, together: dict[str, int]
) -> None:
    case = STANDARD | TOGETHER[name]
    assert planned(case, world=2).total == pytest.approx(together[name], rel=TOLERANCE)


def test_telling_documents_apart_costs_a_mask_of_the_whole_window() -> None:
    plain = a_run(SIMPLE)
    apart = replace(plain, data=DataSettings(pack_documents=True, reset_documents=True))
    one, other = (rehearse(run, 1, length=2048, rows=1).memory.total for run in (plain, apart))
    assert other - one >= 2048 * 2048


def test_float64_takes_twice_the_weights_and_moments_of_float32() -> None:
    one, other = (
        rehearse(replace(a_run(SIMPLE), dtype=dtype), 1, length=64, rows=1).memory
        for dtype in ("float32", "float64")
    )
    assert other.weights == 2 * one.weights
    assert other.gradients == 2 * one.gradients


def test_sharding_divides_weights_gradients_and_moments() -> None:
    one, eighth = (rehearse(a_run(SIMPLE), world, length=64, rows=1).memory for world in (1, 8))
    assert eighth.weights == one.weights // 8
    assert eighth.gradients == one.gradients // 8
    assert eighth.optimiser == pytest.approx(one.optimiser / 8, rel=1e-3)


@pytest.mark.parametrize("axis", ["tensor", "expert", "context"])
def test_dividing_heads_experts_or_sequences_exchanges_tokens_and_sharding_does_not(axis: str) -> None:
    sharded, divided = (
        rehearse(replace(a_run(SIMPLE), layout=layout), 2, length=64, rows=1)
        for layout in (Layout(), Layout(**{axis: 2}))
    )
    carried = [
        sum(transfer.num_bytes for transfer in seen.transfers if not transfer.weights)
        for seen in (sharded, divided)
    ]
    assert carried[0] < 1000 < carried[1]


def test_a_rehearsal_leaves_the_process_as_it_was() -> None:
    hook, resize = sys.excepthook, torch.UntypedStorage.resize_
    rehearse(a_run(SIMPLE), 4, length=64, rows=1)
    assert not dist.is_initialized()
    assert sys.excepthook is hook
    assert torch.UntypedStorage.resize_ is resize
    assert torch.get_default_dtype() is torch.float32


def test_a_process_of_a_distributed_run_is_told_to_plan_alone(tmp_path: Path) -> None:
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        with pytest.raises(InputError, match="without torchrun"):
            rehearse(a_run(SIMPLE), 2, length=64, rows=1)
    finally:
        dist.destroy_process_group()
