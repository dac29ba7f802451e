"""An interpolated Markov model of order 0 to 12: the baseline that every language model must beat.

The probability of the next base given the k bases before it, smoothed towards the model of order k − 1, and
so on down to the uniform distribution. It knows nothing but words of k + 1 bases, needs one pass over the
data and no gradient, and answers through the same contract as the networks, so verbs compare them fairly.

Source: MacKay & Peto 1995, "A hierarchical Dirichlet language model" (the interpolation, with one
concentration α per order, set here by held-out likelihood).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn

from cistron.errors import InputError, WeightsError
from cistron.layers.capture import Capture
from cistron.layers.recent import Reading, RecentBases
from cistron.layers.words import blocks, words
from cistron.models import ModelSpec, Output, State, last_tokens
from cistron.tokenizers.nucleotide import TOKENIZER

_IDS = tuple(TOKENIZER().nucleotide_ids.values())
"""Token ids of A, C, G, T."""

_IMPOSSIBLE = -1e4
"""Logit of every token that is not a base: finite in every dtype, and exp of it is exactly 0."""

_LAYER = "log_probabilities"
_MAX_ORDER = 12
_WIDE_COUNT_ORDER = 9
"""Up to here counts are int64; above, tables are large and no word comes near 2³¹, so int32 will do."""


@dataclass(frozen=True)
class MarkovConfig:
    """What a fitted model is, beside its counts.

    Attributes:
        order: Bases of context, 0 to 12.
        alphas: Concentration α of the orders 0 to `order`: how many observations of a context weigh as much
            as the next lower order. Empty means 4 for each.
        both_strands: Whether the reverse complement was counted too.
        vocab_size: Rows of the logits; the nucleotide tokenizer's.
        width: Recommended window for variant scoring, in bp.
    """

    order: int = 3
    alphas: tuple[float, ...] = ()
    both_strands: bool = True
    vocab_size: int = 16
    width: int = 8192

    def __post_init__(self) -> None:
        if not 0 <= self.order <= _MAX_ORDER:
            raise InputError(
                f"a Markov model of order {self.order} was asked for; 0 to {_MAX_ORDER} can be made"
            )
        alphas = self.alphas or (4.0,) * (self.order + 1)
        if len(alphas) != self.order + 1 or not all(0 < alpha < math.inf for alpha in alphas):
            raise InputError(f"a Markov model of order {self.order} needs {self.order + 1} positive alphas")
        if self.vocab_size <= max(_IDS):
            raise InputError(f"vocab_size is {self.vocab_size}; the bases' token ids reach {max(_IDS)}")
        object.__setattr__(self, "alphas", tuple(float(alpha) for alpha in alphas))

    @property
    def hidden_size(self) -> int:
        """Equal to `vocab_size`: the hidden states are the log-probabilities."""
        return self.vocab_size

    @property
    def context_length(self) -> int:
        """2⁴⁰ tokens: nothing limits the length of a sequence."""
        return 1 << 40

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> MarkovConfig:
        """Read a `config.json`.

        Raises:
            WeightsError: A value is of the wrong kind or out of range.
        """
        known = {name: values[name] for name in cls.__dataclass_fields__ if values.get(name) is not None}
        try:
            return cls(**known | {"alphas": tuple(known.get("alphas", ()))})
        except (InputError, TypeError) as problem:
            raise WeightsError(f"config.json: {problem}") from None

    def to_dict(self) -> dict[str, Any]:
        """The content of `config.json`."""
        return {
            "architectures": ["CistronMarkov"],
            "model_type": "cistron-markov",
            **asdict(self),
            "alphas": list(self.alphas),
            "hidden_size": self.hidden_size,
        }


class Markov(nn.Module):
    """The model; implements the `Model` contract of `cistron.models`.

    `prior` is the distribution below order 0, uniform. Its dtype is that of the answer, but never less than
    float32: a table lookup gains nothing from half precision. `counts[w]` is how often the word *w* of
    `order` + 1 bases was seen, w read as a number in base 4 with the oldest base first.
    """

    def __init__(self, config: MarkovConfig) -> None:
        super().__init__()
        self.config = config
        self.prior = nn.Parameter(torch.full((4,), 0.25), requires_grad=False)
        dtype = torch.int64 if config.order <= _WIDE_COUNT_ORDER else torch.int32
        counts = torch.zeros(4 ** (config.order + 1), dtype=dtype)
        self.counts = nn.Parameter(counts, requires_grad=False)
        self._table: Tensor | None = None
        self.register_load_state_dict_post_hook(_forget_table)  # type: ignore[no-untyped-call]

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        # Every move to another device or dtype comes through here; the table follows by being made again.
        self._table = None
        return super()._apply(fn, recurse)  # type: ignore[no-untyped-call, no-any-return]

    def empty_state(self, batch: int) -> RecentBases:
        """The state before the first token."""
        return RecentBases.empty(batch, self.config.order, self.counts.device)

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
        """Run one chunk; see `cistron.models.Model`. The one layer is called `log_probabilities`."""
        if state is not None and not isinstance(state, RecentBases):
            raise InputError(f"a Markov model continues RecentBases, not a {type(state).__name__}")
        kept = Capture(capture, [_LAYER], [_LAYER])
        past = self.empty_state(len(input_ids)) if state is None else state
        reading = past.read(input_ids, _IDS, document_ids)

        hidden = self._log_probabilities(reading)
        kept.record(_LAYER, hidden)
        after = None if state is None else past.advanced(reading, lengths, document_ids)
        if last_only:
            hidden = last_tokens(hidden, lengths)
        return Output(hidden if logits else None, hidden, kept.found, after)

    def _log_probabilities(self, reading: Reading) -> Float[Tensor, "B L V"]:
        """Natural logarithms of the probability of each token coming next, at the chunk's positions."""
        table, run = self.table(), reading.runs
        word = reading.words(self.config.order)
        contexts = torch.bitwise_left_shift(torch.ones_like(run), 2 * run)
        # Contexts of length j lie behind the 1 + 4 + … + 4^(j−1) = (4^j − 1) / 3 shorter ones.
        rows = (contexts - 1) // 3 + (word & (contexts - 1))
        out = table.new_full((*rows.shape, self.config.vocab_size), _IMPOSSIBLE)
        out[..., list(_IDS)] = table[rows]
        return out

    def table(self) -> Float[Tensor, "contexts 4"]:
        """Log-probabilities of A, C, G, T after every context, shorter ones first; made when first used."""
        dtype = torch.float64 if self.prior.dtype == torch.float64 else torch.float32
        if self._table is None:
            lower, parts = self.prior.double(), []
            for counts, alpha in zip(_marginals(self.counts.detach()), self.config.alphas, strict=True):
                lower = _interpolated(counts, lower, alpha)
                parts.append(lower.view(-1, 4).log().to(dtype))
            self._table = torch.cat(parts)
        return self._table


