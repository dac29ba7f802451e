"""Book-keeping of the memory and the arithmetic of a program that runs under it."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves

_aten = torch.ops.aten

_FEW = 2**14
"""Elements of tensors that may be real; as many as the ranks of a large world, which meshes count."""

_ATTENTION = (
    _aten.scaled_dot_product_attention.default,
    _aten._scaled_dot_product_flash_attention_for_cpu.default,
    _aten._scaled_dot_product_flash_attention.default,
    _aten._scaled_dot_product_efficient_attention.default,
)
_PRODUCTS = (_aten.mm.default, _aten.mm.out, _aten.bmm.default, _aten.matmul.default)


class Ledger(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A dispatch mode that counts bytes and floating-point operations.

    Works on real tensors, and inside a `FakeTensorMode(allow_non_fake_inputs=True)` on tensors that have
    shapes and no content. There it answers the few questions for which a program needs data: experts are
    taken to be used evenly, and small integers that the program makes itself are real, because programs
    branch on them.

    Attributes:
        live: Bytes of storage made under the ledger and still there.
        peak: Most of them at a time since `restart`.
        products: Operations of matrix products, a multiply and an add counting as two.
        attention: Operations of attention kernels; half of them where the mask is causal.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = self.peak = 0
        self.products = self.attention = 0.0
        self._known: dict[int, int] = {}

    def restart(self) -> None:
        """Forget the peak and all operations so far."""
        self.peak = self.live
        self.products = self.attention = 0.0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run one operation and write down what it does."""
        kwargs = kwargs or {}
        if func.namespace == "prim":
            return func(*args, **kwargs)  # such as the device of a tensor, asked for very often
        for tensor in tensors_of((args, kwargs)):
            self._track(tensor.untyped_storage(), made_here=False)
        if torch._C._get_dispatch_mode(torch._C._TorchDispatchModeKey.FAKE) is None:
            result = func(*args, **kwargs)
        else:
            result, _ = run_without_data(func, args, kwargs)
        for tensor in tensors_of(result):
            self._track(tensor.untyped_storage(), made_here=True)
        self._count(func, args, kwargs)
        return result

    def _track(self, storage: torch.UntypedStorage, *, made_here: bool) -> None:
        key = storage._cdata
        if key not in self._known:
            self._known[key] = storage.nbytes() if made_here else 0
            self.live += self._known[key]
            self.peak = max(self.peak, self.live)
            # An address is used again when a storage has gone.
            weakref.finalize(storage, self._freed, key)

    def _freed(self, key: int) -> None:
        self.live -= self._known.pop(key)

    def _count(self, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        if func in _PRODUCTS:
            self.products += 2.0 * args[0].numel() * args[1].shape[-1]
        elif func is _aten.linear.default:
            self.products += 2.0 * args[0].numel() * args[1].shape[0]
        elif func is _aten.addmm.default:
            self.products += 2.0 * args[1].numel() * args[2].shape[-1]
        elif func in _ATTENTION:
            self.attention += attention_flops(args[0], args[1], causal=_causal(func, args, kwargs))


def attention_flops(query: Tensor, key: Tensor, *, causal: bool) -> float:
    """Operations of an attention kernel: two products, half of each where the mask is causal."""
    batch, heads, queries, width = query.shape
    return 4.0 * batch * heads * queries * key.shape[2] * width / (2 if causal else 1)


def _causal(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    names = [argument.name for argument in func._schema.arguments]
    return bool({**dict(zip(names, args, strict=False)), **kwargs}.get("is_causal", False))


def run_without_data(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[Any, bool]:
    """The result of an operation under a `FakeTensorMode`, and whether it is real.

    Real are equal counts in the place of `bincount`, and small tensors that come of nothing or of real ones.
    """
    if func is _aten.bincount.default:
        return _even_counts(*args, **kwargs), True
    inputs = tensors_of((args, kwargs))
    known = not any(isinstance(tensor, FakeTensor) for tensor in inputs)
    if known and inputs and _few(inputs):
        result = _computed(func, args, kwargs)
        if _few(tensors_of(result)):
            return result, True
    result = func(*args, **kwargs)
    if known and not inputs and _few(tensors_of(result)) and _is_integer(result):
        return _computed(func, args, kwargs), True
    return result, False


def tensors_of(values: Any) -> list[Tensor]:
    """Every tensor in nested arguments or results."""
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]


def _computed(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """What an operation gives when it is run, though modes are at work."""
    with _disable_current_modes():
        # Even counts are the same on every rank, so exchanging them changes nothing.
        return args[0] if "all_to_all" in func.name() else func(*args, **kwargs)


def _few(tensors: list[Tensor]) -> bool:
    return sum(tensor.numel() for tensor in tensors) <= _FEW


def _is_integer(result: Any) -> bool:
    return isinstance(result, Tensor) and not result.is_floating_point() and not result.is_complex()


def _even_counts(values: Tensor, weights: None = None, minlength: int = 0) -> Tensor:
    with _disable_current_modes():
        return torch.full((minlength,), values.numel() // minlength)
