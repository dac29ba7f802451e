"""From genes to windows, and from the vectors of windows back to vectors of genes and of rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

import numpy as np
from jaxtyping import Float, Float32

from cistron.errors import InputError
from cistron.evals.genes.atlas import Atlas
from cistron.evals.genes.regions import REGIONS, Region, Windows, windows_of
from cistron.evals.task import Option
from cistron.formats.fasta import Fasta
from cistron.genome import Reference
from cistron.genome.annotation import GeneModel
from cistron.registry import unknown

Pairing = Literal["average", "concat", "product"]
PAIRINGS: Final = ("average", "concat", "product")


@dataclass(frozen=True)
class Cutting:
    """What stands for a gene.

    Attributes:
        region: A name of `cistron.evals.genes.regions.REGIONS`.
        width: Of a window in bp.
        most: Windows of each part of the region.
    """

    region: Region = "tss"
    width: int = 2048
    most: int = 8

    @classmethod
    def of(cls, options: Mapping[str, Option]) -> Cutting:
        """From the options `region`, `width` and `windows` of a task.

        Raises:
            InputError: The region is unknown, or a number is not positive.
        """
        region, width, most = str(options["region"]), int(options["width"]), int(options["windows"])
        if region not in REGIONS:
            raise InputError(unknown("region of a gene", region, REGIONS))
        if min(width, most) < 1:
            raise InputError(f"width {width} and windows {most} must be positive")
        return cls(cast(Region, region), width, most)

    def __str__(self) -> str:
        return f"{self.region}: {REGIONS[self.region]}; at most {self.most} windows of {self.width:,} bp"

    def cut(self, genes: Iterable[str], atlas: Atlas) -> Pieces:
        """Windows of every gene that the atlas has; the others are left out."""
        found = {}
        with ExitStack() as stack:
            files: dict[Any, Reference] = {}
            for name in dict.fromkeys(genes):
                if name not in atlas.genes:
                    continue
                path = atlas.files[name]
                if path not in files:
                    files[path] = stack.enter_context(Fasta(path))
                windows = self.cut_gene(atlas.genes[name], files[path])
                if windows is not None:
                    found[name] = windows
        return Pieces(found)

    def cut_gene(self, gene: GeneModel, reference: Reference) -> tuple[Windows, ...] | None:
        """Windows of one gene, for each part of the region; None where it lacks one."""
        return windows_of(gene, self.region, reference, width=self.width, most=self.most)

    def footprint(self, gene: GeneModel) -> tuple[str, int, int]:
        """Contig, start and end of all that is read of a gene."""
        if self.region not in ("tss", "promoter"):
            return gene.chrom, gene.start, gene.end
        start = gene.start if gene.strand == "+" else gene.end
        return gene.chrom, start - self.width, start + self.width


@dataclass(frozen=True)
class Pieces:
    """The windows of genes.

    Attributes:
        windows: Symbol → windows of each part.
    """

    windows: Mapping[str, tuple[Windows, ...]]

    def __contains__(self, name: str) -> bool:
        return name in self.windows

    def text(self, name: str) -> str:
        """All that is read of a gene, for what looks at letters; windows are kept apart by N."""
        return "N".join(window for part in self.windows[name] for window in part)

    def asked(self, genes: Iterable[str]) -> tuple[str, ...]:
        """Every window of these genes, once."""
        return tuple(dict.fromkeys(w for name in genes for part in self.windows[name] for w in part))

    def vectors(
        self, asked: tuple[str, ...], vectors: Float32[np.ndarray, "W D"]
    ) -> dict[str, Float[np.ndarray, "D2"]]:
        """Symbol → vector, of every gene whose windows were all asked.

        That of a part is the mean over its windows, weighted by their lengths; parts stand side by side.
        """
        row = {window: at for at, window in enumerate(asked)}
        return {
            name: np.concatenate([_mean(part, row, vectors) for part in parts])
            for name, parts in self.windows.items()
            if all(window in row for part in parts for window in part)
        }


def _mean(
    part: Windows, row: Mapping[str, int], vectors: Float32[np.ndarray, "W D"]
) -> Float[np.ndarray, "D"]:
    found = vectors[[row[window] for window in part]].astype(np.float64)
    return np.asarray(np.average(found, axis=0, weights=[len(window) for window in part]))


def combined(
    rows: Iterable[tuple[str, ...]], vectors: Mapping[str, Float[np.ndarray, "D"]], pairing: Pairing
) -> Float[np.ndarray, "N D2"]:
    """One vector a row: that of its gene, or those of its genes averaged, side by side, or multiplied."""
    stacked = np.stack([np.stack([vectors[name] for name in row]) for row in rows])
    if pairing == "concat":
        return stacked.reshape(len(stacked), -1)
    return np.asarray(stacked.mean(axis=1) if pairing == "average" else stacked.prod(axis=1))
