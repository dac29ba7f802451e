"""Run one model on many processes, without the model knowing.

Four ways to divide the work, each a file, and any of them together: `shard` (parameters and rows), `tensor`
(heads), `expert` (experts), `context` (sequences). The loss and the gradients are those of one process; see
`docs/design/parallel.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
import torch.distributed as dist
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule
from torch.utils.checkpoint import checkpoint

from cistron.errors import InputError
from cistron.models import Config, ModelSpec
from cistron.training.parallel.context import split_sequences
from cistron.training.parallel.expert import split_experts
from cistron.training.parallel.gradients import clip_gradients
from cistron.training.parallel.layout import Layout
from cistron.training.parallel.mesh import make_meshes
from cistron.training.parallel.shard import blocks, shard
from cistron.training.parallel.tensor import split_heads

__all__ = ["Layout", "Parallel"]


class Parallel:
    """The processes of a run: who holds what, and how it is added up.

    With one process every method does nothing and needs no process group. With more the default process
    group must have been started; every rank must make the object, and call its methods, at the same time.

    Args:
        layout: How the processes are arranged.
        spec: The architecture.
        config: Its sizes.
        device: Where this rank's part of the model lies.

    Attributes:
        layout: The layout with `shard` filled in.
        rank: This process.
        world: How many there are.
        data_rank: Which rows of a batch this rank reads.
        data_size: How many parts the rows are divided into.
        context_rank: Which part of each sequence this rank reads.
        context_size: How many parts a sequence is divided into.

    Raises:
        InputError: The layout does not fit the number of processes or the model.
    """

    def __init__(self, layout: Layout, spec: ModelSpec, config: Config, device: torch.device) -> None:
        started = dist.is_available() and dist.is_initialized()
        self.rank, self.world = (dist.get_rank(), dist.get_world_size()) if started else (0, 1)
        self.layout = layout.fitted(self.world)
        self.layout.check(spec, config)
        self.data_size, self.context_size = self.layout.shard, self.layout.context
        self._plan = spec.parallel_plan
        self._meshes = make_meshes(self.layout, device) if self.world > 1 else None
        self.data_rank = self._meshes.data_rank if self._meshes else 0
        self.context_rank = self._meshes.context.get_local_rank() if self._meshes else 0

    @property
    def is_main(self) -> bool:
        """Whether this process writes logs and draws."""
        return self.rank == 0

    @property
    def parts(self) -> int:
        """Ranks that a batch is divided among: the `ranks` of `pretraining_loss`."""
        return self.data_size * self.context_size

    def apply(
        self,
        model: nn.Module,
        *,
        param_dtype: torch.dtype | None = None,
        checkpointing: bool = False,
        compile: Sequence[str] = (),
    ) -> nn.Module:
        """Divide a model, in place, and return it; make the optimiser afterwards.

        Args:
            model: With equal weights on all ranks.
            param_dtype: Dtype of forward and backward with more than one process; the router, the weights
                that are updated and all reductions keep the model's. None leaves that to autocast.
            checkpointing: Keep only the input of each layer for the backward pass and compute the rest again.
            compile: Ends of module names that are compiled.
        """
        meshes = self._meshes
        if meshes and self.layout.expert > 1:
            split_experts(model, self._plan, meshes.expert)
        if meshes and self.layout.tensor > 1:
            split_heads(model, self._plan, meshes.tensor)
        if meshes and self.layout.context > 1:
            split_sequences(model, self._plan, meshes.context)
        for block in blocks(model) if checkpointing else ():
            # No layer draws random numbers, so their state need not be kept.
            block.forward = partial(checkpoint, block.forward, use_reentrant=False, preserve_rng_state=False)
        for name, module in model.named_modules():
            if name.endswith(tuple(compile)):
                module.compile()
        if meshes:
            shard(model, self._plan, meshes, param_dtype)
        return model

    def rows(self, batch_rows: int) -> slice:
        """This rank's rows of a batch.

        Raises:
            InputError: The batch cannot be divided evenly.
        """
        each, left = divmod(batch_rows, self.data_size)
        if left or not each:
            raise InputError(
                f"a batch of {batch_rows} windows cannot be divided evenly among {self.data_size} ranks; "
                f"use a multiple of {self.data_size}"
            )
        return slice(self.data_rank * each, (self.data_rank + 1) * each)

    def split(
        self,
        input_ids: Int[Tensor, "B L"],
        labels: Int[Tensor, "B L"],
        document_ids: Int[Tensor, "B L"] | None,
    ) -> tuple[Int[Tensor, "B l"], Int[Tensor, "B l"], Int[Tensor, "B l"] | None]:
        """This rank's part of every sequence; labels are made before, since they look one token ahead.

        Raises:
            InputError: The sequences cannot be divided evenly.
        """
        length = input_ids.shape[1]
        if length % self.context_size:
            raise InputError(
                f"windows of {length} tokens cannot be divided evenly among {self.context_size} context "
                f"ranks; use a multiple of {self.context_size}"
            )
        each = length // self.context_size
        mine = slice(self.context_rank * each, (self.context_rank + 1) * each)
        documents = None if document_ids is None else document_ids[:, mine]
        return input_ids[:, mine], labels[:, mine], documents

    def sum_gradients(self, model: nn.Module, *, now: bool) -> None:
        """Whether the next backward pass adds gradients up over ranks, or keeps this rank's for a later one.

        Only for a step of several parts: all but the last may wait, which spares communication and takes
        the memory of undivided gradients. Without a call every part is added up.
        """
        if isinstance(model, FSDPModule):
            model.set_requires_gradient_sync(now)

    def total(self, tensor: Tensor) -> Tensor:
        """Sum over the ranks that hold different tokens, without gradient."""
        summed = tensor.detach().clone()
        if self._meshes:
            dist.all_reduce(summed, group=self._meshes.dense.get_group())
        return summed

    def clip_gradients(self, model: nn.Module, max_norm: float) -> Float[Tensor, ""]:
        """Scale gradients to a norm of at most `max_norm`; return the norm before, equal on all ranks."""
        if self._meshes:
            return clip_gradients(model.parameters(), max_norm)
        return nn.utils.clip_grad_norm_(model.parameters(), max_norm)
