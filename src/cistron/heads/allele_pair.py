"""How likely an alternative allele is pathogenic, from the states of both alleles' windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from cistron.errors import WeightsError
from cistron.heads import HeadSpec, Hidden
from cistron.layers.pool import RULES, Pool, Rule, scale_of, span_mean
from cistron.layers.temperature import best_temperature

PARTS = ("reference", "alternative", "difference", "product")


@dataclass(frozen=True)
class AllelePairConfig:
    """What is compared, and how.

    Attributes:
        hidden_size: Width of the states it reads.
        pooling: How each window becomes a vector.
        centred: Whether the mean of the allele's own tokens stands beside the pooled vector.
        parts: What is made of the two alleles' vectors: themselves, alternative − reference, their product.
        columns: Names of the columns from elsewhere, such as `llr`.
        inner_size: Width of the hidden layer; 0 makes the head linear.
        dropout: Share of inputs left out in training.
        weight: Weight of a pathogenic allele against a benign one in the loss.
        labels: Names of the two classes.
    """

    hidden_size: int
    pooling: Rule = "mean"
    centred: bool = True
    parts: tuple[str, ...] = ("alternative", "difference", "product")
    columns: tuple[str, ...] = ("llr",)
    inner_size: int = 64
    dropout: float = 0.1
    weight: float = 1.0
    labels: tuple[str, str] = ("Benign", "Pathogenic")

    def __post_init__(self) -> None:
        for name in ("parts", "columns", "labels"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if self.pooling not in RULES:
            raise WeightsError(f"pooling is '{self.pooling}'; known: {', '.join(RULES)}")
        unknown = [part for part in self.parts if part not in PARTS]
        if unknown:
            raise WeightsError(f"'{unknown[0]}' is no part of a comparison; known: {', '.join(PARTS)}")
        if not self.parts and not self.columns:
            raise WeightsError("the head would read nothing: no parts and no columns")
        if len(self.labels) != 2:
            raise WeightsError(f"{len(self.labels)} labels; a pair of alleles has two classes")

    @property
    def summary_size(self) -> int:
        """Numbers that are kept of one allele's window."""
        return self.hidden_size * (1 + self.centred)

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> AllelePairConfig:
        """Read the content of a `head.json`; settings that are not its own are ignored."""
        return cls(**{name: values[name] for name in cls.__dataclass_fields__ if name in values})

    def to_dict(self) -> dict[str, Any]:
        """The content of `head.json`."""
        return {"head": "allele-pair", **asdict(self)}


