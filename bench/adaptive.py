"""How far scores that do not read every base behind the allele are from exact ones, and what they cost.

Every rule scores the same common SNPs of chr20 in turns with exact scoring, in blocks, so that what the
machine does meanwhile falls on all alike: `auto`, and fixed numbers of bases. Alone, and many to a shared
window. For each: largest and typical error, rank correlation with exact scores, how often the estimate held,
the worst variants, and speed beside exact. Writes `bench/results/adaptive.json`.

A whole run takes about an hour on two cores: `python bench/adaptive.py`. It goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import machine_facts
from scipy.stats import spearmanr
from score import CLOCKS
from score_cases import cases

import cistron
from cistron.formats.fasta import Fasta
from cistron.genome import Variant
from cistron.inference.load import LoadedModel
from cistron.inference.scoring.suffix import checked_suffix

RESULTS = Path(__file__).parent / "results"
RULES: tuple[str | int, ...] = ("exact", "auto", 768, 512, 384, 256, 192, 128, 64)
BLOCK = 32
GOAL_ERROR, GOAL_RANK = 0.02, 0.9999


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="default")
    parser.add_argument("--variants", type=int, default=1000)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--output", type=Path, default=RESULTS / "adaptive.json")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    data = Path(os.environ.get("CISTRON_DATA", Path(__file__).parents[1] / "../shared/data"))
    model = cistron.load(options.model, device="cpu")
    width = model.model.config.width
    with Fasta(data / "human/chr20.fa.gz") as reference:
        known = cases(data, reference)
        found = {}
        for name in ("isolated", "neighbours"):
            case = known[name]
            variants = case.variants(0, options.variants)
            slack = int(case.slack * width)
            part = options.output.with_suffix(f".{name}.part")
            rows = _score(model, reference, variants, slack, CLOCKS[options.clock], part)
            found[name] = {"what": case.what, "window_slack": slack, "rules": _summary(rows, variants)}
    result = {
        "model": model.name,
        "model_sha256": model.sha256,
        "width": width,
        "variants": options.variants,
        "clock": options.clock,
        "goal": {"error": GOAL_ERROR, "rank_correlation": GOAL_RANK},
        "cases": found,
        "machine": machine_facts("torch") | {"threads": options.threads},
    }
    options.output.write_text(json.dumps(result, indent=2) + "\n")
    for name in found:
        options.output.with_suffix(f".{name}.part").unlink()
    print(json.dumps(result, indent=2))


def _score(
    model: LoadedModel,
    reference: Fasta,
    variants: list[Variant],
    slack: int,
    clock: Callable[[], float],
    part: Path,
) -> list[dict[str, Any]]:
    """For each block and rule the seconds, scores and estimates; kept in a file line by line."""
    rows = [json.loads(line) for line in part.read_text().splitlines()] if part.exists() else []
    done = {(row["start"], row["rule"]) for row in rows}
    list(model.score_variants(variants[:2], reference, window_slack=slack))
    with part.open("a") as file:
        for start, rule in product(range(0, len(variants), BLOCK), RULES):
            if (start, rule) in done:
                continue
            some, begun = variants[start : start + BLOCK], clock()
            how = checked_suffix(rule)
            scores = list(model.score_variants(some, reference, window_slack=slack, suffix=how))
            row: dict[str, Any] = {"start": start, "rule": rule, "seconds": clock() - begun}
            row |= {"llr": [score.llr for score in scores], "error": [score.error for score in scores]}
            rows.append(row)
            print(json.dumps(row), file=file, flush=True)
    return rows


def _summary(rows: list[dict[str, Any]], variants: list[Variant]) -> dict[str, Any]:
    by_rule = {rule: [row for row in rows if row["rule"] == rule] for rule in RULES}
    exact = _joined(by_rule["exact"], "llr")
    scored = np.isfinite(exact)
    seconds = {rule: sum(row["seconds"] for row in found) for rule, found in by_rule.items()}
    return {
        str(rule): {
            "seconds_per_allele": seconds[rule] / len(variants),
            "times_exact": seconds["exact"] / seconds[rule],
            **_errors(_joined(found, "llr"), _joined(found, "error"), exact, scored, variants),
        }
        for rule, found in by_rule.items()
    }


def _errors(
    llr: np.ndarray, estimate: np.ndarray, exact: np.ndarray, scored: np.ndarray, variants: list[Variant]
) -> dict[str, Any]:
    apart = np.abs(llr - exact)
    order = np.argsort(-np.where(scored, apart, -1))[:5]
    return {
        "alleles": int(scored.sum()),
        "largest_error": float(apart[scored].max()),
        "q99_error": float(np.quantile(apart[scored], 0.99)),
        "median_error": float(np.median(apart[scored])),
        "within_goal": float((apart[scored] <= GOAL_ERROR).mean()),
        "estimate_held": float((apart[scored] <= estimate[scored] + 1e-4).mean()),
        "rank_correlation": float(spearmanr(llr[scored], exact[scored]).statistic),
        "worst": [
            {
                "variant": f"{variants[i].chrom}:{variants[i].pos:,} {variants[i].ref}>{variants[i].alt}",
                "exact": float(exact[i]),
                "found": float(llr[i]),
                "estimate": float(estimate[i]),
            }
            for i in order
        ],
    }


def _joined(rows: list[dict[str, Any]], name: str) -> np.ndarray:
    """One column of a rule's blocks, in order; NaN where there is no score."""
    ordered = sorted(rows, key=lambda row: row["start"])
    return np.array([np.nan if value is None else value for row in ordered for value in row[name]])


if __name__ == "__main__":
    main()
