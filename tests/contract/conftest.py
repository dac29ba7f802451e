"""Every architecture in its small named sizes, with weights that make every path count."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pytest
import torch
from torch import Tensor, nn

from cistron.models import MODELS, Config, Model, ModelSpec

MOST_NUMBERS = 100_000
"""Sizes with fewer parameters than this run in the suite."""


@dataclass(frozen=True)
class Example:
    """A small built model in float64 and evaluation mode, with what it was built from."""

    name: str
    spec: ModelSpec
    config: Config
    module: nn.Module

    @property
    def model(self) -> Model:
        return self.module  # type: ignore[return-value]

    def bases(self, rows: int, length: int, seed: int = 0) -> Tensor:
        """Random tokens, mostly bases, some N, never padding."""
        generator = torch.Generator().manual_seed(seed)
        ids = torch.randint(5, 9, (rows, length), generator=generator)
        return ids.masked_fill(torch.rand(ids.shape, generator=generator) < 0.05, 9)

    def logits(self, *args: object, **options: object) -> Tensor:
        with torch.no_grad():
            logits = self.model(*args, **options).logits  # type: ignore[arg-type]
        assert logits is not None
        return logits


def small_sizes() -> list[str]:
    """`architecture/size` of everything small enough to run here."""
    found = []
    for name in MODELS.names():
        spec = MODELS.get(name)
        for size, config in spec.sizes.items():
            with torch.device("meta"):
                numbers = sum(parameter.numel() for parameter in spec.build(config).parameters())
            if numbers <= MOST_NUMBERS:
                found.append(f"{name}/{size}")
    return found


def randomise(module: nn.Module, seed: int) -> None:
    """Move every learned tensor off its initial value, and fill every table of counts."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        if parameter.requires_grad:
            noise = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
            parameter.data += 0.2 * noise
        elif not parameter.is_floating_point():
            parameter.data = torch.randint(0, 40, parameter.shape, generator=generator, dtype=parameter.dtype)


@cache
def build(name: str) -> Example:
    """The example called `architecture/size`, always the same weights."""
    architecture, _, size = name.partition("/")
    spec = MODELS.get(architecture)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        module = spec.build(spec.sizes[size]).double().eval()
    randomise(module, seed=5)
    if spec.prepare is not None:
        spec.prepare(module, ["".join(random.Random(5).choices("AAACGT", k=4000))])
    return Example(name, spec, spec.sizes[size], module)


@pytest.fixture(scope="session")
def example_names() -> list[str]:
    return small_sizes()


@pytest.fixture(scope="session", params=small_sizes())
def example(request: pytest.FixtureRequest) -> Example:
    return build(request.param)


@pytest.fixture
def fresh(example: Example) -> Callable[[], Example]:
    """Builds the same example again, for tests that change it."""
    return lambda: build.__wrapped__(example.name)
