"""Where the time of a suffix goes, and what the machine reaches with the same products alone."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch.profiler import ProfilerActivity, profile

from cistron.models import Model

_KINDS = {
    "products": ("aten::mm", "aten::addmm", "aten::bmm", "aten::_mm", "mkldnn"),
    "attention": ("scaled_dot_product",),
}


def attention_share(model: Model, width: int, repeats: int = 7) -> float:
    """Time of the attention kernel alone over that of a full pass of one window.

    In processor seconds of one thread: two threads wait for one another, and how long depends on what else
    the machine does in that moment.
    """
    config: Any = model.config
    ids = torch.randint(5, 9, (1, width))
    query = torch.randn(1, config.num_attention_heads, width, config.head_dim)
    key = torch.randn(1, config.num_key_value_heads, width, config.head_dim)

    def attention() -> None:
        for _ in range(config.num_hidden_layers):
            F.scaled_dot_product_attention(query, key, key, is_causal=True, enable_gqa=True)

    clock, threads = time.process_time, torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.inference_mode():
        pairs = [(_timed(attention, clock), _timed(lambda: model(ids), clock)) for _ in range(repeats + 2)]
    torch.set_num_threads(threads)
    return statistics.median(part / whole for part, whole in pairs[2:])


def suffix_profile(model: Model, width: int, clock: Callable[[], float]) -> dict[str, Any]:
    """Shares of a suffix pass of four alleles, and rates of its products and its attention beside alone."""
    config: Any = model.config
    half, rows = width // 2, 4
    with torch.inference_mode():
        prefix = model(torch.randint(5, 9, (1, half)), model.empty_state(1))
        assert prefix.state is not None
        state = prefix.state.fork(torch.zeros(rows, dtype=torch.long))
        ids = torch.randint(5, 9, (rows, half - 1))
        for _ in range(2):
            model(ids, state)
        with profile(activities=[ProfilerActivity.CPU]) as found:
            model(ids, state)
        times = {event.key: event.self_cpu_time_total for event in found.key_averages()}
        whole = sum(times.values())
        spent = {
            kind: sum(value for key, value in times.items() if any(name in key for name in names))
            for kind, names in _KINDS.items()
        }
        flops = {
            "products": _product_flops(config, rows * (half - 1)),
            "attention": _attention_flops(config, rows, half),
        }
        alone = {
            "products": _product_alone(config, rows * half // 4, clock),
            "attention": _attention_alone(config, half, clock),
        }
    return {
        "what": f"four alleles of {half:,} bases behind {half:,} common ones",
        "share": {kind: value / whole for kind, value in spent.items()},
        "gflops_in_the_pass": {kind: flops[kind] / spent[kind] / 1e3 for kind in spent},
        "gflops_alone": {kind: value / 1e9 for kind, value in alone.items()},
    }


def _product_flops(config: Any, tokens: int) -> float:
    heads = config.num_attention_heads + 2 * config.num_key_value_heads
    attention = config.hidden_size * config.head_dim * (heads + config.num_attention_heads)
    experts = 3 * config.num_experts_per_tok * config.hidden_size * config.intermediate_size
    return float(2 * tokens * config.num_hidden_layers * (attention + experts))


def _attention_flops(config: Any, rows: int, half: int) -> float:
    """Of useful products: all of the past, half of the chunk."""
    pairs = rows * half * (half + half / 2)
    return float(4 * pairs * config.num_attention_heads * config.head_dim * config.num_hidden_layers)


def _product_alone(config: Any, rows: int, clock: Callable[[], float]) -> float:
    """Rate of an expert's first product, with as many rows as an expert sees."""
    width, inner = config.hidden_size, 2 * config.intermediate_size
    left, right = torch.randn(rows, width), torch.randn(inner, width)
    return float(2 * rows * width * inner / _timed_median(lambda: F.linear(left, right), clock))


def _attention_alone(config: Any, half: int, clock: Callable[[], float]) -> float:
    """Rate of the kernel without a mask, the queries of a group and of four alleles in one row."""
    groups = config.num_attention_heads // config.num_key_value_heads
    query = torch.randn(1, config.num_key_value_heads, 4 * groups * half, config.head_dim)
    key = torch.randn(1, config.num_key_value_heads, half, config.head_dim)
    seconds = _timed_median(lambda: F.scaled_dot_product_attention(query, key, key), clock)
    return float(4 * 4 * half * half * config.num_attention_heads * config.head_dim / seconds)


def _timed_median(work: Callable[[], Any], clock: Callable[[], float], repeats: int = 15) -> float:
    return statistics.median([_timed(work, clock) for _ in range(repeats)][3:])


def _timed(work: Callable[[], Any], clock: Callable[[], float]) -> float:
    start = clock()
    work()
    return clock() - start
