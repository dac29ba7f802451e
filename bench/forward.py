"""Tokens a second of a forward pass beside transformers, on the same weights, interleaved in one run.

Cases are the network of the shipped model (`twin.py`) and one layer of Genos-1.2B with weights rounded to
bfloat16, as published ones are; each in float32 and bfloat16. transformers runs with its default experts and
with its `eager` ones. Before anything is timed, the hidden states of all ways are compared.

On a shared machine `--clock cpu --threads 1` counts processor seconds instead of those on the wall.
Writes `bench/results/forward.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from forward_start import first_score
from machine import machine_facts
from score import spread
from torch import Tensor, nn
from transformers import AutoModelForCausalLM
from twin import mixtral_twin

from cistron.models import MODELS
from cistron.models.genos import GENOS_1_2B, Genos
from cistron.tokenizers import TOKENIZERS
from cistron.weights.folder import load_folder, save_folder

RESULTS = Path(__file__).parent / "results" / "forward.json"
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
EXPERTS = {"transformers default": "grouped_mm", "transformers eager": "eager"}
GOALS = {
    "float32": {"transformers default": 1.15, "transformers eager": 1.05},
    "bfloat16": {"transformers default": 1.15},
}
"""Over the rate of each."""

Way = Callable[[Tensor], Tensor]
"""From token ids to the last hidden states."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--dtypes", nargs="*", choices=DTYPES, default=list(DTYPES))
    parser.add_argument("--models", nargs="*", choices=CASES, default=list(CASES))
    parser.add_argument("--skip-start", action="store_true", help="do not time import to first score")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.clock == "cpu" and options.threads > 1:
        parser.error("processor seconds say nothing of several threads; use --threads 1")
    torch.set_num_threads(options.threads)
    result: dict[str, Any] = {"clock": options.clock, "goals": GOALS, "models": {}}
    for name in options.models:
        folder, shapes = CASES[name]()
        for dtype in options.dtypes:
            ways = dict(contestants(folder, DTYPES[dtype]))
            found = {f"{rows} x {length}": compare(ways, rows, length, options) for rows, length in shapes}
            result["models"].setdefault(name, {})[dtype] = found
            print(
                name, dtype, json.dumps({shape: part["ratio"] for shape, part in found.items()}), flush=True
            )
    if not options.skip_start:
        result["start"] = first_score(options.threads)
    result["machine"] = machine_facts("torch", "transformers") | {"threads": options.threads}
    options.output.write_text(json.dumps(result, indent=2) + "\n")


def shipped_network() -> tuple[Path, list[tuple[int, int]]]:
    """The network of the shipped model, and batches for it."""
    return mixtral_twin("default"), [(8, 1024), (4, 2048), (1, 8192)]


def genos_layer() -> tuple[Path, list[tuple[int, int]]]:
    """One layer of Genos-1.2B with random weights, and batches for it."""
    spec = MODELS.get("genos")
    torch.manual_seed(1)
    model = Genos(replace(GENOS_1_2B, num_hidden_layers=1)).bfloat16()
    folder = Path(tempfile.mkdtemp(prefix="cistron-layer-")) / "layer"
    save_folder(folder, model, TOKENIZERS.get("nucleotide")(), spec, {})
    return folder, [(1, 1024), (1, 4096)]


CASES = {"network of the shipped model": shipped_network, "one layer of Genos-1.2B": genos_layer}


def contestants(folder: Path, dtype: torch.dtype) -> Iterator[tuple[str, Way]]:
    """Every way to run the model in `folder`."""
    ours: Any = load_folder(folder, dtype=dtype).model
    yield "cistron", lambda ids: ours(ids).hidden_states
    for name, experts in EXPERTS.items():
        yield (
            name,
            _theirs(
                AutoModelForCausalLM.from_pretrained(
                    folder, dtype=dtype, experts_implementation=experts
                ).train(mode=False)
            ),
        )


def _theirs(network: nn.Module) -> Way:
    def run(ids: Tensor) -> Tensor:
        hidden: Tensor = network(ids, output_hidden_states=True).hidden_states[-1]
        return hidden

    return run


@torch.inference_mode()
def compare(ways: dict[str, Way], rows: int, length: int, options: argparse.Namespace) -> dict[str, Any]:
    """Rates of all ways, round by round, and how far their hidden states are apart."""
    ids = torch.randint(5, 9, (rows, length), generator=torch.Generator().manual_seed(length))
    hidden = {name: way(ids).float() for name, way in ways.items()}
    clock = CLOCKS[options.clock]
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, way in ways.items():
            start = clock()
            way(ids)
            rates[name].append(ids.numel() / (clock() - start))
    ours = rates["cistron"]
    return {
        "tokens_per_second": {name: spread(values) for name, values in rates.items()},
        "ratio": {
            name: statistics.median(a / b for a, b in zip(ours, rates[name], strict=True)) for name in EXPERTS
        },
        "median_relative_difference": {name: _apart(hidden["cistron"], hidden[name]) for name in EXPERTS},
    }


def _apart(found: Tensor, other: Tensor) -> float:
    """Of a token's hidden state, the median over tokens: a near-tie of a router may send one elsewhere."""
    return float(((found - other).norm(dim=-1) / other.norm(dim=-1)).median())


if __name__ == "__main__":
    main()
