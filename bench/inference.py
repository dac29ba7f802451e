"""Every verb beside transformers with the same weights, width and arithmetic, interleaved in one run.

What stands against us is what one would otherwise write: for embeddings and scans, batches through the
decoder; for variants, two whole passes a strand; for generation, `generate` with its cache. The weights are
those of the network beside the shipped model's memory (`twin.py`), which transformers can read. Long input
runs in processes of its own, so that its peak memory is its own. Writes `bench/results/inference.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from machine import machine_facts
from score import common_snps, one_variant, spread
from torch import Tensor
from transformers import MixtralForCausalLM
from twin import mixtral_twin

import cistron
from cistron.formats.fasta import Fasta
from cistron.genome import Interval, Variant
from cistron.genome.sequence import reverse_complement
from cistron.inference.load import LoadedModel

RESULTS = Path(__file__).parent / "results" / "inference.json"
BASELINES = {"transformers default": "grouped_mm", "transformers eager": "eager"}
START = 30_000_000
"""Where the bases come from: GRCh37 chr20, in the test region."""

BATCH = 8
"""Windows that transformers reads at a time; more were not faster on a CPU."""


class Task(NamedTuple):
    """One thing to do in two ways; each does a number of units and returns how many.

    Attributes:
        what: The work, in words.
        unit: What is counted.
        ours: Cistron's way.
        theirs: transformers' way, given the network.
    """

    what: str
    unit: str
    ours: Callable[[], int]
    theirs: Callable[[MixtralForCausalLM], int]


@dataclass(frozen=True)
class Setting:
    """What all tasks work with."""

    model: LoadedModel
    reference: Fasta
    chrom: str
    width: int
    data: Path

    def windows(self, count: int) -> list[str]:
        """Bases of `count` windows, one behind the other."""
        starts = range(START, START + count * self.width, self.width)
        return [self.reference.fetch(self.chrom, start, start + self.width) for start in starts]

    def ids(self, texts: list[str]) -> Tensor:
        """Token ids, one row a text."""
        return torch.from_numpy(np.stack([self.model.tokenizer.encode(text) for text in texts]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="default")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--only", nargs="*", help="names of tasks; the others keep their numbers")
    parser.add_argument("--long", type=int, default=32_768, help="bases of the long input")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.child:
        print(json.dumps(long_input(options.child, Path(options.model), options.long)))
        return
    folder = mixtral_twin(options.model)
    model = cistron.load(folder, device="cpu")
    data = Path(os.environ.get("CISTRON_DATA", Path(__file__).parents[1] / "../shared/data"))
    networks = {
        name: MixtralForCausalLM.from_pretrained(folder, dtype=torch.float32, experts_implementation=experts)
        for name, experts in BASELINES.items()
    }
    with Fasta(data / "human/chr20.fa.gz") as reference, torch.inference_mode():
        setting = Setting(model, reference, next(iter(reference.contigs)), model.model.config.width, data)
        tasks = {"embed": embedding, "scan": scanning, "generate": generating}
        tasks |= {"score isolated": isolated, "score clustered": clustered, "mutate": saturation}
        found = json.loads(RESULTS.read_text())["tasks"] if RESULTS.exists() and options.only else {}
        for name, make in tasks.items():
            if options.only is None or name in options.only:
                found[name] = measured(name, make(setting), networks, options.rounds)
    if options.only is None or "long" in options.only:
        found["long"] = long_inputs(folder, options)
    result = {
        "model": model.name,
        "model_sha256": model.sha256,
        "width": setting.width,
        "dtype": "float32",
        "tasks": found,
        "machine": machine_facts("torch", "transformers", "numpy") | {"threads": options.threads},
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")


def measured(name: str, task: Task, networks: dict[str, MixtralForCausalLM], rounds: int) -> dict[str, Any]:
    """Rates of all ways, round by round after one that does not count."""
    rates: dict[str, list[float]] = {way: [] for way in ("cistron", *networks)}
    for number in range(rounds + 1):
        for way in rates:
            start = time.perf_counter()
            units = task.ours() if way == "cistron" else task.theirs(networks[way])
            if number:
                rates[way].append(units / (time.perf_counter() - start))
    print(name, {way: round(float(np.median(values)), 2) for way, values in rates.items()}, flush=True)
    ratios = {
        way: spread([a / b for a, b in zip(rates["cistron"], rates[way], strict=True)]) for way in networks
    }
    return {
        "what": task.what,
        "unit": task.unit,
        "rate": {way: spread(values) for way, values in rates.items()},
        "ratio": ratios,
    }


def embedding(setting: Setting) -> Task:
    texts = setting.windows(16)

    def ours() -> int:
        for found in setting.model.embed(texts):
            assert np.isfinite(found.vector).all()
        return 16 * setting.width

    def theirs(network: MixtralForCausalLM) -> int:
        for start in range(0, len(texts), BATCH):
            hidden = network.model(setting.ids(texts[start : start + BATCH])).last_hidden_state
            assert torch.isfinite(hidden.mean(dim=1)).all()
        return 16 * setting.width

    return Task("mean of the last layer, 16 windows", "bases", ours, theirs)


def scanning(setting: Setting) -> Task:
    half, halves = setting.width // 2, 15
    region = Interval(setting.chrom, START, START + halves * half)

    def ours() -> int:
        return sum(len(block.log_p) for block in setting.model.scan([region], setting.reference))

    def theirs(network: MixtralForCausalLM) -> int:
        bases = list(setting.model.tokenizer.nucleotide_ids.values())
        for opposite in (False, True):
            text = setting.reference.fetch(setting.chrom, START - half, START + (halves + 1) * half)
            text = reverse_complement(text) if opposite else text
            windows = [text[i * half : (i + 2) * half] for i in range(halves)]
            for start in range(0, halves, BATCH):
                logits = network(setting.ids(windows[start : start + BATCH])).logits
                assert logits.log_softmax(-1)[:, half - 1 : -1, bases].isfinite().all()
        return halves * half

    return Task("log-odds of all substitutions, both strands", "bases", ours, theirs)


def generating(setting: Setting) -> Task:
    prompts, new = [text[:512] for text in setting.windows(8)], 128

    def ours() -> int:
        found = list(setting.model.generate(prompts, tokens=new, top_k=4, seed=1))
        return sum(len(one.continuation) for one in found)

    def theirs(network: MixtralForCausalLM) -> int:
        torch.manual_seed(1)
        ids = setting.ids(prompts)
        found = network.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=True,
            top_k=4,
            max_new_tokens=new,
            pad_token_id=setting.model.tokenizer.pad_id,
        )
        return int(found[:, 512:].numel())

    return Task(f"8 prompts of 512 bases, {new} more each", "tokens", ours, theirs)


def isolated(setting: Setting) -> Task:
    variants = common_snps(setting.data, 16)
    return scoring(setting, "common SNPs far apart", variants, {}, 4)


def clustered(setting: Setting) -> Task:
    chrom, found = setting.chrom, []
    for pos in range(START, START + 512, 16):
        ref = setting.reference.fetch(chrom, pos - 1, pos)
        found.append(Variant(chrom, pos, ref, "ACGT"["ACGT".index(ref) - 1]))
    slack = setting.width // 4
    return scoring(
        setting, f"32 SNVs within 512 bp, --window-slack {slack}", found, {"window_slack": slack}, 4
    )


def saturation(setting: Setting) -> Task:
    region = Interval(setting.chrom, START, START + 64)
    variants = [
        Variant(setting.chrom, pos + 1, ref, alt)
        for pos in range(region.start, region.end)
        if (ref := setting.reference.fetch(setting.chrom, pos, pos + 1))
        for alt in "ACGT"
        if alt != ref
    ]

    def ours() -> int:
        return sum(1 for _ in setting.model.mutate([region], setting.reference))

    task = scoring(setting, "all 192 SNVs of 64 bp", variants, {}, 4)
    return task._replace(ours=ours)


def scoring(setting: Setting, what: str, variants: list[Variant], how: dict[str, Any], few: int) -> Task:
    """All variants our way; `few` of them by whole passes, each of which takes equally long."""

    def ours() -> int:
        found = setting.model.score_variants(variants, setting.reference, width=setting.width, **how)
        return sum(score.llr is not None for score in found)

    def theirs(network: MixtralForCausalLM) -> int:
        chosen = variants[:: len(variants) // few][:few]
        for variant in chosen:
            one_variant(network, setting.model, setting.reference, variant, setting.width)
        return len(chosen)

    return Task(f"{what}, both strands", "variants", ours, theirs)


def long_inputs(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Seconds and peak memory of the log-likelihood of one long sequence, each way in its own process."""
    found = {}
    for way in ("cistron", *BASELINES):
        command = [
            sys.executable,
            __file__,
            "--child",
            way,
            "--model",
            str(folder),
            "--long",
            str(options.long),
        ]
        ran = subprocess.run(
            [*command, "--threads", str(options.threads)], capture_output=True, text=True, check=False
        )
        failed = {"failed": ran.stderr.strip().splitlines()[-1:] or [f"exit code {ran.returncode}"]}
        found[way] = json.loads(ran.stdout) if ran.returncode == 0 else failed
        print("long", way, found[way], flush=True)
    return {"what": f"log-likelihood of {options.long:,} bases", "bases": options.long, "ways": found}


