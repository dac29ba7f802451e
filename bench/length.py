"""How long an input can be: time and peak memory of one pass over it, each case in a process of its own.

    python bench/length.py                    # every case of this device that is not in the JSON yet
    python bench/length.py shipped-131072     # one case
    python bench/length.py --device cuda      # the cases for a large GPU

The peak is that of the whole process: interpreter, weights, cache and activations (on a GPU: what its
allocator held). Transformers reads the same network, in one pass and default settings, under the same memory
limit.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from machine import machine_facts
from torch import Tensor
from twin import mixtral_twin

import cistron
from cistron.formats.fasta import Fasta
from cistron.inference.chunks import CHUNK_TOKENS, read_chunks
from cistron.models import MODELS, Model

RESULTS = Path(__file__).parent / "results" / "length.json"
CONTIG, START = "chr20", 30_000_000
"""Where the bases come from: real ones, of which no stretch used here holds an N."""


@dataclass(frozen=True)
class Case:
    """One measurement.

    Attributes:
        model: `shipped`, `network` (the shipped one without its n-gram memory, which transformers can read)
            or a named size with random weights, which change neither time nor memory.
        tokens: Length of the input.
        by: `cistron`, `transformers`, or `error` for how far a State in `cache_dtype` is from one in `dtype`.
        device: Where.
        dtype: Arithmetic.
        cache_dtype: Of keys and values; None for the arithmetic's.
        chunk: Tokens read at once.
    """

    model: str
    tokens: int
    by: str = "cistron"
    device: str = "cpu"
    dtype: str = "float32"
    cache_dtype: str | None = None
    chunk: int = CHUNK_TOKENS


_CPU = {
    "shipped-8192": Case("shipped", 8192),
    "shipped-32768": Case("shipped", 32_768),
    "shipped-131072": Case("shipped", 131_072),
    "shipped-131072-bf16-cache": Case("shipped", 131_072, cache_dtype="bfloat16"),
    "network-32768": Case("network", 32_768),
    "network-131072": Case("network", 131_072),
    "transformers-32768": Case("network", 32_768, by="transformers"),
    "transformers-131072": Case("network", 131_072, by="transformers"),
    "tiny-262144": Case("genos-tiny", 262_144),
    "bf16-cache-error": Case("shipped", 8 * 8192, by="error", cache_dtype="bfloat16", chunk=1024),
    "bf16-cache-error-float64": Case(
        "shipped", 2 * 8192, by="error", dtype="float64", cache_dtype="bfloat16", chunk=1024
    ),
}
_GPU = Case("genos-1.2b", 131_072, device="cuda", dtype="bfloat16", cache_dtype="bfloat16", chunk=16_384)
_CUDA = {
    "cuda-genos-1.2b-131072": _GPU,
    "cuda-genos-1.2b-1048576": replace(_GPU, tokens=1_048_576),
    "cuda-transformers-1.2b-131072": replace(_GPU, by="transformers"),
    "cuda-transformers-1.2b-1048576": replace(_GPU, by="transformers", tokens=1_048_576),
}
CASES = _CPU | _CUDA


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", help=f"of {', '.join(CASES)}")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--memory", type=float, default=12.0, help="GiB that a process may take")
    parser.add_argument("--again", action="store_true", help="measure cases that are in the JSON already")
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--measure", metavar="JSON", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measured(Case(**json.loads(options.measure)), options.threads)))
        return
    found = json.loads(options.output.read_text()) if options.output.exists() else {"cases": {}}
    for name in options.cases or [name for name, case in CASES.items() if case.device == options.device]:
        if name in found["cases"] and not options.again:
            continue
        found["cases"][name] = in_own_process(CASES[name], options)
        found["machine"] = machine_facts("torch", "transformers") | {"threads": options.threads}
        options.output.write_text(json.dumps(found, indent=2) + "\n")
        print(name, json.dumps(found["cases"][name]), flush=True)


def in_own_process(case: Case, options: argparse.Namespace) -> dict[str, Any]:
    """Facts of one case, or why there are none."""
    limit = int(options.memory * 2**30)

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))

    words = [sys.executable, __file__, "--measure", json.dumps(asdict(case))]
    done = subprocess.run(
        [*words, "--threads", str(options.threads)],
        capture_output=True,
        text=True,
        preexec_fn=limited if case.device == "cpu" else None,
    )
    if done.returncode == 0:
        measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return asdict(case) | measured
    last = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
    out_of_memory = "memory" in last.lower() or done.returncode < 0
    reason = f"out of memory at {options.memory:g} GiB" if out_of_memory else last
    return asdict(case) | {"failed": reason, "message": last[:300]}


@torch.inference_mode()
def measured(case: Case, threads: int) -> dict[str, Any]:
    """Read the case's input once."""
    torch.set_num_threads(threads)
    ids = bases(case).to(case.device)
    if case.by == "error":
        return cache_error(case, ids)
    read, config = reader(case)
    before = peak_bytes(case.device)
    # Imports, kernels and allocators warm up on a short input.
    read(ids[:, :512])
    wall, cpu = time.perf_counter(), time.process_time()
    facts = read(ids)
    if case.device == "cuda":
        torch.cuda.synchronize()
    seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
    flops = 2.0 * config.num_hidden_layers * config.num_attention_heads * config.head_dim * case.tokens**2
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu_seconds, 2),
        "tokens_per_second": round(case.tokens / seconds, 1),
        "peak_bytes": peak_bytes(case.device),
        "peak_bytes_before": before,
        "attention_flops": flops,
        "attention_flops_per_second": flops / seconds,
        **facts,
    }


