"""Consequences of variants: what alleles do to the genes of an annotation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from cistron.formats.coding_calls import Call, coding_calls
from cistron.formats.fasta import Fasta
from cistron.formats.transcripts import read_transcripts
from cistron.genome import Variant
from cistron.genome.alleles import Allele, check_ref, classify, shift, trim
from cistron.genome.consequences import Consequence, by_severity, told
from cistron.genome.contigs import ContigNames
from cistron.genome.transcripts import Transcript, TranscriptIndex, region_terms, tss_distance

LONGEST_SPELLED: Final = 10_000
"""Bases of a symbolic deletion beyond which only the parts of transcripts that it touches are told."""

_ESSENTIAL: Final = frozenset({"splice_acceptor_variant", "splice_donor_variant"})


class Consequences:
    """Tells what alleles do to the transcripts of an annotation.

    Alleles are trimmed and shifted to the left first, so every spelling of a haplotype has one answer.

    Args:
        annotation: GFF3 or GTF, plain or gzip.
        reference: The genome that variants and annotation lie on.
        lengths: Contigs of the variants as their file calls them, with lengths where it states them; None
            reads the whole annotation.

    Raises:
        InputError: The annotation is missing, damaged, malformed, or has no transcripts on the reference.
        ReferenceMismatchError: It is of another assembly.
    """

    def __init__(
        self, annotation: str | Path, reference: Fasta, lengths: Mapping[str, int | None] | None = None
    ) -> None:
        self._reference: Final = reference
        self._names: Final = ContigNames(reference.contigs)
        self._lengths: Final = lengths or {}
        resolved = {self._names.resolve(name, length) for name, length in self._lengths.items()}
        wanted = None if lengths is None else {name for name in resolved if name is not None}
        self._index: Final = TranscriptIndex(read_transcripts(annotation, reference, wanted))

    def of(self, variants: Iterable[Variant]) -> list[list[Consequence]]:
        """Of each variant its consequences, the most severe first; one block of them is worked on at once.

        For each gene there are the most severe and, where it is another, that of the MANE or canonical
        transcript. Empty where nothing can be said: an unknown contig, a REF that the reference does not
        have, breakends and symbolic alleles other than deletions.

        Args:
            variants: In any order.
        """
        alleles = [self._allele(variant) for variant in variants]
        touched = [self._touched(allele) for allele in alleles]
        spelled = [a if a is not None and a.end is None else None for a in alleles]
        calls = self._calls(spelled, touched)
        return [
            [] if allele is None else told(self._told(number, allele, touched[number], calls))
            for number, allele in enumerate(alleles)
        ]

    def _allele(self, variant: Variant) -> Allele | None:
        chrom = self._names.resolve(variant.chrom, self._lengths.get(variant.chrom))
        if chrom is None or classify(variant) is not None or check_ref(variant, self._reference, chrom):
            return None
        allele = trim(variant, chrom)
        if allele.ref_length > LONGEST_SPELLED:
            return allele
        allele = shift(allele, self._reference, "+")
        return allele if allele.ref or allele.alt else None

    def _touched(self, allele: Allele | None) -> list[int]:
        """Numbers of the transcripts that an allele touches or lies beside."""
        if allele is None:
            return []
        return self._index.around(allele.chrom, allele.start, allele.start + allele.ref_length)

    def _calls(
        self, alleles: Sequence[Allele | None], touched: Sequence[Sequence[int]]
    ) -> dict[tuple[int, int], Call]:
        """By number of allele and transcript; for alleles that have their bases and differ nowhere else."""
        numbers, given, wanted = [], [], set()
        for number, (allele, around) in enumerate(zip(alleles, touched, strict=True)):
            if allele is None or self._bases(allele) != allele.ref:
                continue
            inside = [n for n in around if _reaches(self._index.transcripts[n], allele)]
            if inside:
                numbers.append(number)
                given.append(allele)
                wanted.update(inside)
        transcripts = {n: self._index.transcripts[n] for n in sorted(wanted)}
        found = coding_calls(given, transcripts, self._reference)
        return {(numbers[at], transcript): call for (at, transcript), call in found.items()}

    def _bases(self, allele: Allele) -> str:
        return self._reference.fetch(allele.chrom, allele.start, allele.start + len(allele.ref))

    def _told(
        self, number: int, allele: Allele, touched: Sequence[int], calls: Mapping[tuple[int, int], Call]
    ) -> list[Consequence]:
        start, end = allele.start, allele.start + allele.ref_length
        found = []
        for at in touched:
            transcript, call = self._index.transcripts[at], calls.get((number, at), Call())
            terms = _combined(region_terms(transcript, start, end), call)
            if terms:
                found.append(_consequence(transcript, terms, call, tss_distance(transcript, start, end)))
        return found or [self._between(allele.chrom, start, end)]

    def _between(self, chrom: str, start: int, end: int) -> Consequence:
        nearest = self._index.nearest(chrom, start, end)
        if nearest is None:
            return Consequence(("intergenic_variant",))
        distance = tss_distance(nearest, start, end)
        return Consequence(("intergenic_variant",), tss_distance=distance, nearest=nearest.symbol)


def _combined(region: set[str], call: Call) -> tuple[str, ...]:
    """Terms of both: what is known of the protein replaces that the coding sequence is touched."""
    terms = region | call.terms
    if "transcript_ablation" in region:
        return ("transcript_ablation",)
    if "start_lost" in region:  # bcftools reads on in the frame of a start that is gone, on one strand only
        terms -= {"frameshift_variant", "inframe_deletion", "coding_sequence_variant"}
    if call.terms - {"splice_region_variant", "coding_sequence_variant"}:
        terms -= {"coding_sequence_variant"}
    if terms & _ESSENTIAL and "intron_variant" in terms:
        terms -= {"intron_variant", "splice_region_variant"}
    return by_severity(terms)


def _reaches(transcript: Transcript, allele: Allele) -> bool:
    """Whether a coding transcript holds a base of the allele or of its neighbours."""
    inside = transcript.start <= allele.start + len(allele.ref) and allele.start <= transcript.end
    return bool(transcript.cds) and inside


def _consequence(transcript: Transcript, terms: tuple[str, ...], call: Call, distance: int) -> Consequence:
    return Consequence(
        terms=terms,
        symbol=transcript.symbol,
        gene=transcript.gene,
        transcript=transcript.id,
        biotype=transcript.biotype,
        strand=transcript.strand,
        mane=transcript.mane,
        canonical=transcript.canonical,
        protein_position=call.position,
        amino_acids=call.amino_acids,
        tss_distance=distance,
    )
