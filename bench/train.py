"""Tokens a second of a training step beside transformers, and beside what its kernels alone would take.

A step is forward, loss with router losses, backward, clipping and AdamW. All contestants start from the same
weights, see the same new batch in every round and take turns. Before that, those of equal precision are
checked to compute the same loss and gradient. In the same rounds every matrix product and the attention
kernel of our step are timed alone (`train_prediction.py`).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from machine import machine_facts
from score import spread
from train_contestants import Contestant, contestants, network_config
from train_gpu import gpu
from train_prediction import Kernel, kernels, seconds
from train_profile import breakdown
from train_scaling import scaling

from cistron.models.genos import GenosConfig
from cistron.training.recipes import default

RESULTS = Path(__file__).parent / "results" / "train.json"
SHAPES = ((8, 1024), (1, 8192))
OURS = "cistron, bfloat16"
GOALS = {
    "transformers default, float32": 1.8,
    "transformers eager, bfloat16": 0.95,
    "predicted": 0.8,
}
"""Over the rate of each, or of the kernels alone."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--warmup", type=int, default=3, help="rounds that do not count")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument(
        "--clock", choices=CLOCKS, default="wall", help="process: CPU time, for one thread on a busy machine"
    )
    parser.add_argument("--lengths", type=int, nargs="*", default=[length for _, length in SHAPES])
    parser.add_argument("--skip-scaling", action="store_true")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.clock == "process" and options.threads > 1:
        parser.error("CPU time says nothing of several threads; use --threads 1")
    torch.set_num_threads(options.threads)
    run = default.RECIPE()
    config = network_config(run)
    result: dict[str, Any] = {
        "what": "one training step of the shipped model's network: forward, loss, backward, clip, AdamW",
        "config": config.to_dict(),
        "compiled": list(run.compile),
        "clock": options.clock,
        "goals": GOALS,
        "shapes": {},
    }
    trainers = {name: make() for name, make in contestants(run).items()}
    for rows, length in (shape for shape in SHAPES if shape[1] in options.lengths):
        result["shapes"][f"{rows} x {length}"] = measured(trainers, config, rows, length, options)
    del trainers
    if not options.skip_scaling:
        with tempfile.TemporaryDirectory() as folder:
            result["scaling"] = scaling(*SHAPES[0], options.rounds, Path(folder))
    result["gpu"] = gpu(options.rounds)
    result["machine"] = machine_facts("torch", "transformers", "numpy") | {"threads": options.threads}
    options.output.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


CLOCKS: dict[str, Callable[[], float]] = {"wall": time.perf_counter, "process": time.process_time}


def measured(
    trainers: dict[str, Contestant], config: GenosConfig, rows: int, length: int, options: argparse.Namespace
) -> dict[str, Any]:
    """Everything about one shape."""
    clock = CLOCKS[options.clock]
    batches = [batch(config, rows, length, seed) for seed in range(options.warmup + options.rounds)]
    agreement = agreements(trainers, batches[0])
    parts = kernels(config, rows, length, torch.bfloat16)
    times: dict[str, list[float]] = {name: [] for name in trainers}
    alone: dict[str, list[float]] = {part.name: [] for part in parts}
    for number, input_ids in enumerate(batches):
        for name in rotated(list(trainers), number):
            times[name].append(timed(trainers[name], input_ids, clock))
        for part in parts:
            alone[part.name].append(seconds(part, clock))
        print({name: round(rows * length / values[-1]) for name, values in times.items()}, flush=True)
    times, alone = (
        {name: found[options.warmup :] for name, found in kept.items()} for kept in (times, alone)
    )
    return {
        "agreement": agreement,
        "tokens_per_second": {
            name: spread([rows * length / value for value in values]) for name, values in times.items()
        },
        "ratio": {name: ratio(times[OURS], times[name]) for name in GOALS if name in times}
        | {"transformers eager, float32 (of our float32)": ratio(*float32(times))},
        "predicted": predicted(parts, alone, times[OURS]),
        "breakdown": breakdown(lambda: trainers[OURS].step(batches[0])),
    }


def batch(config: GenosConfig, rows: int, length: int, seed: int) -> torch.Tensor:
    """Random tokens; a new batch a round, so that no kernel was prepared for how its tokens are routed."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, config.vocab_size, (rows, length), generator=generator)


def rotated(names: list[str], by: int) -> list[str]:
    """The names, beginning with another one each round."""
    by %= len(names)
    return names[by:] + names[:by]


def timed(trainer: Contestant, input_ids: torch.Tensor, clock: Callable[[], float]) -> float:
    """Time of a step."""
    start = clock()
    trainer.step(input_ids)
    return clock() - start


def agreements(trainers: dict[str, Contestant], input_ids: torch.Tensor) -> dict[str, Any]:
    """Loss and gradient norm of everyone, and how far those of equal precision are apart."""
    found = {name: trainer.agreement(input_ids) for name, trainer in trainers.items()}
    result: dict[str, Any] = {
        name: {"cross_entropy": loss, "gradient_norm": norm} for name, (loss, norm) in found.items()
    }
    for precision in ("float32", "bfloat16"):
        same = [pair for name, pair in found.items() if name.endswith(precision)]
        result[f"largest relative difference, {precision}"] = {
            "cross_entropy": apart([loss for loss, _ in same]),
            "gradient_norm": apart([norm for _, norm in same]),
        }
    return result


def apart(values: list[float]) -> float:
    """Largest difference over the smallest value."""
    return (max(values) - min(values)) / min(values)


def float32(times: dict[str, list[float]]) -> tuple[list[float], list[float]]:
    """Ours and the best setting of transformers, both in float32."""
    return times["cistron, float32"], times["transformers eager, float32"]


def ratio(ours: list[float], theirs: list[float]) -> dict[str, float]:
    """How many times as fast we are, round by round."""
    return spread([their / our for our, their in zip(ours, theirs, strict=True)])


def predicted(parts: list[Kernel], alone: dict[str, list[float]], ours: list[float]) -> dict[str, Any]:
    """What the kernels take together, and what share of our step that is."""
    rows: list[dict[str, Any]] = [
        {
            "kernel": part.name,
            "times_a_step": part.times,
            "milliseconds": 1e3 * statistics.median(alone[part.name]),
            "gflops": part.flops / statistics.median(alone[part.name]) / 1e9,
        }
        for part in parts
    ]
    per_round = [sum(part.times * alone[part.name][number] for part in parts) for number in range(len(ours))]
    attention = sum(row["times_a_step"] * row["milliseconds"] for row in rows if "attention" in row["kernel"])
    return {
        "seconds": spread(per_round),
        "attention_seconds": attention / 1e3,
        "share_of_step": spread([ideal / step for ideal, step in zip(per_round, ours, strict=True)]),
        "kernels": rows,
    }


if __name__ == "__main__":
    main()
