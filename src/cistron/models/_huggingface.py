"""Models of `transformers` behind the contract of ours: bases in, hidden states and next bases out.

What such a model reads are tokens of its own, of one base, of k, or of any number. Here its input is bases
(ids of the `nucleotide` vocabulary): the text is cut into the model's tokens, and every base gets the states
of the token that it lies in. See `docs/design/huggingface.md`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from cistron.errors import InputError, WindowError
from cistron.layers.base_marginals import IMPOSSIBLE, begun_words, next_base_log_p
from cistron.layers.capture import Capture
from cistron.models import Output, State, last_tokens
from cistron.models._huggingface_states import Said, Speaker
from cistron.tokenizers._pieces import Cut, Pieces
from cistron.tokenizers.nucleotide import NucleotideTokenizer

BASES = NucleotideTokenizer()
"""What the ids mean that the model is called with."""

_COLUMNS = list(BASES.nucleotide_ids.values())
_LETTERS = {i: BASES.decode([i]) for i in (*_COLUMNS, *BASES.unscored_ids)}

_NOTHING = torch.tensor([-math.log(4)] * 4 + [IMPOSSIBLE], dtype=torch.float64)
"""Log-probabilities of the next base where no token says anything of it."""


@dataclass(frozen=True)
class AdaptedConfig:
    """What verbs ask of a model's settings.

    Attributes:
        hidden_size: Width of the hidden states.
        num_hidden_layers: Layers; index 0 is the embedding.
        context_length: Most bases.
        most_tokens: Most tokens of its own.
        values: The model's own settings.
        width: Window for variants, in bp.
    """

    hidden_size: int
    num_hidden_layers: int
    context_length: int
    most_tokens: int
    values: Mapping[str, Any]
    width: int = 8192

    @property
    def vocab_size(self) -> int:
        """Of the bases' vocabulary."""
        return BASES.vocab_size

    def to_dict(self) -> dict[str, Any]:
        """The model's own settings."""
        return dict(self.values)


@dataclass
class BasesRead:
    """All bases of every row so far: such models are asked anew each time.

    Attributes:
        input_ids: Right-padded.
        lengths: Bases read, per row.
    """

    input_ids: Int[Tensor, "B P"]
    lengths: Int[Tensor, "B"]

    def fork(self, rows: Int[Tensor, "R"]) -> BasesRead:
        """A state whose row *i* continues from row `rows[i]`."""
        rows = rows.to(self.lengths.device)
        return BasesRead(self.input_ids[rows], self.lengths[rows])

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> BasesRead:
        """The same state on another device; it holds nothing that has a floating dtype."""
        del dtype
        return BasesRead(self.input_ids.to(device), self.lengths.to(device))