class AllelePair(nn.Module):
    """Standardised features of two alleles, then a small perceptron; the output is a log-odds.

    Columns from elsewhere also reach the output directly, so that a few of them are not lost among many
    states.

    Attributes:
        centre: Means of the features over the training set; `standardise` sets them.
        scale: Their standard deviations.
        temperature: What the log-odds is divided by before it becomes a probability.
    """

    centre: Tensor
    scale: Tensor
    temperature: Tensor

    def __init__(self, config: AllelePairConfig) -> None:
        super().__init__()
        self.config = config
        self.pool = Pool(config.hidden_size, config.pooling)
        width = len(config.parts) * config.summary_size + len(config.columns)
        self.register_buffer("centre", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))
        self.register_buffer("temperature", torch.ones(()))
        self.dropout = nn.Dropout(config.dropout)
        self.inner = nn.Linear(width, config.inner_size) if config.inner_size else None
        self.out = nn.Linear(config.inner_size or width, 1)
        self.direct = None
        if config.inner_size and config.columns:
            self.direct = nn.Linear(len(config.columns), 1, bias=False)
            nn.init.zeros_(self.direct.weight)

    @property
    def keeps(self) -> bool:
        """Whether the vectors of an allele can be kept: not where pooling is learned."""
        return self.config.pooling != "attention"

    def summarise(self, hidden: Hidden) -> Float[Tensor, "B S"]:
        """The pooled states of an allele's window, and those of the allele itself.

        Raises:
            ValueError: The head looks at alleles and `hidden.sites` does not say where they are.
        """
        pooled: Tensor = self.pool(hidden.states, hidden.lengths)
        if not self.config.centred:
            return pooled
        if hidden.sites is None:
            raise ValueError("where the alleles are is not given")
        return torch.cat([pooled, span_mean(hidden.states, hidden.sites)], dim=-1)

    def features(
        self,
        reference: Float[Tensor, "B S"],
        alternative: Float[Tensor, "B S"],
        extra: Float[Tensor, "B F"] | None = None,
    ) -> Float[Tensor, "B W"]:
        """What the perceptron reads, before it is standardised."""
        made = {
            "reference": lambda: reference,
            "alternative": lambda: alternative,
            "difference": lambda: alternative - reference,
            "product": lambda: alternative * reference,
        }
        parts = [made[part]() for part in self.config.parts]
        if self.config.columns:
            if extra is None or extra.shape[-1] != len(self.config.columns):
                found = 0 if extra is None else extra.shape[-1]
                raise ValueError(f"{found} columns; the head reads {', '.join(self.config.columns)}")
            parts.append(extra.to(reference.dtype))
        return torch.cat(parts, dim=-1)

    def standardise(
        self, *summaries: Float[Tensor, "N S"], extra: Float[Tensor, "N F"] | None = None
    ) -> None:
        """Take the scale of the features from a training set; see `cistron.heads.Standardising`."""
        centre, scale = scale_of(self.features(*summaries, extra=extra))
        self.centre.copy_(centre)
        self.scale.copy_(scale)

    def decide(
        self, *summaries: Float[Tensor, "B S"], extra: Float[Tensor, "B F"] | None = None
    ) -> Float[Tensor, "B 1"]:
        """The log-odds of the second label, from the reference's summary and the alternative's."""
        features = self.features(*summaries, extra=extra)
        x = ((features - self.centre) / self.scale).to(self.out.weight.dtype)
        # A column that is unknown for an allele stands at its mean.
        x = x.nan_to_num()
        columns = x[:, x.shape[-1] - len(self.config.columns) :]
        x = self.dropout(x)
        if self.inner is not None:
            x = F.gelu(self.inner(x))
        logits: Tensor = self.out(x)
        return logits if self.direct is None else logits + self.direct(columns)

    def loss(self, outputs: Float[Tensor, "B 1"], targets: Float[Tensor, "B 1"]) -> Float[Tensor, ""]:
        """Binary cross-entropy; NaN targets do not count."""
        known = ~targets.isnan()
        weight = torch.tensor(self.config.weight, dtype=outputs.dtype, device=outputs.device)
        return F.binary_cross_entropy_with_logits(
            outputs[known], targets[known].to(outputs.dtype), pos_weight=weight
        )

    def answer(self, outputs: Float[Tensor, "B 1"]) -> Float[Tensor, "B 2"]:
        """Probabilities of both labels."""
        outputs = outputs.to(torch.promote_types(outputs.dtype, torch.float32)) / self.temperature
        return torch.cat([(-outputs).sigmoid(), outputs.sigmoid()], dim=-1)

    def calibrate(self, outputs: Float[Tensor, "N 1"], targets: Float[Tensor, "N 1"]) -> float:
        """Set the temperature under which held-out targets are likeliest, and return it."""
        wanted = targets.double()
        found = best_temperature(outputs, lambda o: F.binary_cross_entropy_with_logits(o, wanted))
        self.temperature.fill_(found)
        return found


HEAD = HeadSpec(
    config=AllelePairConfig.from_mapping,
    build=AllelePair,
    sequences=2,
    per="item",
    source="the classifier of two sequences in Genos' KEGG task, with the allele's own states, "
    "difference and product beside; Genos' own head for pathogenicity is not published",
)
