"""Context parallelism: each rank holds a part of every sequence, and in attention a part of the heads.

Source: Jacobs et al. 2023, DeepSpeed-Ulysses (arXiv 2309.14509).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn
from torch.distributed._functional_collectives import all_to_all_single_autograd
from torch.distributed.device_mesh import DeviceMesh

from cistron.training.parallel.plan import wrap


def split_sequences(model: nn.Module, plan: Mapping[str, str], mesh: DeviceMesh) -> None:
    """Divide sequences among the ranks of `mesh`; attention sees them whole, one part of the heads each."""
    wrap(model, plan, "sequence", lambda locate: WholeSequence(locate, mesh))
    wrap(model, plan, "heads", lambda heads: HeadShare(heads, mesh))


class WholeSequence(nn.Module):
    """A module that sees token and document numbers of whole sequences."""

    def __init__(self, locate: nn.Module, mesh: DeviceMesh) -> None:
        super().__init__()
        self.locate, self._group, self._ranks = locate, mesh.get_group(), mesh.size()

    def forward(self, *arguments: object) -> object:
        """Return what the module says when every tensor among its arguments is gathered."""
        return self.locate(*(self._gathered(x) if isinstance(x, Tensor) else x for x in arguments))

    def _gathered(self, part: Tensor) -> Tensor:
        parts = [torch.empty_like(part, memory_format=torch.contiguous_format) for _ in range(self._ranks)]
        dist.all_gather(parts, part.contiguous(), group=self._group)
        return torch.cat(parts, dim=1)


class HeadShare(nn.Module):
    """Attention that sees whole sequences and this rank's share of the heads."""

    def __init__(self, heads: nn.Module, mesh: DeviceMesh) -> None:
        super().__init__()
        self.heads, self._group, self._ranks = heads, mesh.get_group(), mesh.size()

    def forward(
        self,
        query: Float[Tensor, "B H l K"],
        key: Float[Tensor, "B KV l K"],
        value: Float[Tensor, "B KV l K"],
        *rest: object,
    ) -> Float[Tensor, "B H l K"]:
        """Return the attention output of this rank's part of the sequence, for all heads."""
        out: Tensor = self.heads(*self._to_heads(query, key, value), *rest)
        parts = torch.stack(out.chunk(self._ranks, dim=2))
        return self._exchange(parts).movedim(0, 1).flatten(1, 2)

    def _to_heads(self, *tensors: Float[Tensor, "B heads l K"]) -> tuple[Tensor, ...]:
        """Whole sequences of this rank's heads; queries, keys and values travel together."""
        shares = zip(*(tensor.chunk(self._ranks, dim=1) for tensor in tensors), strict=True)
        together = torch.stack([torch.cat(share, dim=1) for share in shares])
        whole = self._exchange(together).movedim(0, 2).flatten(2, 3)
        return torch.split(whole, [tensor.shape[1] // self._ranks for tensor in tensors], dim=1)

    def _exchange(self, parts: Float[Tensor, "ranks ..."]) -> Float[Tensor, "ranks ..."]:
        """Send entry *r* of the first axis to rank *r* and return what all ranks sent here."""
        return all_to_all_single_autograd(parts.contiguous(), None, None, self._group)
