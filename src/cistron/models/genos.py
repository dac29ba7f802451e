"""Genos: a causal mixture-of-experts decoder over single bases.

The released Genos-1.2B and Genos-10B are stock Mixtral decoders: RMSNorm, rotary positions (θ = 5e7),
grouped-query attention, eight SwiGLU experts of which each token uses two, untied head, no biases. This file
is that architecture, read top to bottom; any Hugging Face Mixtral checkpoint of this shape loads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from cistron.errors import InputError, WeightsError
from cistron.layers.attention import attend
from cistron.layers.cache import KeyValueCache
from cistron.layers.capture import Capture
from cistron.layers.moe import RouterStatistics, SparseMoE
from cistron.layers.norm import RMSNorm
from cistron.layers.recall import attend_after, attend_to_all
from cistron.layers.residual import residual_stream, wide_linear
from cistron.layers.rotary import rotary_angles, rotate
from cistron.models import ModelSpec, Output, State, last_tokens


@dataclass(frozen=True)
class GenosConfig:
    """Sizes and constants, under the names of a Hugging Face Mixtral `config.json`.

    `width` is this platform's own: the recommended window for variant scoring, in bp.
    """

    vocab_size: int = 128
    hidden_size: int = 1024
    intermediate_size: int = 4096
    num_hidden_layers: int = 12
    num_attention_heads: int = 16
    num_key_value_heads: int = 8
    head_dim: int = 64
    num_local_experts: int = 8
    num_experts_per_tok: int = 2
    rms_norm_eps: float = 1e-5
    rope_theta: float = 5e7
    max_position_embeddings: int = 1_048_576
    initializer_range: float = 0.01
    pad_token_id: int | None = None
    width: int = 8192

    @property
    def context_length(self) -> int:
        """Longest sequence in tokens."""
        return self.max_position_embeddings

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> GenosConfig:
        """Read a `config.json`, with `rope_theta` or the newer `rope_parameters`.

        Raises:
            WeightsError: The file asks for something this architecture does not do.
        """
        known = {name: values[name] for name in cls.__dataclass_fields__ if values.get(name) is not None}
        rope = values.get("rope_parameters") or values.get("rope_scaling") or {}
        known["rope_theta"] = float(rope.get("rope_theta") or values.get("rope_theta") or cls.rope_theta)
        known.setdefault("head_dim", values["hidden_size"] // values["num_attention_heads"])
        known["width"] = values.get("width") or min(cls.width, known["max_position_embeddings"])
        _refuse_unsupported(values, rope)
        return cls(**known)

    def to_dict(self) -> dict[str, Any]:
        """The content of `config.json`, readable by transformers' `MixtralConfig`."""
        return {
            "architectures": ["MixtralForCausalLM"],
            "model_type": "mixtral",
            **asdict(self),
            "rope_parameters": {"rope_theta": self.rope_theta, "rope_type": "default"},
            "hidden_act": "silu",
            "sliding_window": None,
            "tie_word_embeddings": False,
            "attention_dropout": 0.0,
            "bos_token_id": None,
            "eos_token_id": None,
        }


def _refuse_unsupported(values: Mapping[str, Any], rope: Mapping[str, Any]) -> None:
    expected = {"hidden_act": "silu", "tie_word_embeddings": False, "attention_bias": False}
    for name, only in expected.items():
        if values.get(name, only) != only:
            raise WeightsError(
                f"config.json: {name} is {values[name]!r}; the Genos architecture has {only!r}"
            )
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind != "default":
        raise WeightsError(f"config.json: rope type is {kind!r}; the Genos architecture has 'default'")
    sliding = values.get("sliding_window")
    if sliding is not None and sliding < values["max_position_embeddings"]:
        raise WeightsError(f"config.json: sliding_window is {sliding}; the Genos architecture has none")


