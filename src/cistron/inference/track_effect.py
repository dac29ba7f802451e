"""What variants do to predicted tracks: the alternative against the reference allele in one window.

Each allele is read in a window of the width that the head was trained with, the variant in its middle; both
windows have the same bases before and behind the allele. The signal of the alternative is brought back to the
coordinates of the reference (`genome/realigned.py`). For each track, with sums over the window or over what
lies in it of a gene,

    lfc = log2((sum of ALT + c) / (sum of REF + c)),  c = 0.01 · μ · bases

where μ is the track's mean where it is not zero: positive means more signal with the alternative allele. What
*c* adds keeps places without signal from having large ratios.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypedDict

import numpy as np
from jaxtyping import Bool, Float

from cistron.genome import Interval, Reference, Strand, Variant
from cistron.genome.alleles import AlleleStatus
from cistron.genome.annotation import GeneModel
from cistron.genome.realigned import realigned
from cistron.genome.windows import AlleleWindow
from cistron.inference.scoring.allele_windows import AlleleWindows, RefPolicy
from cistron.inference.tracks import predict_tracks, track_head, window_of
from cistron.models import Model
from cistron.tokenizers import Tokenizer
from cistron.weights.heads import SavedHead

FLOOR: Final = 0.01
"""Signal of every base that is added before a ratio is taken, as a part of the track's mean."""

GenesIn = Callable[[Interval], Sequence[GeneModel]]
"""The genes that share a base with a place."""


class GeneEffect(NamedTuple):
    """What a variant does to one track of one gene.

    Attributes:
        gene: Symbol.
        strand: Of the gene.
        track: Name of the track.
        lfc: log2 fold change of the sum over the gene's exons in the window.
        ref: That sum with the reference allele.
        alt: With the alternative allele.
    """

    gene: str
    strand: Strand
    track: str
    lfc: float
    ref: float
    alt: float


class TrackEffect(NamedTuple):
    """What a variant does to the tracks in its window.

    Attributes:
        variant: The allele, as given.
        place: The window on the reference; None where there is none.
        ref: Signal of every track with the reference allele.
        alt: With the alternative allele, in reference coordinates.
        moved: Bases of the window on which an insertion or deletion itself adds or takes signal, half-open;
            empty of a substitution.
        lfc: log2 fold change of each track's sum over the window.
        genes: Effects on the genes that have an exon in the window.
        status: Why there is nothing; None where there is.
    """

    variant: Variant
    place: Interval | None
    ref: Float[np.ndarray, "T L"]
    alt: Float[np.ndarray, "T L"]
    moved: tuple[int, int]
    lfc: Float[np.ndarray, "T"]
    genes: tuple[GeneEffect, ...]
    status: AlleleStatus | None


class TrackEffectOptions(TypedDict, total=False):
    """Keyword arguments of `predict_track_effects`."""

    width: int | None
    genes: GenesIn | None
    circular: Collection[str]
    check_ref: RefPolicy
    lengths: Mapping[str, int | None] | None


