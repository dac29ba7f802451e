"""What a model expects at every base: log-probabilities of A, C, G and T given the bases before.

`scan` and `log_likelihood` are made of these. The probabilities are those over the whole vocabulary, so the
four may add up to a little less than one; log-odds between bases do not depend on that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Float64, Int
from numpy.typing import NDArray
from torch import Tensor

from cistron.genome.sequence import ACGT, reverse_complement
from cistron.inference.batching import by_length
from cistron.inference.chunks import chunk_tokens, read_chunks
from cistron.models import Model
from cistron.tokenizers import Tokenizer

Strands = Literal["both", "forward"]

SHARD_TOKENS: Final = 1 << 16
"""Tokens that are read between two answers, at least: enough to fill batches, soon done on a slow machine."""

_UNKNOWN: Final = -1


class Block(NamedTuple):
    """Bases to predict and the text around them, on the plus strand.

    Attributes:
        text: Context, bases and context, in either case; the minus strand is its reverse complement.
        start: Offset of the first base to predict.
        stop: One past the last.
    """

    text: str
    start: int
    stop: int


class Prediction(NamedTuple):
    """What was expected at each base of a block; NaN where there is no A, C, G or T, or nothing before.

    Attributes:
        log_p: Natural-log probability of A, C, G and T on the plus strand; mean over the strands read.
        entropy: Of the four, renormalised, in nats: 0 to ln 4; mean over the strands read.
    """

    log_p: Float64[np.ndarray, "L 4"]
    entropy: Float64[np.ndarray, "L"]


def predict_blocks(
    model: Model,
    tokenizer: Tokenizer,
    blocks: Sequence[Block],
    *,
    strands: Strands = "forward",
    batch_tokens: int,
) -> list[Prediction]:
    """What the model expects at every base of every block, in order.

    The plus strand is read from the beginning of a block's text, the minus strand from its end; a base that
    only one strand has context for is that strand's. Blocks without A, C, G or T are not read.

    Args:
        model: Implements `cistron.models.Model`, in evaluation mode.
        tokenizer: The model's.
        blocks: What to predict; may differ in length.
        strands: Mean of both readings, or the plus strand's alone.
        batch_tokens: Most tokens in one batch, unless a single text has more.
    """
    codes = [base_codes(block.text[block.start : block.stop]) for block in blocks]
    wanted = [i for i, found in enumerate(codes) if (found != _UNKNOWN).any()]
    readings = [(blocks[i].text[: blocks[i].stop], blocks[i].start) for i in wanted]
    if strands == "both":
        readings += [_reversed(blocks[i]) for i in wanted]
    found = next_base_log_probabilities(model, tokenizer, readings, batch_tokens=batch_tokens)
    answers = [_nothing(len(each)) for each in codes]
    for number, i in enumerate(wanted):
        read = [found[number]]
        if strands == "both":
            read.append(found[len(wanted) + number][::-1, ::-1])
        answers[i] = _joined(read, codes[i])
    return answers


def next_base_log_probabilities(
    model: Model, tokenizer: Tokenizer, readings: Sequence[tuple[str, int]], *, batch_tokens: int
) -> list[Float64[np.ndarray, "_ 4"]]:
    """Log-probabilities of A, C, G and T at every base of each text from an offset on, in order.

    The first base of a text has nothing before it and gets NaN. Texts longer than a chunk are read through
    the model's State, so memory grows only with that.

    Args:
        model: Implements `cistron.models.Model`, in evaluation mode.
        tokenizer: The model's.
        readings: Text, and offset of the first base that is wanted.
        batch_tokens: Most tokens in one batch, unless a single text has more.
    """
    answers = [np.full((len(text) - begin, 4), np.nan) for text, begin in readings]
    # Nothing is predicted from the last base, and nothing predicts the first.
    several = [i for i, (text, _) in enumerate(readings) if len(text) > 1]
    with torch.inference_mode():
        for batch in by_length([len(readings[i][0]) - 1 for i in several], batch_tokens):
            rows = [several[i] for i in batch]
            ids = [tokenizer.encode(readings[i][0]) for i in rows]
            begins = [readings[i][1] for i in rows]
            _read_batch(model, tokenizer, ids, begins, [answers[i] for i in rows], chunk_tokens(batch_tokens))
    return answers


def base_codes(text: str) -> NDArray[np.int8]:
    """0 to 3 for A, C, G and T in either case, −1 for any other letter."""
    return _CODES[np.frombuffer(text.encode("ascii", "replace"), dtype=np.uint8)]


def picked(values: Float[np.ndarray, "L 4"], codes: Int[np.ndarray, "L"]) -> Float[np.ndarray, "L"]:
    """The column of each row that `codes` names; NaN for −1."""
    found: NDArray[np.float64] = np.take_along_axis(values, np.maximum(codes, 0)[:, None], axis=1)[:, 0]
    return np.where(codes == _UNKNOWN, np.nan, found).astype(values.dtype)


def _code_table() -> NDArray[np.int8]:
    table = np.full(256, _UNKNOWN, dtype=np.int8)
    for code, base in enumerate(ACGT):
        table[[ord(base), ord(base.lower())]] = code
    return table


_CODES: Final = _code_table()


def _reversed(block: Block) -> tuple[str, int]:
    return reverse_complement(block.text[block.start :]), len(block.text) - block.stop


def _nothing(bases: int) -> Prediction:
    return Prediction(np.full((bases, 4), np.nan), np.full(bases, np.nan))


def _joined(read: list[Float64[np.ndarray, "L 4"]], codes: Int[np.ndarray, "L"]) -> Prediction:
    """The mean over the strands, without the places that hold no base."""
    log_p, entropy = _mean(read), _mean([_entropy(each) for each in read])
    unknown = codes == _UNKNOWN
    log_p[unknown], entropy[unknown] = np.nan, np.nan
    return Prediction(log_p, entropy)


def _mean(read: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The mean of what is known, so that the edge of a contig takes the one strand that has context there."""
    if len(read) == 1:
        return read[0]
    first, second = read
    mean: NDArray[np.float64] = (
        np.where(np.isnan(first), second, first) + np.where(np.isnan(second), first, second)
    ) / 2
    return mean


