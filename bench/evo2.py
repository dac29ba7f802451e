"""StripedHyena 2: rate and memory against length, the long filter both ways, and cached decoding.

Every length runs in a process of its own, which reports its rate and how far its memory rose above the built
model. Weights are random: time does not depend on them. On a GPU a 7B-shaped model runs too, beside the
figures published for the reference implementation on one H100.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from machine import machine_facts

from cistron.inference.chunks import read_chunks
from cistron.layers.modal import modal_convolution, modal_filter
from cistron.models.stripedhyena2 import EVO2_7B, StripedHyena2, StripedHyena2Config

RESULTS = Path(__file__).parent / "results" / "evo2.json"
SMALL = replace(
    EVO2_7B,
    hidden_size=112,
    intermediate_size=288,
    num_hidden_layers=7,
    num_attention_heads=4,
    hybrid_override_pattern="SDH*SDH",
    hcs_filter_groups=16,
    hcm_filter_groups=16,
)
"""As `evo2_training.py` trains it; one of its seven layers is attention."""

BLOCK = replace(EVO2_7B, num_hidden_layers=1, hybrid_override_pattern="H")
MODELS = {"small": (SMALL, torch.float32), "one 7B block (long)": (BLOCK, torch.bfloat16)}
PUBLISHED = {
    8192: {"stock ms": 382, "kernels ms": 288, "kernels GiB": 15.3},
    65_536: {"stock ms": 6653, "kernels ms": 3843, "kernels GiB": 32.2},
    131_072: {"stock ms": None, "kernels ms": 12_702, "kernels GiB": 51.1},
}
"""7B, one sequence, one H100 of 80 GB: the package `vtx`, pull request 77."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", type=int, nargs="*", default=[2**n for n in (10, 13, 15, 16, 17)])
    parser.add_argument("--block", type=int, nargs="*", default=[2**n for n in (10, 12, 13)])
    parser.add_argument("--filter", type=int, nargs="*", default=[2**n for n in (10, 12, 14, 15)])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.alone:
        name, _, length = options.alone.rpartition(":")
        alone = decoding if name == "decoding" else direct if name == "direct" else blocked
        found = forward(name, int(length)) if name in MODELS else alone(int(length))
        print(json.dumps(found))
        return
    result = measured(options)
    result["rounds"] = options.rounds
    result["machine"] = machine_facts("torch", "numpy") | {"threads": options.threads}
    options.output.write_text(json.dumps(result, indent=2) + "\n")


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """All results; ways that are compared run in turn."""
    lengths = dict(zip(MODELS, (options.small, options.block), strict=True))
    result: dict[str, Any] = {
        "forward": {
            name: {length: rounds(f"{name}:{length}", options) for length in lengths[name]} for name in MODELS
        },
        "long filter, 1,024 channels, float32": {
            length: dict(zip(("blocked", "direct"), pair(length, options), strict=True))
            for length in options.filter
        },
        "decoding, small": rounds("decoding:2048", options),
    }
    if torch.cuda.is_available():
        result["7B on this GPU, bfloat16"] = {length: on_gpu(length) for length in PUBLISHED}
    return result


def rounds(what: str, options: argparse.Namespace) -> dict[str, Any]:
    """Medians and extremes over processes."""
    return summary([apart(what, options) for _ in range(options.rounds)])


