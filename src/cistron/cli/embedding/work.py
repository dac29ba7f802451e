"""The work of `cistron embed`: records in order, and the vectors of a block of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from cistron.cli.embedding.inputs import Span, Texts
from cistron.errors import UnknownContigError
from cistron.formats.table import Cell, ColumnType
from cistron.formats.vcf import VcfReader
from cistron.formats.vectors import Rows
from cistron.genome.alleles import AlleleStatus

if TYPE_CHECKING:
    from cistron.inference.embedding.hidden import Layer
    from cistron.inference.embedding.pooling import Pooling
    from cistron.inference.load import LoadedModel
    from cistron.inference.scoring.allele_windows import AlleleWindows

Allele = Literal["ref", "alt", "difference"]
ALLELES: Final[tuple[Allele, ...]] = ("difference", "ref", "alt")
"""What is written of a variant; the first is the main one."""


@dataclass(frozen=True)
class Settings:
    """What vectors depend on besides model and input."""

    layers: tuple[Layer, ...]
    pooling: Pooling
    strands: Literal["forward", "both"]


class Record(NamedTuple):
    """One record of the output.

    Attributes:
        label: What to call it.
        ids: Cells of the identifying columns.
        tokens: What the model has to read for it in all.
        length: Tokens of the longest sequence among that.
        rows: Vectors it gets: 1 when pooled, one for each position, or 0 for a record without any.
        work: What `Work.vectors` needs to know.
    """

    label: str
    ids: tuple[Cell, ...]
    tokens: int
    length: int
    rows: int
    work: Any


class Work(Protocol):
    """Records, their columns, and how their vectors come about."""

    @property
    def model(self) -> LoadedModel:
        """The model that reads them."""
        ...

    @property
    def ids(self) -> Mapping[str, ColumnType]:
        """Identifying columns and their types."""
        ...

    @property
    def columns(self) -> Mapping[str, int]:
        """Vector column → length of its vectors."""
        ...

    def records(self) -> Iterator[Record]:
        """Every record in order, each time anew."""
        ...

    def vectors(
        self, block: Sequence[Record], batch_tokens: int, progress: Callable[[int], object]
    ) -> list[Rows]:
        """The rows of each record of a block that has any, in order; `batch_tokens` run together at most."""
        ...


@dataclass(frozen=True)
class _Layered:
    """What all work shares: a model, settings, and a name for every layer."""

    model: LoadedModel
    settings: Settings

    @cached_property
    def layers(self) -> dict[str, tuple[str, int]]:
        """Ending of a column's name → the layer's label, and the length of its vectors."""
        from cistron.inference.embed import layer_widths

        widths = layer_widths(self.model.model, self.model.tokenizer, self.settings.layers)
        return {f"_{label}" if len(widths) > 1 else "": (label, width) for label, width in widths.items()}


@dataclass(frozen=True)
class SequenceWork(_Layered):
    """Sequences as they are.

    Attributes:
        texts: The sequences.
        span: What is pooled in each where the input does not say; None for all of it.
    """

    texts: Texts
    span: Span | None = None

    @property
    def ids(self) -> Mapping[str, ColumnType]:
        """Those of the input."""
        return self.texts.ids

    @cached_property
    def columns(self) -> Mapping[str, int]:
        """One for each layer."""
        return {f"embedding{ending}": width for ending, (_, width) in self.layers.items()}

    def records(self) -> Iterator[Record]:
        """One for each sequence, checked."""
        from cistron.inference.embedding.passages import checked_passage

        model, tokenizer = self.model.model, self.model.tokenizer
        twice = 2 if self.settings.strands == "both" else 1
        for text in self.texts:
            name = f"'{text.label}'"
            passage = checked_passage(model, tokenizer, text.bases, text.span or self.span, name)
            rows = passage.end - passage.start if self.settings.pooling == "none" else 1
            length = len(text.bases)
            yield Record(text.label, text.ids, twice * length, length, rows, passage)

    def vectors(
        self, block: Sequence[Record], batch_tokens: int, progress: Callable[[int], object]
    ) -> list[Rows]:
        """The rows of each record."""
        from cistron.inference.embed import embed_passages

        embeddings = embed_passages(
            self.model.model,
            self.model.tokenizer,
            [record.work for record in block],
            layers=self.settings.layers,
            pooling=self.settings.pooling,
            strands=self.settings.strands,
            batch_tokens=batch_tokens,
            progress=progress,
        )
        layers = self.layers.items()
        return [
            {f"embedding{ending}": _rows(found.layers[label]) for ending, (label, _) in layers}
            for found in embeddings
        ]


@dataclass(frozen=True)
class VariantWork(_Layered):
    """Alleles of variants: the reference's, the alternative's, and their difference.

    Attributes:
        variants: The file.
        windows: Cuts the windows.
        around: Pool the allele and so many bases on either side; None pools the window.
        alleles: What is written, in this order.
    """

    variants: VcfReader
    windows: AlleleWindows
    around: int | None
    alleles: tuple[Allele, ...]

    @property
    def ids(self) -> Mapping[str, ColumnType]:
        """The allele as the file spells it, and why it has no vectors."""
        return {"chrom": str, "pos": int, "id": str, "ref": str, "alt": str, "status": str}

    @cached_property
    def columns(self) -> Mapping[str, int]:
        """One for each layer and kind of allele."""
        return {
            f"embedding_{allele}{ending}": width
            for ending, (_, width) in self.layers.items()
            for allele in self.alleles
        }

    def records(self) -> Iterator[Record]:
        """One for each alternative allele.

        Raises:
            UnknownContigError: No contig of the file is in the reference.
        """
        statuses: Counter[AlleleStatus | None] = Counter()
        for line in self.variants:
            for variant in line.variants:
                plan = self.windows.of(variant)
                status = plan if isinstance(plan, AlleleStatus) else None
                windows = () if isinstance(plan, AlleleStatus) else plan
                statuses[status] += 1
                lengths = [len(text) for w in windows for text in (w.ref_sequence, w.alt_sequence)]
                ids = (variant.chrom, variant.pos, line.id, variant.ref, variant.alt, status)
                label = f"{variant.chrom}-{variant.pos}-{variant.ref}-{variant.alt}"
                yield Record(label, ids, sum(lengths), max(lengths, default=0), min(len(windows), 1), windows)
        if statuses and set(statuses) == {AlleleStatus.CONTIG_UNKNOWN}:
            raise UnknownContigError(
                f"no contig of {self.variants.name} is in {self.windows.reference.name}; give the reference"
                " that the variants were called on"
            )

    def vectors(
        self, block: Sequence[Record], batch_tokens: int, progress: Callable[[int], object]
    ) -> list[Rows]:
        """The rows of each allele that has windows."""
        from cistron.inference.embed_variants import AlleleReader

        settings = self.settings
        reader = AlleleReader(
            self.model.model,
            self.model.tokenizer,
            settings.layers,
            settings.pooling,
            self.around,
            batch_tokens,
        )
        known = [record for record in block if record.rows]
        found = reader.embed([record.work for record in known])
        progress(sum(record.tokens for record in known))
        return [self._columns_of(ref, alt) for ref, alt in found]

    def _columns_of(self, ref: Mapping[str, Any], alt: Mapping[str, Any]) -> Rows:
        """The columns of one allele, from layer → vector of either sequence."""
        rows: dict[str, NDArray[np.float32]] = {}
        for ending, (label, _) in self.layers.items():
            kinds = {"ref": ref[label], "alt": alt[label], "difference": alt[label] - ref[label]}
            rows |= {f"embedding_{allele}{ending}": _rows(kinds[allele]) for allele in self.alleles}
        return rows


def _rows(vector: NDArray[Any]) -> NDArray[np.float32]:
    """A vector as one row, or rows as they are, in float32."""
    return np.atleast_2d(vector).astype(np.float32, copy=False)
