"""One device mesh that all kinds of parallelism are views of."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

from cistron.training.parallel.layout import Layout


@dataclass(frozen=True)
class Meshes:
    """Views of the mesh of all ranks, each a line through this rank.

    The mesh has the axes outer × context × expert × tensor, the last varying fastest, so that the ranks that
    talk most are neighbours; the ranks of `Layout.shard` are outer × expert.

    Attributes:
        dense: Ranks that hold different tokens (outer, context, expert); most parameters are sharded over
            them.
        sparse: Ranks that hold the same experts (outer, context, tensor); their parameters are sharded over
            them.
        expert: Ranks that hold different experts and exchange tokens.
        tensor: Ranks that hold different heads of the same tokens.
        context: Ranks that hold different parts of the same sequences.
        data_rank: Which of the `Layout.shard` parts of a batch this rank reads.
    """

    dense: DeviceMesh
    sparse: DeviceMesh
    expert: DeviceMesh
    tensor: DeviceMesh
    context: DeviceMesh
    data_rank: int


def make_meshes(layout: Layout, device: torch.device) -> Meshes:
    """Return the views for a fitted layout; starts the process groups, so every rank must call it."""
    mesh = init_device_mesh(
        device.type,
        (layout.shard // layout.expert, layout.context, layout.expert, layout.tensor),
        mesh_dim_names=("outer", "context", "expert", "tensor"),
    )
    return Meshes(
        dense=mesh["outer", "context", "expert"]._flatten("dense"),
        sparse=mesh["outer", "context", "tensor"]._flatten("sparse"),
        expert=mesh["expert"],
        tensor=mesh["tensor"],
        context=mesh["context"],
        data_rank=mesh.get_local_rank("outer") * layout.expert + mesh.get_local_rank("expert"),
    )
