"""Expert parallelism: each rank holds some experts, and tokens travel to them and back."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.distributed._functional_collectives import all_to_all_single, all_to_all_single_autograd
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.tensor import DTensor, Shard, distribute_tensor

from cistron.layers.moe import Routing
from cistron.training.parallel.plan import planned, wrap


def split_experts(model: nn.Module, plan: Mapping[str, str], mesh: DeviceMesh) -> None:
    """Divide the plan's experts among the ranks of `mesh` and send them the tokens of all."""
    for module in planned(model, plan, "experts").values():
        for name, stack in module.named_parameters():
            local = distribute_tensor(stack.data, mesh, [Shard(0)], src_data_rank=None)
            module.register_parameter(name, nn.Parameter(local))
    wrap(model, plan, "dispatch", lambda mix: Dispatch(mix, mesh))


class Dispatch(nn.Module):
    """Experts that see the tokens of all ranks that chose them.

    Every token-expert assignment travels as one row to the rank of its expert, which runs its experts as if
    all rows were its own tokens with one expert each, and the outputs travel back to be weighted and summed.
    """

    def __init__(self, mix: nn.Module, mesh: DeviceMesh) -> None:
        super().__init__()
        self.mix, self._group, self._ranks = mix, mesh.get_group(), mesh.size()

    def forward(self, x: Float[Tensor, "T D"], routing: Routing, *stacks: DTensor) -> Float[Tensor, "T D"]:
        """Return the experts' output for this rank's tokens; `stacks` are the parameters of all experts."""
        order = routing.experts.flatten().argsort(stable=True)
        tokens = order // routing.experts.shape[1]
        weights = routing.weights.flatten()[order].unsqueeze(-1)

        going = torch.bincount(routing.experts.flatten(), minlength=len(stacks[0])).view(self._ranks, -1)
        coming = all_to_all_single(going, None, None, self._group)
        sent, received = torch.stack((going.sum(1), coming.sum(1))).tolist()
        rows = all_to_all_single_autograd(x[tokens], received, sent, self._group)
        out = self._run(rows, coming, [stack.to_local() for stack in stacks])
        back = all_to_all_single_autograd(out, sent, received, self._group)
        return torch.zeros_like(x).index_add(0, tokens, back * weights)

    def _run(
        self, rows: Float[Tensor, "R D"], coming: Int[Tensor, "ranks e"], stacks: list[Tensor]
    ) -> Float[Tensor, "R D"]:
        """Output of this rank's experts for rows that stand in the order of `coming`."""
        expert = torch.arange(coming.shape[1], device=rows.device).repeat(len(coming))
        expert = expert.repeat_interleave(coming.flatten(), output_size=len(rows))
        # Without a row there would be no gradient, for which the other ranks wait.
        spare = int(not len(rows))
        rows, expert = F.pad(rows, (0, 0, 0, spare)), F.pad(expert, (0, spare))
        one = rows.new_ones(len(rows), 1)
        out: Tensor = self.mix(rows, Routing(expert.unsqueeze(1), one, one), *stacks)
        return out[: len(out) - spare]
