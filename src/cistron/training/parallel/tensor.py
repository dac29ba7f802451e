"""Tensor parallelism: the heads of a layer, and the tokens of its experts, on several ranks."""

from __future__ import annotations

from collections.abc import Mapping

from jaxtyping import Float
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Replicate, Shard
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
from torch.distributed.tensor.parallel.style import ParallelStyle

from cistron.layers.moe import Routing
from cistron.training.parallel.plan import planned, wrap


def split_heads(model: nn.Module, plan: Mapping[str, str], mesh: DeviceMesh) -> None:
    """Divide the plan's linear layers among the ranks of `mesh`, and each batch of tokens for its experts.

    Between the divided layers every rank has all tokens and the same numbers.
    """
    styles: dict[str, type[ParallelStyle]] = {"columns": ColwiseParallel, "rows": RowwiseParallel}
    found: dict[str, ParallelStyle] = {
        name: style() for kind, style in styles.items() for name in planned(model, plan, kind)
    }
    parallelize_module(model, mesh, found, src_data_rank=None)
    wrap(model, plan, "dispatch", lambda mix: TokenShare(mix, mesh))


class TokenShare(nn.Module):
    """Experts that see this rank's share of the tokens, though every rank has all of them.

    So the ranks share the experts' work, and hold different gradients of them, as data ranks do.
    """

    def __init__(self, mix: nn.Module, mesh: DeviceMesh) -> None:
        super().__init__()
        self.mix, self._mesh = mix, mesh

    def forward(self, x: Float[Tensor, "T D"], routing: Routing, *stacks: Tensor) -> Float[Tensor, "T D"]:
        """Return the experts' output for all tokens."""
        mine = Routing(*(self._share(part) for part in routing))
        out = DTensor.from_local(
            self.mix(self._share(x), mine, *stacks), self._mesh, [Shard(0)], shape=x.shape, stride=x.stride()
        )
        # A copy, because FSDP's hooks do not outlive what is done in place to a view.
        whole: Tensor = out.redistribute(placements=[Replicate()]).to_local().clone()
        return whole

    def _share(self, x: Tensor) -> Tensor:
        share: Tensor = (
            DTensor.from_local(x, self._mesh, [Replicate()]).redistribute(placements=[Shard(0)]).to_local()
        )
        return share
