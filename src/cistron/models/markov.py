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
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor, nn

from cistron.errors import InputError, WeightsError
from cistron.layers.capture import Capture
from cistron.models import ModelSpec, Output, State, last_tokens
from cistron.tokenizers.nucleotide import TOKENIZER

_IDS = tuple(TOKENIZER().nucleotide_ids.values())
"""Token ids of A, C, G, T. These have the codes 0, 1, 2, 3 here, so that the complement of c is 3 − c."""

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


@dataclass
class MarkovState:
    """The last bases of every row.

    Attributes:
        codes: Codes of the last `order` tokens, the newest last; −1 where no context reaches.
        lengths: Tokens read, per row.
        document_ids: Document of the last token, 0 before the first.
    """

    codes: Int[Tensor, "B K"]
    lengths: Int[Tensor, "B"]
    document_ids: Int[Tensor, "B"]

    def fork(self, rows: Int[Tensor, "R"]) -> MarkovState:
        """A state whose row *i* continues from row `rows[i]`."""
        rows = rows.to(self.lengths.device)
        return MarkovState(self.codes[rows], self.lengths[rows], self.document_ids[rows])

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> MarkovState:
        """The same state on another device; it holds nothing that has a floating dtype."""
        del dtype
        return MarkovState(self.codes.to(device), self.lengths.to(device), self.document_ids.to(device))


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

    def empty_state(self, batch: int) -> MarkovState:
        """The state before the first token."""
        device = self.counts.device
        codes = torch.full((batch, self.config.order), -1, device=device)
        nothing = torch.zeros(batch, dtype=torch.long, device=device)
        return MarkovState(codes, nothing, nothing.clone())

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
        if state is not None and not isinstance(state, MarkovState):
            raise InputError(f"a Markov model continues a MarkovState, not a {type(state).__name__}")
        kept = Capture(capture, [_LAYER], [_LAYER])
        past = self.empty_state(len(input_ids)) if state is None else state
        codes = torch.cat((past.codes, _codes(input_ids)), dim=1)
        runs = _runs(codes, _starts(past, document_ids, input_ids.shape[1]), self.config.order)

        hidden = self._log_probabilities(codes, runs)
        kept.record(_LAYER, hidden)
        after = None if state is None else _advanced(past, codes, runs, lengths, document_ids)
        if last_only:
            hidden = last_tokens(hidden, lengths)
        return Output(hidden if logits else None, hidden, kept.found, after)

    def _log_probabilities(
        self, codes: Int[Tensor, "B KL"], runs: Int[Tensor, "B KL"]
    ) -> Float[Tensor, "B L V"]:
        """Natural logarithms of the probability of each token coming next, at the chunk's positions."""
        table, order = self.table(), self.config.order
        length = codes.shape[1] - order
        word = torch.zeros_like(codes[:, order:])
        for lag in range(order - 1, -1, -1):
            start = order - lag
            word.mul_(4).add_(codes[:, start : start + length])
        run = runs[:, order:]
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


def _codes(input_ids: Int[Tensor, "B L"]) -> Int[Tensor, "B L"]:
    """0 to 3 for A, C, G, T; −1 for every other token."""
    codes = torch.full_like(input_ids, -1, dtype=torch.long)
    for code, token in enumerate(_IDS):
        codes.masked_fill_(input_ids == token, code)
    return codes


def _starts(
    past: MarkovState, document_ids: Int[Tensor, "B L"] | None, length: int
) -> Bool[Tensor, "B KL"] | None:
    """Which tokens, those of the state included, begin another document than the token before."""
    if document_ids is None or length == 0:
        return None
    previous = torch.cat((past.document_ids.unsqueeze(1), document_ids[:, :-1].to(past.document_ids)), dim=1)
    remembered = torch.zeros_like(past.codes, dtype=torch.bool)
    return torch.cat((remembered, document_ids != previous), dim=1)


def _runs(codes: Int[Tensor, "B KL"], starts: Bool[Tensor, "B KL"] | None, order: int) -> Int[Tensor, "B KL"]:
    """Bases, at most `order`, that end at each token uninterrupted: the context of the next one."""
    steps = torch.arange(codes.shape[1], device=codes.device)
    barrier = torch.where(codes < 0, steps, -1)
    if starts is not None:
        barrier = torch.where(starts, torch.maximum(barrier, steps - 1), barrier)
    if barrier.shape[1]:
        barrier = barrier.cummax(dim=1).values
    return (steps - barrier).clamp(max=order)