@dataclass
class GenosState:
    """Keys and values of every layer, and how far each row has been read.

    Attributes:
        caches: One per layer, all of the same columns; a row's own columns are marked where rows differ.
        lengths: Tokens read, per row.
        document_ids: Document of every token read, right-padded; None while no document boundaries were
            given.
    """

    caches: list[KeyValueCache]
    lengths: Int[Tensor, "B"]
    document_ids: Int[Tensor, "B P"] | None = None

    def fork(self, rows: Int[Tensor, "R"]) -> GenosState:
        """A state whose row *i* continues from row `rows[i]`."""
        rows = rows.to(self.lengths.device)
        documents = None if self.document_ids is None else self.document_ids[rows]
        return GenosState(
            [cache.fork(rows, len(self.lengths)) for cache in self.caches], self.lengths[rows], documents
        )

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> GenosState:
        """The same state on another device or in another floating dtype, also for what is read later."""
        documents = None if self.document_ids is None else self.document_ids.to(device)
        return GenosState(
            [cache.to(device, dtype) for cache in self.caches], self.lengths.to(device), documents
        )


@dataclass
class _Chunk:
    """Where the tokens of one forward call stand: positions, who sees whom, which are real."""

    cos: Float[Tensor, "*B L K/2"]
    sin: Float[Tensor, "*B L K/2"]
    mask: Bool[Tensor, "B 1 L CL"] | None
    """Over the columns of cache and chunk; None where each token sees all earlier ones of its row."""
    valid: Bool[Tensor, "B L"] | None
    state: GenosState | None
    documents: Int[Tensor, "B P"] | None
    """Document of every token read, the chunk's among them."""
    dtype: torch.dtype = torch.float32
    """In which attention's products are made; the residual stream may be wider."""
    skip_in: int | None = None
    """Layer in which only the last token is worth computing; None for no such layer."""
    updated: list[KeyValueCache] = field(default_factory=list)


class Locate(nn.Module):
    """Finds positions, mask and validity of a chunk's tokens.

    A module without parameters, so that what splits a sequence over devices can stand around it.
    """

    def forward(
        self,
        config: GenosConfig,
        input_ids: Int[Tensor, "B L"],
        state: GenosState | None,
        lengths: Int[Tensor, "B"] | None,
        document_ids: Int[Tensor, "B L"] | None,
    ) -> _Chunk:
        """Return where the chunk's tokens stand."""
        batch, length = input_ids.shape
        device = input_ids.device
        steps = torch.arange(length, device=device)
        if lengths is not None and state is not None and bool((lengths == length).all()):
            lengths = None  # so that the cache need not mark columns
        valid = None if lengths is None else steps < lengths.to(device).unsqueeze(1)
        past = torch.zeros(batch, dtype=torch.long, device=device) if state is None else state.lengths
        ragged = state is not None and bool((past != past[0]).any())
        places = past.unsqueeze(1) + steps
        documents = _joined_documents(state, document_ids, places)

        mask = None
        positions = places if ragged else past[0] + steps
        if documents is not None:
            positions, mask = _document_view(documents, places, _columns(state, past))
        cos, sin = rotary_angles(positions, config.head_dim, config.rope_theta)
        return _Chunk(cos, sin, mask, valid, state, documents)


class Attention(nn.Module):
    """Grouped-query causal attention with rotary positions."""

    def __init__(self, config: GenosConfig) -> None:
        super().__init__()
        self.head_dim = config.head_dim
        heads, kv_heads = config.num_attention_heads, config.num_key_value_heads
        self.q_proj = nn.Linear(config.hidden_size, heads * config.head_dim, bias=False)
        self.k_proj = nn.Linear(config.hidden_size, kv_heads * config.head_dim, bias=False)
        self.v_proj = nn.Linear(config.hidden_size, kv_heads * config.head_dim, bias=False)
        self.o_proj = nn.Linear(heads * config.head_dim, config.hidden_size, bias=False)
        self.heads = Heads()

    def forward(self, x: Float[Tensor, "B L D"], chunk: _Chunk, layer: int) -> Float[Tensor, "B L D"]:
        """Attend within the chunk and to the state, and add the chunk to the state.

        Returns one token where the layer is skipped in, all of them otherwise.
        """
        x = x.to(chunk.dtype)
        asking = -1 if layer == chunk.skip_in else 0
        query, key, value = (
            project(y).unflatten(-1, (-1, self.head_dim)).transpose(1, 2)
            for project, y in ((self.q_proj, x[:, asking:]), (self.k_proj, x), (self.v_proj, x))
        )
        out = self.heads(query, key, value, chunk, layer)
        projected: Tensor = self.o_proj(out.transpose(1, 2).flatten(-2))
        return projected


