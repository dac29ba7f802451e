"""Agreement of tracks by gene: the total over its exons, measured and predicted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float, Int

from cistron.genome import Interval
from cistron.genome.annotation import GeneModel
from cistron.metrics.blocks import Statistic
from cistron.metrics.correlation import mean_of, pearson_of, spearman_of
from cistron.metrics.tracks import Compared
from cistron.metrics.tracks_blocks import BLOCK, Known, Signal, require_values
from cistron.metrics.tracks_sums import poisson_deviance

OUTLIER: Final = 2.0
"""Standard deviations of log2 totals between measured and predicted, beyond which a gene is an outlier."""

_ROUNDING: Final = 1e-9


@dataclass(frozen=True)
class GeneTotals:
    """Totals of genes in every track.

    Attributes:
        genes: The genes.
        bases: Of each gene, those that were summed.
        totals: Name of a track → sum of each gene; the measured track has no name.
    """

    genes: tuple[GeneModel, ...]
    bases: Int[np.ndarray, "G"]
    totals: Mapping[str, Float[np.ndarray, "G"]]

    def compared(self, name: str, *, block: int = BLOCK) -> Compared:
        """A prediction beside the measurement; genes that begin in one block of a contig are drawn together.

        Args:
            name: Of the prediction.
            block: Bases of a block.
        """
        measured, predicted = self.totals[""], self.totals[name]
        places = [(gene.chrom, gene.start // block) for gene in self.genes]
        groups = {place: number for number, place in enumerate(dict.fromkeys(places))}
        return Compared(
            "gene",
            self._statistics(measured, predicted),
            np.array([groups[place] for place in places]),
            len(self.genes),
            _undefined(measured, predicted, self.bases),
        )

    def _statistics(
        self, measured: Float[np.ndarray, "G"], predicted: Float[np.ndarray, "G"]
    ) -> dict[str, Statistic]:
        return {
            "pearson_log1p": pearson_of(np.log1p(measured), np.log1p(predicted)),
            "pearson": pearson_of(measured, predicted),
            "spearman": spearman_of(measured, predicted),
            "poisson_deviance": mean_of(poisson_deviance(measured, predicted)),
            "pearson_log1p_mean": pearson_of(
                np.log1p(measured / self.bases), np.log1p(predicted / self.bases)
            ),
            "outliers": _count(outliers(measured, predicted)),
        }


def gene_totals(
    measured: Signal,
    predicted: Mapping[str, Signal],
    genes: Sequence[GeneModel],
    *,
    known: Known | None = None,
) -> GeneTotals:
    """Sum every track over the exons of each gene, as far as bases are known; genes without any are left out.

    Raises:
        InputError: A track has no value at a base that is.
    """
    kept, bases = [], []
    totals: dict[str, list[float]] = {name: [] for name in ("", *predicted)}
    for gene in genes:
        place = gene.chrom, gene.start, gene.end
        counts = np.zeros(gene.end - gene.start, dtype=bool)
        for start, end in gene.exons:
            counts[start - gene.start : end - gene.start] = True
        if known is not None:
            counts &= known(*place)
        if counts.any():
            kept.append(gene)
            bases.append(int(counts.sum()))
            for name, source in {"": measured, **predicted}.items():
                values = source(*place)
                require_values(name, values, counts, Interval(*place))
                totals[name].append(float(values[counts].sum()))
    return GeneTotals(tuple(kept), np.array(bases), {name: np.array(each) for name, each in totals.items()})


def outliers(measured: Float[np.ndarray, "G"], predicted: Float[np.ndarray, "G"]) -> Float[np.ndarray, "G"]:
    """How far each gene is off: difference of its z-scores of log2(1 + total), predicted minus measured.

    NaN where one side does not vary over the genes.

    Source: Genos reports the number of genes with |log2 fold change| above 2 after z-scoring, without a
        formula; this is the reading of it in which a fold change of z-scores is defined.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        standard = [(x - x.mean()) / x.std() for x in (np.log2(1 + predicted), np.log2(1 + measured))]
    return np.asarray(standard[0] - standard[1])


def _count(apart: Float[np.ndarray, "G"]) -> Statistic:
    """How many genes of a sample are outliers, by the z-scores of all genes."""
    far = np.where(np.isfinite(apart), np.abs(apart) > OUTLIER, np.nan)
    return lambda weights: weights @ far


def _undefined(
    measured: Float[np.ndarray, "G"], predicted: Float[np.ndarray, "G"], bases: Int[np.ndarray, "G"]
) -> dict[str, str]:
    """Metric → why it is not defined."""
    scales = {
        ("pearson_log1p", "pearson", "spearman", "outliers"): (measured, predicted),
        ("pearson_log1p_mean",): (measured / bases, predicted / bases),
    }
    found: dict[str, str] = {}
    for names, sides in scales.items():
        for side, values in zip(("measurement", "prediction"), sides, strict=True):
            if np.ptp(values) <= _ROUNDING * np.max(values):
                found |= dict.fromkeys(names, f"the {side} is the same in every gene")
    return found
