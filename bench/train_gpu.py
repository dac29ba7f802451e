"""Genos-1.2B on a CUDA device: tokens a second and the share of the measured matrix-product ceiling."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from score import spread
from train_contestants import Contestant, Ours, Theirs, initial_network

from cistron.models.genos import GENOS_1_2B
from cistron.training.recipes import default
from cistron.training.throughput import flops_per_token

SHAPES = ((4, 8192), (1, 32_768))


def gpu(rounds: int) -> dict[str, Any]:
    """Rates of both trainers at every shape, interleaved; or why there are none."""
    if not torch.cuda.is_available():
        return {"run": False, "reason": "no CUDA device on this machine"}
    ceiling = _ceiling()
    found = {f"{rows} x {length}": _shape(rows, length, rounds, ceiling) for rows, length in SHAPES}
    return {
        "run": True,
        "device": torch.cuda.get_device_name(),
        "what": "Genos-1.2B, bfloat16 autocast, float32 weights, fused AdamW",
        "ceiling_flops": ceiling,
        "ceiling": "best product of two square bfloat16 matrices of 8,192",
        "shapes": found,
    }


def _shape(rows: int, length: int, rounds: int, ceiling: float) -> dict[str, Any]:
    network = initial_network(GENOS_1_2B, "cuda")
    run = replace(default.RECIPE(), compile=("self_attn", "norm"))
    per_token = flops_per_token(network, GENOS_1_2B, length)
    input_ids = torch.randint(0, 16, (rows, length), device="cuda")
    rates: dict[str, list[float]] = {}
    trainers: dict[str, Callable[[], Any]] = {
        "cistron": lambda: Ours(network, run, autocast=True),
        "transformers": lambda: Theirs(network, run, experts=None, autocast=True, fused=True),
    }
    for name, make in trainers.items():  # one at a time: two optimisers do not fit beside 32K activations
        rates[name] = _rates(make(), input_ids, rounds)
        torch.cuda.empty_cache()
    return {
        name: {
            "tokens_per_second": spread(values),
            "mfu": spread([rate * per_token / ceiling for rate in values]),
        }
        for name, values in rates.items()
    }


def _rates(trainer: Contestant, input_ids: torch.Tensor, rounds: int) -> list[float]:
    found = []
    for number in range(rounds + 3):
        torch.cuda.synchronize()
        start = time.perf_counter()
        trainer.step(input_ids)
        torch.cuda.synchronize()
        if number >= 3:
            found.append(input_ids.numel() / (time.perf_counter() - start))
    return found


def _ceiling(side: int = 8192, repeats: int = 30) -> float:
    """Operations a second of a large product."""
    left = torch.randn(side, side, device="cuda", dtype=torch.bfloat16)
    best = float("inf")
    for _ in range(repeats):
        torch.cuda.synchronize()
        start = time.perf_counter()
        left @ left
        torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return 2 * side**3 / best
