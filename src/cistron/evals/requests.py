"""What a task asks a model: typed, frozen, and with an address that depends on their content alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

from cistron.errors import OutOfBoundsError, UnknownContigError
from cistron.formats.atomic import sha256_file
from cistron.genome import Interval, Variant

Reading = Literal["both", "forward", "reverse"]
"""Strands that are read: the mean of both, or one of them."""

MIDDLE: Final = "middle"
"""The name under which requests ask for the layer half way up."""


@dataclass(frozen=True)
class Contigs:
    """A small reference that is part of a request: a gene, a construct, a shuffled genome.

    Implements `cistron.genome.Reference`.

    Attributes:
        sequences: Pairs of contig name and upper-case bases.
        name: What to call it in messages.
    """

    sequences: tuple[tuple[str, str], ...]
    name: str = "sequences of the task"

    @cached_property
    def _bases(self) -> dict[str, str]:
        return dict(self.sequences)

    @property
    def contigs(self) -> Mapping[str, int]:
        """Contig name → length in bp."""
        return {name: len(bases) for name, bases in self._bases.items()}

    def fetch(self, chrom: str, start: int, end: int) -> str:
        """Bases of `chrom[start:end]`, 0-based half-open.

        Raises:
            UnknownContigError: No such contig.
            OutOfBoundsError: The interval reaches beyond the contig.
        """
        if chrom not in self._bases:
            raise UnknownContigError(f"{self.name} has no contig {chrom}")
        bases = self._bases[chrom]
        if not 0 <= start <= end <= len(bases):
            raise OutOfBoundsError(f"{chrom}:{start}-{end} reaches beyond its {len(bases):,} bp")
        return bases[start:end]


@dataclass(frozen=True)
class ScoreRequest:
    """How plausible is each variant? Answered by `Scores`.

    Attributes:
        variants: One alternative allele each, on the plus strand as in VCF.
        reference: A FASTA file, plain or BGZF, or sequences of the task's own.
        width: Window in bp; None is the model's recommended one.
        strands: `reverse` reads the minus strand alone.
        indel: `neutral` or the published `equal-tokens`, as `cistron score --indel`.
        circular: Contigs that are read across their ends.
        window_slack: How far from its window's middle a variant may lie, in bp; above 0 neighbours share
            windows, which is faster.
    """

    variants: tuple[Variant, ...]
    reference: Path | Contigs
    width: int | None = None
    strands: Reading = "both"
    indel: Literal["neutral", "equal-tokens"] = "neutral"
    circular: tuple[str, ...] = ()
    window_slack: int = 0

    kind: ClassVar[str] = "score"
    items_field: ClassVar[str] = "variants"


@dataclass(frozen=True)
class LikelihoodRequest:
    """How plausible is each sequence? Answered by `Likelihoods`.

    Attributes:
        sequences: A, C, G, T and other nucleotide codes; any length.
        strands: `reverse` is not offered; give the reverse complement.
        window: Most bases read at once; None is the model's context.
    """

    sequences: tuple[str, ...]
    strands: Literal["both", "forward"] = "forward"
    window: int | None = None

    kind: ClassVar[str] = "likelihood"
    items_field: ClassVar[str] = "sequences"


@dataclass(frozen=True)
class EmbedRequest:
    """A vector for each sequence. Answered by `Vectors`.

    Attributes:
        sequences: A, C, G, T and other nucleotide codes.
        layer: Layer name or index; None is the last hidden state after the final norm, `middle` the layer
            half way up, whatever the model calls it.
        pooling: `mean`, `max`, or the `last` position in reading direction.
        strands: `both` is the mean over the sequence and its reverse complement.
    """

    sequences: tuple[str, ...]
    layer: str | int | None = None
    pooling: Literal["mean", "max", "last"] = "mean"
    strands: Literal["both", "forward"] = "forward"

    kind: ClassVar[str] = "embed"
    items_field: ClassVar[str] = "sequences"


@dataclass(frozen=True)
class GenerateRequest:
    """Continuations of each prompt. Answered by `Continuations`.

    Attributes:
        prompts: Each of one base or more.
        tokens: Bases to generate behind each.
        samples: Continuations for each prompt.
        temperature: 0 always takes the likeliest base.
        top_k: Draw from so many of the likeliest bases.
        seed: Of the draws.
    """

    prompts: tuple[str, ...]
    tokens: int
    samples: int = 1
    temperature: float = 1.0
    top_k: int | None = 4
    seed: int = 0

    kind: ClassVar[str] = "generate"
    items_field: ClassVar[str] = "prompts"


@dataclass(frozen=True)
class TrainRequest:
    """What would the model say of each sequence, trained on others? Answered by `Vectors` of probabilities.

    Attributes:
        sequences: What to tell.
        known: Sequences to train on.
        labels: Class of each of those; a column of the answer each, in the order of their names.
        groups: What belongs together among those.
        mode: What is trained beside the head: `frozen`, `lora`, `last` or `full`.
        seed: Of the run.
    """

    sequences: tuple[str, ...]
    known: tuple[str, ...]
    labels: tuple[str, ...]
    groups: tuple[str, ...]
    mode: str = "lora"
    seed: int = 0

    kind: ClassVar[str] = "train"
    items_field: ClassVar[str] = "sequences"


@dataclass(frozen=True)
class TracksRequest:
    """Which signal lies along each region? Answered by `Signals`.

    Attributes:
        regions: All of one length, a whole number of bins, and without overlap; in the names and the order of
            the reference.
        reference: A FASTA file, plain or BGZF, or sequences of the task's own.
        track: As the head for tracks calls it; empty for its only one.
        bin: Bases of a bin.
    """

    regions: tuple[Interval, ...]
    reference: Path | Contigs
    track: str = ""
    bin: int = 128

    kind: ClassVar[str] = "tracks"
    items_field: ClassVar[str] = "regions"


@dataclass(frozen=True)
class NameRequest:
    """A vector for each thing by its name, such as the symbol of a gene. Answered by `Vectors` of a table.

    Half of the names at least are known; the others have NaN, and what rests on them is left out.

    Attributes:
        names: As the task calls them.
    """

    names: tuple[str, ...]

    kind: ClassVar[str] = "name"
    items_field: ClassVar[str] = "names"


Request = (
    ScoreRequest
    | LikelihoodRequest
    | EmbedRequest
    | GenerateRequest
    | TrainRequest
    | TracksRequest
    | NameRequest
)

Item = Variant | Interval | str
"""What one row of an answer is about."""


def items_of(request: Request) -> Sequence[Item]:
    """What is asked about: variants, sequences, prompts, regions or names."""
    found: Sequence[Item] = getattr(request, request.items_field)
    return found


def beyond_context(request: Request, most: int) -> str | None:
    """Why the longest item does not fit into a model's context of so many tokens; None when it does."""
    needed = _longest(request)
    return None if needed <= most else f"needs {needed:,} tokens; the model's context is {most:,}"