def _advanced(
    past: MarkovState,
    codes: Int[Tensor, "B KL"],
    runs: Int[Tensor, "B KL"],
    lengths: Int[Tensor, "B"] | None,
    document_ids: Int[Tensor, "B L"] | None,
) -> MarkovState:
    """The state behind the last real token of each row."""
    order = past.codes.shape[1]
    length = codes.shape[1] - order
    read = torch.full_like(past.lengths, length) if lengths is None else lengths.to(past.lengths)
    documents = past.document_ids
    if document_ids is not None and length:
        last = document_ids.to(documents).gather(1, (read - 1).clamp(min=0).unsqueeze(1)).squeeze(1)
        documents = torch.where(read > 0, last, documents)
    remembered = past.codes
    if order:
        columns = torch.arange(order, device=codes.device)
        run = runs.gather(1, (read + order - 1).unsqueeze(1))
        newest = codes.gather(1, read.unsqueeze(1) + columns)
        remembered = newest.masked_fill(columns < order - run, -1)
    return MarkovState(remembered, past.lengths + read, documents)


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


_BLOCK = 1 << 24
"""Bases counted at a time: bounds the memory of a fit whatever the length of the sequences."""

_TILE = 8192
_HELD_OUT_EVERY = 16
"""Every 16th stretch of 8,192 bases sets the α's; then it is counted like the rest."""

_ALPHAS = tuple(2.0**exponent for exponent in range(-4, 21))

_CODE_OF_BYTE = np.full(256, -1, dtype=np.int8)
for _code, _letters in enumerate(("Aa", "Cc", "Gg", "Tt")):
    _CODE_OF_BYTE[[ord(letter) for letter in _letters]] = _code


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
    for words, held in _words(_blocks(sequences, order, progress), order):
        fitted += np.bincount(words[~held], minlength=len(fitted))
        held_out += np.bincount(words[held], minlength=len(fitted))
    if both_strands:
        fitted += _reverse_complemented(fitted, order)
        held_out += _reverse_complemented(held_out, order)
    if not fitted.any() and not held_out.any():
        raise InputError(f"the sequences hold no {order + 1} consecutive bases; nothing can be fitted")
    alphas = _chosen_alphas(torch.from_numpy(fitted), torch.from_numpy(held_out))

    fitted += held_out
    model.config = replace(model.config, alphas=alphas)
    return model.eval()


def _blocks(
    sequences: Iterable[str], order: int, progress: Callable[[int], None] | None
) -> Iterator[NDArray[np.int8]]:
    """Codes of all sequences as one stream, −1 between; each block repeats the `order` codes before it."""
    waiting, size, read = [np.full(order, -1, dtype=np.int8)], 0, 0
    for sequence in sequences:
        for start in range(0, len(sequence), _BLOCK):
            text = sequence[start : start + _BLOCK].encode("ascii", errors="replace")
            waiting.append(_CODE_OF_BYTE[np.frombuffer(text, dtype=np.uint8)])
            size += len(text)
            read += len(text)
            if size >= _BLOCK:
                block = np.concatenate(waiting)
                yield block
                waiting, size = [block[len(block) - order :]], 0
                if progress is not None:
                    progress(read)
        waiting.append(np.full(1, -1, dtype=np.int8))
        size += 1
    yield np.concatenate(waiting)
    if progress is not None:
        progress(read)


def _words(
    blocks: Iterable[NDArray[np.int8]], order: int
) -> Iterator[tuple[NDArray[np.int32], NDArray[np.bool_]]]:
    """Words of `order` + 1 bases as numbers, and which of them are held out, block by block."""
    passed = 0
    for block in blocks:
        length = len(block) - order
        word = np.zeros(length, dtype=np.int32)
        valid = np.ones(length, dtype=bool)
        for start in range(order + 1):
            codes = block[start : start + length]
            word *= 4
            word += codes
            valid &= codes >= 0
        tile = np.arange(passed, passed + length) // _TILE
        passed += length
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


def _unchanged(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return dict(tensors)


def _from_published(config: MarkovConfig, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
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
    from_published=_from_published,
    parallel_plan={},
    source="MacKay & Peto 1995, A hierarchical Dirichlet language model, Natural Language Engineering 1(3)",
)
