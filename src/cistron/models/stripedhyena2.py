"""StripedHyena 2: the architecture of Evo 2, gated convolutions of three lengths with some attention between.

Blocks of four kinds follow one another: short (`S`, 7 taps), medium (`D`, 128 taps) and long (`H`, a sum of
exponentials over everything before) Hyena filters, and causal attention (`*`). Names of modules are those of
the published checkpoints. This file is that architecture, read top to bottom.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Literal, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from cistron.errors import InputError, WeightsError, WindowError
from cistron.layers.cache import KeyValueCache
from cistron.layers.capture import Capture
from cistron.layers.documents import stacked
from cistron.layers.fp8 import Fp8Linear
from cistron.layers.frequencies import RotaryFrequencies, rotate_rounded
from cistron.layers.hyena import (
    HyenaFilter,
    HyenaMemory,
    LongFilter,
    MediumFilter,
    ShortFilter,
    stacked_memories,
)
from cistron.layers.reading import Part, Places, Reading
from cistron.layers.recall import attend_after, attend_to_all
from cistron.models import ModelSpec, Output, State, last_tokens, longer_sizes

SHORT, MEDIUM, LONG, ATTENTION = "SDH*"
"""Letters of the layer pattern."""

Memory = HyenaMemory | KeyValueCache


@dataclass(frozen=True)
class StripedHyena2Config:
    """Sizes and constants.

    Attributes:
        hybrid_override_pattern: Kind of each layer: `S`, `D`, `H` or `*`; repeated or cut to
            `num_hidden_layers`.
        hcs_filter_length: Taps of a short filter.
        hcm_filter_length: Taps of a medium filter.
        hcs_filter_groups: Short filters in a layer; channels share them evenly.
        hcm_filter_groups: Medium filters in a layer.
        state_size: Exponentials of a long filter; every channel has its own.
        rope_theta: Base of the rotary frequencies that a fresh model starts with. A checkpoint brings its own
            frequencies, rounded as they were when it was trained, and those count.
        rope_factor: Positions are divided by it.
        fp8: `emulate` for input projections of Hyena layers that have scales and round to eight bits.
        width: Recommended window for variant scoring, in bp.
    """

    vocab_size: int = 512
    hidden_size: int = 4096
    intermediate_size: int = 11264
    num_hidden_layers: int = 32
    num_attention_heads: int = 32
    hybrid_override_pattern: str = "SDH*SDH"
    hcs_filter_length: int = 7
    hcm_filter_length: int = 128
    hcs_filter_groups: int = 256
    hcm_filter_groups: int = 256
    state_size: int = 16
    rms_norm_eps: float = 1e-6
    rope_theta: float = 1e4
    rope_factor: float = 1.0
    max_position_embeddings: int = 1_048_576
    initializer_range: float = 0.02
    fp8: Literal["off", "emulate"] = "off"
    width: int = 8192

    def __post_init__(self) -> None:
        _check_sizes(self)
        pattern = self.hybrid_override_pattern * -(
            -self.num_hidden_layers // len(self.hybrid_override_pattern)
        )
        object.__setattr__(self, "hybrid_override_pattern", pattern[: self.num_hidden_layers])

    @property
    def context_length(self) -> int:
        """Longest sequence in tokens."""
        return self.max_position_embeddings

    @property
    def head_dim(self) -> int:
        """Width of an attention head."""
        return self.hidden_size // self.num_attention_heads

    @property
    def num_key_value_heads(self) -> int:
        """As many as there are heads."""
        return self.num_attention_heads

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> StripedHyena2Config:
        """Read a `config.json`; `weights/convert/evo2_config.py` reads published configurations.

        Raises:
            WeightsError: A setting is missing or of the wrong kind, or sizes do not fit one another.
        """
        known = {name: values[name] for name in cls.__dataclass_fields__ if values.get(name) is not None}
        lacking = [name for name in _REQUIRED if name not in known]
        if lacking:
            raise WeightsError(f"the configuration does not say {lacking[0]}; it is not that of a model")
        known.setdefault("width", min(cls.width, known["max_position_embeddings"]))
        try:
            return cls(**known)
        except TypeError as problem:
            raise WeightsError(f"a setting is of the wrong kind: {problem}") from None

    def to_dict(self) -> dict[str, Any]:
        """The content of `config.json`."""
        return {"architectures": ["StripedHyena2"], "model_type": "stripedhyena2", **asdict(self)}


_REQUIRED = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "hybrid_override_pattern",
    "max_position_embeddings",
)


def _check_sizes(config: StripedHyena2Config) -> None:
    """Return silently when the sizes fit one another.

    Raises:
        WeightsError: They do not.
    """
    pattern, hidden = config.hybrid_override_pattern, config.hidden_size
    if not pattern or set(pattern) - {SHORT, MEDIUM, LONG, ATTENTION}:
        raise WeightsError(f"hybrid_override_pattern is {pattern!r}; its letters are S, D, H and *")
    for name in ("num_attention_heads", "hcs_filter_groups", "hcm_filter_groups"):
        if getattr(config, name) < 1 or hidden % getattr(config, name):
            raise WeightsError(
                f"hidden_size is {hidden}, which {name} {getattr(config, name)} does not divide"
            )
    if config.head_dim % 2:
        raise WeightsError(f"an attention head of {config.head_dim} channels cannot be rotated in pairs")
    if config.fp8 not in ("off", "emulate"):
        raise WeightsError(f"fp8 is {config.fp8!r}; it is off or emulate")


@dataclass(frozen=True)
class StripedHyena2State:
    """What every layer remembers, and how far each row has been read.

    Attributes:
        memories: One per layer: filter inputs and modal states, or keys and values of the current document.
        places: Where rows and their documents stand.
    """

    memories: list[Memory]
    places: Places

    @property
    def lengths(self) -> Int[Tensor, "B"]:
        """Tokens read, per row."""
        return self.places.lengths

    def fork(self, rows: Int[Tensor, "R"]) -> StripedHyena2State:
        """A state whose row *i* continues from row `rows[i]`."""
        rows = rows.to(self.lengths.device)
        memories = [memory.fork(rows, len(self.lengths)) for memory in self.memories]
        return StripedHyena2State(memories, self.places.fork(rows))

    def to(
        self, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> StripedHyena2State:
        """The same state on another device or in another dtype; modal states stay float32 at least."""
        return StripedHyena2State(
            [memory.to(device, dtype) for memory in self.memories], self.places.to(device)
        )


class Norm(nn.Module):
    """Scales each vector to unit root mean square; ε is added outside the root, and nothing is widened."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        """Return the normalised `x`."""
        root = x.norm(2, dim=-1, keepdim=True) * x.shape[-1] ** -0.5
        scaled: Tensor = self.scale * (x / (root + self.eps))
        return scaled


class GatedMLP(nn.Module):
    """l3(act(l1 x) · l2 x), bilinear but for a GELU in the first block; no biases."""

    def __init__(self, config: StripedHyena2Config, index: int) -> None:
        super().__init__()
        self.l1 = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.l2 = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.l3 = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)
        self.gelu = index == 0

    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        """Return the block's update of `x`."""
        gate = F.gelu(self.l1(x)) if self.gelu else self.l1(x)
        out: Tensor = self.l3(gate * self.l2(x))
        return out


