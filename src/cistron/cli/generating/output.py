"""What `cistron generate` writes of a sequence, and what it keeps of a refusal."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from cistron.formats.fasta_output import fasta_record

if TYPE_CHECKING:
    from cistron.inference.generate import Generated, Refusal

JSON_LINES: Final = ".jsonl"
ENDINGS: Final = (".fa", ".fasta", ".fna", ".fa.gz", ".fasta.gz", ".fna.gz", JSON_LINES)

_HEAD: Final = struct.Struct("<I?")  # bytes of the text, whether it tells of a refusal


def as_fasta(made: Generated, name: str, provenance: str, *, with_prompt: bool) -> str:
    """A record that says how likely the continuation is, and whether anybody screened it.

    Args:
        made: The sequence.
        name: Of the prompt.
        provenance: Further `key=value` words.
        with_prompt: Whether the prompt stands before the continuation.
    """
    described = (
        f"prompt={len(made.prompt)} new={len(made.continuation)}"
        f" log_likelihood={made.log_likelihood:.4f}"
        f" sampling_log_likelihood={made.sampling_log_likelihood:.4f}"
        f" screened={'yes' if made.screened_by else 'no'} {provenance}"
    )
    sequence = made.sequence if with_prompt else made.continuation
    return fasta_record(_sample_name(name, made), sequence, described)


def as_json(made: Generated, name: str, *, with_prompt: bool) -> str:
    """One line of JSON; log-probabilities are natural, one for each new base."""
    content = {
        "name": _sample_name(name, made),
        "prompt_name": name,
        "prompt_index": made.prompt_index,
        "sample_index": made.sample_index,
        "prompt_length": len(made.prompt),
        **({"prompt": made.prompt} if with_prompt else {}),
        "continuation": made.continuation,
        "log_likelihood": round(made.log_likelihood, 6),
        "sampling_log_likelihood": round(made.sampling_log_likelihood, 6),
        "log_probabilities": [round(value, 6) for value in made.log_probabilities.tolist()],
        "sampling_log_probabilities": [round(value, 6) for value in made.sampling_log_probabilities.tolist()],
        "attempts": made.attempts,
        "screened": bool(made.screened_by),
        "screened_by": list(made.screened_by),
    }
    return json.dumps(content) + "\n"


class Outcome(NamedTuple):
    """What became of a sequence.

    Attributes:
        text: What is written of it; of a refusal one line that holds no sequence.
        refused: Whether it is a refusal.
    """

    text: str
    refused: bool = False


def refusal_line(refusal: Refusal, name: str) -> str:
    """Which sequence of the prompt called `name` was refused, and why."""
    return f"{name}.{refusal.sample_index + 1}: {refusal.reason}"


def packed(outcomes: Iterable[Outcome]) -> bytes:
    """Outcomes as the journal keeps them."""
    texts = [(outcome.text.encode(), outcome.refused) for outcome in outcomes]
    return b"".join(_HEAD.pack(len(text), refused) + text for text, refused in texts)


def unpacked(payload: bytes) -> Iterator[Outcome]:
    """The inverse of `packed`."""
    at = 0
    while at < len(payload):
        length, refused = _HEAD.unpack_from(payload, at)
        at += _HEAD.size + length
        yield Outcome(payload[at - length : at].decode(), refused)


def _sample_name(name: str, made: Generated) -> str:
    return f"{name}.{made.sample_index + 1}"
