"""How a sequence's log-likelihood answers to each of its bases: its gradient, or the mean along a path.

Source: integrated gradients, Sundararajan et al. 2017 (arXiv 1703.01365), as implemented in captum.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from cistron.errors import CistronError
from cistron.genome.sequence import ACGT
from cistron.inference.interpretation.one_hot import OneHotAdapter, one_hot
from cistron.inference.score import usual_batch_tokens

GradientMethod = Literal["gradient", "integrated-gradients"]

UNIFORM = 0.25
"""Of each base, where the path of integrated gradients begins."""


class Slopes(NamedTuple):
    """How a sequence's log-likelihood, in nats, answers to its bases; rows A, C, G, T.

    Attributes:
        total: ∂f/∂X, or its mean over a path.
        own: The part where the base is what is predicted: its log-probability, 0 at the first position. None
            where a path was averaged over.
    """

    total: Float64[np.ndarray, "4 L"]
    own: Float64[np.ndarray, "4 L"] | None

    def differences(self, bases: str) -> Slopes:
        """Each base less the one of `bases`, which is what replacing it does to first order."""
        rows = [max(ACGT.find(base), 0) for base in bases]
        columns = np.arange(len(bases))
        own = None if self.own is None else self.own - self.own[rows, columns]
        return Slopes(self.total - self.total[rows, columns], own)

    def reverse_complemented(self) -> Slopes:
        """The same of the other strand; the complement of row i of A, C, G, T is row 3 − i."""
        return Slopes(self.total[::-1, ::-1], None if self.own is None else self.own[::-1, ::-1])


def slopes(
    adapter: OneHotAdapter,
    sequence: str,
    *,
    method: GradientMethod = "gradient",
    steps: int = 32,
    batch_tokens: int | None = None,
) -> Slopes:
    """How the log-likelihood of `sequence` answers to each of its bases.

    Args:
        adapter: Of the model.
        sequence: Upper or lower case; anything but A, C, G and T is N.
        method: The gradient at the sequence, or its mean over the straight path that leads there from uniform
            bases (which needs captum).
        steps: Points on that path.
        batch_tokens: Most tokens run together; None is what suits the device.

    Raises:
        CistronError: captum is not installed.
    """
    X = one_hot(sequence).to(adapter.ids.device, _floating(adapter)).unsqueeze(0)
    if method == "integrated-gradients":
        return Slopes(
            _to_numpy(_path_mean(adapter, X, steps, batch_tokens or usual_batch_tokens(adapter.model))), None
        )
    with torch.enable_grad():
        X.requires_grad_()
        predicted = adapter.log_probabilities(X)
        likelihood = (X.double() * predicted.double())[..., adapter.positions].sum()
        (gradient,) = torch.autograd.grad(likelihood, X)
    return Slopes(_to_numpy(gradient), _to_numpy(predicted))


def _path_mean(adapter: OneHotAdapter, X: Float[Tensor, "1 4 L"], steps: int, batch_tokens: int) -> Tensor:
    """Mean gradient between uniform bases and `X`; N stays N."""
    try:
        from captum.attr import IntegratedGradients
    except ImportError:
        raise CistronError(
            "method 'integrated-gradients' needs captum; run: pip install 'cistron[attribution]'"
        ) from None
    known = (X != 0).any(dim=1, keepdim=True)
    integrated = IntegratedGradients(adapter, multiply_by_inputs=False)
    found: Tensor = integrated.attribute(
        X,
        baselines=known * torch.full_like(X, UNIFORM),
        target=0,
        n_steps=steps,
        internal_batch_size=max(1, batch_tokens // X.shape[-1]),
    )
    return found


def _floating(adapter: OneHotAdapter) -> torch.dtype:
    """The model's precision, but no less than float32."""
    return torch.promote_types(adapter.dtype, torch.float32)


def _to_numpy(found: Float[Tensor, "1 4 L"]) -> Float64[np.ndarray, "4 L"]:
    values: Float64[np.ndarray, "4 L"] = found.detach()[0].double().cpu().numpy()
    return values
