"""Find the modules that an architecture's parallel plan names.

A plan maps module names, in which `*` stands for one part between dots, to what may be done to them:

- `columns`, `rows`: a linear layer whose outputs, or inputs, may be divided among ranks, by heads.
- `experts`: a module whose parameters are stacks, one entry of the first axis per expert.
- `dispatch`: a module inside it, without parameters, called with `(x, routing, *stacks)`.
- `heads`: a module without parameters, called with queries, keys and values `(B, H, L, K)` and more, that
  treats every head on its own.
- `sequence`: a module without parameters that must see token and document numbers `(B, L)` of whole
  sequences; what it returns is used by `heads` alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from torch import nn


def planned(model: nn.Module, plan: Mapping[str, str], kind: str) -> dict[str, nn.Module]:
    """The modules of `model` that a plan marks as one kind, by name."""
    patterns = [
        re.compile(re.escape(pattern).replace(r"\*", r"[^.]+"))
        for pattern, marked in plan.items()
        if marked == kind
    ]
    return {
        name: module
        for name, module in model.named_modules()
        if any(pattern.fullmatch(name) for pattern in patterns)
    }


def wrap(model: nn.Module, plan: Mapping[str, str], kind: str, wrapper: Callable[..., nn.Module]) -> None:
    """Put `wrapper(module)` in the place of every module of one kind."""
    for name, module in planned(model, plan, kind).items():
        model.set_submodule(name, wrapper(module))
