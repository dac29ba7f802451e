"""StripedHyena 2 beside Genos' mixture of experts, both small and trained alike."""

from __future__ import annotations

from typing import Any

from tables import interval


def TABLE(found: Any) -> str:
    """Nats per base by taxon, then what each model is and how fast it learns."""
    return "\n".join([*_nats(found), "", *_models(found), "", _note(found)]) + "\n"


def _nats(found: Any) -> list[str]:
    models, markov = found["rows"], found["markov"]
    lines = [
        f"| held-out bases | {' | '.join(model['name'] for model in models)} | difference | "
        f"Markov, order {markov['order']} |",
        "|---" * (len(models) + 3) + "|",
    ]
    for name, taxon in found["taxa"].items():
        seen = "" if taxon["trained"] else ", never trained on"
        cells = [interval(model["nats_per_base"][name]) for model in models]
        cells.append(interval(found["evo2_minus_genos"][name], signed=True))
        cells.append(f"{markov['nats_per_base'][name]['estimate']:.4f}")
        lines.append(f"| {name}: {taxon['bases']}{seen} | {' | '.join(cells)} |")
    return lines


def _models(found: Any) -> list[str]:
    lengths = [str(length["length"]) for length in found["lengths"]]
    heads = [f"tokens/s at {int(length):,}" for length in lengths]
    lines = [
        f"| model | parameters | active | of them embedding and head | {' | '.join(heads)} |",
        "|---" * (len(lengths) + 4) + "|",
    ]
    for model in found["rows"]:
        rates = [found["speed"][model["name"]][length] for length in lengths]
        cells = [f"{median:,.0f} ({least:,.0f} to {most:,.0f})" for least, median, most in rates]
        numbers = [f"{model[name]:,}" for name in ("parameters", "active", "vocabulary")]
        lines.append(f"| {model['name']} | {' | '.join(numbers + cells)} |")
    return lines


def _note(found: Any) -> str:
    machine, tokens = found["machine"], found["steps"] * found["step_tokens"]
    return (
        f"{tokens / 1e6:.2f} million tokens each in {found['steps']:,} steps, the same windows in the same order, "
        f"AdamW at a peak rate of {found['optim']['lr']:g}, one seed. Nats per base of A, C, G and T among these "
        "four, both models on the same bases; intervals of 95 % over pieces, differences paired. The Markov model "
        f"counted all {found['markov']['bases'] / 1e6:.0f} million training bases. Tokens per second of processor "
        f"time in training (forward, backward, step; bfloat16), {machine['threads']} thread of {machine['cpu']}, "
        "median and extremes of three. Script: `bench/evo2_training.py`."
    )
