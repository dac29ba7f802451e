"""What one would otherwise write to score variants: transformers with whole passes, or with its own cache."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache, MixtralForCausalLM

from cistron.genome import Reference, Variant
from cistron.genome.alleles import AlleleStatus, trim
from cistron.genome.windows import AlleleWindow, allele_window
from cistron.inference.load import LoadedModel

EXPERTS = {"default": "grouped_mm", "eager": "eager"}


def network(folder: Path, experts: str) -> MixtralForCausalLM:
    """The same weights in transformers, with its `default` or `eager` experts."""
    made = MixtralForCausalLM.from_pretrained(
        folder, dtype=torch.float32, experts_implementation=EXPERTS[experts]
    )
    made.train(False)
    return made


def windows_of(
    reference: Reference, variants: Sequence[Variant], width: int, slack: int = 0
) -> list[tuple[AlleleWindow, ...] | None]:
    """Both strands' windows of each variant; None where it has none."""
    found: list[tuple[AlleleWindow, ...] | None] = []
    for variant in variants:
        both = [allele_window(reference, trim(variant), width, strand, slack=slack) for strand in ("+", "-")]
        windows = tuple(window for window in both if not isinstance(window, AlleleStatus))
        found.append(windows if len(windows) == 2 else None)
    return found


def two_passes(
    net: MixtralForCausalLM,
    model: LoadedModel,
    reference: Reference,
    variants: list[Variant],
    width: int,
    slack: int = 0,
) -> list[float | None]:
    """Scores by whole passes over reference and alternative window, one window at a time."""
    return [
        None if windows is None else math.fsum(_whole(net, model, window) for window in windows) / 2
        for windows in windows_of(reference, variants, width, slack)
    ]


def one_variant(
    net: MixtralForCausalLM, model: LoadedModel, reference: Reference, variant: Variant, width: int
) -> float | None:
    """The score of one variant by whole passes."""
    return two_passes(net, model, reference, [variant], width)[0]


@torch.inference_mode()
def _whole(net: MixtralForCausalLM, model: LoadedModel, window: AlleleWindow) -> float:
    scored = []
    for sequence in (window.ref_sequence, window.alt_sequence):
        ids = torch.from_numpy(model.tokenizer.encode(sequence)).unsqueeze(0)
        scored.append(_log_probabilities(net(ids).logits[0, :-1], ids[0, 1:]))
    return _sum(scored[1] - scored[0])


def with_cache(
    net: MixtralForCausalLM,
    model: LoadedModel,
    reference: Reference,
    variants: list[Variant],
    width: int,
    slack: int = 0,
) -> list[float | None]:
    """Scores with a cache managed by hand: each reference window is read once, alleles behind its cut cache.

    Windows are read once however many variants share them. Alleles are taken from right to left, so that the
    cache only ever has to be cut.
    """
    found: dict[int, list[float]] = {}
    groups: dict[object, list[tuple[int, AlleleWindow]]] = {}
    for number, windows in enumerate(windows_of(reference, variants, width, slack)):
        for window in windows or ():
            groups.setdefault((window.strand, *window.origin), []).append((number, window))
    for group in groups.values():
        for number, score in _from_cache(net, model, group):
            found.setdefault(number, []).append(score)
    return [math.fsum(found[i]) / 2 if i in found else None for i in range(len(variants))]


@torch.inference_mode()
def _from_cache(
    net: MixtralForCausalLM, model: LoadedModel, group: list[tuple[int, AlleleWindow]]
) -> list[tuple[int, float]]:
    ids = torch.from_numpy(model.tokenizer.encode(group[0][1].ref_sequence)).unsqueeze(0)
    cache = DynamicCache(config=net.config)
    logits = net(ids[:, :-1], past_key_values=cache, use_cache=True).logits[0]
    ref = _log_probabilities(logits, ids[0, 1:])
    scores = []
    for number, window in sorted(group, key=lambda each: -len(each[1].upstream)):
        start = len(window.upstream)
        cache.crop(start - cache.get_seq_length())  # so many tokens from the end, as a negative number
        text = torch.from_numpy(model.tokenizer.encode(window.alt + window.downstream_alt))
        behind = net(text[None, :-1], past_key_values=cache, use_cache=True).logits[0]
        predicted = torch.cat((logits[start - 1 : start], behind))
        scores.append((number, _sum(_log_probabilities(predicted, text) - ref[start - 1 :])))
    return scores


def _log_probabilities(logits: Tensor, targets: Tensor) -> Tensor:
    """Of each target, as float64; NaN of an N."""
    picked = logits.log_softmax(-1).gather(1, targets.unsqueeze(1)).squeeze(1).double()
    return picked.masked_fill(targets == 9, torch.nan)


def _sum(differences: Tensor) -> float:
    return float(np.nansum(differences.numpy()))
