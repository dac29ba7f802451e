"""What a generated sequence must keep: motifs to avoid, GC content, longest homopolymer.

Patterns are spelt, and every finished sequence is judged, by DNA Chisel; `allowed.py` steers generation so
that its verdict is hardly ever bad.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np

from cistron.errors import CistronError, InputError
from cistron.genome.sequence import ACGT, is_acgt, reverse_complement
from cistron.inference.generation.motifs import MotifAutomaton, avoiding
from cistron.inference.generation.patterns import dna_chisel, patterns, spelt_motifs

Scope = Literal["whole", "continuation"]


class ConstraintError(CistronError):
    """A prompt or a request cannot satisfy the constraints, or no attempt at a sequence did."""


class GCRange(NamedTuple):
    """Share of G and C among the bases of every window, or of the whole sequence.

    Attributes:
        low: Least share, 0 to 1.
        high: Greatest share.
        window: In bp; None for the whole sequence.
    """

    low: float
    high: float
    window: int | None = None

    def __str__(self) -> str:
        return f"GC {self.low:g}-{self.high:g}" + (f" in every {self.window:,} bp" if self.window else "")

    def counts(self, width: int) -> tuple[int, int]:
        """Least and greatest number of G and C in `width` bases.

        Raises:
            ConstraintError: No number lies in the range.
        """
        shares = np.arange(width + 1) / width  # as DNA Chisel computes them, to the last bit
        inside = np.flatnonzero((shares >= self.low) & (shares <= self.high))
        if not len(inside):
            raise ConstraintError(f"no number of G and C in {width:,} bp is {self}; widen the range")
        return int(inside[0]), int(inside[-1])


def parse_gc(text: str) -> GCRange:
    """The range that `0.4-0.6` (whole sequence) or `0.4-0.6/50` (every window of 50 bp) means.

    Raises:
        InputError: It is neither, or the range is empty.
    """
    found = re.fullmatch(r"(\d*\.?\d+)-(\d*\.?\d+)(?:/(\d+))?", text.strip())
    if found is None:
        raise InputError(f"GC content '{text}' is not LOW-HIGH or LOW-HIGH/WINDOW, such as 0.4-0.6/50")
    gc = GCRange(float(found[1]), float(found[2]), int(found[3]) if found[3] else None)
    if not 0 <= gc.low <= gc.high <= 1 or gc.window == 0:
        raise InputError(
            f"GC content '{text}': shares lie between 0 and 1, LOW not above HIGH, WINDOW above 0"
        )
    return gc


@dataclass(frozen=True)
class Constraints:
    """What every generated sequence keeps.

    Attributes:
        avoid: Motifs that occur on neither strand: IUPAC letters (`GGTCTC`), a restriction enzyme (`BsaI`),
            `9xC` (nine C or G in a row) or `3x2mer` (any two bases three times).
        gc: Share of G and C.
        max_homopolymer: Longest run of one base.
        scope: What they hold for: prompt and continuation as one sequence, or the continuation alone.

    Raises:
        InputError: A pattern or a number is not understood.
        CistronError: DNA Chisel is not installed.
    """

    avoid: tuple[str, ...] = ()
    gc: GCRange | None = None
    max_homopolymer: int | None = None
    scope: Scope = "whole"

    def __post_init__(self) -> None:
        if self.max_homopolymer is not None and self.max_homopolymer < 1:
            raise InputError(f"the longest homopolymer is {self.max_homopolymer}; it must be 1 or more")
        if self:
            _ = self.specifications

    def __bool__(self) -> bool:
        return bool(self.avoid or self.gc or self.max_homopolymer)

    def __str__(self) -> str:
        parts = [f"avoid {text}" for text in self.avoid]
        parts += [str(self.gc)] if self.gc else []
        if self.max_homopolymer:
            parts.append(f"no homopolymer over {self.max_homopolymer:,}")
        return ", ".join(parts)

    @cached_property
    def specifications(self) -> list[Any]:
        """The constraints as DNA Chisel's own."""
        chisel = dna_chisel()
        found = [chisel.AvoidPattern(pattern) for text in self.avoid for pattern in patterns(text)]
        if self.max_homopolymer:
            runs = [chisel.HomopolymerPattern(base, self.max_homopolymer + 1) for base in ACGT]
            found += [chisel.AvoidPattern(run, strand=1) for run in runs]
        if self.gc:
            found.append(chisel.EnforceGCContent(self.gc.low, self.gc.high, window=self.gc.window))
        return found

    @cached_property
    def automaton(self) -> MotifAutomaton | None:
        """Follows all motifs on both strands; None when there are none."""
        motifs = [motif for text in self.avoid for motif in spelt_motifs(text)]
        motifs += [reverse_complement(motif) for motif in motifs]
        if self.max_homopolymer:
            motifs += [base * (self.max_homopolymer + 1) for base in ACGT]
        return avoiding(motifs) if motifs else None

    def breaches(self, sequence: str) -> list[str]:
        """What DNA Chisel finds wrong with a sequence of A, C, G, T, one line a constraint."""
        problem = dna_chisel().DnaOptimizationProblem(sequence, constraints=self.specifications, logger=None)
        return [
            f"{evaluation.specification.label()}: {evaluation.message}"
            for evaluation in problem.constraints_evaluations()
            if not evaluation.passes
        ]

    def require_possible(self, prompt: str, tokens: int, where: str = "the prompt") -> None:
        """Return silently when `tokens` bases behind `prompt` may be possible.

        Raises:
            ConstraintError: They cannot be; says why.
        """
        begun = prompt if self.scope == "whole" else ""
        if not is_acgt(begun):
            raise ConstraintError(
                f"{where} holds other letters than A, C, G, T, so constraints on the whole sequence cannot be"
                " checked; constrain the continuation alone"
            )
        _require_motif_free(self.automaton, begun.upper(), tokens, where)
        if self.gc:
            _require_gc(self.gc, begun.upper(), tokens, where)


def _require_motif_free(automaton: MotifAutomaton | None, begun: str, tokens: int, where: str) -> None:
    if automaton is None:
        return
    state, end = automaton.read(begun)
    if end is not None:
        raise ConstraintError(
            f"{where} itself holds what is to be avoided, ending at its base {end:,}; change it, or constrain"
            " the continuation alone"
        )
    if automaton.room[state] < tokens:
        raise ConstraintError(
            f"no more than {automaton.room[state]:,} bases can follow {where} without what is to be avoided,"
            f" and {tokens:,} were asked for; avoid less"
        )


def _require_gc(gc: GCRange, begun: str, tokens: int, where: str) -> None:
    total = len(begun) + tokens
    width = gc.window or total
    if width > total:
        raise ConstraintError(
            f"the GC window of {width:,} bp is longer than the sequence of {total:,} bp; give a shorter one"
        )
    low, high = gc.counts(width)
    flags = np.frombuffer(begun.encode(), dtype=np.uint8)
    before = np.concatenate(([0], np.cumsum(np.isin(flags, list(b"GC")))))
    counts = before[width:] - before[:-width] if len(begun) >= width else np.zeros(0)
    missing = max(0, width - len(begun))
    bad = np.flatnonzero((counts < low) | (counts > high))
    if len(bad):
        raise ConstraintError(
            f"{where} itself is outside {gc} from its base {bad[0] + 1:,}; change it, or constrain the"
            " continuation alone"
        )
    if missing and not (before[-1] <= high and before[-1] + missing >= low):
        raise ConstraintError(
            f"{where} has {before[-1]:,} G and C in {len(begun):,} bp, after which no continuation keeps {gc}"
        )
