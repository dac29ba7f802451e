"""What a network of `transformers` says of its tokens, in one form: states of all layers, and logits.

Networks of the library itself give states from the embedding to behind the final norm. Code that a folder
brings may leave out the last of them (Caduceus), give nothing but the last (DNABERT-2), or call its width
something else than `hidden_size`; so what a network gives is looked at once, when it is opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class Said(NamedTuple):
    """What a network says of rows of as many tokens.

    Attributes:
        states: Of every layer, the embedding first, the last behind the final norm.
        logits: None where the network has no language-model head.
    """

    states: list[Float[Tensor, "B T D"]]
    logits: Float[Tensor, "B T V"] | None


@dataclass(frozen=True)
class Speaker:
    """A network, and how its states are to be read.

    Attributes:
        network: With its language-model head, if it has one.
        appended: Whether the states it gives lack those behind the final norm.
        hidden_size: Width of the states.
        layers: Layers behind the embedding whose states it gives.
    """

    network: nn.Module
    appended: bool
    hidden_size: int
    layers: int

    @classmethod
    def of(cls, network: nn.Module, ids: Sequence[int]) -> Speaker:
        """Look at what a network gives for some tokens."""
        device = next(network.parameters()).device
        with torch.no_grad():
            given, last, _ = _asked(network, torch.tensor([list(ids)], device=device))
        appended = last is not None and (not given or not torch.equal(given[-1], last))
        states = [*given, last] if appended and last is not None else given
        return cls(network, appended, states[-1].shape[-1], len(states) - 1)

    def __call__(self, ids: Int[Tensor, "B T"]) -> Said:
        """Run the network on rows without padding."""
        given, last, logits = _asked(self.network, ids)
        return Said([*given, last] if self.appended and last is not None else given, logits)


def _asked(network: nn.Module, ids: Int[Tensor, "B T"]) -> tuple[list[Tensor], Tensor | None, Tensor | None]:
    """States as the network gives them, what its body gives first of all, and logits."""
    body: Any = getattr(network, "base_model", network)
    held: list[Any] = []
    hook = body.register_forward_hook(lambda module, given, found: held.append(found))
    try:
        answer = network(input_ids=ids, output_hidden_states=True)
    finally:
        hook.remove()
    states = getattr(answer, "hidden_states", None)
    given = [states] if isinstance(states, Tensor) else list(states or ())
    logits = getattr(answer, "logits", None)
    if body is network and logits is not None:
        return given, None, logits
    return given, held[-1] if isinstance(held[-1], Tensor) else held[-1][0], logits