def _longest(request: Request) -> int:
    """Tokens of the longest item that is read at once."""
    if isinstance(request, ScoreRequest):
        return request.width or 0
    if isinstance(request, LikelihoodRequest):
        return request.window or 0
    if isinstance(request, EmbedRequest | TrainRequest):
        return max(map(len, request.sequences), default=0)
    if isinstance(request, GenerateRequest):
        return max(map(len, request.prompts), default=0) + request.tokens
    return 0


def with_items(request: Request, items: Sequence[Any]) -> Request:
    """The same question about other items."""
    changed: Any = {request.items_field: tuple(items)}
    return replace(request, **changed)


def options_of(request: Request) -> dict[str, Any]:
    """Everything an answer depends on besides model and item, as JSON; files by their content."""
    values = {f.name: getattr(request, f.name) for f in fields(request) if f.name != request.items_field}
    reference = values.get("reference")
    if isinstance(reference, Path):
        values["reference"] = _file_digest(reference, reference.stat().st_mtime_ns)
    elif isinstance(reference, Contigs):
        values["reference"] = digest(list(reference.sequences))
    for name in ("known", "labels", "groups"):
        if name in values:
            values[name] = digest(list(values[name]))
    return {"kind": request.kind, **values}


def item_key(item: Item) -> bytes:
    """The address of one item: 16 bytes of a SHA-256."""
    if isinstance(item, Variant):
        text = f"{item.chrom}\t{item.pos}\t{item.ref}\t{item.alt}\t{item.end}"
    elif isinstance(item, Interval):
        text = f"{item.chrom}\t{item.start}\t{item.end}"
    else:
        text = item
    return hashlib.sha256(text.encode()).digest()[:16]


def seed_of(request: GenerateRequest, prompt: str) -> int:
    """The seed of one prompt, which depends on nothing but the request's seed and the prompt."""
    return int.from_bytes(item_key(f"{request.seed} {prompt}")[:4], "little")


def digest(content: object) -> str:
    """SHA-256 of something that JSON can hold, as 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@lru_cache(maxsize=64)
def _file_digest(path: Path, changed: int) -> str:
    del changed  # part of the key: a file that was written anew is read anew
    return sha256_file(path)
