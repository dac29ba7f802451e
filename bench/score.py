"""Score real SNPs beside the straightforward transformers way, interleaved in one run.

The straightforward way: two whole forward passes per variant and strand, once with transformers' default
experts and once with its `eager` ones, on the same weights (`twin.py`), width and arithmetic. Prefix sharing
has an exact limit over that: with *a* the share of attention in a full pass, 2 / (1.5 + 0.25 a) for one
alternative allele in the middle of its window. *a* is measured in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
import torch.nn.functional as F
from machine import machine_facts
from transformers import MixtralForCausalLM
from twin import mixtral_twin

import cistron
from cistron.formats.fasta import Fasta
from cistron.genome import Variant
from cistron.genome.alleles import AlleleStatus, trim
from cistron.genome.windows import allele_window
from cistron.inference.load import LoadedModel

RESULTS = Path(__file__).parent / "results" / "score.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="default")
    parser.add_argument("--width", type=int, default=None)
    parser.add_argument("--variants", type=int, default=1000, help="SNPs that Cistron scores")
    parser.add_argument(
        "--baseline-variants", type=int, default=10, help="SNPs a round that transformers scores"
    )
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    data = Path(os.environ.get("CISTRON_DATA", Path(__file__).parents[1] / "../shared/data"))
    folder = mixtral_twin(options.model)
    model = cistron.load(folder, device="cpu")
    width = options.width or model.model.config.width
    with Fasta(data / "human/chr20.fa.gz") as reference:
        variants = common_snps(data, options.variants)
        result = compare(model, folder, reference, variants, width, options)
    result["machine"] = machine_facts("torch", "transformers", "numpy") | {"threads": options.threads}
    options.output.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def common_snps(data: Path, count: int) -> list[Variant]:
    """`count` common SNPs of chr20, evenly spread."""
    table = pq.read_table(data / "variants/common_snps_hg19_chr20_22_X.parquet")
    table = table.filter(pc.equal(pc.cast(table["_labels"], "string"), "chr20"))
    rows = table.take(np.linspace(0, len(table) - 1, count).astype(int)).to_pylist()
    return [Variant("chr20", row["_starts"] + 1, row["ref"], row["alt"]) for row in rows]


def compare(
    model: LoadedModel,
    folder: Path,
    reference: Fasta,
    variants: list[Variant],
    width: int,
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Rates of all ways, round by round, and how far their scores are apart."""
    naive = {
        name: MixtralForCausalLM.from_pretrained(
            folder, dtype=torch.float32, experts_implementation=implementation
        )
        for name, implementation in (("transformers default", "grouped_mm"), ("transformers eager", "eager"))
    }
    for network in naive.values():
        network.train(False)
    per_round = len(variants) // options.rounds
    rates: dict[str, list[float]] = {name: [] for name in ("cistron", *naive)}
    ratios: dict[str, list[float]] = {name: [] for name in naive}
    differences = []
    list(model.score_variants(variants[:4], reference, width=width))
    for number in range(options.rounds):
        mine = variants[number * per_round : (number + 1) * per_round]
        few = mine[:: max(len(mine) // options.baseline_variants, 1)][: options.baseline_variants]
        seconds, scores = timed(lambda mine=mine: list(model.score_variants(mine, reference, width=width)))
        rates["cistron"].append(len(mine) / seconds)
        known = {score.variant: score.llr for score in scores}
        for name, reference_model in naive.items():
            seconds, theirs = timed(
                lambda few=few, network=reference_model: two_passes(network, model, reference, few, width)
            )
            rates[name].append(len(few) / seconds)
            ratios[name].append(rates["cistron"][-1] / rates[name][-1])
            differences += [
                abs(llr - known[variant])
                for variant, llr in zip(few, theirs, strict=True)
                if llr is not None and known[variant] is not None
            ]
        print({name: round(values[-1], 3) for name, values in rates.items()}, flush=True)
    share = attention_share(model, width)
    limit = 2 / (1.5 + 0.25 * share)
    best = max(naive, key=lambda name: statistics.median(rates[name]))
    return {
        "what": f"{len(variants):,} common SNPs of GRCh37 chr20, both strands, float32",
        "model": model.name,
        "model_sha256": model.sha256,
        "width": width,
        "variants_per_second": {name: spread(values) for name, values in rates.items()},
        "ratio": {name: spread(values) for name, values in ratios.items()},
        "attention_share_of_full_pass": share,
        "exact_limit_of_prefix_sharing": limit,
        "better_baseline": best,
        "ratio_over_limit": statistics.median(ratios[best]) / limit,
        "largest_score_difference_nats": max(differences),
        "compared_scores": len(differences),
    }


def two_passes(
    network: MixtralForCausalLM, model: LoadedModel, reference: Fasta, variants: list[Variant], width: int
) -> list[float | None]:
    """Scores by whole passes over reference and alternative window, one window at a time."""
    return [one_variant(network, model, reference, variant, width) for variant in variants]


@torch.inference_mode()
def one_variant(
    network: MixtralForCausalLM, model: LoadedModel, reference: Fasta, variant: Variant, width: int
) -> float | None:
    total = 0.0
    for strand in ("+", "-"):
        window = allele_window(reference, trim(variant), width, strand)
        if isinstance(window, AlleleStatus):
            return None
        scored = []
        for sequence in (window.ref_sequence, window.alt_sequence):
            ids = torch.from_numpy(model.tokenizer.encode(sequence)).unsqueeze(0)
            logits = network(ids).logits[0, :-1].log_softmax(-1)
            tokens = logits.gather(1, ids[0, 1:, None]).squeeze(1).double()
            known = torch.from_numpy(~np.isin(ids[0, 1:].numpy(), list(model.tokenizer.unscored_ids)))
            scored.append(tokens[known])
        total += float((scored[1] - scored[0]).sum()) / 2
    return total


def attention_share(model: LoadedModel, width: int, repeats: int = 7) -> float:
    """Time of the attention kernel alone over that of a full pass of one window."""
    config: Any = model.model.config
    ids = torch.randint(5, 9, (1, width))
    query = torch.randn(1, config.num_attention_heads, width, config.head_dim)
    key = torch.randn(1, config.num_key_value_heads, width, config.head_dim)

    def attention() -> None:
        for _ in range(config.num_hidden_layers):
            F.scaled_dot_product_attention(query, key, key, is_causal=True, enable_gqa=True)

    with torch.inference_mode():
        pairs = [(timed(attention)[0], timed(lambda: model.model(ids))[0]) for _ in range(repeats + 2)][2:]
    return statistics.median(part / whole for part, whole in pairs)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Wall seconds and the result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def spread(values: list[float]) -> dict[str, float]:
    """Median and quartiles."""
    low, middle, high = np.percentile(values, [25, 50, 75])
    return {"median": float(middle), "q25": float(low), "q75": float(high), "rounds": len(values)}


if __name__ == "__main__":
    main()
