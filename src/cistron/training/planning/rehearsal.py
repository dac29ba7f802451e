"""A training step run without data: what it holds in memory and sends to other ranks.

The step is the run's own: the architecture's module, `Parallel`, the loss and the optimiser, on tensors that
have shapes and no content, in a world whose other ranks do not exist. So nothing here has to know what a
layer keeps for its backward pass, nor what sharding gathers.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.distributed.tensor import DTensor
from torch.distributed.tensor.debug import _clear_sharding_prop_cache

from cistron.errors import InputError
from cistron.models import MODELS, Config, ModelSpec
from cistron.training.loss import pretraining_loss
from cistron.training.optim import adamw
from cistron.training.parallel import Parallel
from cistron.training.planning.ledger import Ledger, Transfer
from cistron.training.pretrain import Pretraining

_CPU = torch.device("cpu")


@dataclass(frozen=True)
class Memory:
    """Bytes of one rank at the moment when it holds most.

    Attributes:
        weights: Its share of the weights that are updated.
        gradients: Its share of the gradients.
        optimiser: Its share of AdamW's moments.
        gathered: Whole weights of the layers at work, and gradients on their way to the ranks that keep them.
        exchanged: Tokens and heads that came from other ranks.
        activations: What the forward pass keeps for the backward pass, logits and, under autocast, copies of
            weights in bfloat16 included.
        working: Whatever comes and goes, and layers that are computed again.
    """

    weights: int
    gradients: int
    optimiser: int
    gathered: int
    exchanged: int
    activations: int
    working: int

    @property
    def total(self) -> int:
        """All kinds together."""
        return sum(getattr(self, kind.name) for kind in fields(self))

    @property
    def states(self) -> int:
        """What is divided among all ranks and stays: weights, gradients and moments."""
        return self.weights + self.gradients + self.optimiser


@dataclass(frozen=True)
class Rehearsal:
    """What was seen.

    Attributes:
        memory: At the peak.
        transfers: Collectives of the last part of the step.
    """

    memory: Memory
    transfers: tuple[Transfer, ...]


def rehearse(
    run: Pretraining, world: int, *, length: int, rows: int, parts: int = 2, depth: int | None = None
) -> Rehearsal:
    """Rehearse a step of `run` on rank 0 of `world`.

    Args:
        run: Its layout, arithmetic and checkpointing count; what it learns from does not.
        world: Processes.
        length: Tokens of a window.
        rows: Windows that a data rank takes through the model at a time.
        parts: How often it does so in a step: whether gradients of earlier parts are there already.
        depth: Layers; the model's own when None.

    Raises:
        InputError: The layout does not fit the world or the model, or a process group is at work already.
    """
    spec = MODELS.get(run.architecture)
    config = spec.config(run.model)
    if depth is not None:
        config = cast(Any, replace(cast(Any, config), num_hidden_layers=depth))
    with _imagined(world):
        parallel = Parallel(run.layout, spec, config, _CPU)
        with FakeTensorMode(allow_non_fake_inputs=True), Ledger() as ledger:
            step = _Step(run, parallel, ledger, _built(run, spec, config))
            step.prepare(with_gradients=parts > 1)
            step.part(rows, length)
            transfers = tuple(ledger.transfers)
            step.update()
        return Rehearsal(step.memory(), transfers)


@contextmanager
def _imagined(world: int) -> Iterator[None]:
    """A process group of which this process is rank 0 and all others are made up."""
    if dist.is_initialized():
        raise InputError("a plan is made by one process; start it without torchrun")
    if world == 1:
        yield
        return
    from torch.testing._internal.distributed.fake_pg import FakeStore  # registers the back end, too

    hook = sys.excepthook
    dist.init_process_group("fake", store=FakeStore(), rank=0, world_size=world)
    try:
        yield
    finally:
        dist.destroy_process_group()
        # What PyTorch remembers of operations on meshes would lead to process groups that are gone.
        _clear_sharding_prop_cache()  # type: ignore[no-untyped-call]
        sys.excepthook = hook


def _built(run: Pretraining, spec: ModelSpec, config: Config) -> nn.Module:
    """The model in the run's arithmetic; made in it, because without data it cannot be converted."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(_dtype(run.dtype))
    try:
        return spec.build(config)
    finally:
        torch.set_default_dtype(usual)


