"""An n-gram memory beside a causal network: counted words, and a network that decides how far to trust them.

At this size the words of a genome are too many to be learned by gradient: a plain table of 13-mer counts
predicts human DNA better than a small transformer does. So the words are counted once (`layers/ngram.py`),
and the network learns what a table cannot: context beyond a dozen bases, and when the counts mislead.

The counts reach the network twice: as features added to the token embeddings, and as a weighted vote on the
next base, whose weights depend on the network's last hidden state. At initialisation the model is the
interpolated Markov model of its longest order, so training starts from the best baseline.

While it trains on the sequences it has counted, each prediction leaves out the one occurrence that is being
predicted, or the network would learn to trust counts that hold the answer.

Source: the memory as in Gengram (Genos) and Engram (Cheng et al. 2026, arXiv 2601.07372), with counts in the
place of learned embeddings; interpolation as in `models/markov.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, cast

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn

from cistron.errors import InputError, WeightsError
from cistron.layers.ngram import Contexts, CountTable, DirectCounts, HashedCounts
from cistron.layers.recent import Reading, RecentBases
from cistron.layers.residual import wide_linear
from cistron.layers.words import blocks, words
from cistron.models import Config, Model, ModelSpec, Output, State, last_tokens, named_by
from cistron.tokenizers.nucleotide import TOKENIZER

_IDS = tuple(TOKENIZER().nucleotide_ids.values())
"""Token ids of A, C, G, T."""

_RARE = -10.0
"""Initial logit of every token that is no base, beside log-probabilities of the four that are."""

_FEATURES = 5
"""Of each order: four log-probabilities and how often the context was seen."""


@dataclass(frozen=True)
class NgramConfig:
    """What is counted, and the network beside it.

    Attributes:
        base: Content of the network's `config.json`.
        orders: Bases of context of the tables with an entry for every word: even, rising, at most 12.
        long_order: Bases of context of the hashed table, even; 0 for none.
        long_slots: Words it has room for.
        long_least: Occurrences from which a word enters it.
        mixer_size: Hidden units of the vote.
    """

    base: Mapping[str, Any]
    orders: tuple[int, ...] = (6, 8, 10, 12)
    long_order: int = 16
    long_slots: int = 2_600_000
    long_least: int = 3
    mixer_size: int = 64

    def __post_init__(self) -> None:
        object.__setattr__(self, "orders", tuple(self.orders))
        every = [*self.orders, *([self.long_order] if self.long_order else [])]
        if not self.orders or any(order % 2 for order in every) or every != sorted(set(every)):
            raise InputError(f"orders of an n-gram memory must be even and rising, not {every}")
        if not self.orders[0] >= 2 or self.orders[-1] > 12 or every[-1] > 28:
            raise InputError(f"orders of an n-gram memory are 2 to 12, the long one at most 28, not {every}")

    @property
    def spec(self) -> ModelSpec:
        """The architecture of the network beside the memory."""
        return named_by(self.base)

    @property
    def network(self) -> Config:
        """Its settings."""
        return self.spec.config(self.base)

    @property
    def vocab_size(self) -> int:
        """The network's."""
        return self.network.vocab_size

    @property
    def hidden_size(self) -> int:
        """The network's."""
        return self.network.hidden_size

    @property
    def num_hidden_layers(self) -> int:
        """The network's; 1 where it does not say."""
        return int(getattr(self.network, "num_hidden_layers", 1))

    @property
    def context_length(self) -> int:
        """The network's."""
        return self.network.context_length

    @property
    def width(self) -> int:
        """The network's."""
        return self.network.width

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> NgramConfig:
        """Read a `config.json`.

        Raises:
            WeightsError: It does not say what network stands beside the memory.
        """
        if not isinstance(values.get("base"), Mapping):
            raise WeightsError("config.json: 'base' must hold the config of the network beside the memory")
        return cls(**{name: values[name] for name in cls.__dataclass_fields__ if name in values})

    def to_dict(self) -> dict[str, Any]:
        """The content of `config.json`."""
        own = {**asdict(self), "base": dict(self.base), "orders": list(self.orders)}
        return {"architectures": ["CistronNgram"], "model_type": "cistron-ngram", **own}


@dataclass
class NgramState:
    """State of the network, and the last bases for the memory."""

    network: State
    recent: RecentBases

    @property
    def lengths(self) -> Int[Tensor, "B"]:
        """Tokens read, per row."""
        return self.network.lengths

    def fork(self, rows: Int[Tensor, "R"]) -> NgramState:
        """A state whose row *i* continues from row `rows[i]`."""
        return NgramState(self.network.fork(rows), self.recent.fork(rows))

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> NgramState:
        """The same state on another device or in another floating dtype."""
        return NgramState(self.network.to(device, dtype), self.recent.to(device, dtype))