def pair(length: int, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Blocked and direct construction of the long filter, in turn."""
    both = [
        [apart(f"{way}:{length}", options) for way in ("blocked", "direct")] for _ in range(options.rounds)
    ]
    return [summary(list(way)) for way in zip(*both, strict=True)]


def summary(runs: list[dict[str, float]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in runs[0]:
        values = sorted(run[name] for run in runs)
        found[name] = {"median": statistics.median(values), "least": values[0], "most": values[-1]}
    return found


def apart(what: str, options: argparse.Namespace) -> dict[str, float]:
    """What one measurement gives in a process of its own."""
    command = [sys.executable, __file__, "--threads", str(options.threads), "--alone", what]
    ran = subprocess.run(command, capture_output=True, check=True, text=True)
    print(what, ran.stdout.strip(), flush=True)
    found: dict[str, float] = json.loads(ran.stdout)
    return found


def forward(name: str, length: int) -> dict[str, float]:
    """Read one sequence as the verbs do, keeping the last logits only."""
    config, dtype = MODELS[name]
    model = built(config, dtype)
    ids = bases(length)
    list(read_chunks(model, ids[:, :256], last_only=True))
    return timed(length, lambda: [None for _ in read_chunks(model, ids, last_only=True)])


def decoding(prompt: int) -> dict[str, float]:
    """One token at a time behind a prompt."""
    model, steps = built(SMALL, torch.float32), 200
    ids = bases(prompt + steps)
    state = model(ids[:, :prompt], model.empty_state(1), last_only=True).state

    def run() -> None:
        current = state
        for place in range(prompt, prompt + steps):
            current = model(ids[:, place : place + 1], current).state

    return timed(steps, run)


def blocked(length: int) -> dict[str, float]:
    """The long filter as this package applies it."""
    u, log_poles, residues = inputs(length)
    modal_convolution(u[:, :64], log_poles, residues)
    return timed(length, lambda: modal_convolution(u, log_poles, residues))


def direct(length: int) -> dict[str, float]:
    """The long filter written down from every exponential, and applied by Fourier transform."""
    u, log_poles, residues = inputs(length)
    modal_filter(log_poles, residues, 64)

    def run() -> torch.Tensor:
        exponentials = torch.exp(log_poles.unsqueeze(-1) * torch.arange(length))
        filters = torch.einsum("ds,dst->dt", residues, exponentials)
        spectrum = torch.fft.rfft(u[0].T, n=2 * length) * torch.fft.rfft(filters, n=2 * length)
        out: torch.Tensor = torch.fft.irfft(spectrum, n=2 * length)[:, :length]
        return out

    return timed(length, run)


def inputs(length: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(1, length, 1024), -torch.rand(1024, 16), torch.randn(1024, 16)


def built(config: StripedHyena2Config, dtype: torch.dtype, device: str = "cpu") -> StripedHyena2:
    """A model with random weights."""
    torch.manual_seed(0)
    with torch.device(device):
        return StripedHyena2(config).to(dtype).eval()


def bases(length: int, device: str = "cpu") -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    letters = torch.tensor([65, 67, 71, 84])
    return letters[torch.randint(0, 4, (1, length), generator=generator)].to(device)


def timed(tokens: int, run: Callable[[], Any]) -> dict[str, float]:
    """Rate of `run`, and the most memory it had above what the process held before."""
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # what counts as the most begins anew
    start = time.perf_counter()
    with torch.inference_mode():
        run()
    seconds = time.perf_counter() - start
    return {"tokens per second": tokens / seconds, "memory above the model, MiB": memory("VmHWM") - before}


def memory(kind: str) -> float:
    """MiB that this process holds (`VmRSS`) or has held at most (`VmHWM`)."""
    return int(Path("/proc/self/status").read_text().partition(f"{kind}:")[2].split()[0]) / 2**10


def on_gpu(length: int) -> dict[str, Any]:
    """Whole 7B-shaped model on a GPU: milliseconds and the most memory, beside published ones."""
    model, ids = built(EVO2_7B, torch.bfloat16, "cuda"), bases(length, "cuda")
    times = []
    torch.cuda.reset_peak_memory_stats()
    with torch.inference_mode():
        for _ in range(4):
            torch.cuda.synchronize()
            start = time.perf_counter()
            for _ in read_chunks(model, ids):
                pass
            torch.cuda.synchronize()
            times.append(1000 * (time.perf_counter() - start))
    peak = torch.cuda.max_memory_allocated() / 2**30
    ours = {"ms": sorted(times[1:]), "GiB": peak, "device": torch.cuda.get_device_name()}
    return {"ours": ours, "published, one H100": PUBLISHED[length]}


if __name__ == "__main__":
    main()
