"""The ways in which a run can be divided among GPUs."""

from __future__ import annotations

from collections.abc import Iterator

from cistron.errors import InputError
from cistron.models import MODELS
from cistron.training.parallel import Layout
from cistron.training.pretrain import Pretraining


def layouts(run: Pretraining, gpus: int) -> list[Layout]:
    """Layouts for so many GPUs that fit the model and every step of the run, least divided first."""
    found = [
        fitted
        for tensor in _divisors(gpus)
        for context in _divisors(gpus // tensor)
        for expert in _divisors(gpus // (tensor * context))
        if (fitted := _fitted(run, Layout(0, tensor, expert, context), gpus)) is not None
    ]
    return sorted(found, key=lambda layout: (layout.tensor * layout.context, layout.expert, layout.tensor))


def windows_per_step(run: Pretraining) -> list[tuple[int, int]]:
    """(length, windows of a step) of every length of every stage."""
    return [
        (window.length, max(stage.tokens // window.length, 1))
        for stage in run.stages
        for window in stage.lengths
    ]


def _fitted(run: Pretraining, layout: Layout, gpus: int) -> Layout | None:
    """The layout for so many GPUs; None where it does not fit the model or a step of the run."""
    spec = MODELS.get(run.architecture)
    try:
        fitted = layout.fitted(gpus)
        fitted.check(spec, spec.config(run.model))
    except InputError:
        return None
    divides = all(
        length % fitted.context == 0 and windows % fitted.shard == 0
        for length, windows in windows_per_step(run)
    )
    return fitted if divides else None


def _divisors(number: int) -> Iterator[int]:
    return (n for n in range(1, number + 1) if number % n == 0)
