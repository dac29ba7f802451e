"""Generate beside `transformers.generate`: the same weights, prompts and number of bases, interleaved.

Both draw freely at temperature 1, transformers with its default key/value cache, its default and its `eager`
experts, and mixed lengths padded on the left. Wall time rises with whatever else runs, so processor time is
measured as well. The shipped model has a memory that transformers does not know; it is timed alone.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import machine_facts
from score import spread
from transformers import GenerationConfig, MixtralForCausalLM
from twin import mixtral_twin

import cistron
from cistron.inference.generate import generate
from cistron.inference.load import LoadedModel

RESULTS = Path(__file__).parent / "results" / "generate.json"
CASES = {"one": (1, False), "sixteen": (16, False), "sixteen mixed lengths": (16, True)}
"""Name → sequences at a time, and whether their prompts differ in length."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="default")
    parser.add_argument("--prompt", type=int, default=256, help="bases of the longest prompt")
    parser.add_argument("--tokens", type=int, default=256, help="bases to generate")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    result = measured(options.model, options.prompt, options.tokens, options.rounds)
    result["machine"] = machine_facts("torch", "transformers", "numpy") | {"threads": options.threads}
    options.output.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def measured(name: str, prompt: int, tokens: int, rounds: int) -> dict[str, Any]:
    """Bases a second of every way and case: medians and quartiles over interleaved rounds."""
    folder = mixtral_twin(name)
    twin, shipped = cistron.load(folder, device="cpu"), cistron.load(name, device="cpu")
    cases = {}
    for case, (rows, mixed) in CASES.items():
        prompts = random_prompts(rows, prompt, mixed)
        ways: dict[str, Callable[[], Any]] = {"cistron": cistron_way(twin, prompts, tokens)}
        for experts in ("default", "eager"):
            network = peer(folder, experts)
            ways[f"transformers {experts}"] = transformers_way(network, twin, prompts, tokens)
        ways["cistron with memory"] = cistron_way(shipped, prompts, tokens)
        cases[case] = compared(ways, rows * tokens, rounds)
        print(case, {way: round(rate["wall"]["median"], 1) for way, rate in cases[case].items()}, flush=True)
    what = f"{tokens} bases behind prompts of {prompt}, drawn at temperature 1, float32"
    return {"what": what, "model": shipped.name, "model_sha256": shipped.sha256, "cases": cases}


def peer(folder: Path, experts: str) -> Any:
    """The same weights in transformers."""
    chosen: dict[str, Any] = {} if experts == "default" else {"experts_implementation": experts}
    network: Any = MixtralForCausalLM.from_pretrained(folder, dtype=torch.float32, **chosen)
    return network.eval()


def random_prompts(rows: int, longest: int, mixed: bool) -> list[str]:
    """Random bases; of mixed lengths from half of the longest up."""
    random = np.random.default_rng(7)
    lengths = random.integers(longest // 2, longest + 1, rows) if mixed else [longest] * rows
    return ["".join(random.choice(list("ACGT"), int(length))) for length in lengths]


def cistron_way(model: LoadedModel, prompts: list[str], tokens: int) -> Callable[[], Any]:
    def run() -> None:
        assert len(list(generate(model.model, model.tokenizer, prompts, tokens=tokens))) == len(prompts)

    return run


def transformers_way(network: Any, model: LoadedModel, prompts: list[str], tokens: int) -> Callable[[], Any]:
    """`generate` on a batch that is padded on the left, drawing A, C, G and T only."""
    longest = max(map(len, prompts))
    ids = torch.zeros(len(prompts), longest, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = torch.from_numpy(model.tokenizer.encode(prompt))
        mask[row, longest - len(prompt) :] = 1
    bases = set(model.tokenizer.nucleotide_ids.values())
    settings = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=True,
        temperature=1.0,
        top_k=0,
        top_p=1.0,
        min_new_tokens=tokens,
        max_new_tokens=tokens,
        pad_token_id=0,
        suppress_tokens=[token for token in range(network.config.vocab_size) if token not in bases],
    )

    def run() -> None:
        with torch.inference_mode():
            found = network.generate(ids, attention_mask=mask, generation_config=settings)
        assert found.shape == (len(prompts), longest + tokens)

    return run


def compared(ways: dict[str, Callable[[], Any]], bases: int, rounds: int) -> dict[str, Any]:
    """Bases a second by wall and by processor time, and how many times faster the first way is."""
    wall: dict[str, list[float]] = {way: [] for way in ways}
    processor: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(rounds + 1):
        for way, run in ways.items():
            before = time.perf_counter(), time.process_time()
            run()
            after = time.perf_counter(), time.process_time()
            if number:  # the first round warms up
                wall[way].append(bases / (after[0] - before[0]))
                processor[way].append(bases / (after[1] - before[1]))
    first = next(iter(ways))
    return {
        way: {
            "wall": spread(wall[way]),
            "processor": spread(processor[way]),
            "cistron_is_faster_by": spread(
                [a / b for a, b in zip(processor[first], processor[way], strict=True)]
            ),
        }
        for way in ways
    }


if __name__ == "__main__":
    main()
