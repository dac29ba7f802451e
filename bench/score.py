"""Score real substitutions beside what one would otherwise write, interleaved in one run.

The others are transformers with two whole passes per allele and strand (its default and its `eager` experts)
and transformers with a cache managed by hand, all on the same weights (`twin.py`), windows and arithmetic.
Sharing has exact limits over two passes, given *a*, the share of attention in a full pass, which is measured
in the same run (`score_cases.py`). Writes `bench/results/sharing.json`.

On a shared machine `--clock cpu --threads 1` counts processor seconds instead of those on the wall.
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
import torch
from machine import machine_facts
from score_cases import Case, cases, common_snps
from score_ceiling import attention_share, suffix_profile
from score_contestants import network, one_variant, two_passes, with_cache
from twin import mixtral_twin

import cistron
from cistron.formats.fasta import Fasta
from cistron.genome import Variant

__all__ = ["common_snps", "one_variant", "spread", "two_passes"]

RESULTS = Path(__file__).parent / "results" / "sharing.json"
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
NAIVE = ("transformers default", "transformers eager")

Way = Callable[[list[Variant], int], list[float | None]]
"""Scores variants in windows of a slack."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="default")
    parser.add_argument("--width", type=int, default=None)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--alleles", type=int, default=48, help="that Cistron scores in a round")
    parser.add_argument("--baseline-alleles", type=int, default=6, help="that the others score in a round")
    parser.add_argument("--cases", nargs="*", help="isolated, 'three alleles', saturation, neighbours")
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--limits", action="store_true", help="measure attention's share again, and no rates")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock = CLOCKS[options.clock]
    data = Path(os.environ.get("CISTRON_DATA", Path(__file__).parents[1] / "../shared/data"))
    folder = mixtral_twin(options.model)
    model = cistron.load(folder, device="cpu")
    width = options.width or model.model.config.width
    share = attention_share(model.model, width)
    if options.limits:
        set_limits(options.output, share)
        return
    with Fasta(data / "human/chr20.fa.gz") as reference:
        ways = _ways(model, folder, reference, width)
        found = {
            name: compare(case, ways, share, int(case.slack * width), options)
            for name, case in cases(data, reference).items()
            if not options.cases or name in options.cases
        }
    result = {
        "what": "GRCh37 chr20, both strands, float32",
        "model": model.name,
        "model_sha256": model.sha256,
        "width": width,
        "clock": options.clock,
        "attention_share_of_full_pass": share,
        "cases": found,
        "profile": suffix_profile(model.model, width, clock),
        "machine": machine_facts("torch", "transformers", "numpy") | {"threads": options.threads},
    }
    options.output.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def set_limits(path: Path, share: float) -> None:
    """Put the limits that follow from attention's share into results that are there."""
    result = json.loads(path.read_text())
    result["attention_share_of_full_pass"] = share
    data = Path(os.environ.get("CISTRON_DATA", Path(__file__).parents[1] / "../shared/data"))
    with Fasta(data / "human/chr20.fa.gz") as reference:
        for name, case in cases(data, reference).items():
            found = result["cases"][name]
            found["exact_limit"] = case.limit(share)
            found["ratio_over_limit"] = found["ratio"][found["better_baseline"]]["median"] / case.limit(share)
    path.write_text(json.dumps(result, indent=2) + "\n")


def _ways(model: Any, folder: Path, reference: Fasta, width: int) -> dict[str, Way]:
    def ours(variants: list[Variant], slack: int) -> list[float | None]:
        scores = model.score_variants(variants, reference, width=width, window_slack=slack)
        return [score.llr for score in scores]

    nets = {name: network(folder, name) for name in ("default", "eager")}

    def theirs(way: Callable[..., list[float | None]], name: str) -> Way:
        return lambda variants, slack: way(nets[name], model, reference, variants, width, slack)

    return {
        "cistron": ours,
        "transformers default": theirs(two_passes, "default"),
        "transformers eager": theirs(two_passes, "eager"),
        "transformers with cache": theirs(with_cache, "eager"),
    }


def compare(
    case: Case, ways: dict[str, Way], share: float, slack: int, options: argparse.Namespace
) -> dict[str, Any]:
    """Rates of all ways, round by round, and how far their scores are apart."""
    clock = CLOCKS[options.clock]
    rates: dict[str, list[float]] = {name: [] for name in ways}
    apart = []
    ways["cistron"](case.variants(0, 6), slack)
    for number in range(options.rounds):
        known: dict[Variant, float | None] = {}
        for name, way in ways.items():
            # Whole passes cost the same in any company; the others gain by it, and get as much as we do.
            count = options.baseline_alleles if name in NAIVE else options.alleles
            some = case.variants(number * options.alleles, count)
            start = clock()
            scores = way(some, slack)
            rates[name].append(len(some) / (clock() - start))
            known = known or dict(zip(some, scores, strict=True))
            pairs = [(score, known[v]) for v, score in zip(some, scores, strict=True)]
            apart += [abs(a - b) for a, b in pairs if a is not None and b is not None]
        print({name: round(values[-1], 3) for name, values in rates.items()}, flush=True)
    limit = case.limit(share)
    ratios = {
        name: [a / b for a, b in zip(rates["cistron"], rates[name], strict=True)]
        for name in ways
        if name != "cistron"
    }
    better = min(NAIVE, key=lambda name: statistics.median(ratios[name]))
    return {
        "what": case.what,
        "window_slack": slack,
        "alleles": options.rounds * options.alleles,
        "alleles_per_second": {name: spread(values) for name, values in rates.items()},
        "ratio": {name: spread(values) for name, values in ratios.items()},
        "exact_limit": limit,
        "better_baseline": better,
        "ratio_over_limit": statistics.median(ratios[better]) / limit,
        "largest_score_difference_nats": max(apart),
    }


def spread(values: list[float]) -> dict[str, float]:
    """Median and quartiles."""
    low, middle, high = np.percentile(values, [25, 50, 75])
    return {"median": float(middle), "q25": float(low), "q75": float(high), "rounds": len(values)}


if __name__ == "__main__":
    main()