def _forget_table(module: Markov, _: object) -> None:
    """Have the table made again: other counts may just have been loaded."""
    module._table = None


def _marginals(counts: Int[Tensor, "words"]) -> list[Int[Tensor, "words"]]:
    """Counts of the words of 1, 2, … bases: every shorter word sums over the base before it."""
    tables = [counts]
    while tables[-1].numel() > 4:
        tables.append(tables[-1].view(4, -1).sum(0, dtype=torch.int64))
    return tables[::-1]


def _interpolated(
    counts: Int[Tensor, "words"], lower: Float[Tensor, "shorter"], alpha: float
) -> Float[Tensor, "words"]:
    """(n(context, base) + α·p_lower) / (n(context) + α) for every word, in float64."""
    mixed = counts.view(-1, lower.numel()) + alpha * lower
    return (mixed.view(-1, 4) / (counts.view(-1, 4).sum(1, keepdim=True) + alpha)).view(-1)


_TILE = 8192
_HELD_OUT_EVERY = 16
"""Every 16th stretch of 8,192 bases sets the α's; then it is counted like the rest."""

_ALPHAS = tuple(2.0**exponent for exponent in range(-4, 21))


def fit(
    sequences: Iterable[str],
    order: int,
    *,
    both_strands: bool = True,
    progress: Callable[[int], None] | None = None,
) -> Markov:
    """Count the words of `sequences` and return the fitted model.

    The same sequences in the same order give the same model. Anything but A, C, G and T, in either case,
    interrupts the context and is not counted.

    Args:
        sequences: Bases; read once, so a generator will do.
        order: Bases of context, 0 to 12; memory and file grow as 4^(order + 1).
        both_strands: Count the reverse complement too, as if it followed.
        progress: Called after each block with the number of bases read so far.

    Raises:
        InputError: The order is out of range, or no sequence holds a word of `order` + 1 bases.
    """
    model = Markov(MarkovConfig(order, both_strands=both_strands))
    fitted = model.counts.numpy()
    held_out = np.zeros_like(fitted)
    for found, held in _words(blocks(sequences, order, progress), order):
        fitted += np.bincount(found[~held], minlength=len(fitted))
        held_out += np.bincount(found[held], minlength=len(fitted))
    if both_strands:
        fitted += _reverse_complemented(fitted, order)
        held_out += _reverse_complemented(held_out, order)
    if not fitted.any() and not held_out.any():
        raise InputError(f"the sequences hold no {order + 1} consecutive bases; nothing can be fitted")
    alphas = _chosen_alphas(torch.from_numpy(fitted), torch.from_numpy(held_out))

    fitted += held_out
    model.config = replace(model.config, alphas=alphas)
    return model.eval()


