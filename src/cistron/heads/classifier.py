"""A class, several labels or a number for each sequence, or for each of its tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from cistron.errors import WeightsError
from cistron.heads import HeadSpec, Hidden
from cistron.layers.pool import RULES, Pool, Rule, scale_of
from cistron.layers.temperature import best_temperature

Kind = Literal["binary", "multiclass", "multilabel", "regression"]
KINDS: tuple[str, ...] = get_args(Kind)


@dataclass(frozen=True)
class ClassifierConfig:
    """Sizes and meaning of the outputs.

    Attributes:
        hidden_size: Width of the states it reads.
        kind: What the outputs are. `binary` is one number, the log-odds of the second label.
        labels: Names of the classes, labels or values, in the order of the outputs; two for `binary`.
        pooling: How a sequence becomes one vector; `none` answers for each token.
        inner_size: Width of a hidden layer with GELU; 0 makes the head linear.
        dropout: Share of inputs left out in training.
        weights: Weight of each class in the loss (of the second label against the first when `binary`, of
            presence against absence when `multilabel`); empty counts all alike.
        centre: Means of the targets of a regression; they and `scale` bring targets to the scale of outputs.
        scale: Standard deviations of the targets of a regression.
    """

    hidden_size: int
    kind: Kind = "binary"
    labels: tuple[str, ...] = ("0", "1")
    pooling: Rule | Literal["none"] = "mean"
    inner_size: int = 0
    dropout: float = 0.0
    weights: tuple[float, ...] = ()
    centre: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name in ("labels", "weights", "centre", "scale"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        _check(self)

    @property
    def per_base(self) -> bool:
        """Whether every token has an answer of its own, and not the sequence."""
        return self.pooling == "none"

    @property
    def outputs(self) -> int:
        """Numbers that come out for each item."""
        return 1 if self.kind == "binary" else len(self.labels)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> ClassifierConfig:
        """Read the content of a `head.json`; settings that are not its own are ignored."""
        return cls(**{name: values[name] for name in cls.__dataclass_fields__ if name in values})

    def to_dict(self) -> dict[str, Any]:
        """The content of `head.json`."""
        return {"head": "classifier", **asdict(self)}


def _check(config: ClassifierConfig) -> None:
    if config.kind not in KINDS:
        raise WeightsError(f"kind is '{config.kind}'; known: {', '.join(KINDS)}")
    if config.pooling not in (*RULES, "none"):
        raise WeightsError(f"pooling is '{config.pooling}'; known: {', '.join(RULES)}, none")
    if config.inner_size < 0 or not 0 <= config.dropout < 1:
        raise WeightsError(
            f"inner_size {config.inner_size}, dropout {config.dropout}; 0 or more, and at least 0 but below 1"
        )
    fewest = {"binary": 2, "multiclass": 2}.get(config.kind, 1)
    if len(config.labels) < fewest or (config.kind == "binary" and len(config.labels) > 2):
        raise WeightsError(f"{len(config.labels)} labels do not make a {config.kind} head")
    if len(set(config.labels)) < len(config.labels):
        raise WeightsError(f"a label stands twice in {', '.join(config.labels)}")
    for name in ("weights", "centre", "scale"):
        given = getattr(config, name)
        if given and len(given) != config.outputs:
            raise WeightsError(f"{len(given)} numbers in {name}; the head has {config.outputs} outputs")


class Classifier(nn.Module):
    """Pooling, one scale for all, then a linear layer or a small perceptron; outputs are logits.

    Attributes:
        read_centre: Means of the pooled states over the training set; `standardise` sets them.
        read_scale: Their standard deviations.
        temperature: What logits are divided by before they become probabilities; 1 until `calibrate`.
    """

    read_centre: Tensor
    read_scale: Tensor
    temperature: Tensor
    weights: Tensor
    centre: Tensor
    scale: Tensor

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.config = config
        self.pool = Pool(config.hidden_size, config.pooling) if config.pooling != "none" else None
        width, inner = config.hidden_size, config.inner_size
        self.dropout = nn.Dropout(config.dropout)
        self.inner = nn.Linear(width, inner) if inner else None
        self.out = nn.Linear(inner or width, config.outputs)
        ones = [1.0] * config.outputs
        self.register_buffer("read_centre", torch.zeros(width))
        self.register_buffer("read_scale", torch.ones(width))
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("weights", torch.tensor(config.weights or ones), persistent=False)
        self.register_buffer("centre", torch.tensor(config.centre or [0.0]), persistent=False)
        self.register_buffer("scale", torch.tensor(config.scale or [1.0]), persistent=False)

    @property
    def keeps(self) -> bool:
        """Whether pooled vectors can be kept: not where pooling is learned, nor for every token."""
        return self.config.pooling not in ("attention", "none")

    def summarise(self, hidden: Hidden) -> Float[Tensor, "B *L D"]:
        """The pooled states, or all of them."""
        if self.pool is None:
            return hidden.states
        pooled: Tensor = self.pool(hidden.states, hidden.lengths)
        return pooled

    def standardise(self, *summaries: Float[Tensor, "N D"]) -> None:
        """Take the scale of states from a training set; see `cistron.heads.Standardising`."""
        centre, scale = scale_of(*summaries)
        self.read_centre.copy_(centre)
        self.read_scale.copy_(scale)

    def decide(
        self, *summaries: Float[Tensor, "B *L D"], extra: Float[Tensor, "B F"] | None = None
    ) -> Float[Tensor, "B *L K"]:
        """Logits, or standardised values of a regression."""
        (x,) = summaries
        x = ((x - self.read_centre) / self.read_scale).to(self.out.weight.dtype)
        if self.inner is not None:
            x = F.gelu(self.inner(self.dropout(x)))
        logits: Tensor = self.out(self.dropout(x))
        return logits

    def forward_order(
        self,
        outputs: Float[Tensor, "B *L K"],
        reverse: Bool[Tensor, "B"],
        lengths: Int[Tensor, "B"] | None = None,
    ) -> Float[Tensor, "B *L K"]:
        """Outputs by token in the order of the items; see `cistron.heads.Turning`."""
        if self.pool is not None:
            return outputs
        places = torch.arange(outputs.shape[1], device=outputs.device)
        ends = torch.full_like(reverse, outputs.shape[1], dtype=torch.long) if lengths is None else lengths
        backward = (ends.to(places.device)[:, None] - 1 - places).clamp(min=0)
        order = torch.where(reverse.to(places.device)[:, None], backward, places)
        return outputs.gather(1, order[..., None].expand_as(outputs))

    def loss(self, outputs: Float[Tensor, "B *L K"], targets: Tensor) -> Float[Tensor, ""]:
        """Cross-entropy, or the mean squared error of standardised values.

        Args:
            outputs: From `decide`.
            targets: Class numbers `(B, *L)` for `multiclass` (negative: does not count), else `(B, *L, K)`
                with NaN where nothing is known.
        """
        outputs = outputs.to(torch.promote_types(outputs.dtype, torch.float32))
        weights = self.weights.to(outputs.dtype)
        if self.config.kind == "multiclass":
            return _class_loss(outputs.flatten(0, -2), targets.flatten(), weights)
        known = ~targets.isnan()
        if self.config.kind == "regression":
            wanted = (targets - self.centre) / self.scale
            return (outputs - wanted.to(outputs.dtype))[known].square().mean()
        losses = F.binary_cross_entropy_with_logits(
            outputs, targets.nan_to_num().to(outputs.dtype), pos_weight=weights, reduction="none"
        )
        return losses[known].mean()

    def answer(self, outputs: Float[Tensor, "B *L K"]) -> Float[Tensor, "B *L C"]:
        """Probabilities of all labels, or values on the scale of the targets."""
        outputs = outputs.to(torch.promote_types(outputs.dtype, torch.float32))
        if self.config.kind == "regression":
            return outputs * self.scale + self.centre
        outputs = outputs / self.temperature
        if self.config.kind == "multiclass":
            return outputs.softmax(dim=-1)
        if self.config.kind == "multilabel":
            return outputs.sigmoid()
        return torch.cat([(-outputs).sigmoid(), outputs.sigmoid()], dim=-1)

    def calibrate(self, outputs: Float[Tensor, "N *L K"], targets: Tensor) -> float:
        """Set the temperature under which held-out targets are likeliest, and return it.

        Args:
            outputs: From `decide`, of items that the head was not trained on.
            targets: As for `loss`.

        Raises:
            WeightsError: A regression has no probabilities.
        """
        if self.config.kind == "regression":
            raise WeightsError("a regression has no probabilities to calibrate")
        found = best_temperature(outputs, lambda logits: self._unweighted(logits, targets))
        self.temperature.fill_(found)
        return found

    def _unweighted(self, outputs: Tensor, targets: Tensor) -> Tensor:
        if self.config.kind == "multiclass":
            return _class_loss(outputs.flatten(0, -2), targets.flatten(), None)
        known = ~targets.isnan()
        return F.binary_cross_entropy_with_logits(outputs[known], targets[known].to(outputs.dtype))


def _class_loss(
    logits: Float[Tensor, "N C"], classes: Tensor, weights: Float[Tensor, "C"] | None
) -> Float[Tensor, ""]:
    known = classes >= 0
    return F.cross_entropy(logits[known], classes[known], weight=weights)


HEAD = HeadSpec(
    config=ClassifierConfig.from_mapping,
    build=Classifier,
    sequences=1,
    per="item",
    source="a linear layer or one hidden layer on pooled states, the usual probe",
)