def _entropy(log_p: Float64[np.ndarray, "L 4"]) -> Float64[np.ndarray, "L"]:
    """Shannon entropy of the four bases among themselves, in nats."""
    p = np.exp(log_p)
    total = p.sum(axis=1)
    entropy: NDArray[np.float64] = np.log(total) - (p * log_p).sum(axis=1) / total
    return entropy


def _read_batch(
    model: Model,
    tokenizer: Tokenizer,
    ids: Sequence[Int[np.ndarray, "_"]],
    begins: Sequence[int],
    answers: Sequence[Float64[np.ndarray, "_ 4"]],
    chunk: int,
) -> None:
    """Fill in `answers` for texts that run together, `chunk` tokens of a row at a time."""
    padded = np.full((len(ids), max(map(len, ids)) - 1), tokenizer.pad_id, dtype=np.int64)
    for number, each in enumerate(ids):
        padded[number, : len(each) - 1] = each[:-1]
    device = model.empty_state(1).lengths.device
    # Padding stands on the right, where no causal model looks, so rows need no lengths.
    for columns, output in read_chunks(model, torch.from_numpy(padded).to(device), size=chunk):
        assert output.logits is not None
        first = max(columns.start + 1, min(begins))
        log_p = _of_bases(output.logits[:, first - columns.start - 1 :], tokenizer)
        del output  # or it would be held while the next chunk is read
        for row, (each, begin) in enumerate(zip(ids, begins, strict=True)):
            low, high = max(first, begin), min(columns.stop + 1, len(each))
            if low < high:
                answers[row][low - begin : high - begin] = log_p[row, low - first : high - first]


def _of_bases(logits: Float[Tensor, "B L V"], tokenizer: Tokenizer) -> Float64[np.ndarray, "B L 4"]:
    """Log-probabilities of A, C, G and T; log-softmax over the whole vocabulary, in float32 at least."""
    wide = logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits
    columns = [tokenizer.nucleotide_ids[base] for base in ACGT]
    bases: NDArray[np.float64] = wide.log_softmax(dim=-1)[..., columns].double().cpu().numpy()
    return bases
