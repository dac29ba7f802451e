"""What a change does to the transcripts around it: Sequence Ontology terms, how severe they are, one record.

Source: terms of the Sequence Ontology; their order and impact are those that Ensembl's VEP documents.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from cistron.genome import Strand

_IMPACTS: Final[dict[str, str]] = {
    "HIGH": "transcript_ablation splice_acceptor_variant splice_donor_variant stop_gained frameshift_variant "
    "stop_lost start_lost feature_elongation feature_truncation",
    "MODERATE": "inframe_insertion inframe_deletion missense_variant protein_altering_variant",
    "LOW": "splice_region_variant start_retained_variant stop_retained_variant synonymous_variant",
    "MODIFIER": "coding_sequence_variant 5_prime_UTR_variant 3_prime_UTR_variant "
    "non_coding_transcript_exon_variant intron_variant NMD_transcript_variant non_coding_transcript_variant "
    "upstream_gene_variant downstream_gene_variant intergenic_variant",
}

IMPACT: Final[dict[str, str]] = {term: name for name, terms in _IMPACTS.items() for term in terms.split()}
"""Term → HIGH, MODERATE, LOW or MODIFIER; the most severe term first."""

TERMS: Final = tuple(IMPACT)
"""Every term, the most severe first."""

FIELDS: Final = (
    "Allele",
    "Consequence",
    "IMPACT",
    "SYMBOL",
    "Gene",
    "Feature",
    "BIOTYPE",
    "STRAND",
    "MANE",
    "CANONICAL",
    "Protein_position",
    "Amino_acids",
    "TSS_DISTANCE",
    "NEAREST",
)
"""Columns of a packed consequence, in VEP's words where VEP has one."""

_RANK: Final = {term: rank for rank, term in enumerate(TERMS)}
_RESERVED: Final = str.maketrans(dict.fromkeys("|,;= \t&", "_"))


@dataclass(frozen=True, slots=True)
class Consequence:
    """What one allele does to one transcript, or that it lies between genes.

    Attributes:
        terms: Sequence Ontology terms, the most severe first.
        symbol: Name of the gene; empty between genes.
        gene: Identifier of the gene.
        transcript: Identifier of the transcript.
        biotype: Of the transcript.
        strand: Of the transcript; None between genes.
        mane: Whether it is the gene's MANE Select transcript.
        canonical: Whether the annotation calls it canonical.
        protein_position: First amino acid that changes, 1-based; empty where none does.
        amino_acids: Before and after, such as `P/L`; one alone where it stays the same.
        tss_distance: Bases from the transcription start, negative upstream of it in reading direction; 0
            where the change touches it. Between genes, that of `nearest`.
        nearest: Between genes, the gene whose transcription start is nearest.
    """

    terms: tuple[str, ...]
    symbol: str = ""
    gene: str = ""
    transcript: str = ""
    biotype: str = ""
    strand: Strand | None = None
    mane: bool = False
    canonical: bool = False
    protein_position: str = ""
    amino_acids: str = ""
    tss_distance: int | None = None
    nearest: str = ""

    @property
    def impact(self) -> str:
        """Impact of the most severe term."""
        return IMPACT[self.terms[0]]

    @property
    def severity(self) -> tuple[int, bool, bool, bool, str]:
        """What consequences are sorted by: severity, then MANE, canonical, coding, name."""
        coding = self.biotype == "protein_coding"
        return _RANK[self.terms[0]], not self.mane, not self.canonical, not coding, self.transcript

    def packed(self, allele: str) -> str:
        """The columns of `FIELDS`, separated by `|`; characters that VCF reserves become `_`."""
        flags = ("MANE_Select" if self.mane else "", "YES" if self.canonical else "")
        strand = {"+": "1", "-": "-1", None: ""}[self.strand]
        names = (self.symbol, self.gene, self.transcript, self.biotype, strand, *flags)
        distance = "" if self.tss_distance is None else str(self.tss_distance)
        rest = (self.protein_position, self.amino_acids, distance, self.nearest)
        cells = (text.translate(_RESERVED) for text in (*names, *rest))
        return "|".join((allele, "&".join(self.terms), self.impact, *cells))


def worst_rank(terms: Iterable[str]) -> int:
    """Place of the most severe of some terms among `TERMS`; behind all of them where none is known."""
    return min((_RANK.get(term, len(TERMS)) for term in terms), default=len(TERMS))


def by_severity(terms: Iterable[str]) -> tuple[str, ...]:
    """Terms, each once, the most severe first."""
    return tuple(sorted(set(terms), key=_RANK.__getitem__))


def told(consequences: Iterable[Consequence]) -> list[Consequence]:
    """Of each gene the most severe consequence and that of its MANE or canonical transcript, worst first."""
    found = sorted(consequences, key=lambda one: (one.gene, one.severity))
    kept = []
    for _, group in groupby(found, key=lambda one: one.gene):
        worst, *others = group
        kept.append(worst)
        if not (worst.mane or worst.canonical):
            kept += sorted((o for o in others if o.mane or o.canonical), key=lambda o: not o.mane)[:1]
    return sorted(kept, key=lambda one: one.severity)


def blank(allele: str) -> str:
    """The packed consequence of an allele that none can be told of."""
    return "|".join((allele, *[""] * (len(FIELDS) - 1)))