def predict_track_effects(
    model: Model,
    tokenizer: Tokenizer,
    saved: SavedHead,
    reference: Reference,
    variants: Iterable[Variant],
    *,
    width: int | None = None,
    genes: GenesIn | None = None,
    circular: Collection[str] = (),
    check_ref: RefPolicy = "error",
    lengths: Mapping[str, int | None] | None = None,
) -> Iterator[TrackEffect]:
    """Yield what each variant does to the tracks, in order.

    Every variant is read by itself on the reference: others nearby are not.

    Args:
        model: The one that the head was trained on.
        tokenizer: Its tokenizer.
        saved: A head for tracks, from `weights.heads.load_head`.
        reference: Genome the variants were called on.
        variants: One alternative allele each; need not be sorted.
        width: Window in bp; that of the head's training when None.
        genes: Tells the genes of a place; None gives no effects on genes. A track of one strand has effects
            on the genes of that strand alone.
        circular: Contigs to read across their ends; a 16,569-bp mitochondrion always is.
        check_ref: `error` raises at a REF that differs from the reference, `warn` gives it a status.
        lengths: Contig lengths stated by the variants' own file.

    Raises:
        WeightsError: The head does not predict tracks.
        WindowError: The window is longer than the model's context.
        ReferenceMismatchError: Under `check_ref="error"`.
    """
    config = track_head(saved).config
    cutter = AlleleWindows(
        reference,
        window_of(saved, width)[0],
        "forward",
        circular=circular,
        check_ref=check_ref,
        lengths=lengths,
    )
    summary = _Summary(config.tracks, np.array(config.means), frozenset(config.plus), frozenset(config.minus))
    for variant in variants:
        plan = cutter.of(variant)
        if isinstance(plan, AlleleStatus):
            yield _nothing(variant, plan, len(config.tracks))
            continue
        (window,) = plan
        texts = [window.ref_sequence, window.alt_sequence]
        ref, alt = predict_tracks(model, tokenizer, saved, texts, rows=2)
        yield summary.of(variant, window, ref, alt, genes)


class _Summary(NamedTuple):
    """Sums up the tracks of a head.

    Attributes:
        tracks: Their names.
        means: Mean of each where it is not zero.
        plus: Those of the plus strand.
        minus: Those of the minus strand.
    """

    tracks: tuple[str, ...]
    means: Float[np.ndarray, "T"]
    plus: frozenset[str]
    minus: frozenset[str]

    def of(
        self,
        variant: Variant,
        window: AlleleWindow,
        ref: Float[np.ndarray, "T R"],
        alt: Float[np.ndarray, "T A"],
        genes: GenesIn | None,
    ) -> TrackEffect:
        chrom, start = window.origin
        place = Interval(chrom, start, start + ref.shape[1])
        site, old, new = len(window.upstream), len(window.ref), len(window.alt)
        alt = realigned(alt, site, old, new)
        moved = (0, 0) if old == new else (max(site - 1, 0), max(site + old, 1))
        lfc = self._lfc(ref, alt, np.ones(len(place), dtype=bool))
        found = () if genes is None else self._genes(genes(place), place, ref, alt)
        return TrackEffect(variant, place, ref, alt, moved, lfc, found, None)

    def _genes(
        self,
        genes: Sequence[GeneModel],
        place: Interval,
        ref: Float[np.ndarray, "T L"],
        alt: Float[np.ndarray, "T L"],
    ) -> tuple[GeneEffect, ...]:
        found = []
        for gene in genes:
            inside = _exonic(gene, place)
            if not inside.any():
                continue
            lfc = self._lfc(ref, alt, inside)
            sums = ref[:, inside].sum(axis=1), alt[:, inside].sum(axis=1)
            for number, track in enumerate(self.tracks):
                if track not in (self.minus if gene.strand == "+" else self.plus):
                    told = float(lfc[number]), float(sums[0][number]), float(sums[1][number])
                    found.append(GeneEffect(gene.name, gene.strand, track, *told))
        return tuple(found)

    def _lfc(
        self,
        ref: Float[np.ndarray, "T L"],
        alt: Float[np.ndarray, "T L"],
        bases: Bool[np.ndarray, "L"],
    ) -> Float[np.ndarray, "T"]:
        floor = FLOOR * self.means * bases.sum()
        sums = [track[:, bases].sum(axis=1, dtype=np.float64) + floor for track in (alt, ref)]
        return np.asarray(np.log2(sums[0] / sums[1]))


def _exonic(gene: GeneModel, place: Interval) -> Bool[np.ndarray, "L"]:
    """Which bases of `place` are exons of the gene."""
    flags = np.zeros(len(place), dtype=bool)
    for start, end in gene.exons:
        flags[max(start - place.start, 0) : max(end - place.start, 0)] = True
    return flags


def _nothing(variant: Variant, status: AlleleStatus, tracks: int) -> TrackEffect:
    none = np.zeros((tracks, 0))
    return TrackEffect(variant, None, none, none, (0, 0), np.zeros(tracks), (), status)