class Heads(nn.Module):
    """What each head does on its own: rotate queries and keys, attend, remember.

    A module without parameters, so that what splits a sequence over devices can stand around it.
    """

    def forward(
        self,
        query: Float[Tensor, "B H Q K"],
        key: Float[Tensor, "B KV L K"],
        value: Float[Tensor, "B KV L K"],
        chunk: _Chunk,
        layer: int,
    ) -> Float[Tensor, "B H Q K"]:
        """Return what every query, the chunk's last or all of them, attends to."""
        asking = -query.shape[2]
        query = rotate(query, chunk.cos[..., asking:, :], chunk.sin[..., asking:, :])
        key = rotate(key, chunk.cos, chunk.sin)
        if chunk.state is None:
            return attend(query, key, value, chunk.mask)
        cache = chunk.state.caches[layer]
        updated = cache.appended(key, value, chunk.valid)
        chunk.updated.append(updated)
        if chunk.mask is not None:
            keys, values = updated.joined() or (key, value)
            return attend(query, keys, values, chunk.mask)
        if query.shape[2] == 1:
            return attend_to_all(query, updated.blocks())
        return attend_after(query, key, value, cache.blocks())


class Layer(nn.Module):
    """Pre-norm attention and mixture of experts, each added to the residual stream."""

    def __init__(self, config: GenosConfig) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_attn = Attention(config)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.block_sparse_moe = SparseMoE(
            config.num_local_experts, config.num_experts_per_tok, config.hidden_size, config.intermediate_size
        )

    def forward(
        self, x: Float[Tensor, "B L D"], chunk: _Chunk, index: int, capture: Capture
    ) -> tuple[Float[Tensor, "B L D"], RouterStatistics | None]:
        """Return the layer's output and, in training mode, its router statistics."""
        attended = self.self_attn(self.input_layernorm(x), chunk, index)
        capture.record(f"model.layers.{index}.self_attn", attended)
        x = x[:, -attended.shape[1] :] + attended
        mixed, statistics = self.block_sparse_moe(self.post_attention_layernorm(x), chunk.valid)
        capture.record(f"model.layers.{index}.block_sparse_moe", mixed)
        x = x + mixed
        capture.record(f"model.layers.{index}", x)
        return x, statistics


class Decoder(nn.Module):
    """Embedding, layers and final norm: the part published under `model.`."""

    def __init__(self, config: GenosConfig) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_hidden_layers))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)


