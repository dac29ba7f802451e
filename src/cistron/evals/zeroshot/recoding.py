"""Genes respelled as another genetic code would spell them, and stop codons put into each spelling."""

from __future__ import annotations

from typing import Final

import numpy as np

from cistron.evals.zeroshot.genomes import Genome
from cistron.evals.zeroshot.landmarks import unit
from cistron.genome import Variant
from cistron.genome.coding import CodingGene
from cistron.genome.edits import Edit
from cistron.genome.sequence import reverse_complement

STOPS: Final = ("TAA", "TAG", "TGA")

NATIVE: Final = "native"
STANDARD: Final = (1, 11)
"""Codes that differ in their start codons alone."""

RECODED: Final[dict[str, dict[str, str]]] = {
    NATIVE: {},
    "code 4": {"TGG": "TGA"},
    "code 6": {"CAA": "TAA", "CAG": "TAG"},
}
"""How the context of an edited codon is spelled: codons and what they become."""

_CHANGEABLE: Final = frozenset(codon for changes in RECODED.values() for codon in changes)
_MARGIN: Final = 20


def kind_of(stop: str, context: str) -> str:
    """Class of an edit: the codon that is put in, and the spelling it is put into."""
    return f"{stop} in {context}"


def native_context(gene: CodingGene) -> str:
    """Name of the spelling that a gene has: `native`, and the number of its code unless that is 1 or 11."""
    return NATIVE if gene.table in STANDARD else f"{NATIVE} code {gene.table}"


def spellings(gene: CodingGene) -> dict[str, dict[str, str]]:
    """How a gene is spelled: as it is, and recoded where it is of a usual code."""
    return RECODED if gene.table in STANDARD else {native_context(gene): {}}


def recoded(
    genome: Genome, gene: CodingGene, flank: int, count: int, random: np.random.Generator
) -> tuple[list[tuple[str, str]], list[Edit]]:
    """A gene in each spelling, spliced, with its flanks and in reading direction, and the edits of all.

    Start codon, stop codon and the edited codons keep their spelling.

    Args:
        genome: Of the gene.
        gene: One of another code than 1 and 11 has the spelling that it has.
        flank: Bases of the contig to keep on either side, as far as it reaches.
        count: Codons to edit, 20 codons or more from either end.
        random: Chooses them.
    """
    cds = gene.sequence(genome.reference)
    codons = [cds[at : at + 3] for at in range(0, len(cds), 3)]
    inner = [n for n in range(_MARGIN, len(codons) - _MARGIN) if codons[n] not in _CHANGEABLE]
    places = sorted(random.permutation(inner)[:count].tolist()) if inner else []
    before, after = _flanks(genome, gene, flank)
    texts, edits = [], []
    for context, changes in spellings(gene).items():
        name = f"{unit(gene)} {context}"
        body = "".join([codons[0], *(changes.get(codon, codon) for codon in codons[1:-1]), codons[-1]])
        texts.append((name, before + body + after))
        for number in places:
            for stop in STOPS:
                variant = Variant(name, len(before) + 3 * number + 1, codons[number], stop)
                change = f"{codons[number]}>{stop}"
                edits.append(Edit(variant, "+", unit(gene), kind_of(stop, context), number, change))
    return texts, edits


def original(edit: Edit) -> Edit:
    """The edit at the gene's first base on its genome, for a baseline to stay away from."""
    chrom, _, start = edit.unit.rpartition("@")[2].rpartition(":")
    return edit._replace(variant=Variant(chrom, int(start), "N", "N"))


def _flanks(genome: Genome, gene: CodingGene, size: int) -> tuple[str, str]:
    """Bases of the gene's strand before its start and behind its end, as far as the contig reaches."""
    low = min(start for start, _ in gene.parts)
    high = max(end for _, end in gene.parts)
    length = genome.reference.contigs[gene.chrom]
    left = genome.reference.fetch(gene.chrom, max(low - size, 0), low)
    right = genome.reference.fetch(gene.chrom, min(high, length), min(high + size, length))
    if gene.strand == "+":
        return left, right
    return reverse_complement(right), reverse_complement(left)