class LinearThenBias(nn.Linear):
    """A linear layer whose product is rounded before the bias is added, as in the reference."""

    def forward(self, input: Float[Tensor, "*B D"]) -> Float[Tensor, "*B E"]:
        """Return product plus bias."""
        return F.linear(input, self.weight) + self.bias


class Block(nn.Module):
    """A mixer over positions and a gated MLP, each behind a norm and added to the residual stream."""

    layers: ClassVar[tuple[str, str]]
    """Names of the layers that begin and end the mixer; what the first gives is 3 · D wide."""

    def __init__(self, config: StripedHyena2Config, index: int) -> None:
        super().__init__()
        self.index = index
        self.pre_norm = Norm(config.hidden_size, config.rms_norm_eps)
        self.post_norm = Norm(config.hidden_size, config.rms_norm_eps)
        self.mlp = GatedMLP(config, index)

    def forward(
        self,
        x: Float[Tensor, "B L D"],
        reading: Reading,
        memory: Memory | None,
        kept: Capture,
        cut: Cut | None = None,
    ) -> tuple[Float[Tensor, "B L D"], Memory | None]:
        """Return the stream behind the block, of all tokens or as `cut`, and the memory behind the chunk."""
        normed = self._recorded("pre_norm", self.pre_norm(x), kept)
        projected = self._recorded(self.layers[0], self.project(normed), kept)
        mixed, after = self._mixed(projected, reading, memory)
        if cut is not None:
            mixed, x = cut(mixed), cut(x)
        x = x + self._recorded(self.layers[1], self.project_back(mixed), kept)
        normed = self._recorded("post_norm", self.post_norm(x), kept)
        update = self._recorded("mlp", self.mlp(normed), kept)
        self._recorded("mlp.l3", update, kept)
        x = x + update
        kept.record(f"blocks.{self.index}", x)
        return x, after

    def _recorded(self, name: str, value: Tensor, kept: Capture) -> Tensor:
        kept.record(f"blocks.{self.index}.{name}", value)
        return value

    def _mixed(
        self, projected: Float[Tensor, "B L 3D"], reading: Reading, memory: Memory | None
    ) -> tuple[Float[Tensor, "B L D"], Memory | None]:
        """Mix positions within each document."""
        if reading.whole is not None:
            out, after = self._advanced(projected, memory, reading.whole)
            return out, None if memory is None else after
        out = projected.new_zeros(*projected.shape[:2], projected.shape[2] // 3)
        ends: list[Memory] = []
        rows: list[Tensor] = []
        for part, runs in reading.parts:
            before = memory.fork(runs.rows, len(projected)) if memory is not None and runs.continued else None
            mixed, after = self._advanced(runs.taken(projected), before, part)
            out = runs.put(out, mixed)
            if after is not None and bool(runs.final.any()):
                ends.append(after.fork(runs.final.nonzero().squeeze(1), len(runs.rows)))
                rows.append(runs.rows[runs.final])
        if memory is None:
            return out, None
        order = torch.cat(rows).argsort()
        return out, self.joined(ends, [len(part) for part in rows]).fork(order, len(order))

    def _advanced(
        self, projected: Float[Tensor, "B L 3D"], memory: Memory | None, part: Part
    ) -> tuple[Float[Tensor, "B L D"], Memory | None]:
        if projected.shape[1] == 0:
            return projected[..., : projected.shape[2] // 3], memory
        return self.mix(projected, memory, part)

    def project(self, x: Float[Tensor, "B L D"]) -> Float[Tensor, "B L 3D"]:
        """Return the mixer's inputs."""
        raise NotImplementedError

    def mix(
        self, projected: Float[Tensor, "B L 3D"], memory: Any, part: Part
    ) -> tuple[Float[Tensor, "B L D"], Memory]:
        """Return what each position takes from those before it, and the memory behind the chunk."""
        raise NotImplementedError

    def project_back(self, mixed: Float[Tensor, "B L D"]) -> Float[Tensor, "B L D"]:
        """Return the mixer's update of the stream."""
        raise NotImplementedError

    def joined(self, memories: list[Any], rows: list[int]) -> Memory:
        """One memory of all rows, one batch of so many `rows` behind the other."""
        raise NotImplementedError


class HyenaBlock(Block):
    """A block whose mixer is a gated filter."""

    layers = "projections", "out_filter_dense"

    def __init__(self, config: StripedHyena2Config, index: int, kind: str) -> None:
        super().__init__(config, index)
        size = config.hidden_size
        self.projections = (
            nn.Linear(size, 3 * size, bias=False) if config.fp8 == "off" else Fp8Linear(size, 3 * size)
        )
        self.filter = _filter(config, kind)
        self.out_filter_dense = LinearThenBias(size, size)

    def project(self, x: Float[Tensor, "B L D"]) -> Float[Tensor, "B L 3D"]:
        """Return triples (gate behind, gate before, value) of each channel."""
        projected: Tensor = self.projections(x)
        return projected

    def mix(
        self, projected: Float[Tensor, "B L 3D"], memory: HyenaMemory | None, part: Part
    ) -> tuple[Float[Tensor, "B L D"], HyenaMemory]:
        """Filter between the gates."""
        found: tuple[Tensor, HyenaMemory] = self.filter(projected, memory, part.read)
        return found

    def project_back(self, mixed: Float[Tensor, "B L D"]) -> Float[Tensor, "B L D"]:
        """Mix the channels."""
        out: Tensor = self.out_filter_dense(mixed)
        return out

    def joined(self, memories: list[HyenaMemory], rows: list[int]) -> HyenaMemory:
        """One memory of all rows, one batch behind the other."""
        del rows  # the tensors say it
        return stacked_memories(memories)


def _filter(config: StripedHyena2Config, kind: str) -> HyenaFilter:
    if kind == SHORT:
        return ShortFilter(config.hidden_size, config.hcs_filter_groups, config.hcs_filter_length)
    if kind == MEDIUM:
        return MediumFilter(config.hidden_size, config.hcm_filter_groups, config.hcm_filter_length)
    return LongFilter(config.hidden_size, config.state_size)


class Attention(nn.Module):
    """Parameters published as `inner_mha_cls`; rows of `Wqkv` are (q, k, v) of one head after another."""

    def __init__(self, config: StripedHyena2Config) -> None:
        super().__init__()
        self.Wqkv = nn.Linear(config.hidden_size, 3 * config.hidden_size, bias=False)
        self.out_proj = nn.Linear(config.hidden_size, config.hidden_size)
        self.rotary_emb = RotaryFrequencies(config.head_dim)


class AttentionBlock(Block):
    """A block whose mixer is causal attention with rotary positions."""

    layers = "inner_mha_cls.Wqkv", "inner_mha_cls"

    def __init__(self, config: StripedHyena2Config, index: int) -> None:
        super().__init__(config, index)
        self.head_dim, self.rope_factor = config.head_dim, config.rope_factor
        self.inner_mha_cls = Attention(config)

    def project(self, x: Float[Tensor, "B L D"]) -> Float[Tensor, "B L 3D"]:
        """Return (query, key, value) of each head."""
        projected: Tensor = self.inner_mha_cls.Wqkv(x)
        return projected

    def mix(
        self, projected: Float[Tensor, "B L 3D"], memory: KeyValueCache | None, part: Part
    ) -> tuple[Float[Tensor, "B L D"], KeyValueCache]:
        """Return what every head attends to, side by side, and the cache behind the chunk."""
        cos, sin = self.inner_mha_cls.rotary_emb(part.positions, self.rope_factor)
        heads = projected.view(*projected.shape[:2], -1, 3, self.head_dim).permute(3, 0, 2, 1, 4)
        query, key = (rotate_rounded(x, cos, sin) for x in heads[:2])
        cache = KeyValueCache() if memory is None else memory
        # A view would keep queries and keys alive in the cache.
        after = cache.appended(key, heads[2].contiguous(), part.valid)
        if query.shape[2] == 1:
            out = attend_to_all(query, after.blocks())
        else:
            out = attend_after(query, key, heads[2], cache.blocks())
        return out.transpose(1, 2).flatten(-2), after

    def project_back(self, mixed: Float[Tensor, "B L D"]) -> Float[Tensor, "B L D"]:
        """Mix the heads."""
        out: Tensor = self.inner_mha_cls.out_proj(mixed)
        return out

    def joined(self, memories: list[KeyValueCache], rows: list[int]) -> KeyValueCache:
        """One memory of all rows, one batch of so many `rows` behind the other."""
        return stacked(memories, rows)


@dataclass(frozen=True)
class Cut:
    """Takes each row's last token, of `lengths` real ones where rows differ."""

    lengths: Int[Tensor, "B"] | None

    def __call__(self, x: Float[Tensor, "B L D"]) -> Float[Tensor, "B 1 D"]:
        """Return that token."""
        return last_tokens(x, self.lengths)


class StripedHyena2(nn.Module):
    """The language model; implements the `Model` contract of `cistron.models`."""

    def __init__(self, config: StripedHyena2Config) -> None:
        super().__init__()
        self._config = config
        self.embedding_layer = nn.Embedding(config.vocab_size, config.hidden_size)
        self.blocks = nn.ModuleList(
            AttentionBlock(config, index) if kind == ATTENTION else HyenaBlock(config, index, kind)
            for index, kind in enumerate(config.hybrid_override_pattern)
        )
        self.norm = Norm(config.hidden_size, config.rms_norm_eps)
        self.reset_parameters()

    @property
    def config(self) -> StripedHyena2Config:
        """The settings it was built from; another RoPE base or factor may be set."""
        return self._config

    @config.setter
    def config(self, config: StripedHyena2Config) -> None:
        before, self._config = self._config, config
        for block in self.blocks:
            if isinstance(block, AttentionBlock):
                block.rope_factor = config.rope_factor
                if config.rope_theta != before.rope_theta:
                    block.inner_mha_cls.rotary_emb.reset_parameters(config.rope_theta)

    def reset_parameters(self) -> None:
        """Normal weights, output projections scaled down by √(2·layers), filters of about unit energy."""
        if self.embedding_layer.weight.is_meta:
            return  # nothing to fill in, at a price
        std = self.config.initializer_range
        small = std / (2 * self.config.num_hidden_layers) ** 0.5
        nn.init.normal_(self.embedding_layer.weight, std=std)
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear | Fp8Linear):
                back = name.endswith(("l3", "out_proj", "out_filter_dense"))
                nn.init.normal_(module.weight, std=small if back else std)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
            if isinstance(module, HyenaFilter):
                module.reset_parameters()
            if isinstance(module, RotaryFrequencies):
                module.reset_parameters(self.config.rope_theta)

    def empty_state(self, batch: int) -> StripedHyena2State:
        """The state before the first token."""
        like = self.embedding_layer.weight
        memories: list[Memory] = [
            block.filter.empty_memory(batch, like.dtype) if isinstance(block, HyenaBlock) else KeyValueCache()
            for block in self.blocks
        ]
        return StripedHyena2State(memories, Places.none(batch, like.device))

    def layer_names(self) -> list[str]:
        """Every name that `capture` accepts."""
        inside = [
            f"blocks.{block.index}.{part}"
            for block in cast("Iterable[Block]", self.blocks)
            for part in ("pre_norm", *block.layers, "post_norm", "mlp", "mlp.l3")
        ]
        return ["embedding_layer", *(f"blocks.{i}" for i in range(len(self.blocks))), *inside, "norm"]

    def forward(
        self,
        input_ids: Int[Tensor, "B L"],
        state: State | None = None,
        *,
        lengths: Int[Tensor, "B"] | None = None,
        document_ids: Int[Tensor, "B L"] | None = None,
        capture: Sequence[str | int] = (),
        logits: bool = True,
        last_only: bool = False,
    ) -> Output:
        """Run one chunk; see `cistron.models.Model`.

        Raises:
            WindowError: A sequence is longer than the model's context.
        """
        if state is not None and not isinstance(state, StripedHyena2State):
            raise InputError(f"a StripedHyena 2 model continues its own state, not a {type(state).__name__}")
        self._check_length(input_ids.shape[1], state)
        reading = Reading.of(input_ids, None if state is None else state.places, lengths, document_ids)
        memories: Sequence[Memory | None] = [None] * len(self.blocks) if state is None else state.memories
        streams = [f"blocks.{i}" for i in range(len(self.blocks) - 1)]
        kept = Capture(capture, self.layer_names(), ["embedding_layer", *streams, "norm"])

        x = self.embedding_layer(input_ids)
        kept.record("embedding_layer", x)
        updated = []
        for block, memory in zip(self.blocks, memories, strict=True):
            last = last_only and block is self.blocks[-1]
            x, after = block(x, reading, memory, kept, Cut(lengths) if last else None)
            updated.append(after)
        x = self.norm(x)
        kept.record("norm", x)
        return Output(
            logits=F.linear(x, self.embedding_layer.weight) if logits else None,
            hidden_states=x,
            captured=kept.found,
            state=None if reading.after is None else StripedHyena2State(updated, reading.after),
        )

    def _check_length(self, length: int, state: StripedHyena2State | None) -> None:
        read = 0 if state is None or not len(state.lengths) else int(state.lengths.max())
        most = self.config.max_position_embeddings
        if read + length <= most:
            return
        longer = longer_sizes(self.config, read + length)
        advice = (
            f"models that read as much: {', '.join(longer)}" if longer else "no Evo 2 model reads as much"
        )
        raise WindowError(f"a sequence has {read + length:,} tokens; this model reads {most:,}; {advice}")


_LEFT_OUT = ("unembed.weight", "_extra_state", ".filter.t")
"""Ends of published names that are copies or belong to other software."""


def to_published(config: StripedHyena2Config, state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Names are those of the published checkpoints already."""
    del config
    return dict(state_dict)


def from_published(config: StripedHyena2Config, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors without the tied copy of the embedding and what belongs to other software."""
    del config
    return {name: tensor for name, tensor in tensors.items() if not name.endswith(_LEFT_OUT)}


EVO2_7B = StripedHyena2Config(rope_factor=128.0)
EVO2_7B_262K = replace(EVO2_7B, intermediate_size=11008, max_position_embeddings=262_144, rope_factor=32.0)
EVO2_7B_BASE = replace(EVO2_7B_262K, max_position_embeddings=32_768, rope_factor=1.0)
EVO2_1B_BASE = replace(
    EVO2_7B_BASE,
    hidden_size=1920,
    intermediate_size=5120,
    num_hidden_layers=25,
    num_attention_heads=15,
    hcs_filter_groups=128,
    hcm_filter_groups=128,
    max_position_embeddings=8192,
)
EVO2_20B = replace(
    EVO2_7B,
    hidden_size=8192,
    intermediate_size=22_528,
    num_hidden_layers=24,
    num_attention_heads=64,
    hcs_filter_groups=512,
    hcm_filter_groups=512,
    rope_theta=1e6,
)
EVO2_40B = replace(
    EVO2_20B,
    num_hidden_layers=50,
    hybrid_override_pattern="SDH*SDH" * 4 + "SDH*" + "SDH" + "*" + "SDHSDH*" * 2,
)
EVO2_40B_BASE = replace(EVO2_40B, intermediate_size=21_888, max_position_embeddings=8192, rope_factor=1.0)
TINY = StripedHyena2Config(
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=5,
    num_attention_heads=4,
    hybrid_override_pattern="SDH*H",
    hcm_filter_length=16,
    hcs_filter_groups=8,
    hcm_filter_groups=8,
    state_size=4,
    rope_factor=4.0,
    max_position_embeddings=4096,
    initializer_range=0.1,
    width=512,
)

SIZES: dict[str, StripedHyena2Config] = {
    "evo2-1b-base": EVO2_1B_BASE,
    "evo2-7b-base": EVO2_7B_BASE,
    "evo2-7b-262k": EVO2_7B_262K,
    "evo2-7b": EVO2_7B,
    "evo2-20b": EVO2_20B,
    "evo2-40b-base": EVO2_40B_BASE,
    "evo2-40b": EVO2_40B,
    "evo2-tiny": TINY,
}

MODEL = ModelSpec(
    config=StripedHyena2Config.from_mapping,
    build=StripedHyena2,
    tokenizer="byte",
    sizes=SIZES,
    architectures=("StripedHyena2",),
    causal=True,
    to_published=to_published,
    from_published=from_published,
    parallel_plan={
        "blocks.*.mlp.l1": "columns",
        "blocks.*.mlp.l2": "columns",
        "blocks.*.mlp.l3": "rows",
        "blocks.*.inner_mha_cls.Wqkv": "columns",
        "blocks.*.inner_mha_cls.out_proj": "rows",
    },
    wide=(".log_poles", ".residues", ".inv_freq", ".input_scale", ".weight_scale"),
    source="Brixi et al. 2025, Genome modelling and design across all domains of life with Evo 2; Ku et al. "
    "2025 (arXiv 2503.01868); configurations and code of the packages `evo2` 0.6.0 and `vtx` 1.1.0",
)