def _dtype(name: str) -> torch.dtype:
    return cast(torch.dtype, getattr(torch, name))


class _Step:
    """One optimiser step in the making."""

    def __init__(self, run: Pretraining, parallel: Parallel, ledger: Ledger, model: nn.Module) -> None:
        self.run, self.parallel, self.ledger = run, parallel, ledger
        self.model = parallel.apply(
            model,
            param_dtype=None if run.gather == "same" else _dtype(run.gather),
            checkpointing=run.activation_checkpointing,
        ).train()
        self.optimizer = adamw(self.model, run.optim)
        self.begin = self.forward_end = 0
        self._kinds: dict[int, str] = {}

    def prepare(self, *, with_gradients: bool) -> None:
        """Be where a run is after its first step."""
        for parameter in self.model.parameters():
            self._mark(parameter, "weights")
            parameter.grad = torch.zeros_like(parameter)
        # The first update makes the moments.
        self.optimizer.step()
        for state in self.optimizer.state.values():
            for tensor in state.values():
                self._mark(tensor, "optimiser")
        if not with_gradients:
            self.optimizer.zero_grad(set_to_none=True)
        self.ledger.transfers.clear()
        self.begin = len(self.ledger.events)

    def part(self, rows: int, length: int) -> None:
        """Forward and backward of some windows."""
        optim = self.run.optim
        input_ids = torch.zeros(rows, length // self.parallel.context_size, dtype=torch.long)
        documents = self.run.data.pack_documents and self.run.data.reset_documents
        with torch.autocast("cpu", torch.bfloat16, enabled=self.run.autocast):
            output = self.model(input_ids, document_ids=torch.zeros_like(input_ids) if documents else None)
        loss = pretraining_loss(
            output.logits,
            torch.zeros_like(input_ids),
            output.aux,
            balance_weight=optim.balance_weight,
            z_weight=optim.z_weight,
            total=self.parallel.total,
            ranks=self.parallel.parts,
        )
        self.forward_end = len(self.ledger.events)
        loss.total.backward()  # type: ignore[no-untyped-call]

    def update(self) -> None:
        """Clip and update."""
        self.parallel.clip_gradients(self.model, self.run.optim.clip)
        for parameter in self.model.parameters():
            if parameter.grad is not None:
                self._mark(parameter.grad, "gradients")
        self.optimizer.step()

    def memory(self) -> Memory:
        """What was held at the peak, by kind."""
        kinds = self.ledger.kinds | self._kinds
        at_peak, kept = self._at_peak(), self._held(self.forward_end)
        found = Counter[str]()
        for block, size in at_peak.items():
            found[kinds.get(block, "activations" if kept[block] else "working")] += size
        return Memory(**{kind.name: found[kind.name] for kind in fields(Memory)})

    def _at_peak(self) -> Counter[int]:
        """Bytes of every block at the moment of the step when there are most."""
        now, peak, moment = 0, 0, 0
        for number, (_, change) in enumerate(self.ledger.events):
            now += change
            if now > peak and number >= self.begin:
                peak, moment = now, number + 1
        return self._held(moment)

    def _held(self, events: int) -> Counter[int]:
        """Bytes of every block after so many events."""
        held = Counter[int]()
        for block, change in self.ledger.events[:events]:
            held[block] += change
        return +held

    def _mark(self, tensor: Tensor, kind: str) -> None:
        local = tensor.to_local() if isinstance(tensor, DTensor) else tensor
        # A tensor made of a Python list is real, and too small to count.
        if isinstance(local, FakeTensor):
            self._kinds[self.ledger.block(local)] = kind