def bases(case: Case) -> Tensor:
    """Token ids `(1, L)` of real DNA."""
    if case.device == "cuda":  # a machine without the data
        return torch.randint(5, 9, (1, case.tokens), generator=torch.Generator().manual_seed(0))
    data = Path(os.environ.get("CISTRON_DATA", Path(__file__).parents[1] / "../shared/data"))
    tokenizer = cistron.load().tokenizer
    with Fasta(data / "human/chr20.fa.gz") as genome:
        text = genome.fetch(CONTIG, START, START + case.tokens)
    return torch.from_numpy(tokenizer.encode(text)).unsqueeze(0)


Reader = Callable[[Tensor], dict[str, Any]]


def reader(case: Case) -> tuple[Reader, Any]:
    """What reads an input of the case and tells about it, and the network's config."""
    dtype = getattr(torch, case.dtype)
    if case.by == "transformers":
        return transformers_reader(case, dtype)
    if case.model == "shipped":
        model: Any = cistron.load(device=case.device, dtype=dtype).model
        config = model.config.network
    elif case.model == "network":
        model = cistron.load(mixtral_twin("default"), device=case.device, dtype=dtype).model
        config = model.config
    else:
        model, config = random_weights(case, dtype)
    return lambda ids: cistron_reads(model, ids, case), config


def random_weights(case: Case, dtype: torch.dtype) -> tuple[Any, Any]:
    """A named size of Genos, untrained."""
    spec = MODELS.get("genos")
    torch.manual_seed(0)
    with torch.device(case.device):
        torch.set_default_dtype(dtype)
        model = spec.build(spec.sizes[case.model])
        torch.set_default_dtype(torch.float32)
    return model.requires_grad_(False).train(False), spec.sizes[case.model]


def cistron_reads(model: Model, ids: Tensor, case: Case) -> dict[str, Any]:
    """Log-likelihood of the input, chunk by chunk."""
    state = model.empty_state(1)
    if case.cache_dtype:
        state = state.to(dtype=getattr(torch, case.cache_dtype))
    total, carried = 0.0, None
    for columns, output in read_chunks(model, ids, state, size=case.chunk):
        assert output.logits is not None
        known = output.logits if carried is None else torch.cat((carried, output.logits), 1)
        first = columns.start + 1 - (carried is not None)
        total += summed(known[:, : columns.stop - first], ids[:, first : columns.stop])
        carried = output.logits[:, -1:].clone()
    return {"log_likelihood": total}


def cache_error(case: Case, ids: Tensor) -> dict[str, Any]:
    """Differences of log-probabilities, window by window, nearly all of them read from the State."""
    model = cistron.load(device=case.device, dtype=getattr(torch, case.dtype)).model
    windows = ids.view(-1, model.config.context_length)
    found = [
        torch.cat([token_scores(model, window.unsqueeze(0), case.chunk, cache) for window in windows])
        for cache in (case.dtype, case.cache_dtype)
    ]
    difference = found[1] - found[0]
    sums = difference.view(len(windows), -1).sum(1).abs()
    return {
        "nats_per_token_mean": float(difference.abs().mean()),
        "nats_per_token_q999": float(difference.abs().quantile(0.999)),
        "nats_per_token_max": float(difference.abs().max()),
        "nats_per_window_mean": float(sums.mean()),
        "nats_per_window_max": float(sums.max()),
        "windows": len(windows),
    }


def token_scores(model: Model, ids: Tensor, chunk: int, cache_dtype: str | None) -> Tensor:
    """Log-probability of every token but the first."""
    state = model.empty_state(1).to(dtype=getattr(torch, str(cache_dtype)))
    logits = torch.cat(
        [o.logits for _, o in read_chunks(model, ids, state, size=chunk) if o.logits is not None], 1
    )
    known = logits[:, :-1].double().log_softmax(-1)
    return known.gather(-1, ids[:, 1:, None]).flatten()


def summed(logits: Tensor, ids: Tensor) -> float:
    """Of the tokens after each row of logits."""
    return float(logits.float().log_softmax(-1).gather(-1, ids.unsqueeze(-1)).double().sum())


def transformers_reader(case: Case, dtype: torch.dtype) -> tuple[Reader, Any]:
    """One pass in transformers' default settings."""
    from transformers import MixtralConfig, MixtralForCausalLM

    if case.model == "network":
        network = MixtralForCausalLM.from_pretrained(mixtral_twin("default"), dtype=dtype)
    else:
        config = MixtralConfig(**MODELS.get("genos").sizes[case.model].to_dict())
        with torch.device(case.device):
            network = MixtralForCausalLM(config)
    torch.nn.Module.to(network, case.device, dtype).train(False)

    def read(ids: Tensor) -> dict[str, Any]:
        logits = network(ids, use_cache=False).logits
        return {"log_likelihood": summed(logits[:, :-1], ids[:, 1:])}

    return read, network.config


def peak_bytes(device: str) -> int:
    """Most that this process has held."""
    if device == "cuda":
        return torch.cuda.max_memory_reserved()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