class Recalled(NamedTuple):
    """What the memory says of the next base at every position.

    Attributes:
        log_probabilities: Of A, C, G, T under each order N, each interpolated with the orders below.
        features: The same centred, and how often each context was seen.
    """

    log_probabilities: Float[Tensor, "B L 4 N"]
    features: Float[Tensor, "B L F"]


class Memory(nn.Module):
    """Tables of counts of several orders and their interpolation.

    `log_alpha` holds, per order, the logarithm of how many observations of a context weigh as much as the
    next lower order.
    """

    def __init__(self, config: NgramConfig) -> None:
        super().__init__()
        direct = [DirectCounts(order, 4 if order > 10 else 8) for order in config.orders]
        long = (
            [HashedCounts(config.long_order, config.long_slots, config.long_least)]
            if config.long_order
            else []
        )
        self.tables = nn.ModuleList([*direct, *long])
        self.log_alpha = nn.Parameter(torch.tensor([3.5] * len(direct) + [2.0] * len(long)))
        self.counted = False

    @property
    def longest(self) -> int:
        """Bases of context that the memory looks at."""
        return max(table.order for table in self._tables())

    def _tables(self) -> Iterator[CountTable]:
        return cast("Iterator[CountTable]", iter(self.tables))

    def forward(self, reading: Reading) -> Recalled:
        """Look up every position of a chunk."""
        wide = torch.promote_types(self.log_alpha.dtype, torch.float32)
        leave_out = _next_codes(reading) if self.training and self.counted else None
        contexts = Contexts.of(reading.words(self.longest), self.longest)
        probability = self.log_alpha.new_full((4, *reading.runs.shape), 0.25, dtype=wide)
        votes, features = [], []
        for table, alpha in zip(self._tables(), self.log_alpha.to(wide).exp(), strict=True):
            whole = reading.runs >= table.order
            counts = (table(contexts.shortened(table.order), leave_out) * whole).to(wide)
            seen = counts.sum(0)
            probability = (counts + alpha * probability) / (seen + alpha)
            votes.append(probability.log())
            features += [votes[-1] - votes[-1].mean(0), (0.2 * seen.log1p() - 0.5).unsqueeze(0)]
        # In memory, positions come last, because so few bases and orders make poor inner loops.
        return Recalled(torch.stack(votes).permute(2, 3, 1, 0), torch.cat(features).permute(1, 2, 0))

    def fit(self, sequences: Sequence[str]) -> None:
        """Count every word of `sequences`; from now on, training leaves out what it predicts."""
        for table in self._tables():
            table.fit(_stream(sequences, table.order))
        self.counted = True


class Vote(nn.Module):
    """How much each order counts, and a correction per base, given the hidden state and the features."""

    def __init__(self, hidden_size: int, orders: int, size: int) -> None:
        super().__init__()
        self.orders = orders
        self.from_hidden = nn.Linear(hidden_size, size, bias=False)
        self.from_memory = nn.Linear(orders * _FEATURES, size)
        self.out = nn.Linear(size, orders + 4)

    def forward(self, hidden: Float[Tensor, "B L D"], recalled: Recalled) -> Float[Tensor, "B L 4"]:
        """Logits of A, C, G, T, in the memory's precision."""
        votes = recalled.log_probabilities.permute(3, 2, 0, 1)
        with torch.autocast(hidden.device.type, enabled=False):
            inside = wide_linear(self.from_hidden, hidden.to(votes.dtype))
            inside = inside + wide_linear(self.from_memory, recalled.features)
            mixed = wide_linear(self.out, F.silu(inside)).movedim(-1, 0)
            weights, logits = mixed[: self.orders], mixed[self.orders :]
            for vote, weight in zip(votes, weights, strict=True):
                logits = torch.addcmul(logits, vote, weight)
        return logits.movedim(0, -1)


