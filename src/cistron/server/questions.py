"""What a fused model is asked: an allele as two sequences or as a variant of a genome, cut to its window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cistron.formats.diagnosis_records import DiagnosisRecord
from cistron.fusion.asking import example_of
from cistron.fusion.from_variants import record_of
from cistron.fusion.pairs import changed
from cistron.fusion.parts import NAMELESS, Example
from cistron.genome import Variant
from cistron.genome.sequence import require_nucleotides

if TYPE_CHECKING:
    from cistron.server.service import Service


@dataclass(frozen=True)
class Question:
    """What a fused model is asked.

    Attributes:
        fusion: Name of the model.
        example: Cut to the model's window.
        variant: The allele, where it was given as one.
        genome: Name of its genome.
        place: Contig and first base, 0-based, of the example's sequences, where they lie on a genome.
    """

    fusion: str
    example: Example
    variant: Variant | None = None
    genome: str | None = None
    place: tuple[str, int] | None = None


def question_about_sequences(
    service: Service, fusion: str, reference: str, variant: str, question: str | None
) -> Question:
    """A question about two sequences.

    Raises:
        CistronError: They are no DNA, equal, or leave no flanks; no message quotes them.
    """
    texts = ["".join(text.split()).upper() for text in (reference, variant)]
    for name, text in zip(("reference_sequence", "variant_sequence"), texts, strict=True):
        require_nucleotides(text, name)
    record = DiagnosisRecord("the question", question or NAMELESS, "", *texts)
    return Question(fusion, example_of(service.fusions.installed[fusion], record))


def question_about_variant(
    service: Service, fusion: str, genome: str, variant: Variant, question: str | None
) -> Question:
    """A question about a variant, cut from a genome as records for training are.

    Raises:
        CistronError: The variant does not fit the genome, or has no sequence.
    """
    genes = service.genomes.genes.get(genome, ())
    record, chrom, start = record_of(variant, service.genomes.of(genome), genes, question=question)
    example = example_of(service.fusions.installed[fusion], record)
    first = changed(record.reference, record.variant)[0] - example.pair.reference_site[0]
    return Question(fusion, example, variant, genome, (chrom, start + first))


def bases_of(question: Question) -> int:
    """Bases that are read for a question."""
    return len(question.example.pair.reference) + len(question.example.pair.variant)
