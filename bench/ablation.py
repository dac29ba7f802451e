"""What each decision about the shipped model is worth: short runs that differ in one thing, same windows.

Every variant of the recipe `default` trains for the same few steps on the corpus of `runs/default` and is
validated on the same windows of chr20:1-20,000,000. A short run says which decision matters, not what it
is worth at the end of training. Writes `bench/results/ablation.json`.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from machine import machine_facts

from cistron.cli.progress import progress_of
from cistron.training.pretrain import Pretraining
from cistron.training.recipes import default

RESULTS = Path(__file__).parent / "results" / "ablation.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--corpus", type=Path, default=Path("runs/default/corpus"))
    parser.add_argument("--runs", type=Path, default=Path("runs/ablation"))
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--only", nargs="*", help="variants to run; all when left out")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    rows = []
    for name, run in variants(shortened(default.RECIPE(), options.steps, options.corpus)).items():
        if options.only and name not in options.only:
            continue
        folder = options.runs / name.replace(" ", "-")
        if not (folder / "model").exists():
            with progress_of(name) as progress:
                run.execute(folder, resume=folder.exists(), progress=progress)
        rows.append({"variant": name, **measured(folder)})
        print(json.dumps(rows[-1]), flush=True)
    result = {
        "what": "nats per base on the validation windows of chr20:1-20,000,000 after a short run",
        "steps": options.steps,
        "rows": rows,
        "machine": machine_facts("torch", "numpy"),
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")


def shortened(run: Pretraining, steps: int, corpus: Path) -> Pretraining:
    """The first stage alone, with a schedule of its own, on a corpus that is already built."""
    return replace(
        run,
        data=replace(run.data, sources=(), corpora=(str(corpus.resolve()),)),
        stages=(replace(run.stages[0], steps=steps),),
        optim=replace(run.optim, warmup=min(100, steps // 3)),
        validate_every=steps,
        checkpoint_every=steps,
        loggers=(),
    )


def variants(run: Pretraining) -> dict[str, Pretraining]:
    """Name → run; each but the first differs from it in one thing."""
    network = run.model["base"]

    def with_model(**changes: Any) -> Pretraining:
        return replace(run, model={**run.model, **changes})

    def with_network(**changes: Any) -> Pretraining:
        return with_model(base={**network, **changes})

    return {
        "as shipped": run,
        "no memory": replace(run, architecture="genos", model=network),
        "no long words": with_model(long_order=0),
        "long words of 20": with_model(long_order=20),
        "larger experts": with_network(intermediate_size=384),
        "six layers": with_network(num_hidden_layers=6, intermediate_size=192),
        "twice the rate": replace(run, optim=replace(run.optim, lr=2 * float(run.optim.lr))),  # type: ignore[arg-type]
        "half the rate": replace(run, optim=replace(run.optim, lr=0.5 * float(run.optim.lr))),  # type: ignore[arg-type]
    }


def measured(folder: Path) -> dict[str, Any]:
    """Validation loss at the end of a run, its bases and seconds, and the size of its model."""
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    steps = [row for row in log if "nats_per_base" in row]
    nats = [row["validation_nats_per_base"] for row in log if "validation_nats_per_base" in row][-1]
    size = sum(path.stat().st_size for path in (folder / "model").iterdir())
    return {
        "validation_nats_per_base": nats,
        "bases": steps[-1]["tokens"],
        "seconds": steps[-1]["seconds"],
        "megabytes": round(size / 1e6, 1),
    }


if __name__ == "__main__":
    main()
