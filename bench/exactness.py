"""How far float32 scores are from float64 ones, ours and those of plain transformers passes.

A router that finds two experts nearly equal may choose the other one after rounding, whoever computes it. So
the judge is the same model in float64; for transformers it is the network inside that model
(`twin.py`). Writes `bench/results/exactness.json`.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import machine_facts
from scipy.stats import spearmanr
from score import common_snps, two_passes
from transformers import MixtralForCausalLM
from twin import mixtral_twin

import cistron
from cistron.formats.fasta import Fasta
from cistron.inference.load import LoadedModel

RESULTS = Path(__file__).parent / "results" / "exactness.json"
BOUND = 1e-4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="default")
    parser.add_argument("--variants", type=int, default=60)
    parser.add_argument("--half", type=int, default=1000, help="variants for bfloat16 beside float32")
    parser.add_argument("--only-half", action="store_true", help="keep what is known of float32")
    options = parser.parse_args()
    data = Path(os.environ.get("CISTRON_DATA", Path(__file__).parents[1] / "../shared/data"))
    model = cistron.load(options.model, device="cpu")
    with Fasta(data / "human/chr20.fa.gz") as reference:
        half = half_precision(model, options.model, common_snps(data, options.half), reference)
    if options.only_half:
        result = json.loads(RESULTS.read_text()) | {"cistron_bfloat16": half}
        RESULTS.write_text(json.dumps(result, indent=2) + "\n")
        return
    exact = cistron.load(options.model, dtype="float64")
    folder = mixtral_twin(options.model)
    network = MixtralForCausalLM.from_pretrained(folder, dtype=torch.float32, experts_implementation="eager")
    network.train(False)
    variants = common_snps(data, options.variants)
    with Fasta(data / "human/chr20.fa.gz") as reference:
        judge = scores(exact, variants, reference)
        ours = scores(model, variants, reference)
        shuffled = scores(model, variants[::-1], reference, batch_tokens=5_000)[::-1]
        width = model.model.config.width
        twin = cistron.load(folder, dtype="float64")
        their_judge = scores(twin, variants, reference, width=width)
        theirs = np.array(two_passes(network, twin, reference, variants, width), dtype=float)
    result = {
        "variants": int(np.isfinite(judge).sum()),
        "width": width,
        "bound_nats": BOUND,
        "cistron": distance(ours, judge),
        "cistron_bfloat16": half,
        "transformers eager": distance(theirs, their_judge),
        "cistron_other_order_and_batches": distance(shuffled, ours),
        "machine": machine_facts("torch", "transformers"),
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def half_precision(model: LoadedModel, name: str, variants: list[Any], reference: Fasta) -> dict[str, float]:
    """How far scores in bfloat16 are from those in float32, which are a hundred times nearer to the truth."""
    judge = scores(model, variants, reference)
    half = scores(cistron.load(name, device="cpu", dtype="bfloat16"), variants, reference)
    return distance(half, judge) | {
        "variants": int(np.isfinite(judge).sum()),
        "rank_correlation": float(spearmanr(half, judge, nan_policy="omit").statistic),
    }


def scores(model: LoadedModel, variants: list[Any], reference: Fasta, **options: Any) -> np.ndarray:
    return np.array([s.llr for s in model.score_variants(variants, reference, **options)], dtype=float)


def distance(found: np.ndarray, judge: np.ndarray) -> dict[str, float]:
    """Largest and median difference, and how many scores are further apart than the bound."""
    apart = np.abs(found - judge)[np.isfinite(judge)]
    return {
        "largest": float(apart.max()),
        "median": float(np.median(apart)),
        "beyond_bound": int((apart > BOUND).sum()),
    }


if __name__ == "__main__":
    main()
