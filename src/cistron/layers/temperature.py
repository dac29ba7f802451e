"""The temperature under which probabilities say how often they are right."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import torch
from torch import Tensor

COLDEST: Final = 0.01
HOTTEST: Final = 100.0


def best_temperature(logits: Tensor, loss: Callable[[Tensor], Tensor]) -> float:
    """What held-out logits are divided by so that their loss is least, between 0.01 and 100.

    One number for all classes changes no ranking. The loss is convex in its inverse, so the golden section
    over its logarithm finds the least.

    Args:
        logits: Of items that nothing was fitted to.
        loss: Mean negative log-likelihood of such logits.

    Source: Guo et al. 2017 (arXiv 1706.04599), temperature scaling.
    """
    from scipy.optimize import minimize_scalar

    wide = logits.detach().double()
    with torch.no_grad():
        found = minimize_scalar(
            lambda log: float(loss(wide / math.exp(log))),
            bounds=(math.log(COLDEST), math.log(HOTTEST)),
            method="bounded",
            options={"xatol": 1e-6},
        )
    return math.exp(found.x)
