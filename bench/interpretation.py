"""How well cheaper ways of saturation mutagenesis agree with exact, centred windows, and what they cost.

Places on the test half of chr20 are drawn at random; each substitution of a few neighbouring bases at each is
scored by the shipped model in windows centred on it, in shared windows, and estimated from gradients. Counts
near-ties of the routers on the same places. Writes `bench/results/interpretation.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine_facts
from scipy.stats import spearmanr

import cistron
from cistron.formats.fasta import Fasta
from cistron.genome import Interval
from cistron.inference.interpretation.routing import route
from cistron.inference.load import LoadedModel
from cistron.inference.mutagenesis import mutate, shared_slack

RESULTS = Path(__file__).parent / "results" / "interpretation.json"
TEST_FROM = 20_000_000  # chr20 from here on is the test half


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--places", type=int, default=24)
    parser.add_argument("--bases", type=int, default=12, help="neighbouring bases at each place")
    parser.add_argument("--width", type=int, help="window in bp; default: the model's")
    options = parser.parse_args()
    data = Path(os.environ.get("CISTRON_DATA", Path(__file__).parents[1] / "../shared/data"))
    model = cistron.load(device="cpu")
    width = options.width or model.model.config.width
    with Fasta(data / "human/chr20.fa.gz") as reference:
        places = drawn(reference, options.places, options.bases, width)
        slack = shared_slack(width)
        ways: dict[str, dict[str, Any]] = {
            "exact, centred windows": {"window_slack": 0},
            "exact, shared windows": {"window_slack": slack},
            "gradient": {"window_slack": slack, "method": "gradient"},
            "integrated gradients": {"window_slack": slack, "method": "integrated-gradients", "steps": 16},
        }
        found = {name: measured(model, reference, places, width, way) for name, way in ways.items()}
        ties = near_ties(model, reference, places, width)
    judge = found["exact, centred windows"]
    result = {
        "places": options.places,
        "substitutions": len(judge["llr"]),
        "width": width,
        "window_slack": slack,
        "steps": 16,
        "ways": {name: compared(way, judge) for name, way in found.items()},
        "near_ties": ties,
        "machine": machine_facts("torch", "captum"),
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def drawn(reference: Fasta, number: int, size: int, width: int) -> list[Interval]:
    """Random stretches whose windows hold no N, the same every time."""
    random = np.random.default_rng(0)
    (chrom, length), *_ = reference.contigs.items()
    found: list[Interval] = []
    while len(found) < number:
        start = int(random.integers(TEST_FROM, length - width))
        if "N" not in reference.fetch(chrom, start - width, start + width):
            found.append(Interval(chrom, start, start + size))
    return found


def measured(
    model: LoadedModel, reference: Fasta, places: list[Interval], width: int, way: dict[str, Any]
) -> dict[str, Any]:
    """Scores of all substitutions, and seconds a place."""
    scores, seconds = [], []
    for place in places:
        begin = time.perf_counter()
        scores += list(mutate(model.model, model.tokenizer, reference, [place], width=width, **way))
        seconds.append(time.perf_counter() - begin)
    flank = [np.nan if score.flank is None else score.flank for score in scores]
    return {
        "llr": np.array([score.llr for score in scores], dtype=float),
        "flank": np.array(flank, dtype=float),
        "seconds": seconds,
    }


def compared(way: dict[str, Any], judge: dict[str, Any]) -> dict[str, Any]:
    """Agreement with the judge, of the whole score and of the part downstream, and time."""
    known = bool(np.isfinite(way["flank"]).all())
    return {
        "seconds_a_place": float(np.median(way["seconds"])),
        "rank_correlation": float(spearmanr(way["llr"], judge["llr"]).statistic),
        "rank_correlation_downstream": float(spearmanr(way["flank"], judge["flank"]).statistic)
        if known
        else None,
        "median_difference": float(np.median(np.abs(way["llr"] - judge["llr"]))),
    }


def near_ties(model: LoadedModel, reference: Fasta, places: list[Interval], width: int) -> dict[str, float]:
    """Choices of experts that rounding might turn, in the window before each place."""
    ties, choices = 0, 0
    for place in places:
        before = Interval(place.chrom, place.start - width // 2, place.start)
        counts = route(model.model, model.tokenizer, reference, before, width=width)
        ties += int(counts.near_ties.sum())
        choices += int(counts.bases[0]) * len(counts.layers)
        tolerance = counts.tolerance
    return {"tolerance": tolerance, "choices": choices, "near_ties": ties}


if __name__ == "__main__":
    main()