def _words(
    blocks: Iterable[NDArray[np.int8]], order: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.bool_]]]:
    """Words of `order` + 1 bases as numbers, and which of them are held out, block by block."""
    passed = 0
    for block in blocks:
        word, valid = words(block, order + 1)
        tile = np.arange(passed, passed + len(word)) // _TILE
        passed += len(word)
        held = tile % _HELD_OUT_EVERY == _HELD_OUT_EVERY - 1
        yield word[valid], held[valid]


def _reverse_complemented(counts: NDArray[np.int64], order: int) -> NDArray[np.int64]:
    """Counts of the reverse complements: base 4 digits backwards, each subtracted from 3."""
    digits = counts.reshape((4,) * (order + 1))
    return digits.transpose().reshape(-1)[::-1]


def _chosen_alphas(fitted: Int[Tensor, "words"], held_out: Int[Tensor, "words"]) -> tuple[float, ...]:
    """For each order in turn, the α under which the held-out bases are likeliest; () if none are held out."""
    if not held_out.any() or not fitted.any():
        return ()
    lower = torch.full((4,), 0.25, dtype=torch.float64)
    alphas: list[float] = []
    for counts, held in zip(_marginals(fitted), _marginals(held_out), strict=True):
        alphas.append(_best_alpha(counts, held, lower))
        if len(counts) < len(fitted):
            lower = _interpolated(counts, lower, alphas[-1])
    return tuple(alphas)


def _best_alpha(
    counts: Int[Tensor, "words"], held_out: Int[Tensor, "words"], lower: Float[Tensor, "shorter"]
) -> float:
    """The power of two in `_ALPHAS` under which the held-out words of this order are likeliest."""
    seen = held_out.nonzero().squeeze(1)
    below, weight = lower[seen % len(lower)], held_out[seen].double()
    word, context = counts[seen], counts.view(-1, 4).sum(1)[seen // 4]
    likelihoods = [float(weight @ ((word + alpha * below) / (context + alpha)).log()) for alpha in _ALPHAS]
    return _ALPHAS[int(np.argmax(likelihoods))]


def _unchanged(config: MarkovConfig, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    del config
    return dict(tensors)


MODEL = ModelSpec(
    config=MarkovConfig.from_mapping,
    build=Markov,
    tokenizer="nucleotide",
    sizes={f"markov-{order}": MarkovConfig(order) for order in (0, 3, 6, 9, 11, 12)},
    architectures=("CistronMarkov",),
    causal=True,
    to_published=_unchanged,
    from_published=_unchanged,
    parallel_plan={},
    source="MacKay & Peto 1995, A hierarchical Dirichlet language model, Natural Language Engineering 1(3)",
)