def long_input(way: str, folder: Path, length: int) -> dict[str, float]:
    """Read random bases; the sequence may be longer than the model was trained for, which costs the same."""
    model = cistron.load(folder, device="cpu")
    ids = torch.randint(5, 9, (1, length), generator=torch.Generator().manual_seed(1))
    start = time.perf_counter()
    with torch.inference_mode():
        total = ours_long(model, ids) if way == "cistron" else theirs_long(folder, BASELINES[way], ids)
    seconds = time.perf_counter() - start
    # Not getrusage: it counts what the process held before it became this one, which is the parent's memory.
    peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) * 1024
    return {"seconds": seconds, "peak_bytes": peak, "log_likelihood": total}


def ours_long(model: LoadedModel, ids: Tensor) -> float:
    from cistron.inference.chunks import read_chunks

    total, before = 0.0, None
    for columns, output in read_chunks(model.model, ids):
        assert output.logits is not None
        logits = output.logits if before is None else torch.cat((before, output.logits), dim=1)
        targets = ids[:, max(columns.start, 1) : columns.stop]
        rows = logits[:, : targets.shape[1]].log_softmax(-1)
        total += float(rows.gather(-1, targets.unsqueeze(-1)).double().sum())
        before = output.logits[:, -1:]
    return total


def theirs_long(folder: Path, experts: str, ids: Tensor) -> float:
    network = MixtralForCausalLM.from_pretrained(folder, dtype=torch.float32, experts_implementation=experts)
    rows = network(ids).logits[:, :-1].log_softmax(-1)
    return float(rows.gather(-1, ids[:, 1:].unsqueeze(-1)).double().sum())


if __name__ == "__main__":
    main()
