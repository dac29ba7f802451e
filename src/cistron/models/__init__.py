"""Architectures: one file each, and the contract they share.

A causal genomic model is a function *(chunk of tokens, State) → (Output, State)*. With that one function the
verbs of `inference/` score, embed and generate at any length; see `docs/design/state.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from cistron.errors import WeightsError
from cistron.registry import Registry


class State(Protocol):
    """What a model remembers of the tokens it has read, one row per sequence."""

    @property
    def lengths(self) -> Int[Tensor, "B"]:
        """Tokens read so far, per row."""
        ...

    def fork(self, rows: Int[Tensor, "R"]) -> State:
        """A state whose row *i* continues from row `rows[i]`; the original stays usable."""
        ...

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> State:
        """The same state on another device or in another floating dtype."""
        ...


@dataclass
class Output:
    """What a forward pass returns.

    Attributes:
        logits: Unnormalised scores of the *next* token at every position, or None when not asked for.
        hidden_states: Last layer, after the final norm.
        captured: Layers named in `capture`, by the name they were asked for.
        state: The state after the chunk; None unless one was passed in.
        aux: In training mode, what router losses need: `expert_counts (layers, E)`,
            `router_probability (layers, E)`, `z_loss (layers,)`.
    """

    logits: Float[Tensor, "B L V"] | None
    hidden_states: Float[Tensor, "B L D"]
    captured: dict[str, Tensor] = field(default_factory=dict)
    state: State | None = None
    aux: dict[str, Tensor] = field(default_factory=dict)


def last_tokens(x: Float[Tensor, "B L D"], lengths: Int[Tensor, "B"] | None) -> Float[Tensor, "B 1 D"]:
    """The last real token of each row."""
    if lengths is None:
        return x[:, -1:]
    rows = torch.arange(len(x), device=x.device)
    return x[rows, lengths.to(x.device) - 1].unsqueeze(1)


class Config(Protocol):
    """The settings of an architecture, a frozen dataclass with the field names Hugging Face uses."""

    @property
    def vocab_size(self) -> int:
        """Rows of the token embedding."""
        ...

    @property
    def hidden_size(self) -> int:
        """Width of `hidden_states`."""
        ...

    @property
    def context_length(self) -> int:
        """Longest sequence in tokens that the model was made for."""
        ...

    @property
    def width(self) -> int:
        """Recommended window for variant scoring, in bp."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """The content of the model folder's `config.json`."""
        ...


class Model(Protocol):
    """A built architecture: an `nn.Module` whose `forward` is the `__call__` below."""

    @property
    def config(self) -> Config:
        """The settings it was built from."""
        ...

    def empty_state(self, batch: int) -> State:
        """The state before the first token, for `batch` rows, on the model's device."""
        ...

    def __call__(
        self,
        input_ids: Int[Tensor, "B L"],
        state: State | None = None,
        *,
        lengths: Int[Tensor, "B"] | None = None,
        document_ids: Int[Tensor, "B L"] | None = None,
        capture: Sequence[str | int] = (),
        logits: bool = True,
        last_only: bool = False,
    ) -> Output:
        """Run one chunk.

        Args:
            input_ids: Tokens, right-padded where rows differ in length.
            state: Continue from here; None reads the chunk as whole sequences and keeps nothing.
            lengths: Real tokens per row; all of them when None. What lies behind is ignored.
            document_ids: Equal numbers mark one document; position and attention restart at each change.
            capture: Layers to return, by published name or by index (0 is the embedding).
            logits: Compute the logits.
            last_only: Give hidden states and logits of each row's last token only, which saves most of the
                last layer; the state takes in the whole chunk all the same. Captured layers may be cut
                to that token too.
        """
        ...


@dataclass(frozen=True)
class ModelSpec:
    """What an architecture's file publishes as `MODEL`.

    Attributes:
        config: Makes a config from the content of a `config.json`; unknown keys are ignored.
        build: Makes the module from a config, on the current default device, with initialised weights.
        tokenizer: Name of its tokenizer in `cistron.tokenizers`.
        sizes: Named sizes, as configs.
        architectures: Values of `architectures` in a published `config.json` that this file implements.
        causal: Whether position *i* sees only positions ≤ *i*.
        to_published: Renames and splits an in-memory state dict, given the config, to the names that are
            published.
        from_published: The inverse; called with a config and published tensors, those of one numbered block
            at a time, so that loading needs memory for one block beside the model.
        prepare: What is counted rather than learned: called with a fresh model and the training sequences
            before the first step; None for nothing.
        parallel_plan: Module name pattern → what may be done to it; the marks stand in
            `training/parallel/plan.py`. Empty: parameters can be sharded and nothing else.
        source: Paper, repository or page that defines the architecture.
        wide: Ends of published names of tensors that are never stored or loaded in less than float32.
    """

    config: Callable[[Mapping[str, Any]], Config]
    build: Callable[[Any], nn.Module]
    tokenizer: str
    sizes: Mapping[str, Config]
    architectures: tuple[str, ...]
    causal: bool
    to_published: Callable[[Any, Mapping[str, Tensor]], dict[str, Tensor]]
    from_published: Callable[[Any, Mapping[str, Tensor]], dict[str, Tensor]]
    parallel_plan: Mapping[str, str]
    source: str
    prepare: Callable[[nn.Module, Iterable[str]], None] | None = None
    wide: tuple[str, ...] = ()


MODELS: Registry[ModelSpec] = Registry("cistron.models", "MODEL", "model architecture")


def named_by(values: Mapping[str, Any]) -> ModelSpec:
    """The architecture that the content of a `config.json` names.

    Raises:
        WeightsError: It names none, or one that no file here implements.
    """
    wanted = values.get("architectures") or []
    for plug in MODELS.names():
        spec = MODELS.get(plug)
        if set(wanted) & set(spec.architectures) or (
            not wanted and values.get("model_type") in _model_types(spec)
        ):
            return spec
    known = sorted(name for plug in MODELS.names() for name in MODELS.get(plug).architectures)
    found = ", ".join(map(str, wanted)) or values.get("model_type") or "none"
    raise WeightsError(f"names the architecture {found}; known: {', '.join(known)}")


def longer_sizes(config: Config, tokens: int) -> list[str]:
    """Named sizes of the same architecture that read so many tokens, such as `evo2-7b (1,048,576)`."""
    return [
        f"{name} ({size.context_length:,})"
        for plug in MODELS.names()
        for name, size in MODELS.get(plug).sizes.items()
        if type(size) is type(config) and size.context_length >= tokens
    ]


def _model_types(spec: ModelSpec) -> set[str]:
    return {str(config.to_dict().get("model_type")) for config in spec.sizes.values()}