class Adapted(nn.Module):
    """A model of `transformers`; implements the `Model` contract of `cistron.models`.

    Args:
        config: What verbs ask for.
        speaker: The model with its language-model head, if it has one.
        pieces: Its tokenizer.
        silent: Why it has no likelihood of a next base; None where it has.
    """

    def __init__(self, config: AdaptedConfig, speaker: Speaker, pieces: Pieces, silent: str | None) -> None:
        super().__init__()
        self.config, self.network, self.pieces, self.silent = config, speaker.network, pieces, silent
        self.speaker = speaker

    def empty_state(self, batch: int) -> BasesRead:
        """The state before the first base."""
        device = next(self.network.parameters()).device
        nothing = torch.zeros(batch, dtype=torch.long, device=device)
        return BasesRead(nothing[:, None][:, :0], nothing.clone())

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
        """Run one chunk; see `cistron.models.Model`. Layers are called by their index.

        Raises:
            InputError: Logits are asked for and the model has none, documents stand in one row, or states
                are asked for chunk by chunk that depend on what comes later.
            WindowError: There are more tokens than the model has places for.
        """
        if logits and self.silent is not None:
            raise InputError(self.silent)
        if document_ids is not None:
            raise InputError("a model of transformers reads one sequence a row, not several documents")
        if state is not None and not logits and (self.silent is not None or self.pieces.word_size > 1):
            raise InputError("this model must read a sequence at once for its states; give shorter sequences")
        names = [str(number) for number in range(self.config.num_hidden_layers + 1)]
        kept = Capture(capture, names, names)
        layers = sorted({range(len(names))[int(item)] for item in capture})
        past = state if isinstance(state, BasesRead) else self.empty_state(len(input_ids))
        read = _behind(past, input_ids, lengths)
        rows = self._rows(read, layers, logits=logits)
        columns = input_ids.shape[1]
        for layer in layers:
            kept.record(names[layer], _chunk([row.layers[layer] for row in rows], past.lengths, columns))
        hidden = _chunk([row.hidden for row in rows], past.lengths, columns)
        scores = _chunk([row.logits for row in rows], past.lengths, columns) if logits else None
        if last_only:
            hidden = last_tokens(hidden, lengths)
            scores = None if scores is None else last_tokens(scores, lengths)
        return Output(scores, hidden, kept.found, None if state is None else read)

    def _rows(self, read: BasesRead, layers: Sequence[int], *, logits: bool) -> list[_Row]:
        """What the model says of every row from its first base on; rows of as many tokens run together."""
        texts = _texts(read)
        cuts = [self.pieces.cut(text) for text in texts]
        found: dict[int, _Row] = {}
        unread = set() if self.pieces.frame[0] else {0}
        for size in {len(cut.ids) for cut in cuts} - unread:
            alike = [number for number, cut in enumerate(cuts) if len(cut.ids) == size]
            said = self._ask([cuts[number] for number in alike])
            for place, number in enumerate(alike):
                found[number] = self._row(said, place, texts[number], cuts[number], layers, logits=logits)
        return [found.get(n) or self._unread(len(text), layers) for n, text in enumerate(texts)]

    def _unread(self, length: int, layers: Sequence[int]) -> _Row:
        """A row without a token, of which the model says nothing: every base is as likely."""
        parameter = next(self.network.parameters())
        states = parameter.new_zeros(length, self.config.hidden_size)
        return _Row(states, dict.fromkeys(layers, states), _wide(_NOTHING.to(parameter).expand(length, 5)))

    def _ask(self, cuts: Sequence[Cut]) -> Said:
        before, behind = self.pieces.frame
        ids = [[*before, *cut.ids, *behind] for cut in cuts]
        if len(ids[0]) > self.config.most_tokens:
            raise WindowError(
                f"a sequence is {len(ids[0]):,} tokens of this model, which reads "
                f"{self.config.most_tokens:,} at most; give shorter sequences"
            )
        device = next(self.network.parameters()).device
        return self.speaker(torch.tensor(ids, device=device))

    def _row(
        self, said: Said, place: int, text: str, cut: Cut, layers: Sequence[int], *, logits: bool
    ) -> _Row:
        """The states of every base of a row are those of the token that it lies in."""
        first = len(self.pieces.frame[0])
        device = said.states[0].device
        places = torch.tensor(cut.places(len(text)), dtype=torch.long, device=device) + first

        def of_bases(states: Tensor) -> Tensor:
            return states[place, places]

        return _Row(
            of_bases(said.states[-1]),
            {layer: of_bases(said.states[layer]) for layer in layers},
            None if said.logits is None or not logits else self._next_bases(said.logits[place], text, cut),
        )

    def _next_bases(self, logits: Float[Tensor, "T V"], text: str, cut: Cut) -> Float[Tensor, "P B"]:
        """Log-probabilities of the base behind each; equal ones where no token says anything of it."""
        words = self.pieces.words
        assert words is not None, "a model without words has no likelihood"
        log_p = logits.to(torch.promote_types(logits.dtype, torch.float32)).log_softmax(-1)
        begun = begun_words(text, cut.ends, self.pieces.word_size)[1:]
        # The token before a word says what it will be.
        tokens = torch.tensor([each.token for each in begun], dtype=torch.long, device=log_p.device)
        at = tokens + len(self.pieces.frame[0]) - 1
        told = next_base_log_p(log_p[at.clamp(min=0)], words, begun)
        return _wide(torch.where((at < 0)[:, None], _NOTHING.to(told), told))


def _wide(told: Float[Tensor, "P 5"]) -> Float[Tensor, "P B"]:
    """Log-probabilities of A, C, G, T and anything else in the columns of the bases' vocabulary."""
    out = told.new_full((len(told), BASES.vocab_size), IMPOSSIBLE)
    out[:, [*_COLUMNS, BASES.pad_id]] = told
    return out


class _Row(NamedTuple):
    """What a model says of one row, from its first base on."""

    hidden: Tensor
    layers: dict[int, Tensor]
    logits: Tensor | None


def _behind(past: BasesRead, input_ids: Int[Tensor, "B L"], lengths: Int[Tensor, "B"] | None) -> BasesRead:
    """All bases of every row, with a chunk behind those that were read."""
    read = torch.full_like(past.lengths, input_ids.shape[1]) if lengths is None else lengths
    ends = past.lengths + read.to(past.lengths.device)
    together = input_ids.new_full((len(input_ids), int(ends.max())), BASES.pad_id)
    for row, (start, end) in enumerate(zip(past.lengths.tolist(), ends.tolist(), strict=True)):
        together[row, :start] = past.input_ids[row, :start]
        together[row, start:end] = input_ids[row, : end - start]
    return BasesRead(together, ends)


def _texts(read: BasesRead) -> list[str]:
    """The bases of every row; callers may take padding for bases where it cannot change an answer."""
    rows = zip(read.input_ids.tolist(), read.lengths.tolist(), strict=True)
    return ["".join(_LETTERS.get(i, "") for i in row[:length]) for row, length in rows]


def _chunk(rows: Sequence[Tensor | None], starts: Int[Tensor, "B"], columns: int) -> Float[Tensor, "B L D"]:
    """Of every row what lies behind its start, right-padded to the columns of the chunk."""
    parts = [row[start:] for row, start in zip(rows, starts.tolist(), strict=True) if row is not None]
    return torch.stack([F.pad(part, (0, 0, 0, columns - len(part))) for part in parts])
