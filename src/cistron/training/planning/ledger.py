"""Book-keeping of memory and traffic for a step that is rehearsed without data.

Under a `FakeTensorMode` every operation computes shapes only. The ledger stands between the program and that
mode, writes down when storage comes and goes and what collectives carry, and answers the few questions for
which a program needs data: how many tokens each expert got.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, cast

import torch
import torch.distributed as dist
from torch import Tensor
from torch._C._distributed_c10d import ProcessGroup, _resolve_process_group
from torch._subclasses.fake_tensor import FakeTensor
from torch.distributed.tensor import DTensor
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves

_aten, _c10d = torch.ops.aten, torch.ops.c10d

_WEIGHT_COLLECTIVES = (_c10d._allgather_base_.default, _c10d._reduce_scatter_base_.default)
"""What FSDP2 gathers weights and adds gradients up with; nothing else here uses them."""

_FEW = 2**14
"""Elements of tensors that may be real; as many as the ranks of a large world, which meshes count."""


class Transfer(NamedTuple):
    """One collective.

    Attributes:
        num_bytes: That a rank sends.
        ranks: Who takes part, as numbers in the world.
        weights: Whether it carries weights or gradients, which travel while the device computes; what carries
            tokens is waited for.
    """

    num_bytes: int
    ranks: tuple[int, ...]
    weights: bool


class Ledger(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """A dispatch mode, entered inside a `FakeTensorMode(allow_non_fake_inputs=True)`.

    Experts are taken to be used evenly: the result of `bincount` is a real tensor of equal counts. A few
    integers that a program makes itself are real, too, and what comes of real tensors alone is computed while
    it is small: programs branch on such numbers.

    Attributes:
        events: Changes of storage in order, as (block, bytes); a block is a storage and has a number.
        kinds: What a block is used for, where an operation tells.
        transfers: Collectives in order.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.events: list[tuple[int, int]] = []
        self.kinds: dict[int, str] = {}
        self.transfers: list[Transfer] = []
        self._open: dict[int, tuple[int, int]] = {}
        self._resize = torch.UntypedStorage.resize_

    def block(self, tensor: Tensor) -> int:
        """The number of a tensor's storage."""
        return self._open[tensor.untyped_storage()._cdata][0]

    def __enter__(self) -> Ledger:
        # FSDP2 frees and takes back storage by resizing it, which no operation shows.
        ledger, resize = self, self._resize

        def resized(storage: torch.UntypedStorage, size: int) -> Any:
            result = resize(storage, size)
            ledger._resized(storage)
            return result

        torch.UntypedStorage.resize_ = resized  # type: ignore[method-assign, assignment]
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *problem: Any) -> None:
        torch.UntypedStorage.resize_ = self._resize  # type: ignore[method-assign]
        super().__exit__(*problem)  # type: ignore[no-untyped-call]

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run one operation and write down what it does."""
        if func.namespace == "prim":
            return func(*args, **(kwargs or {}))  # such as the device of a tensor, asked for very often
        if any(issubclass(kind, DTensor) for kind in types):
            return NotImplemented  # so that the operations on its parts come here
        kwargs = kwargs or {}
        inputs = _tensors((args, kwargs))
        if func is _aten.bincount.default:
            return _even_counts(*args, **kwargs)
        known = not any(isinstance(tensor, FakeTensor) for tensor in inputs)
        if known and inputs and _few(inputs):
            result = _computed(func, args, kwargs)
            if _few(_tensors(result)):
                return result
        result = func(*args, **kwargs)
        if known and not inputs and _few(_tensors(result)) and _is_integer(result):
            return _computed(func, args, kwargs)
        for tensor in _tensors(result):
            self._seen(tensor.untyped_storage())
        if func.namespace in ("c10d", "_c10d_functional"):
            self._collective(func, args, inputs, _tensors(result))
        return result

    def _collective(
        self, func: Any, args: Iterable[Any], inputs: list[Tensor], results: list[Tensor]
    ) -> None:
        weights = func in _WEIGHT_COLLECTIVES
        for tensor in (*inputs, *results) if weights else results:
            if tensor.untyped_storage()._cdata in self._open:
                self.kinds.setdefault(self.block(tensor), "gathered" if weights else "exchanged")
        group = next(filter(None, map(_group, args)), None)
        if group is not None:
            ranks = tuple(dist.get_process_group_ranks(group))
            whole = max((tensor.nbytes for tensor in (*inputs, *results)), default=0)
            twice = 2 if "reduce" in func.name() and "scatter" not in func.name() else 1
            self.transfers.append(Transfer(twice * whole * (len(ranks) - 1) // len(ranks), ranks, weights))

    def _seen(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key not in self._open:
            block = len(self.events)
            self._open[key] = block, storage.nbytes()
            self.events.append((block, storage.nbytes()))
            weakref.finalize(storage, self._freed, key)

    def _freed(self, key: int) -> None:
        block, size = self._open.pop(key)
        self.events.append((block, -size))

    def _resized(self, storage: torch.UntypedStorage) -> None:
        if storage._cdata in self._open:
            block, size = self._open[storage._cdata]
            self._open[storage._cdata] = block, storage.nbytes()
            self.events.append((block, storage.nbytes() - size))
            self.kinds[block] = "gathered"


def _computed(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """What an operation gives when it is run, though modes are at work."""
    with _disable_current_modes():
        # Even counts are the same on every rank, so exchanging them changes nothing.
        return args[0] if "all_to_all" in func.name() else func(*args, **kwargs)


def _few(tensors: Iterable[Tensor]) -> bool:
    return sum(tensor.numel() for tensor in tensors) <= _FEW


def _is_integer(result: Any) -> bool:
    return isinstance(result, Tensor) and not result.is_floating_point() and not result.is_complex()


def _even_counts(values: Tensor, weights: None = None, minlength: int = 0) -> Tensor:
    with _disable_current_modes():
        return torch.full((minlength,), values.numel() // minlength)


def _tensors(values: Any) -> list[Tensor]:
    return [leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor)]


def _group(argument: Any) -> ProcessGroup | None:
    """The process group that an argument of a collective names, if it does."""
    if isinstance(argument, torch.ScriptObject) and "ProcessGroup" in str(argument._type()):
        return ProcessGroup.unbox(argument)
    if isinstance(argument, str) and argument not in ("sum", "avg", "min", "max"):
        return _resolve_process_group(cast(Any, argument))
    return None
