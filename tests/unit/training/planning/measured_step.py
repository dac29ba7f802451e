"""One rank of training steps, with every allocation watched: `RANK=r WORLD_SIZE=n python … CASES.json OUT`.

Each rank writes, to `OUT.r`, the most bytes that PyTorch's allocator had given out at any moment of a step,
by case.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from bisect import bisect_right
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.profiler import ProfilerActivity, profile

from cistron.models import MODELS
from cistron.training.loss import next_base_labels, pretraining_loss
from cistron.training.optim import adamw
from cistron.training.parallel import Layout, Parallel
from cistron.training.pretrain import OptimSettings

STEPS = 5


def steps(case: dict[str, Any]) -> list[int]:
    """Take some steps and return when each began, in nanoseconds."""
    spec = MODELS.get("genos")
    config = spec.config(case["model"])
    parallel = Parallel(Layout(**case["layout"]), spec, config, torch.device("cpu"))
    torch.manual_seed(0)
    gather = None if case["gather"] == "same" else getattr(torch, case["gather"])
    model = parallel.apply(spec.build(config), param_dtype=gather, checkpointing=case["checkpointing"])
    optimizer = adamw(model.train(), OptimSettings())
    began = []
    for _ in range(STEPS):
        began.append(time.time_ns())
        for _ in range(case["parts"]):
            whole = torch.randint(5, 9, (case["rows"], case["length"]))
            input_ids, labels, _ = parallel.split(whole, next_base_labels(whole, frozenset()), None)
            with torch.autocast("cpu", torch.bfloat16, enabled=case["autocast"]):
                output = model(input_ids)
            loss = pretraining_loss(
                output.logits,
                labels,
                output.aux,
                balance_weight=1e-3,
                z_weight=1e-3,
                total=parallel.total,
                ranks=parallel.parts,
            )
            loss.total.backward()
            del output, loss
        parallel.clip_gradients(model, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return began


def most_bytes(case: dict[str, Any]) -> int:
    """Bytes at the peak of a step, from the allocator's own record.

    The least of several: where another rank is late, buffers on their way to it live longer than they must.
    The first step makes the moments and does not count.
    """
    # What an earlier case left would be freed, and counted, in the middle of this one.
    gc.collect()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as watched:
        began = steps(case)
    events = [event for event in watched.profiler.kineto_results.events() if event.name() == "[memory]"]
    now, peaks = 0, [0] * STEPS
    for event in sorted(events, key=lambda event: event.start_ns()):
        now += event.nbytes()
        step = bisect_right(began, event.start_ns()) - 1
        peaks[step] = max(peaks[step], now)
    return min(peaks[1:])


def main() -> None:
    cases, out = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    torch.set_num_threads(1)
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    if world > 1:
        dist.init_process_group("gloo", init_method=f"file://{out}.store", rank=rank, world_size=world)
    found = {name: most_bytes(case) for name, case in cases.items()}
    out.with_name(f"{out.name}.{rank}").write_text(json.dumps(found))
    if world > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
