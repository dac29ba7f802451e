"""What a score means: where it stands among scores of random changes of the same kind.

The llr of a model has no natural zero point: CpG transitions score higher than transversions whatever they
hit, and long insertions vary more than short ones. So a score is compared with those that the same kind of
change (`genome/changes.py`) has at random places of a genome, under the same model, width, strands and rule
for indels. The table of those scores is made once per model, by `cistron calibrate`, and lies in the model's
folder.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from cistron.errors import InputError
from cistron.genome import Interval, Reference, Variant
from cistron.genome.alleles import classify, trim
from cistron.genome.changes import INDEL_LENGTHS, TRINUCLEOTIDES, change_kind
from cistron.genome.contigs import ContigNames
from cistron.genome.sequence import ACGT, is_acgt, reverse_complement

SETTINGS: Final = ("model_sha256", "width", "strands", "indel")
"""What a table holds for and no other."""

_TRIES: Final = 200_000
"""Places looked at for one of every trinucleotide before a region is found to lack some."""


@dataclass(frozen=True)
class Calibration:
    """Scores of random changes by kind.

    Attributes:
        settings: The values of `SETTINGS` that the scores were made under.
        scores: Kind of change → llr of random changes of that kind in nats, rising.
        facts: Where the places come from, and the seed.
    """

    settings: Mapping[str, Any]
    scores: Mapping[str, Sequence[float]]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def percentile(self, kind: str, llr: float) -> float | None:
        """Per cent of random changes of this kind that score lower, ties counted half; None of unknown kinds.

        Never 0 nor 100: with n random changes, the lowest answer is 50 / (n + 1).
        """
        scores = self.scores.get(kind)
        if not scores:
            return None
        below = (bisect_left(scores, llr) + bisect_right(scores, llr)) / 2
        return 100 * (below + 0.5) / (len(scores) + 1)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as in `calibration.json`."""
        return {**self.settings, **self.facts, "scores": {k: list(v) for k, v in self.scores.items()}}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Calibration:
        """The inverse of `to_dict`.

        Raises:
            InputError: The values are not those of a table.
        """
        try:
            settings = {name: values[name] for name in SETTINGS}
            scores = {str(kind): sorted(map(float, found)) for kind, found in values["scores"].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as problem:
            raise InputError(
                f"the calibration is damaged ({problem}); make it again with `cistron calibrate`"
            ) from None
        facts = {k: v for k, v in values.items() if k not in (*SETTINGS, "scores")}
        return cls(settings, scores, facts)


class Percentiles:
    """Percentiles of variants on a reference, by a calibration."""

    def __init__(self, calibration: Calibration, reference: Reference) -> None:
        self._calibration: Final = calibration
        self._reference: Final = reference
        self._names: Final = ContigNames(reference.contigs)

    def of(self, variant: Variant, llr: float | None) -> float | None:
        """Percentile of a scored variant; None where it has no score or its kind is not calibrated."""
        chrom = self._names.resolve(variant.chrom)
        if llr is None or chrom is None or classify(variant) is not None:
            return None
        kind = change_kind(trim(variant, chrom), self._reference)
        return None if kind is None else self._calibration.percentile(kind, llr)


def tabulate(
    rounds: Iterable[tuple[Sequence[Variant], Sequence[float]]], reference: Reference
) -> dict[str, list[float]]:
    """Kind of change → scores, rising; changes without a score (NaN) are left out."""
    found: dict[str, list[float]] = {}
    for variants, scores in rounds:
        for variant, llr in zip(variants, scores, strict=True):
            kind = change_kind(trim(variant), reference)
            if kind is not None and np.isfinite(llr):
                found.setdefault(kind, []).append(float(llr))
    return {kind: sorted(scores) for kind, scores in sorted(found.items())}


def draw(reference: Reference, regions: Sequence[Interval], seed: int, number: int) -> list[Variant]:
    """Random changes of round `number`: one place for each trinucleotide, one indel of each length.

    At each place, all three substitutions. Inserted bases are those of another random place, so that they
    look like the genome. Every round is drawn on its own, whatever rounds there are beside it.

    Args:
        reference: The genome.
        regions: Where places may lie; each base is equally likely.
        seed: Seed of all rounds.
        number: Number of the round, from 0.

    Raises:
        InputError: The regions lack a trinucleotide, or bases altogether.
    """
    places = _Places(reference, regions, np.random.default_rng((seed, number)))
    return [*_substitutions(places), *_indels(places)]


def _substitutions(places: _Places) -> Iterator[Variant]:
    missing = set(TRINUCLEOTIDES)
    for _ in range(_TRIES):
        chrom, start, text = places.draw(3)
        around = text if text[1] in "CT" else reverse_complement(text)
        if around in missing:
            missing.remove(around)
            yield from (Variant(chrom, start + 2, text[1], alt) for alt in ACGT if alt != text[1])
        if not missing:
            return
    raise InputError(f"the regions lack the trinucleotide {min(missing)}; give larger ones")


def _indels(places: _Places) -> Iterator[Variant]:
    for length in INDEL_LENGTHS:
        chrom, start, text = places.draw(length + 1)
        yield Variant(chrom, start + 1, text, text[0])
        chrom, start, anchor = places.draw(1)
        _, _, inserted = places.draw(length)
        yield Variant(chrom, start + 1, anchor, anchor + inserted)


class _Places:
    """Draws stretches of A, C, G and T, every one in the regions equally likely."""

    def __init__(
        self, reference: Reference, regions: Sequence[Interval], generator: np.random.Generator
    ) -> None:
        self._reference, self._regions, self._generator = reference, regions, generator
        self._ends = np.cumsum([len(region) for region in regions])
        if not len(self._ends) or not self._ends[-1]:
            raise InputError("the regions hold no bases to draw from")

    def draw(self, length: int) -> tuple[str, int, str]:
        """Contig, start (0-based) and bases of a random stretch of `length` bp."""
        for _ in range(_TRIES):
            place = int(self._generator.integers(self._ends[-1]))
            number = int(np.searchsorted(self._ends, place, side="right"))
            region = self._regions[number]
            start = region.end - int(self._ends[number] - place)
            if start + length <= region.end:
                text = self._reference.fetch(region.chrom, start, start + length)
                if is_acgt(text):
                    return region.chrom, start, text
        raise InputError(f"the regions hold no {length} bases A, C, G or T in a row")