class Genos(nn.Module):
    """The language model; implements the `Model` contract of `cistron.models`."""

    def __init__(self, config: GenosConfig) -> None:
        super().__init__()
        self.config = config
        self.model = Decoder(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.locate = Locate()
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Normal weights; output projections scaled down by √(2·layers), as in the published training."""
        std = self.config.initializer_range
        for name, parameter in self.named_parameters():
            if "norm" in name.rsplit(".", 2)[-2]:
                nn.init.ones_(parameter)
            elif name.endswith(("o_proj.weight", "down_proj")):
                nn.init.normal_(parameter, std=std / (2 * self.config.num_hidden_layers) ** 0.5)
            else:
                nn.init.normal_(parameter, std=std)

    def empty_state(self, batch: int) -> GenosState:
        """The state before the first token."""
        lengths = torch.zeros(batch, dtype=torch.long, device=self.lm_head.weight.device)
        return GenosState([KeyValueCache() for _ in self.model.layers], lengths)

    def layer_names(self) -> list[str]:
        """Every name that `capture` accepts."""
        blocks = [f"model.layers.{i}" for i in range(len(self.model.layers))]
        inside = [f"{block}.{part}" for block in blocks for part in ("self_attn", "block_sparse_moe")]
        return ["model.embed_tokens", *blocks, *inside, "model.norm"]

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
        added: Float[Tensor, "B L D"] | None = None,
    ) -> Output:
        """Run one chunk; see `cistron.models.Model`.

        `added` is added to the token embeddings: what a model that wraps this one knows of each token.
        """
        if state is not None and not isinstance(state, GenosState):
            raise InputError(f"a Genos model continues a GenosState, not a {type(state).__name__}")
        chunk = self.locate(self.config, input_ids, state, lengths, document_ids)
        if last_only and lengths is None and chunk.mask is None:
            chunk.skip_in = len(self.model.layers) - 1
        blocks = [f"model.layers.{i}" for i in range(len(self.model.layers) - 1)]
        kept = Capture(capture, self.layer_names(), ["model.embed_tokens", *blocks, "model.norm"])

        x = self.model.embed_tokens(input_ids)
        chunk.dtype = x.dtype
        x = residual_stream(x)
        if added is not None:
            x = x + added.to(x.dtype)
        kept.record("model.embed_tokens", x)
        statistics = []
        for index, layer in enumerate(self.model.layers):
            x, routed = layer(x, chunk, index, kept)
            statistics.append(routed)
        x = self.model.norm(x)
        kept.record("model.norm", x)
        if last_only:
            x = last_tokens(x, lengths)

        return Output(
            logits=wide_linear(self.lm_head, x) if logits else None,
            hidden_states=x,
            captured=kept.found,
            state=None if state is None else _advanced(chunk, state, input_ids, lengths),
            aux=_stacked(statistics) if self.training else {},
        )


def _joined_documents(
    state: GenosState | None, document_ids: Int[Tensor, "B L"] | None, places: Int[Tensor, "B L"]
) -> Int[Tensor, "B P"] | None:
    """Document of every token read and of the chunk's, whose places are given; None when nobody gave any."""
    before = None if state is None else state.document_ids
    if document_ids is None and before is None:
        return None
    batch, length = places.shape
    total = int(places.max()) + 1 if length else 0
    if before is None:
        before = places.new_zeros(batch, total)
    documents = torch.nn.functional.pad(before, (0, max(total - before.shape[1], 0)))
    if not length:
        return documents
    if document_ids is None:
        document_ids = before.gather(1, (places[:, :1] - 1).clamp(min=0)).expand(-1, length)
    return documents.scatter(1, places, document_ids.to(documents))


def _columns(state: GenosState | None, past: Int[Tensor, "B"]) -> Int[Tensor, "B C"]:
    """Which token of its row each column of the caches holds; −1 where none."""
    width = 0 if state is None else int(past.max())
    valid = None if state is None else state.caches[0].valid(len(past))
    if valid is None:
        return torch.arange(width, device=past.device).expand(len(past), -1)
    return torch.where(valid, valid.long().cumsum(1) - 1, -1)


def _document_view(
    documents: Int[Tensor, "B P"], places: Int[Tensor, "B L"], columns: Int[Tensor, "B C"]
) -> tuple[Int[Tensor, "B L"], Bool[Tensor, "B 1 L CL"]]:
    """Positions that restart with each document, and a mask that keeps documents apart.

    Two tokens belong together when no boundary lies between them; a number that comes back later is a new
    document.

    Args:
        documents: Of the tokens in the order of their rows.
        places: Of the chunk's tokens in that order.
        columns: Of the cache's columns in that order; −1 for a column to be ignored.
    """
    starts = torch.ones_like(documents, dtype=torch.bool)
    starts[:, 1:] = documents[:, 1:] != documents[:, :-1]
    order = torch.arange(documents.shape[1], device=documents.device)
    first = torch.where(starts, order, 0).cummax(1).values
    positions = places - first.gather(1, places)
    keys = torch.cat((columns, places), dim=1)
    same = first.gather(1, places).unsqueeze(2) == first.gather(1, keys.clamp(min=0)).unsqueeze(1)
    earlier = places.unsqueeze(2) >= keys.unsqueeze(1)
    return positions, (same & earlier & (keys >= 0).unsqueeze(1)).unsqueeze(1)


def _advanced(
    chunk: _Chunk, state: GenosState, input_ids: Int[Tensor, "B L"], lengths: Int[Tensor, "B"] | None
) -> GenosState:
    """The state after a chunk."""
    read = input_ids.shape[1] if lengths is None else lengths.to(state.lengths)
    return GenosState(chunk.updated, state.lengths + read, chunk.documents)


def _stacked(statistics: Sequence[RouterStatistics]) -> dict[str, Tensor]:
    """Router statistics of all layers, each with a leading layer axis."""
    return {
        name: torch.stack([getattr(layer, name) for layer in statistics]) for name in RouterStatistics._fields
    }


_EXPERT = "block_sparse_moe.experts"
_FUSED_NAME, _OUR_NAME = ".mlp.", ".block_sparse_moe."


def to_published(config: GenosConfig, state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Split the stacked experts into `experts.N.w1/w2/w3`, the names Genos publishes."""
    del config  # the tensors say it all
    published = {}
    for name, tensor in state_dict.items():
        if name.endswith("experts.gate_up_proj"):
            stem = name.removesuffix(".gate_up_proj")
            for expert, both in enumerate(tensor):
                gate, up = both.chunk(2)
                published[f"{stem}.{expert}.w1.weight"] = gate
                published[f"{stem}.{expert}.w3.weight"] = up
        elif name.endswith("experts.down_proj"):
            stem = name.removesuffix(".down_proj")
            published.update({f"{stem}.{expert}.w2.weight": down for expert, down in enumerate(tensor)})
        else:
            published[name] = tensor
    return published


def from_published(config: GenosConfig, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Stack per-expert tensors; names that are fused already (transformers 5 in memory) pass through."""
    state_dict = {name.replace(_FUSED_NAME, _OUR_NAME): tensor for name, tensor in tensors.items()}
    state_dict = {name: t for name, t in state_dict.items() if not name.endswith("rotary_emb.inv_freq")}
    experts = range(config.num_local_experts)
    for layer in range(config.num_hidden_layers):
        stem = f"model.layers.{layer}.{_EXPERT}"
        if f"{stem}.0.w1.weight" not in state_dict:
            continue
        parts: dict[str, list[Tensor]] = {"w1": [], "w2": [], "w3": []}
        for which, found in parts.items():
            names = [f"{stem}.{expert}.{which}.weight" for expert in experts]
            missing = [name for name in names if name not in state_dict]
            if missing:
                raise WeightsError(f"the checkpoint lacks the tensor {missing[0]}")
            found.extend(state_dict.pop(name) for name in names)
        pairs = zip(parts["w1"], parts["w3"], strict=True)
        state_dict[f"{stem}.gate_up_proj"] = torch.stack([torch.cat(pair) for pair in pairs])
        state_dict[f"{stem}.down_proj"] = torch.stack(parts["w2"])
    return state_dict


GENOS_1_2B = GenosConfig()
GENOS_10B = GenosConfig(vocab_size=256, hidden_size=4096, intermediate_size=8192, head_dim=256)
TINY = GenosConfig(
    vocab_size=16,
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=8,
    num_local_experts=4,
    max_position_embeddings=4096,
    initializer_range=0.05,
    width=512,
)

MODEL = ModelSpec(
    config=GenosConfig.from_mapping,
    build=Genos,
    tokenizer="nucleotide",
    sizes={"genos-1.2b": GENOS_1_2B, "genos-10b": GENOS_10B, "genos-tiny": TINY},
    architectures=("MixtralForCausalLM",),
    causal=True,
    to_published=to_published,
    from_published=from_published,
    parallel_plan={
        "model.layers.*.self_attn.q_proj": "columns",
        "model.layers.*.self_attn.k_proj": "columns",
        "model.layers.*.self_attn.v_proj": "columns",
        "model.layers.*.self_attn.o_proj": "rows",
        "model.layers.*.self_attn.heads": "heads",
        "model.layers.*.block_sparse_moe.experts": "experts",
        "model.layers.*.block_sparse_moe.experts.mix": "dispatch",
        "locate": "sequence",
    },
    source="Genos: GigaScience 2025, giaf132, with the settings that its training scripts and logs show; "
    "Mixtral: Jiang et al. 2024 (arXiv 2401.04088)",
)
