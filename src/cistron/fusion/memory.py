"""What memory a published run takes: both models built without weights, and what training adds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import nn

from cistron.errors import InputError, UnknownNameError
from cistron.fusion.language import Language, require, with_adapters
from cistron.fusion.projector import Projector, ProjectorConfig
from cistron.fusion.run import FusionRun
from cistron.models import MODELS, ModelSpec
from cistron.registry import unknown

_COMMON: Final = {
    "vocab_size": 151_936,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "max_position_embeddings": 40_960,
}
QWEN3: Final[dict[str, dict[str, Any]]] = {
    "qwen3-1.7b": {"hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 28}
    | {"num_attention_heads": 16, "tie_word_embeddings": True, **_COMMON},
    "qwen3-4b": {"hidden_size": 2560, "intermediate_size": 9728, "num_hidden_layers": 36}
    | {"num_attention_heads": 32, "tie_word_embeddings": True, **_COMMON},
    "qwen3-8b": {"hidden_size": 4096, "intermediate_size": 12_288, "num_hidden_layers": 36}
    | {"num_attention_heads": 32, "tie_word_embeddings": False, **_COMMON},
}
"""Sizes of the language models of published runs, by the run's name. Source: their `config.json`."""

_TRAINED: Final = 16
"""Bytes of a trained weight: itself, its gradient and two moments, in float32."""

_KEPT_OF_A_LAYER: Final = 34
"""Times tokens and width, bytes that a layer in bfloat16 keeps for its backward pass. Source: Korthikanti et
al. 2022 (arXiv 2205.05198), equation 2 without attention scores, which fused kernels do not keep."""


@dataclass(frozen=True)
class MemoryPlan:
    """Bytes on one device while a run trains.

    Attributes:
        language: Frozen weights of the language model, its share where several devices divide them.
        dna: Weights of the DNA model; nothing once all hidden states are on disk.
        trained: Projector and adapters with gradients and moments.
        activations: What is kept for the backward pass at the longest text.
        logits: Of the answer over the whole vocabulary.
        parameters: Part → number of parameters.
    """

    language: int
    dna: int
    trained: int
    activations: int
    logits: int
    parameters: dict[str, int]

    @property
    def total(self) -> int:
        """All of it, with the DNA model resident."""
        return self.language + self.dna + self.trained + self.activations + self.logits


def plan(run: FusionRun, dna: str = "genos-1.2b", *, devices: int = 1) -> MemoryPlan:
    """What a published run takes on each of some devices that divide the frozen weights of the text side.

    Args:
        run: One of the published runs.
        dna: Name of a size of a DNA model, such as `genos-10b` or `evo2-1b-base`.
        devices: How many.

    Raises:
        MissingFusionError: `transformers` or `peft` is not installed.
        InputError: The run's language model is none whose sizes are known here.
        UnknownNameError: No such DNA model.
    """
    language, projector, reader = built(run, dna)
    text, settings = language.config, run.language
    frozen = _numel(p for p in language.model.parameters() if not p.requires_grad)
    adapters = _numel(p for p in language.model.parameters() if p.requires_grad)
    projected, read = _numel(projector.parameters()), _numel(reader.parameters())
    tokens = run.batch * (settings.context or text.max_position_embeddings)
    kept = 2 * text.num_hidden_layers + _KEPT_OF_A_LAYER if run.checkpointing else 0
    each = kept or _KEPT_OF_A_LAYER * text.num_hidden_layers
    answer = run.batch * 1024
    return MemoryPlan(
        language=2 * frozen // devices,
        dna=2 * read,
        trained=_TRAINED * (adapters // devices + projected),
        activations=tokens * text.hidden_size * each,
        # In bfloat16, in float32, and the gradient of that.
        logits=answer * text.vocab_size * (2 + 4 + 4),
        parameters={"language": frozen, "adapters": adapters, "projector": projected, "dna": read},
    )


def built(run: FusionRun, dna: str) -> tuple[Language, Projector, nn.Module]:
    """Language model with adapters, projector and DNA model of a published run, on the meta device."""
    if run.name not in QWEN3:
        raise InputError(unknown("published run with a memory plan", run.name, QWEN3))
    require("transformers", "peft")
    from transformers import Qwen3Config, Qwen3ForCausalLM

    spec, size = _sized(dna)
    with torch.device("meta"):
        model: nn.Module = Qwen3ForCausalLM(Qwen3Config(**QWEN3[run.name]))
        model = model.to(torch.bfloat16).requires_grad_(False)
        language = with_adapters(Language(model, None, run.language.model, ""), run.language)
        reader = spec.build(spec.sizes[size])
        width = spec.sizes[size].hidden_size
        projector = Projector(ProjectorConfig(run.projector, width, language.config.hidden_size))
    return language, projector, reader


def _sized(dna: str) -> tuple[ModelSpec, str]:
    """The architecture that has a size of that name."""
    every = {size: MODELS.get(plug) for plug in MODELS.names() for size in MODELS.get(plug).sizes}
    found = {size: spec for size, spec in every.items() if hasattr(spec.sizes[size], "hidden_size")}
    if dna not in found:
        raise UnknownNameError(unknown("size of a DNA model", dna, found))
    return found[dna], dna


def _numel(parameters: Iterable[nn.Parameter]) -> int:
    return sum(parameter.numel() for parameter in parameters)
