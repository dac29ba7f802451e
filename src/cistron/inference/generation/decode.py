"""The loop of generation: read a batch of prompts, then draw a token for every row, again and again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float64, Int
from numpy.typing import NDArray
from torch import Tensor

from cistron.errors import WeightsError
from cistron.inference.chunks import read_chunks
from cistron.inference.generation.allowed import AllowedBases
from cistron.inference.generation.sampling import Sampling, draw
from cistron.models import Model, State


class Decoded(NamedTuple):
    """What followed each row's prompt.

    Attributes:
        texts: Letters drawn.
        log_probabilities: Of each under the model: natural logarithm, over the whole vocabulary.
        sampling_log_probabilities: Of each under the distribution it was drawn from.
        stuck: Letters drawn before none was allowed, −1 for rows that are whole; from there on a row means
            nothing.
    """

    texts: list[str]
    log_probabilities: Float64[np.ndarray, "B L"]
    sampling_log_probabilities: Float64[np.ndarray, "B L"]
    stuck: Int[np.ndarray, "B"]


def decode(
    model: Model,
    prompts: Sequence[NDArray[np.int64]],
    rows: Sequence[int],
    uniform: Float64[np.ndarray, "B L"],
    letters: Mapping[str, int],
    sampling: Sampling,
    allowed: AllowedBases | None = None,
    progress: Callable[[int], None] | None = None,
) -> Decoded:
    """Draw as many tokens behind each row's prompt as it has random numbers.

    Args:
        model: Implements `cistron.models.Model`, in evaluation mode.
        prompts: Token ids; lengths may differ, none is empty. Each is read once.
        rows: Which prompt each row continues.
        uniform: Random numbers in [0, 1), one for each token to come.
        letters: Letters that may come and their token ids.
        sampling: How they are drawn.
        allowed: Which of them may come next; the letters are then A, C, G and T.
        progress: Called with the number of tokens just drawn.

    Raises:
        WeightsError: The model's probabilities are not numbers.
    """
    with torch.inference_mode():
        logits, state = read_prompts(model, prompts)
        device = logits.device
        which = torch.tensor(rows, device=device)
        draws = torch.from_numpy(uniform).to(device)
        loop = _Loop(torch.tensor(list(letters.values()), device=device), draws, sampling, allowed)
        logits, state = logits[which], state.fork(which)
        length = draws.shape[1]
        for step in range(length):
            tokens = loop.step(step, logits)
            last = step + 1 == length or loop.hopeless
            if progress is not None:
                progress(len(rows) * (length - step if last else 1))
            if last:
                break
            output = model(tokens.unsqueeze(1), state, last_only=True)
            assert output.logits is not None
            assert output.state is not None
            logits, state = output.logits[:, -1], output.state
        return loop.decoded("".join(letters))


def read_prompts(model: Model, prompts: Sequence[NDArray[np.int64]]) -> tuple[Float[Tensor, "B V"], State]:
    """Logits behind the last token of each prompt, and the state there."""
    state = model.empty_state(len(prompts))
    device = state.lengths.device
    lengths = torch.tensor([len(prompt) for prompt in prompts])
    ids = torch.zeros(len(prompts), int(lengths.max()), dtype=torch.long)
    for row, prompt in zip(ids, prompts, strict=True):
        row[: len(prompt)] = torch.from_numpy(prompt)
    ragged = None if bool((lengths == lengths[0]).all()) else lengths.to(device)
    logits: Tensor | None = None
    for columns, output in read_chunks(model, ids.to(device), state, lengths=ragged, last_only=True):
        assert output.state is not None
        state = output.state
        if output.logits is not None:
            here = output.logits[:, -1]
            ends = (lengths > columns.start) & (lengths <= columns.stop)
            logits = here if logits is None else torch.where(ends.to(device).unsqueeze(1), here, logits)
    assert logits is not None
    return logits, state


class _Loop:
    """What is drawn and noted at each step, all on the model's device."""

    def __init__(
        self,
        ids: Int[Tensor, "C"],
        uniform: Float64[Tensor, "B L"],
        sampling: Sampling,
        allowed: AllowedBases | None,
    ) -> None:
        self._ids, self._uniform, self._sampling, self._allowed = ids, uniform, sampling, allowed
        self._columns = torch.zeros(uniform.shape, dtype=torch.long, device=ids.device)
        self._log_p = torch.zeros_like(uniform)
        self._sampling_log_p = torch.zeros_like(uniform)
        self._stuck = torch.full((len(uniform),), -1, device=ids.device)

    @property
    def hopeless(self) -> bool:
        """Whether every row is stuck."""
        return self._allowed is not None and bool((self._stuck >= 0).all())

    def step(self, step: int, logits: Float[Tensor, "B V"]) -> Int[Tensor, "B"]:
        """Draw and note the next token of every row, and return their ids."""
        log_p = logits.double().log_softmax(-1)[:, self._ids]
        sampled = self._sampling.log_probabilities(self._steered(step, log_p))
        columns = draw(sampled, self._uniform[:, step])
        if self._allowed is not None:
            self._allowed.advance(columns)
        chosen = columns.unsqueeze(1)
        self._columns[:, step] = columns
        self._log_p[:, step] = log_p.gather(1, chosen).squeeze(1)
        self._sampling_log_p[:, step] = sampled.gather(1, chosen).squeeze(1)
        return self._ids[columns]

    def _steered(self, step: int, log_p: Float64[Tensor, "B C"]) -> Float64[Tensor, "B C"]:
        """-inf for what the constraints forbid; rows without any choice are noted and left as they are."""
        if self._allowed is None:
            return log_p
        free = self._allowed.next()
        none = ~free.any(1)
        self._stuck = torch.where(none & (self._stuck < 0), step, self._stuck)
        return log_p.masked_fill(~(free | none.unsqueeze(1)), -torch.inf)

    def decoded(self, letters: str) -> Decoded:
        """What was drawn, as letters.

        Raises:
            WeightsError: The model's probabilities are not numbers.
        """
        if not bool(torch.isfinite(self._log_p).all()):
            raise WeightsError(
                "the model's probabilities are not numbers; its weights are damaged or overflow"
            )
        codes = np.frombuffer(letters.encode("latin-1"), dtype=np.uint8)[self._columns.cpu().numpy()]
        texts = [row.tobytes().decode("latin-1") for row in codes]
        parts = (self._log_p, self._sampling_log_p, self._stuck)
        return Decoded(texts, *(part.cpu().numpy() for part in parts))
