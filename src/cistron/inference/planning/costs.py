"""What a model costs by the token: memory and arithmetic, seen in a short run under a ledger."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import cast

import torch
import torch.nn.functional as F
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode

from cistron.inference.planning.ledger import Ledger, attention_flops
from cistron.layers.cache import KeyValueCache
from cistron.models import Config, Model, ModelSpec

_SHORT, _LONG = 256, 512
_TOKEN = 5
"""Any that a model knows: a base in every tokenizer here."""


@dataclass(frozen=True)
class Costs:
    """Bytes and floating-point operations of reading.

    Attributes:
        weights: Bytes of parameters and buffers.
        state: Bytes that the State keeps of each token.
        working: Bytes of each token of a chunk while it is read, its outputs among them, beside the state.
        joined: Bytes for each token of the past while a chunk is read: what a device without block-wise
            attention copies of one layer at a time.
        products: Operations for each token in matrix products.
        attention: Operations for each pair of tokens that see each other.
    """

    weights: int
    state: float
    working: float
    joined: float
    products: float
    attention: float

    def side_by_side(self, number: int) -> Costs:
        """Costs where so many batches are in work at a time, each with a State of its own."""
        more = {name: number * getattr(self, name) for name in ("state", "working", "joined")}
        return replace(self, **more)

    def peak(self, *, at_once: int, kept: int) -> int:
        """Bytes beside the weights while `at_once` tokens are read and `kept` are in the state at the end."""
        return round(self.working * at_once + self.state * kept + self.joined * max(kept - at_once, 0))

    def flops(self, tokens: float, pairs: float) -> float:
        """Operations of reading so many tokens that see so many earlier ones in all."""
        return self.products * tokens + self.attention * pairs


def measured_costs(model: Model) -> Costs:
    """Costs of a built model, from two short runs on its own device; takes a fraction of a second.

    Experts see few tokens in such a run, so memory for what they do is over- rather than underestimated.
    """
    module = cast(nn.Module, model)
    with Ledger() as ledger:
        short, long = (_seen(model, ledger, length) for length in (_SHORT, _LONG))
        blockwise = model.empty_state(1).lengths.device.type == "cpu"
    return _costs(_weights(module), short, long, blockwise=blockwise)


def rehearsed_costs(
    spec: ModelSpec,
    config: Config,
    dtype: torch.dtype,
    device: str,
    chunk: int,
    cache_dtype: torch.dtype | None = None,
) -> Costs:
    """Costs of an architecture without weights, and of a device that need not be there.

    The model is run on tensors that have shapes and no content; experts are used evenly.

    Args:
        spec: The architecture.
        config: Its sizes.
        dtype: Arithmetic.
        device: `cpu` or `cuda`.
        chunk: Tokens read at once.
        cache_dtype: What keys and values are kept in; None for the arithmetic's.
    """
    module = _built(spec, config, dtype)
    with FakeTensorMode(allow_non_fake_inputs=True):
        module.to_empty(device="cpu")
        with _FusedAttention() as attention, Ledger() as ledger:
            runs = [
                _seen(cast(Model, module), ledger, length, cache_dtype, attention)
                for length in (chunk // 2, chunk)
            ]
        return _costs(_weights(module), *runs, blockwise=device == "cpu")


@dataclass(frozen=True)
class _Seen:
    """A run: its tokens, bytes at the peak, in the state and in the largest cache of it, and operations."""

    tokens: int
    peak: int
    state: int
    layer: int
    products: float
    attention: float


def _costs(weights: int, short: _Seen, long: _Seen, *, blockwise: bool) -> Costs:
    more = long.tokens - short.tokens
    state = (long.state - short.state) / more
    return Costs(
        weights=weights,
        state=state,
        working=max((long.peak - short.peak) / more - state, 0.0),
        joined=0.0 if blockwise else long.layer / long.tokens,
        products=long.products / long.tokens,
        attention=long.attention / (long.tokens**2 / 2),
    )


def _seen(
    model: Model,
    ledger: Ledger,
    length: int,
    cache_dtype: torch.dtype | None = None,
    attention: _FusedAttention | None = None,
) -> _Seen:
    with torch.inference_mode():
        state = model.empty_state(1)
        if cache_dtype is not None:
            state = state.to(dtype=cache_dtype)
        ids = torch.full((1, length), _TOKEN, device=state.lengths.device)
        ledger.restart()
        before = ledger.live
        if attention is not None:
            attention.flops = 0.0
        output = model(ids, state)
        assert output.state is not None
        state = output.state
        del output  # what is left is the state
        gc.collect()
        flops = ledger.attention + (attention.flops if attention is not None else 0.0)
        layer = max((cache.nbytes for cache in _caches(state)), default=0)
        return _Seen(length, ledger.peak - before, ledger.live - before, layer, ledger.products, flops)


def _caches(part: object) -> Iterator[KeyValueCache]:
    """Every cache that a state is made of."""
    if isinstance(part, KeyValueCache):
        yield part
    elif isinstance(part, list | tuple):
        for each in part:
            yield from _caches(each)
    elif is_dataclass(part):
        for each in fields(part):
            yield from _caches(getattr(part, each.name))


def _weights(module: nn.Module) -> int:
    return sum(tensor.nbytes for tensor in (*module.parameters(), *module.buffers()))


def _built(spec: ModelSpec, config: Config, dtype: torch.dtype) -> nn.Module:
    """The model in its arithmetic, nowhere; made in it, because without data it cannot be converted."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device("meta"):
            return spec.build(config).requires_grad_(False).eval()
    finally:
        torch.set_default_dtype(usual)


class _FusedAttention(TorchFunctionMode):
    """Stands in for attention kernels, which without data would fall back to a dense matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.flops = 0.0

    def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        """Return an output of the right shape for attention, and run everything else."""
        kwargs = kwargs or {}
        if func is not F.scaled_dot_product_attention:
            return func(*args, **kwargs)
        query, key = args[:2]
        causal = kwargs.get("is_causal", False) or kwargs.get("attn_mask") is not None
        self.flops += attention_flops(query, key, causal=causal)
        return torch.empty_like(query)
