"""One training step, ours and that of transformers, on the same weights and objective."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import MixtralConfig, MixtralForCausalLM

from cistron.models import MODELS
from cistron.models.genos import Genos, GenosConfig
from cistron.training.loss import next_base_labels, pretraining_loss
from cistron.training.optim import adamw, set_rate
from cistron.training.parallel import Layout, Parallel
from cistron.training.pretrain import Pretraining

RATE = 1e-4


def network_config(run: Pretraining) -> GenosConfig:
    """Sizes of the Mixtral decoder in a recipe, which may have an n-gram memory beside it."""
    return GenosConfig.from_mapping(run.model.get("base", run.model))


def initial_network(config: GenosConfig, device: torch.device | str = "cpu") -> Genos:
    """A network whose embeddings and routers have unit variance: all experts get tokens, as in training."""
    torch.manual_seed(0)
    network = Genos(config)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith(("embed_tokens.weight", ".gate.weight")):
                parameter.normal_()
    return network.to(device)


class Contestant(ABC):
    """A model with its optimiser.

    Attributes:
        model: In training mode, with float32 weights.
        autocast: Whether its matrix products run in bfloat16.
    """

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer, run: Pretraining, autocast: bool):
        self.model, self.optimizer, self.autocast = model.train(), optimizer, autocast
        self.optim = run.optim

    @abstractmethod
    def objective(self, input_ids: Tensor) -> Tensor:
        """Cross-entropy, load balancing and z-loss."""

    def step(self, input_ids: Tensor) -> None:
        """Forward, backward, clip, update."""
        with torch.autocast(input_ids.device.type, torch.bfloat16, enabled=self.autocast):
            total = self.objective(input_ids)
        total.backward()  # type: ignore[no-untyped-call]
        self.clip()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    def clip(self) -> float:
        """Clip gradients; returns their norm, which every trainer logs."""
        return float(nn.utils.clip_grad_norm_(self.model.parameters(), self.optim.clip))

    def agreement(self, input_ids: Tensor) -> tuple[float, float]:
        """Cross-entropy and the norm of its gradient, to compare contestants by."""
        with torch.autocast(input_ids.device.type, torch.bfloat16, enabled=self.autocast):
            logits = self.model(input_ids).logits.float()
        entropy = F.cross_entropy(logits[:, :-1].flatten(0, 1), input_ids[:, 1:].flatten())
        entropy.backward()  # type: ignore[no-untyped-call]
        squares = sum(float(p.grad.square().sum()) for p in self.model.parameters() if p.grad is not None)
        self.optimizer.zero_grad(set_to_none=True)
        return entropy.item(), squares**0.5


class Ours(Contestant):
    """As `training/trainer.py` sets it up, divided among the processes that there are."""

    def __init__(self, network: Genos, run: Pretraining, *, autocast: bool) -> None:
        device = network.lm_head.weight.device
        self.world = Parallel(Layout(), MODELS.get("genos"), network.config, device)
        model = self.world.apply(copy.deepcopy(network), compile=run.compile)
        optimizer = adamw(model, run.optim)
        set_rate(optimizer, RATE)
        super().__init__(model, optimizer, run, autocast)

    def objective(self, input_ids: Tensor) -> Tensor:
        """Return what the trainer minimises."""
        output = self.model(input_ids)
        with torch.autocast(input_ids.device.type, enabled=False):
            return pretraining_loss(
                output.logits,
                next_base_labels(input_ids, frozenset()),
                output.aux,
                balance_weight=self.optim.balance_weight,
                z_weight=self.optim.z_weight,
                total=self.world.total,
                ranks=self.world.parts,
            ).total

    def clip(self) -> float:
        """Clip the gradients that all processes hold together."""
        return float(self.world.clip_gradients(self.model, self.optim.clip))


class Theirs(Contestant):
    """`MixtralForCausalLM` with PyTorch's AdamW; the z-loss, which it lacks, is added."""

    def __init__(
        self, network: Genos, run: Pretraining, *, experts: str | None, autocast: bool, fused: bool
    ) -> None:
        config = MixtralConfig(
            **network.config.to_dict(),
            output_router_logits=True,
            router_aux_loss_coef=run.optim.balance_weight,
        )
        chosen: dict[str, Any] = {} if experts is None else {"experts_implementation": experts}
        device = network.lm_head.weight.device
        build: Any = MixtralForCausalLM._from_config
        model = build(config, attn_implementation="sdpa", **chosen).to(device)
        model.load_state_dict(
            {name.replace(".block_sparse_moe.", ".mlp."): t for name, t in network.state_dict().items()}
        )
        optimizer = torch.optim.AdamW(
            model.parameters(),
            lr=RATE,
            betas=(run.optim.betas[0], run.optim.betas[1]),
            weight_decay=run.optim.weight_decay,
            **({"fused": True} if fused else {}),
        )
        super().__init__(model, optimizer, run, autocast)

    def objective(self, input_ids: Tensor) -> Tensor:
        """Return its loss with the balance loss in it, and the z-loss."""
        output = self.model(input_ids=input_ids, labels=input_ids)
        z = sum(logits.float().logsumexp(-1).square().mean() for logits in output.router_logits)
        total: Tensor = output.loss + self.optim.z_weight * z
        return total


def contestants(run: Pretraining) -> dict[str, Callable[[], Contestant]]:
    """All of them, by name, each made when it is called."""
    network = initial_network(network_config(run))
    return {
        "transformers default, float32": lambda: Theirs(
            network, run, experts=None, autocast=False, fused=False
        ),
        "transformers eager, float32": lambda: Theirs(
            network, run, experts="eager", autocast=False, fused=True
        ),
        "transformers eager, bfloat16": lambda: Theirs(
            network, run, experts="eager", autocast=True, fused=True
        ),
        "cistron, float32": lambda: Ours(network, run, autocast=False),
        "cistron, bfloat16": lambda: Ours(network, run, autocast=True),
    }
