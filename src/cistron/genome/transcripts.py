"""Transcripts: what part of one a change touches, and which lie around a place."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from cistron.genome import Strand
from cistron.genome.annotation import Span

NEIGHBOURHOOD: Final = 5_000
"""Bases beyond a transcript in which a change counts as upstream or downstream of it, as in VEP."""

_BIN: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Transcript:
    """One transcript; coordinates are 0-based half-open along the plus strand.

    Attributes:
        id: Its identifier.
        gene: Identifier of its gene.
        symbol: Name of its gene.
        biotype: Such as `protein_coding`.
        chrom: Contig, as the reference calls it.
        strand: Reading direction.
        exons: In ascending order, at least one.
        cds: Coding parts with the stop codon, in ascending order; empty for a non-coding transcript.
        phase: Bases before the first whole codon of the coding sequence, in reading direction.
        table: Genetic code by NCBI's number.
        mane: Whether it is MANE Select.
        canonical: Whether the annotation calls it canonical.
        starts: Whether its coding sequence begins with a start codon.
    """

    id: str
    gene: str
    symbol: str
    biotype: str
    chrom: str
    strand: Strand
    exons: tuple[Span, ...]
    cds: tuple[Span, ...] = ()
    phase: int = 0
    table: int = 1
    mane: bool = False
    canonical: bool = False
    starts: bool = True

    @property
    def start(self) -> int:
        """First base of the first exon, 0-based."""
        return self.exons[0][0]

    @property
    def end(self) -> int:
        """One past the last base of the last exon."""
        return self.exons[-1][1]

    @property
    def tss(self) -> int:
        """The base where transcription starts, 0-based."""
        return self.start if self.strand == "+" else self.end - 1

    def phases(self) -> list[int]:
        """Of each coding part in ascending order: its bases before the first whole codon that it begins."""
        parts = self.cds if self.strand == "+" else self.cds[::-1]
        found, left = [], self.phase
        for start, end in parts:
            found.append(left)
            left = (left - (end - start)) % 3
        return found if self.strand == "+" else found[::-1]


def region_terms(transcript: Transcript, start: int, end: int) -> set[str]:
    """Terms for the parts of a transcript and its surroundings that a change touches.

    Of the coding sequence it only says `coding_sequence_variant`, or `start_lost` where a whole start codon
    is not left; what happens to the protein takes the bases. Empty when the change is farther away than
    `NEIGHBOURHOOD`.

    Args:
        transcript: The transcript.
        start: First replaced base, or the base that an insertion precedes; 0-based.
        end: One past the last replaced base; `start` for an insertion.
    """
    if not _touches((transcript.start, transcript.end), start, end):
        return _beside(transcript, start, end)
    if start <= transcript.start and transcript.end <= end:
        return {"transcript_ablation"}
    exonic = _parts(transcript.exons, start, end)
    introns = tuple((a[1], b[0]) for a, b in zip(transcript.exons, transcript.exons[1:], strict=False))
    terms = {"intron_variant"} if _parts(introns, start, end) else set()
    if transcript.cds:
        terms |= _coding_terms(transcript, exonic, start, end)
    else:
        terms.add("non_coding_transcript_exon_variant" if exonic else "non_coding_transcript_variant")
    if not terms:  # an insertion between two parts touches both
        return region_terms(transcript, start - 1, start + 1)
    if transcript.biotype == "nonsense_mediated_decay":
        terms.add("NMD_transcript_variant")
    return terms


def tss_distance(transcript: Transcript, start: int, end: int) -> int:
    """Bases from the transcription start to the nearest replaced one, negative upstream of it."""
    last = max(start, end - 1)
    if start <= transcript.tss <= last:
        return 0
    near = start if transcript.tss < start else last
    return (near - transcript.tss) * (1 if transcript.strand == "+" else -1)


def _coding_terms(transcript: Transcript, exonic: list[Span], start: int, end: int) -> set[str]:
    first, last = transcript.cds[0][0], transcript.cds[-1][1]
    before, behind = ("5", "3") if transcript.strand == "+" else ("3", "5")
    terms = set()
    for a, b in exonic:
        if _touches((a, min(b, first)), start, end):
            terms.add(f"{before}_prime_UTR_variant")
        if _touches((max(a, last), b), start, end):
            terms.add(f"{behind}_prime_UTR_variant")
    if _parts(transcript.cds, start, end):
        terms.add("coding_sequence_variant")
    opening = (first, first + 3) if transcript.strand == "+" else (last - 3, last)
    if transcript.starts and start <= opening[0] and opening[1] <= end:
        terms.add("start_lost")
    return terms


def _beside(transcript: Transcript, start: int, end: int) -> set[str]:
    if end <= transcript.start:
        distance, before = transcript.start - max(end, start + 1) + 1, transcript.strand == "+"
    else:
        distance, before = start - transcript.end + 1, transcript.strand == "-"
    if distance > NEIGHBOURHOOD:
        return set()
    return {"upstream_gene_variant" if before else "downstream_gene_variant"}


def _parts(spans: Iterable[Span], start: int, end: int) -> list[Span]:
    return [span for span in spans if _touches(span, start, end)]


def _touches(span: Span, start: int, end: int) -> bool:
    """Whether a change has a base in a span; an insertion needs bases of it on both sides."""
    if span[0] >= span[1]:
        return False
    if start == end:
        return span[0] < start < span[1]
    return span[0] < end and start < span[1]


class TranscriptIndex:
    """Transcripts by place.

    Args:
        transcripts: In any order.
    """

    def __init__(self, transcripts: Iterable[Transcript]) -> None:
        self.transcripts: Final = list(transcripts)
        self._bins: Final[dict[tuple[str, int], list[int]]] = defaultdict(list)
        self._starts: Final[dict[str, list[tuple[int, int]]]] = defaultdict(list)
        for number, one in enumerate(self.transcripts):
            for place in _bins(one.start - NEIGHBOURHOOD, one.end + NEIGHBOURHOOD):
                self._bins[one.chrom, place].append(number)
            self._starts[one.chrom].append((one.tss, number))
        for starts in self._starts.values():
            starts.sort()

    def around(self, chrom: str, start: int, end: int) -> list[int]:
        """Numbers of the transcripts that a change may touch or lie beside, ascending."""
        found = {n for place in _bins(start, max(end, start + 1)) for n in self._bins.get((chrom, place), ())}
        return sorted(found)

    def nearest(self, chrom: str, start: int, end: int) -> Transcript | None:
        """The transcript of a contig that starts nearest to a change; None where there is none."""
        starts = self._starts.get(chrom, [])
        at = bisect_left(starts, (start, -1))
        near = [self.transcripts[number] for _, number in starts[max(at - 1, 0) : at + 1]]
        return min(near, key=lambda one: abs(tss_distance(one, start, end)), default=None)


def _bins(start: int, end: int) -> Iterator[int]:
    return iter(range(max(start, 0) // _BIN, (end - 1) // _BIN + 1))
