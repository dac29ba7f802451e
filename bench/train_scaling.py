"""Tokens a second of one and of two processes with one thread each, which divide the same batch."""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.multiprocessing.spawn import spawn
from train_contestants import Ours, initial_network, network_config

from cistron.training.recipes import default


def scaling(rows: int, length: int, rounds: int, folder: Path) -> dict[str, Any]:
    """Rates of one and two processes in turn, and how much of twice the rate two reach."""
    one: list[float] = []
    two: list[float] = []
    for number in range(2):
        one.append(_rate(1, rows, length, rounds, folder / f"one-{number}"))
        two.append(_rate(2, rows, length, rounds, folder / f"two-{number}"))
    return {
        "what": f"{rows} windows of {length} tokens a step, divided among the processes; gloo, FSDP2, "
        "bfloat16 autocast, one thread a process",
        "tokens_per_second": {"1 process": one, "2 processes": two},
        "efficiency": statistics.median(two) / (2 * statistics.median(one)),
    }


def _rate(processes: int, rows: int, length: int, rounds: int, store: Path) -> float:
    start: Any = spawn
    start(_work, (processes, rows, length, rounds, str(store)), nprocs=processes)
    return float(store.with_suffix(".rate").read_text())


def _work(rank: int, processes: int, rows: int, length: int, rounds: int, store: str) -> None:
    """One process: every rank takes its rows; rank 0 writes the rate."""
    torch.set_num_threads(1)
    if processes > 1:
        dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=processes)
    run = default.RECIPE()
    trainer = Ours(initial_network(network_config(run)), run, autocast=True)
    input_ids = torch.randint(0, 16, (rows, length), generator=torch.Generator().manual_seed(1))
    mine = input_ids[trainer.world.rows(rows)]
    times = []
    for _ in range(rounds + 3):
        start = time.perf_counter()
        trainer.step(mine)
        times.append(time.perf_counter() - start)
    if rank == 0:
        Path(store).with_suffix(".rate").write_text(str(rows * length / statistics.median(times[3:])))
    if processes > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    print(scaling(8, 1024, 5, parser.parse_args().folder))
