"""Nats per base of the shipped model and of honest baselines on chromosome 20, which nobody trained on.

Fits interpolated Markov models on exactly the shipped model's training bases and asks all of them for the
same bases: blocks spread evenly over GRCh37 chr20:20,000,001-end, each given the same bases of context
before it. Writes `bench/results/nats.json`; the model card quotes that file.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine_facts

import cistron
from cistron.data.corpus import read_source
from cistron.inference.haplotypes import Continuations, score_continuations
from cistron.inference.load import LoadedModel
from cistron.metrics.bootstrap import ratio_interval
from cistron.training.pretrain import Pretraining
from cistron.training.recipes import default
from cistron.training.recipes.markov import MarkovFit

RESULTS = Path(__file__).parent / "results" / "nats.json"
START = 20_000_000
ORDERS = (0, 3, 6, 9, 11, 12)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="default")
    parser.add_argument("--context", type=int, default=None, help="default: half the recommended width")
    parser.add_argument("--block", type=int, default=1024, help="scored bases of a block")
    parser.add_argument("--blocks", type=int, default=4000)
    parser.add_argument("--markov", type=Path, default=Path("runs/markov"), help="keeps fitted models")
    parser.add_argument("--orders", type=int, nargs="*", default=ORDERS)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    run = default.RECIPE()
    model = cistron.load(options.model)
    context = options.context or model.model.config.width // 2
    jobs = blocks(run, context, options.block, options.blocks)
    rows = [uniform(jobs)]
    for order in options.orders:
        rows.append(measured(fitted(run, order, options.markov), jobs))
        rows[-1]["name"] = "GC content only" if order == 0 else f"Markov, order {order}"
        print(rows[-1], flush=True)
    rows.append(measured(model, jobs))
    rows[-1]["name"] = f"{model.name} (shipped)"
    result = {
        "what": "nats per base, forward strand; evenly spaced blocks of GRCh37 chr20:20,000,001-end",
        "blocks": len(jobs),
        "block_bases": options.block,
        "context_bases": context,
        "interval": "95 %, 2,000 bootstrap draws of blocks",
        "model_sha256": model.sha256,
        "rows": rows,
        "machine": machine_facts("torch", "numpy"),
    }
    options.output.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def blocks(run: Pretraining, context: int, block: int, count: int) -> list[Continuations]:
    """Evenly spaced blocks with their context, without those that touch N."""
    _, bases = next(iter(read_source(run.data.validation)))
    starts = np.linspace(START, len(bases) - block, count).astype(int)
    cut = ((bases[start - context : start], bases[start : start + block]) for start in starts)
    return [Continuations(before, (text,)) for before, text in cut if "N" not in before + text]


def fitted(run: Pretraining, order: int, folder: Path) -> LoadedModel:
    """The Markov model of an order, fitted on the run's training bases unless that was done before."""
    target = folder / str(order)
    if not (target / "model").exists():
        fit = MarkovFit(run.data.sources, order, held_out=run.data.held_out)
        fit.execute(target, resume=False, progress=lambda done, total, note: None)
    return cistron.load(target / "model")


def measured(model: LoadedModel, jobs: list[Continuations]) -> dict[str, Any]:
    """Nats per base over all blocks, with an interval."""
    started = time.perf_counter()
    tokens = [scored.texts[0] for part in _parts(jobs) for scored in _answer(model, part)]
    totals = np.array([-np.nansum(block) for block in tokens])
    counts = np.array([np.isfinite(block).sum() for block in tokens], dtype=float)
    found = ratio_interval(totals, counts)
    parameters = sum(parameter.numel() for parameter in model.built.model.parameters())
    return {
        "name": model.name,
        **found._asdict(),
        "parameters": parameters,
        "seconds": round(time.perf_counter() - started, 1),
    }


def _parts(jobs: list[Continuations], size: int = 256) -> Iterator[list[Continuations]]:
    for start in range(0, len(jobs), size):
        yield jobs[start : start + size]


def _answer(model: LoadedModel, jobs: list[Continuations]) -> Any:
    return score_continuations(model.model, model.tokenizer, jobs, batch_tokens=16_384)


def uniform(jobs: list[Continuations]) -> dict[str, Any]:
    """Every base equally likely."""
    nats = math.log(4)
    return {"name": "uniform", "estimate": nats, "low": nats, "high": nats, "parameters": 0, "seconds": 0.0}


if __name__ == "__main__":
    main()