class Ngram(nn.Module):
    """The model; implements the `Model` contract of `cistron.models`. Layers are the network's."""

    def __init__(self, config: NgramConfig) -> None:
        super().__init__()
        self.config = config
        self.network = config.spec.build(config.network)
        self.memory = Memory(config)
        orders = len(self.memory.tables)
        self.embed_memory = nn.Linear(orders * _FEATURES, config.hidden_size, bias=False)
        self.vote = Vote(config.hidden_size, orders, config.mixer_size)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start as the interpolated Markov model of the longest order; the network's logits start small."""
        nn.init.normal_(self.embed_memory.weight, std=0.02)
        nn.init.zeros_(self.vote.out.weight)
        nn.init.zeros_(self.vote.out.bias)
        with torch.no_grad():
            self.vote.out.bias[self.vote.orders - 1] = 1.0
            for name, parameter in self.network.named_parameters():
                if name == "lm_head.weight":
                    parameter.mul_(0.1)

    def empty_state(self, batch: int) -> NgramState:
        """The state before the first token."""
        device = self.vote.out.weight.device
        recent = RecentBases.empty(batch, self.memory.longest, device)
        return NgramState(cast(Model, self.network).empty_state(batch), recent)

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
        """Run one chunk; see `cistron.models.Model`."""
        if state is not None and not isinstance(state, NgramState):
            raise InputError(f"an n-gram model continues an NgramState, not a {type(state).__name__}")
        past = RecentBases.empty(len(input_ids), self.memory.longest, input_ids.device)
        past = past if state is None else state.recent
        reading = past.read(input_ids, _IDS, document_ids)
        recalled = self.memory(reading)
        output: Output = self.network(
            input_ids,
            None if state is None else state.network,
            lengths=lengths,
            document_ids=document_ids,
            capture=capture,
            logits=logits,
            last_only=last_only,
            added=wide_linear(self.embed_memory, recalled.features),
        )
        if last_only:
            recalled = Recalled(*(_last(part, lengths) for part in recalled))
        if output.logits is not None:
            output.logits = self._logits(output.logits, self.vote(output.hidden_states, recalled))
        if output.state is not None:
            output.state = NgramState(output.state, past.advanced(reading, lengths, document_ids))
        return output

    def _logits(
        self, logits: Float[Tensor, "B L V"], votes: Float[Tensor, "B L 4"]
    ) -> Float[Tensor, "B L V"]:
        """The network's logits and the votes, in the wider of their dtypes."""
        added = votes.new_full(logits.shape, _RARE)
        added[..., list(_IDS)] = votes
        return logits + added


def _last(x: Tensor, lengths: Int[Tensor, "B"] | None) -> Tensor:
    last = last_tokens(x.flatten(2), lengths)
    return last.view(*last.shape[:2], *x.shape[2:])


def _next_codes(reading: Reading) -> Int[Tensor, "B L"]:
    """Code of the base behind each position of the chunk; −1 behind the last one."""
    length = reading.runs.shape[1]
    return F.pad(reading.codes[:, reading.codes.shape[1] - length + 1 :], (0, 1), value=-1)


def _stream(sequences: Sequence[str], order: int) -> Callable[[], Iterator[NDArray[np.int64]]]:
    """A function that reads all words of `order` + 1 bases from the start each time it is called."""

    def read() -> Iterator[NDArray[np.int64]]:
        for block in blocks(sequences, order):
            found, whole = words(block, order + 1)
            yield found[whole]

    return read


def prepare(model: nn.Module, sequences: Iterable[str]) -> None:
    """Count the words of the training sequences.

    Raises:
        InputError: They hold no word of the longest order.
    """
    assert isinstance(model, Ngram)
    model.memory.fit(list(sequences))


_NETWORK = "network."


def to_published(config: NgramConfig, state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The network's published names behind `network.`; the memory's as they are."""
    own = {name: tensor for name, tensor in state_dict.items() if not name.startswith(_NETWORK)}
    inside = {n.removeprefix(_NETWORK): t for n, t in state_dict.items() if n.startswith(_NETWORK)}
    found = config.spec.to_published(config.network, inside)
    return own | {_NETWORK + name: tensor for name, tensor in found.items()}


def from_published(config: NgramConfig, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The inverse of `to_published`."""
    own = {name: tensor for name, tensor in tensors.items() if not name.startswith(_NETWORK)}
    inside = {n.removeprefix(_NETWORK): t for n, t in tensors.items() if n.startswith(_NETWORK)}
    found = config.spec.from_published(config.network, inside)
    return own | {_NETWORK + name: tensor for name, tensor in found.items()}


TINY = NgramConfig(
    base={
        "architectures": ["MixtralForCausalLM"],
        "vocab_size": 16,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "num_local_experts": 4,
        "num_experts_per_tok": 2,
        "rms_norm_eps": 1e-5,
        "rope_theta": 5e7,
        "max_position_embeddings": 4096,
        "initializer_range": 0.05,
        "width": 512,
    },
    orders=(2, 4),
    long_order=8,
    long_slots=400,
    mixer_size=16,
)

MODEL = ModelSpec(
    config=NgramConfig.from_mapping,
    build=Ngram,
    tokenizer="nucleotide",
    sizes={"ngram-tiny": TINY},
    architectures=("CistronNgram",),
    causal=True,
    to_published=to_published,
    from_published=from_published,
    parallel_plan={},
    source="this project; after Gengram (Genos) and Engram (Cheng et al. 2026, arXiv 2601.07372)",
    prepare=prepare,
)
