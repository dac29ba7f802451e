"""From edits to requests, and from answers to a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, cast

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from cistron.evals.answers import Scores
from cistron.evals.outcome import Column
from cistron.evals.requests import Contigs, Reading, ScoreRequest
from cistron.evals.task import Answers
from cistron.evals.zeroshot.genomes import Genome
from cistron.genome.edits import Edit

STRAND_REQUESTS: Final[dict[str, Reading]] = {"+": "forward", "-": "reverse"}
"""A gene's strand → what is read when its own strand alone is, as published."""


@dataclass(frozen=True)
class Reader:
    """How edits are read.

    Attributes:
        width: Window in bp.
        strands: `gene` reads the gene's own strand, as published; `both` averages.
        indel: `neutral`, or the published `equal-tokens`.
        slack: How far from its window's middle an edit may lie, in bp.
    """

    width: int
    strands: str = "gene"
    indel: str = "neutral"
    slack: int = 0

    def requests(self, genome: Genome, edits: Sequence[Edit]) -> dict[str, ScoreRequest]:
        """One request a strand that has edits, or one for all when both strands are read."""
        if self.strands == "both":
            return {"both": self._request(genome, edits, "both")}
        return {
            reading: self._request(genome, [edit for edit in edits if edit.strand == strand], reading)
            for strand, reading in STRAND_REQUESTS.items()
            if any(edit.strand == strand for edit in edits)
        }

    def _request(self, genome: Genome, edits: Sequence[Edit], reading: Reading) -> ScoreRequest:
        return ScoreRequest(
            tuple(edit.variant for edit in edits),
            genome.asked,
            width=self.width,
            strands=reading,
            indel=cast(Literal["neutral", "equal-tokens"], self.indel),
            circular=genome.circular,
            window_slack=min(self.slack, self.width // 4),
        )

    def table(self, edits: Sequence[Edit], answers: Answers) -> Table:
        """The answers in the order of the edits."""
        if self.strands == "both":
            return table_of(edits, cast(Scores, answers["both"]))
        llr, flank = np.full(len(edits), np.nan), np.full(len(edits), np.nan)
        for strand, reading in STRAND_REQUESTS.items():
            places = np.array([edit.strand == strand for edit in edits], dtype=bool)
            if places.any():
                found = cast(Scores, answers[reading])
                llr[places], flank[places] = found.llr, found.flank
        return Table.of(edits, llr, flank)


@dataclass(frozen=True)
class Table:
    """Edits with their scores, one row each.

    Attributes:
        unit: Number of the gene that the edit is of.
        kind: Class.
        place: In reading direction, counted as the experiment says.
        llr: In nats, negative when less plausible than the reference; NaN without a score.
        flank: The part of it on the bases downstream.
        edits: The same rows.
    """

    unit: Int[np.ndarray, "N"]
    kind: NDArray[np.str_]
    place: Int[np.ndarray, "N"]
    llr: Float[np.ndarray, "N"]
    flank: Float[np.ndarray, "N"]
    edits: tuple[Edit, ...]

    @classmethod
    def of(cls, edits: Sequence[Edit], llr: Float[np.ndarray, "N"], flank: Float[np.ndarray, "N"]) -> Table:
        """The table of these edits."""
        _, unit = np.unique([edit.unit for edit in edits], return_inverse=True)
        kind = np.array([edit.kind for edit in edits], dtype=np.str_)
        place = np.array([edit.place for edit in edits], dtype=np.int64)
        return cls(unit, kind, place, llr, flank, tuple(edits))

    def scored(self) -> Table:
        """The rows that have a score."""
        kept = np.isfinite(self.llr)
        edits = tuple(edit for edit, keep in zip(self.edits, kept, strict=True) if keep)
        return Table(
            self.unit[kept], self.kind[kept], self.place[kept], self.llr[kept], self.flank[kept], edits
        )

    def shuffled(self, seed: int) -> Table:
        """The same rows with the scores of each unit dealt out anew among its rows."""
        random = np.random.default_rng(seed)
        order = np.arange(len(self.unit))
        for unit in np.unique(self.unit):
            rows = np.flatnonzero(self.unit == unit)
            order[rows] = random.permutation(rows)
        return replace(self, llr=self.llr[order], flank=self.flank[order])

    def columns(self) -> dict[str, Column]:
        """The long table."""
        variants = [edit.variant for edit in self.edits]
        return {
            "item": [
                f"{e.unit} {e.kind} {e.place} {v.chrom}:{v.pos} {v.ref}>{v.alt}"
                for e, v in zip(self.edits, variants, strict=True)
            ],
            "group": [edit.unit for edit in self.edits],
            "kind": self.kind,
            "place": self.place,
            "change": [edit.change for edit in self.edits],
            "strand": [edit.strand for edit in self.edits],
            "chrom": [variant.chrom for variant in variants],
            "pos": np.array([variant.pos for variant in variants]),
            "ref": [variant.ref for variant in variants],
            "alt": [variant.alt for variant in variants],
            "score": -self.llr,
            "llr": self.llr,
            "flank": self.flank,
        }


def table_of(edits: Sequence[Edit], scores: Scores) -> Table:
    """Edits with the answer to one request."""
    return Table.of(edits, scores.llr, scores.flank)


def own_request(contigs: Contigs, edits: Sequence[Edit], width: int, slack: int = 0) -> ScoreRequest:
    """A request about edits of sequences that an experiment made itself, read forwards."""
    variants = tuple(edit.variant for edit in edits)
    return ScoreRequest(variants, contigs, width=width, strands="forward", window_slack=slack)
