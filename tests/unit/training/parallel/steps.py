"""One rank of a few optimiser steps: `RANK=r WORLD_SIZE=n python steps.py CASES.json FOLDER`.

Every case of the file is run one after another; rank 0 leaves `NAME.json` with the losses and gradient norms
and `NAME.safetensors` with the parameters at the end, gathered from all ranks.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from cistron.models import MODELS, Output
from cistron.training.loss import IGNORED, Loss, next_base_labels, pretraining_loss
from cistron.training.parallel import Layout, Parallel

STEPS, ROWS, LENGTH = 10, 4, 32
STANDARD: dict[str, Any] = {
    "architecture": "genos",
    "layout": {},
    "dtype": "float64",
    "kv_heads": 2,
    "documents": False,
    "lopsided": False,
    "parts": 1,
    "hold": False,
    "apply": {},
}


class Run:
    """A model in training as a case describes it."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.case = case
        spec = MODELS.get(case["architecture"])
        config = min(spec.sizes.values(), key=lambda size: size.hidden_size)
        if case["architecture"] == "genos":
            config = replace(config, num_key_value_heads=case["kv_heads"])
        self.parallel = Parallel(Layout(**case["layout"]), spec, config, torch.device("cpu"))
        torch.manual_seed(0)
        model = spec.build(config).to(getattr(torch, case["dtype"]))
        if spec.prepare is not None:
            spec.prepare(model, ["GATTACACCATGGTT" * 20])
        if case["lopsided"]:
            _send_all_to_the_first_two_experts(model)
        options = case["apply"]
        if "param_dtype" in options:
            options = options | {"param_dtype": getattr(torch, options["param_dtype"])}
        self.model = self.parallel.apply(model, **options)
        self.optimizer = torch.optim.AdamW(_groups(self.model), lr=3e-3, betas=(0.9, 0.95), fused=True)

    def step(self, number: int) -> dict[str, float]:
        """Take one optimiser step; returns what all ranks measured together."""
        parts = self.case["parts"]
        self.model.train()
        measured: dict[str, float] = {}
        for part in range(parts):
            self.parallel.sum_gradients(self.model, now=not self.case["hold"] or part == parts - 1)
            loss = self._loss(number, slice(part * ROWS // parts, (part + 1) * ROWS // parts))
            loss.total.backward()
            for name, share in loss._asdict().items():
                measured[name] = measured.get(name, 0.0) + float(self.parallel.total(share))
        norm = self.parallel.clip_gradients(self.model, 0.5)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return measured | {"norm": float(norm)}

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """The loss on unseen rows, without routers' losses."""
        self.model.eval()
        return {"validation": float(self.parallel.total(self._loss(STEPS, slice(0, ROWS)).cross_entropy))}

    def _loss(self, number: int, part: slice) -> Loss:
        """This rank's share of the loss on some rows of a step's batch."""
        whole = batch(number, self.case["documents"])
        scored = (whole[1] != IGNORED).sum()
        mine = self.parallel.rows(part.stop - part.start)
        rows = (None if tensor is None else tensor[part][mine] for tensor in whole)
        input_ids, labels, documents = self.parallel.split(*rows)
        output: Output = self.model(input_ids, document_ids=documents)
        return pretraining_loss(
            output.logits,
            labels,
            output.aux,
            balance_weight=0.1,
            z_weight=0.1,
            scored=scored,
            total=self.parallel.total,
            ranks=self.parallel.parts * self.case["parts"],
        )


def batch(step: int, documents: bool) -> tuple[Tensor, Tensor, Tensor | None]:
    """Tokens, labels and document numbers of the whole batch of one step; a fifth of the bases is N."""
    generator = torch.Generator().manual_seed(step)
    input_ids = torch.randint(5, 10, (ROWS, LENGTH), generator=generator)
    starts = torch.rand(ROWS, LENGTH, generator=generator) < 0.1
    return input_ids, next_base_labels(input_ids, frozenset({9})), starts.cumsum(1) if documents else None


def _groups(model: nn.Module) -> list[dict[str, Any]]:
    """Parameters as a trainer groups them: matrices decay, vectors do not."""
    return [
        {"params": [p for p in model.parameters() if p.dim() > 1]},
        {"params": [p for p in model.parameters() if p.dim() <= 1], "weight_decay": 0.0},
    ]


@torch.no_grad()
def _send_all_to_the_first_two_experts(model: nn.Module) -> None:
    """Give every token a large first channel and let the routers go by it."""
    for name, parameter in model.named_parameters():
        if name.endswith("embed_tokens.weight"):
            parameter[:, 0] = 5.0
        elif name.endswith("gate.weight"):
            parameter[:, 0] = torch.tensor([2.0, 1.0, -1.0, -2.0])


def main() -> None:
    cases, folder = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    torch.set_num_threads(1)
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    if world > 1:
        dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=world)
    for name, case in cases.items():
        run = Run(STANDARD | case)
        measured = [run.step(number) for number in range(STEPS)] + [run.validate()]
        parameters = {
            key: (value.full_tensor() if isinstance(value, DTensor) else value).contiguous()
            for key, value in run.model.state_dict().items()
        }
        if rank == 0:
            save_file(parameters, folder / f"{name}.safetensors")
            (folder / f"{name}.json").write_text(json.dumps(measured))
    if world > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
