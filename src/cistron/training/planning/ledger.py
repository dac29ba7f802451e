"""Book-keeping of memory and traffic for a step that is rehearsed without data.

Under a `FakeTensorMode` every operation computes shapes only. The ledger stands between the program and that
mode and writes down when storage comes and goes and what collectives carry. The few questions for which a
program needs data are answered as in `cistron.inference.planning.ledger`, which counts a single process.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, cast

import torch
import torch.distributed as dist
from torch import Tensor
from torch._C._distributed_c10d import ProcessGroup, _resolve_process_group
from torch.distributed.tensor import DTensor
from torch.utils._python_dispatch import TorchDispatchMode

from cistron.inference.planning.ledger import run_without_data, tensors_of

_c10d = torch.ops.c10d

_WEIGHT_COLLECTIVES = (_c10d._allgather_base_.default, _c10d._reduce_scatter_base_.default)
"""What FSDP2 gathers weights and adds gradients up with; nothing else here uses them."""


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
        result, real = run_without_data(func, args, kwargs)
        if real:
            return result
        results = tensors_of(result)
        for tensor in results:
            self._seen(tensor.untyped_storage())
        if func.namespace in ("c10d", "_c10d_functional"):
            self._collective(func, args, tensors_of((args, kwargs)), results)
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


def _group(argument: Any) -> ProcessGroup | None:
    """The process group that an argument of a collective names, if it does."""
    if isinstance(argument, torch.ScriptObject) and "ProcessGroup" in str(argument._type()):
        return ProcessGroup.unbox(argument)
    if isinstance(argument, str) and argument not in ("sum", "avg", "min", "max"):
        return _resolve_process_group(cast(Any, argument))
    return None
