"""What a report keeps of a stream of scored alleles: exact counts, random samples, the lowest scores."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

POINTS = 2_000  # alleles drawn along the genome, and per class
LOWEST = 20  # most negative alleles that are kept however short the table
MOST_CLASSES = 12
MOST_REASONS = 20
MOST_CONTIGS = 40
OTHER = "other"


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One alternative allele with its answer.

    Attributes:
        chrom: Contig name.
        pos: First base of `ref`, 1-based.
        ref: Reference allele.
        alt: Alternative allele.
        llr: Length-neutral log P(alt) − log P(ref) in nats, negative when the alternative is less plausible;
            None when not scored.
        flank: The part of `llr` that falls on the bases downstream of the allele; None when not scored.
        status: Why there is no score, such as `REF_MISMATCH`; None when scored.
        name: What people call it, such as `p.P102L`; empty when nothing is known.
        label: A category given with the variant, such as `high_penetrance`; empty when none.
        group: The class it is compared in: its label where given, otherwise its consequence, otherwise
            SNV, insertion, deletion, MNV.
        gene: Symbol of the gene it changes most; empty where that is not known.
        consequence: Sequence Ontology terms of that change, `&` between them; empty where not known.
    """

    chrom: str
    pos: int
    ref: str
    alt: str
    llr: float | None
    flank: float | None
    status: str | None
    name: str
    label: str
    group: str
    gene: str = ""
    consequence: str = ""


@dataclass
class Reservoir:
    """A uniform random sample of at most `size` items of a stream, the same for the same stream.

    Source: Vitter 1985, ACM Transactions on Mathematical Software 11:37, Algorithm R.
    """

    size: int
    seen: int = 0
    items: list[ReportRow] = field(default_factory=list)
    _random: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311

    def add(self, row: ReportRow) -> None:
        """Offer one item."""
        self.seen += 1
        if len(self.items) < self.size:
            self.items.append(row)
        elif (at := self._random.randrange(self.seen)) < self.size:
            self.items[at] = row


@dataclass
class Summary:
    """Counts, samples and extremes of a stream of alleles; its size does not grow with the stream.

    Attributes:
        table_rows: How many rows the report's table may have.
        total: Alleles seen.
        below_zero: Scored alleles with a negative llr.
        reasons: Status → alleles without a score; beyond `MOST_REASONS` they count as `other`.
        contigs: Contig → largest position with a score, in order of appearance, at most `MOST_CONTIGS`.
        sample: Scored alleles on `contigs`, sampled.
        groups: Class → its scored alleles, sampled; beyond `MOST_CLASSES` they go to `other`.
    """

    table_rows: int
    total: int = 0
    scored: int = 0
    below_zero: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    contigs: dict[str, int] = field(default_factory=dict)
    sample: Reservoir = field(default_factory=lambda: Reservoir(POINTS))
    groups: dict[str, Reservoir] = field(default_factory=dict)
    _lowest: list[tuple[float, int, ReportRow]] = field(default_factory=list)
    _unscored: list[ReportRow] = field(default_factory=list)

    @classmethod
    def of(cls, rows: Iterable[ReportRow], table_rows: int) -> Summary:
        """The summary of all `rows`, which are read once and not kept."""
        summary = cls(table_rows)
        for row in rows:
            summary.add(row)
        return summary

    def add(self, row: ReportRow) -> None:
        """Take in one allele."""
        self.total += 1
        if row.llr is None:
            self._add_unscored(row)
        else:
            self._add_scored(row, row.llr)

    def _add_unscored(self, row: ReportRow) -> None:
        reason = row.status or "no reason given"
        known = reason in self.reasons or len(self.reasons) < MOST_REASONS
        self.reasons[reason if known else OTHER] += 1
        if len(self._unscored) < self.table_rows:
            self._unscored.append(row)

    def _add_scored(self, row: ReportRow, llr: float) -> None:
        self.scored += 1
        self.below_zero += llr < 0
        # The heap's root is the highest of the kept scores, first to be pushed out; earlier rows win ties.
        entry = (-llr, -self.scored, row)
        if len(self._lowest) < max(self.table_rows, LOWEST):
            heapq.heappush(self._lowest, entry)
        elif entry > self._lowest[0]:
            heapq.heapreplace(self._lowest, entry)
        group = row.group if row.group in self.groups or len(self.groups) < MOST_CLASSES else OTHER
        if group not in self.groups:
            self.groups[group] = Reservoir(POINTS)
        self.groups[group].add(row)
        if row.chrom in self.contigs or len(self.contigs) < MOST_CONTIGS:
            self.contigs[row.chrom] = max(row.pos, self.contigs.get(row.chrom, 0))
            self.sample.add(row)

    @property
    def complete(self) -> bool:
        """Whether the table holds every allele of the stream."""
        return self.total <= self.table_rows

    def lowest(self) -> list[ReportRow]:
        """Kept scored alleles, most negative first."""
        return [row for _, _, row in sorted(self._lowest, key=lambda entry: (-entry[0], -entry[1]))]

    def table(self) -> list[ReportRow]:
        """All rows, or the most negative ones with a tenth of the room for the first unscored ones."""
        if self.complete:
            return self.lowest() + self._unscored
        unscored = self._unscored[: self.table_rows // 10]
        return self.lowest()[: self.table_rows - len(unscored)] + unscored
