"""Sharded data parallelism (FSDP2): parameters, gradients and moments divided among all ranks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, Shard

from cistron.layers.moe import Router
from cistron.layers.precision import AtLeastFloat32
from cistron.training.parallel.mesh import Meshes
from cistron.training.parallel.plan import planned


def blocks(model: nn.Module) -> list[nn.Module]:
    """The layers of a model: what its module lists hold and trains."""
    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList)]
    return [block for each in lists for block in each if any(True for _ in block.parameters())]


def shard(model: nn.Module, plan: Mapping[str, str], meshes: Meshes, param_dtype: torch.dtype | None) -> None:
    """Divide the parameters of `model`, layer by layer; gradients become sums over ranks.

    Args:
        model: Already divided in the other ways.
        plan: The architecture's parallel plan.
        meshes: The ranks.
        param_dtype: Dtype of forward and backward; parameters, gradients and reductions keep theirs.
    """
    whole = next(model.parameters()).dtype
    policy = MixedPrecisionPolicy(param_dtype, whole)
    if param_dtype is not None:
        for module in model.modules():
            if isinstance(module, Router | AtLeastFloat32) and any(
                True for _ in module.parameters(recurse=False)
            ):
                _unit(module, meshes.dense, MixedPrecisionPolicy())
    # Where experts stand apart, other ranks than those of the dense parameters hold gradients of them.
    if meshes.expert.size() > 1 or meshes.tensor.size() > 1:
        for experts in planned(model, plan, "experts").values():
            _unit(experts, meshes.sparse, policy)
    for module in (*blocks(model), model):
        _unit(module, meshes.dense, policy)


def _unit(module: nn.Module, mesh: DeviceMesh, policy: MixedPrecisionPolicy) -> None:
    """Make the parameters of `module` that are in no unit yet one unit of communication."""
    fully_shard(module, mesh=mesh, mp_policy=policy, shard_placement_fn=partial(_axis, ranks=mesh.size()))
    assert isinstance(module, FSDPModule)
    module.set_gradient_divide_factor(1.0)
    # Otherwise a factor of 1 is a product before the sum, which gloo does not have.
    module.set_force_sum_reduction_for_comms(True)


def _axis(parameter: nn.Parameter, ranks: int) -> Shard:
    """The first axis that is not divided yet and comes out even; the first axis of all if there is none.

    An axis that is divided twice is legal but slow to gather, and stacks have fewer experts than there are
    ranks.
    """
    placements = parameter.placements if isinstance(parameter, DTensor) else ()
    taken = {placement.dim for placement in placements if isinstance(placement, Shard)}
    local = parameter.to_local().shape if isinstance(parameter, DTensor) else parameter.shape
    free = (axis for axis, size in enumerate(local) if axis not in taken and size % ranks == 0)
    return Shard(next(free, 0))
