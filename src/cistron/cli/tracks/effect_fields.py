"""What `cistron tracks effect` writes of each allele, and keeps of it in the journal."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cistron.errors import InputError
from cistron.formats.numbers import format_float
from cistron.formats.vcf import PREFIX, InfoField, VcfReader
from cistron.genome.alleles import AlleleStatus

if TYPE_CHECKING:
    from cistron.inference.track_effect import TrackEffect
    from cistron.weights.heads import SavedHead

_RESERVED: Final = re.compile(r"[\s,;=|&%]")
GENE_COLUMNS: Final = "gene|strand|track|lfc|ref|alt"


class Entry(NamedTuple):
    """What is kept of an allele; plain values, so that JSON holds it.

    Attributes:
        lfc: log2 fold change of each track over the window.
        change: Largest change of each track at a base, ALT − REF, beside an insertion or deletion itself.
        pos: Where that is, 1-based.
        genes: Gene, strand, track, log2 fold change, sums of REF and ALT.
        status: Why there is nothing; None where there is.
    """

    lfc: Sequence[float]
    change: Sequence[float]
    pos: Sequence[int]
    genes: Sequence[Sequence[Any]]
    status: str | None

    @classmethod
    def of(cls, effect: TrackEffect) -> Entry:
        """The entry of an effect."""
        if effect.place is None:
            return cls([], [], [], [], str(effect.status))
        apart = effect.alt - effect.ref
        apart[:, slice(*effect.moved)] = 0
        places = abs(apart).argmax(axis=1)
        change = [float(track[place]) for track, place in zip(apart, places, strict=True)]
        pos = [effect.place.start + int(place) + 1 for place in places]
        return cls(effect.lfc.tolist(), change, pos, [list(gene) for gene in effect.genes], None)


@dataclass(frozen=True)
class TrackFields:
    """The INFO fields of a head's tracks.

    Attributes:
        prefix: What their names begin with.
        tracks: Names of the tracks.
        how: Model, head and width, in words.
    """

    prefix: str
    tracks: tuple[str, ...]
    how: str

    @classmethod
    def of(cls, saved: SavedHead, tag: str | None, identity: Mapping[str, Any]) -> TrackFields:
        """The fields of a head under the user's tag.

        Raises:
            InputError: The tag has other characters than letters, digits and underscores.
        """
        if tag is not None and not re.fullmatch("[0-9A-Za-z_]+", tag):
            raise InputError(f"--tag {tag!r}: use letters A-Z, digits and underscores")
        config: Any = saved.head.config
        how = (
            f"model={identity['model']}; sha256={identity['model_sha256']}; "
            f"head={identity['head_sha256']}; width={identity['width']}; version={identity['version']}"
        )
        return cls(f"{PREFIX}{f'{tag}_' if tag else ''}TRACK_", tuple(config.tracks), how)

    def definitions(self) -> list[InfoField]:
        """Every field, in the order in which they are written."""
        found = []
        for name, track in zip(self._suffixes(), self.tracks, strict=True):
            found += [
                InfoField(
                    f"{self.prefix}LFC{name}",
                    "Float",
                    f"log2 fold change ALT / REF of predicted {track} over the window, positive = more "
                    f"signal with ALT; {self.how}",
                ),
                InfoField(
                    f"{self.prefix}MAX{name}",
                    "Float",
                    f"Largest change of predicted {track} at a base, ALT - REF, beside inserted or deleted "
                    f"bases; {self.how}",
                ),
                InfoField(
                    f"{self.prefix}POS{name}", "Integer", f"Position of {self.prefix}MAX{name}, 1-based"
                ),
            ]
        genes = (
            f"Genes with an exon in the window, joined by &: {GENE_COLUMNS} (log2 fold change, and sums over "
            f"these exons); {self.how}"
        )
        status = "Why an allele has no prediction: " + ", ".join(AlleleStatus)
        return [
            *found,
            InfoField(f"{self.prefix}GENES", "String", genes),
            InfoField(f"{self.prefix}STATUS", "String", status),
        ]

    def own(self, reader: VcfReader) -> list[str]:
        """Fields of the input that are of this kind and tag."""
        return [field for field in reader.info_fields if field.startswith(self.prefix)]

    def refuse_taken(self, reader: VcfReader, *, overwrite: bool) -> None:
        """Return silently when the input has no such fields, or they may be replaced.

        Raises:
            InputError: It has some.
        """
        if (found := self.own(reader)) and not overwrite:
            raise InputError(
                f"{reader.name} already carries {', '.join(found)}; give --tag NAME to add other fields or "
                "--overwrite to replace these"
            )

    def values(self, entries: Sequence[Entry]) -> dict[str, list[float | int | str | None]]:
        """INFO field → its value for each ALT of a record."""
        found: dict[str, list[float | int | str | None]] = {}
        for number, name in enumerate(self._suffixes()):
            for field, column in (("LFC", "lfc"), ("MAX", "change"), ("POS", "pos")):
                found[f"{self.prefix}{field}{name}"] = [
                    None if entry.status else getattr(entry, column)[number] for entry in entries
                ]
        found[f"{self.prefix}GENES"] = ["&".join(map(_packed, entry.genes)) or None for entry in entries]
        found[f"{self.prefix}STATUS"] = [entry.status for entry in entries]
        return found

    def _suffixes(self) -> list[str]:
        """Ends of field names: none for a single track, else its number; names could become alike."""
        several = len(self.tracks) > 1
        return [f"_{number}" if several else "" for number in range(1, len(self.tracks) + 1)]


def _packed(gene: Sequence[Any]) -> str:
    """One gene as text; what would break the field is percent-encoded, as VCF 4.3 wants it."""
    return "|".join(
        _RESERVED.sub(lambda match: f"%{ord(match[0]):02X}", cell)
        if isinstance(cell, str)
        else format_float(cell)
        for cell in gene
    )
