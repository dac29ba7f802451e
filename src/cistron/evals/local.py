"""Models that the runner makes itself: Markov baselines and randomly initialised twins."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import nn

from cistron.evals.loaded import LoadedRespondent
from cistron.evals.task import MarkovRule

if TYPE_CHECKING:
    from cistron.inference.load import LoadedModel


def fitted_markov(rule: MarkovRule) -> LoadedRespondent:
    """The Markov model that a task's rule describes, fitted now.

    Raises:
        InputError: The rule's sequences hold nothing to count.
    """
    from cistron.inference.load import LoadedModel
    from cistron.models.markov import MODEL, fit
    from cistron.tokenizers.nucleotide import TOKENIZER
    from cistron.weights.folder import Built

    model = fit(rule.sequences(), rule.order, both_strands=rule.both_strands)
    sha256 = hashlib.sha256(model.counts.numpy().tobytes()).hexdigest()
    name = f"markov-{rule.order}"
    built = Built(model, TOKENIZER(), MODEL, name, {}, sha256)
    return LoadedRespondent(LoadedModel(built), name, "markov")


def random_twin(respondent: LoadedRespondent, seed: int = 0) -> LoadedRespondent:
    """A model of the same architecture and size with its initial, random weights."""
    from cistron.inference.load import LoadedModel

    built = respondent.loaded.built
    model = _initialised(respondent.loaded, seed)
    sha256 = hashlib.sha256(f"{built.sha256} random {seed}".encode()).hexdigest()
    name = f"{respondent.name}, random weights"
    twin = LoadedModel(replace(built, model=model, sha256=sha256, name=name, calibration=None))
    return LoadedRespondent(twin, name, "twin")


def _initialised(loaded: LoadedModel, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = loaded.spec.build(loaded.model.config)
    parameter = next(loaded.built.model.parameters())
    return model.to(parameter.device, parameter.dtype).eval()
