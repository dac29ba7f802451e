"""Memory of fine-tuning by mode and model: measured in a process of its own, and rehearsed without data.

A step takes 8 sequences of 1,024 bases through the model and a classifier on the mean of their last hidden
states; two steps are made, so that the optimiser has its state. Measured is the largest resident memory less
that of the libraries alone. Rehearsed is the most that tensors hold at a time, counted on tensors that have
shapes and no content, which also tells of models that this machine could not train. Writes
`bench/results/finetune.json`.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from machine import machine_facts
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

import cistron
from cistron.data.labelled import LabelledData
from cistron.heads import HEADS, Head, Hidden
from cistron.inference.load import load
from cistron.inference.planning.ledger import Ledger
from cistron.models import MODELS
from cistron.models.genos import GenosConfig
from cistron.training.finetune import MODES, Finetuning
from cistron.training.finetune.modes import Trained
from cistron.training.finetune.optim import optimizer_of

RESULTS = Path(__file__).parent / "results/finetune.json"
ROWS, LENGTH = 8, 1024
MEDIUM = GenosConfig(
    hidden_size=512,
    intermediate_size=1024,
    num_hidden_layers=4,
    num_attention_heads=8,
    num_key_value_heads=4,
    max_position_embeddings=8192,
)
MODELS_HERE = ("default", "genos-medium", "genos-1.2b")
MEASURED = ("default", "genos-medium")
AUTOCAST = {"genos-1.2b": (False, True)}


def main() -> None:
    options = arguments()
    if options.model:
        print(json.dumps(measured(options.model, options.mode)))
        return
    rows = []
    for model in MODELS_HERE:
        for autocast in AUTOCAST.get(model, (False,)):
            for mode in MODES:
                row: dict[str, Any] = {"model": model, "mode": mode, "autocast": autocast}
                row |= rehearsed(model, mode, autocast=autocast)
                if model in MEASURED:
                    row["measured_bytes"] = in_a_process(model, mode)["bytes"]
                print(json.dumps(row), file=sys.stderr, flush=True)
                rows.append(row)
    facts = {
        "version": cistron.__version__,
        "machine": machine_facts("torch"),
        "rows": ROWS,
        "length": LENGTH,
    }
    RESULTS.write_text(json.dumps({**facts, "memory": rows}, indent=1) + "\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=MEASURED, help="Measure this one here, and print it.")
    parser.add_argument("--mode", choices=MODES, default="frozen")
    return parser.parse_args()


def in_a_process(model: str, mode: str) -> dict[str, Any]:
    """What `measured` finds in a fresh process."""
    words = [sys.executable, __file__, "--model", model, "--mode", mode]
    found: dict[str, Any] = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
    return found


def measured(model: str, mode: str) -> dict[str, int]:
    """Largest resident memory above that of the libraries, in bytes."""
    before = resident()
    steps(built(model), Finetuning(data=LabelledData(("none",)), mode=mode))
    return {"bytes": resident() - before}


def resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def rehearsed(model: str, mode: str, *, autocast: bool) -> dict[str, int]:
    """Parameters of the model, those that are trained, and the most bytes that tensors hold at a time."""
    run = Finetuning(data=LabelledData(("none",)), mode=mode, autocast=autocast)
    with imagined() as ledger:
        network = built(model)
        trained = steps(network, run)
        parameters = sum(one.numel() for one in network.parameters())
        learned = sum(one.numel() for one in trained.parameters() if one.requires_grad)
    return {"parameters": parameters, "trained": learned, "rehearsed_bytes": ledger.peak}


@contextmanager
def imagined() -> Iterator[Ledger]:
    """Tensors have shapes and no content inside the block."""
    with ExitStack() as held:
        held.enter_context(FakeTensorMode(allow_non_fake_inputs=True))
        yield held.enter_context(Ledger())


def built(name: str) -> nn.Module:
    """A model with random weights: of the shipped one's settings, the medium one, or of a published size."""
    if name == "default":
        with torch._subclasses.fake_tensor.unset_fake_temporarily():
            shipped = load("default").built
        return shipped.spec.build(shipped.config)
    spec = MODELS.get("genos")
    return spec.build(MEDIUM if name == "genos-medium" else spec.sizes[name])


def steps(model: nn.Module, run: Finetuning) -> Trained:
    """Two steps of a classifier, as `cistron finetune` makes them."""
    spec = HEADS.get("classifier")
    module = spec.build(spec.config({"hidden_size": cast(Any, model).config.hidden_size}))
    head, trained = cast(Head, module), Trained(run, model, module)
    optimizer = optimizer_of(trained, run)
    for _ in range(2):
        optimizer.zero_grad()
        with (
            trained.reading(model),
            torch.autocast("cpu", torch.bfloat16, enabled=run.autocast),
            torch.set_grad_enabled(trained.reads_model),
        ):
            output = model(torch.full((ROWS, LENGTH), 5), logits=False)
        outputs = head.decide(head.summarise(Hidden(output.hidden_states)))
        # The losses of heads leave out unknown targets, which takes data; any other loss weighs the same.
        outputs.square().mean().backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(trained.parameters(), run.optim.clip)
        optimizer.step()
    return trained


if __name__ == "__main__":
    main()
