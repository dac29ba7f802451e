from __future__ import annotations

import pytest
import torch


@pytest.fixture
def randn():
    """Normal numbers in float64, the same ones in every run of a test."""
    generator = torch.Generator().manual_seed(11)
    return lambda *shape: torch.randn(*shape, generator=generator, dtype=torch.float64)
