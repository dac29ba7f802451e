"""People of a file of genotypes: who of them can be told, and what there is of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cistron.evals.haplotypes import personal
from cistron.formats.labelled_sequences import Labelled
from cistron.formats.phased_genotypes import Diploid

FEWEST = 10
"""People of a population that has a class of its own."""

COMMON = 0.05
"""Frequency from which an allele counts among those of the whole region."""


@dataclass(frozen=True)
class Cohort:
    """Those with a label whose copies are known in all windows.

    Attributes:
        genotypes: Of everybody in the file.
        chosen: Columns of those used.
        labels: Of those used.
        starts: Of the windows.
        width: Of each, in bp.
        told: Who was left out.
    """

    genotypes: Diploid
    chosen: tuple[int, ...]
    labels: tuple[str, ...]
    starts: tuple[int, ...]
    width: int
    told: str

    @classmethod
    def of(
        cls,
        genotypes: Diploid,
        panel: Mapping[str, str],
        starts: Sequence[int],
        width: int,
        *,
        most: int | None,
        seed: int,
    ) -> Cohort:
        """Those whose copies are known in all windows, and whose population has enough of them.

        Args:
            genotypes: Of everybody.
            panel: Label of each person.
            starts: Of the windows.
            width: Of each, in bp.
            most: Most people, drawn at random; None is all.
            seed: Of the draw.
        """
        phased = np.logical_and.reduce([genotypes.within(at, at + width).phased() for at in starts])
        known = [at for at, name in enumerate(genotypes.samples) if name in panel]
        usable = [at for at in known if phased[at]]
        counts = Counter(panel[genotypes.samples[at]] for at in usable)
        usable = [at for at in usable if counts[panel[genotypes.samples[at]]] >= FEWEST]
        chosen = sorted(np.random.default_rng(seed).permutation(usable)[:most].tolist())
        rare = sorted(label for label, count in counts.items() if count < FEWEST)
        told = (
            f"{len(chosen)} of {len(genotypes.samples)} people: {len(genotypes.samples) - len(known)} have no"
            f" label, {len(known) - int(phased[known].sum())} are not phased in the windows"
            + (f"; fewer than {FEWEST} people left of {', '.join(rare)}" if rare else "")
        )
        labels = tuple(panel[genotypes.samples[at]] for at in chosen)
        return cls(genotypes, tuple(chosen), labels, tuple(starts), width, told)

    def haplotypes(self, bases: str) -> tuple[list[Labelled], list[str]]:
        """Sequences of both copies of everybody in every window, and whose they are."""
        records, owners = [], []
        for start in self.starts:
            copies = self.genotypes.within(start, start + self.width).copies()
            for person, label in zip(self.chosen, self.labels, strict=True):
                for copy in (2 * person, 2 * person + 1):
                    sequence = personal(copies, copy, bases, start, start + self.width)
                    name = f"{copies.samples[copy]} {copies.chrom}:{start + 1}"
                    records.append(Labelled(name, sequence, label))
                    owners.append(self.genotypes.samples[person])
        return records, owners

    def alleles(self) -> Float[np.ndarray, "haplotypes sites"]:
        """Whether each haplotype has an allele other than the reference's, one block of columns a window."""
        blocks = [self._calls(self.genotypes.within(start, start + self.width)) for start in self.starts]
        sites = sum(block.shape[1] for block in blocks)
        found = np.zeros((sum(map(len, blocks)), sites))
        row = column = 0
        for block in blocks:
            found[row : row + len(block), column : column + block.shape[1]] = block
            row, column = row + len(block), column + block.shape[1]
        return found

    def region(self) -> Float[np.ndarray, "haplotypes sites"]:
        """Common alleles of the whole file of each person, summed over both copies; one row a haplotype."""
        calls = self.genotypes.calls[:, list(self.chosen)] > 0
        share = calls.mean(axis=(1, 2))
        common = calls[(share >= COMMON) & (share <= 1 - COMMON)].sum(axis=2).T.astype(np.float64)
        return np.tile(np.repeat(common, 2, axis=0), (len(self.starts), 1))

    def _calls(self, genotypes: Diploid) -> Float[np.ndarray, "haplotypes sites"]:
        calls = genotypes.calls[:, list(self.chosen)] > 0
        return calls.reshape(len(calls), -1).T.astype(np.float64)
