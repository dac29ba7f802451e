"""What is asked of fused models over HTTP, and what they answer."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from cistron.fusion.answers import extracted, reasoning_in
from cistron.fusion.asking import NOTICE
from cistron.fusion.described import Described
from cistron.genome.consequences import Consequence
from cistron.server.diagnosis import Diagnosis
from cistron.server.known import Known
from cistron.server.questions import Question
from cistron.server.routes.variants import VariantIn

_VARIANT: Final[dict[str, Any]] = {
    "variant": {"chrom": "20", "pos": 4_680_404, "ref": "A", "alt": "G"},
    "genome": "hg19",
}
_SEQUENCES: Final[dict[str, Any]] = {
    "reference_sequence": "ACGTACGTTGCATGCAAGTC",
    "variant_sequence": "ACGTACGTTGTATGCAAGTC",
    "question": "Which disease does this PRNP allele contribute to?",
}


class AlleleIn(BaseModel):
    """One allele, as two sequences or as a variant of a genome, and what is asked about it."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{**_VARIANT, "stream": True}, _SEQUENCES]}
    )

    reference_sequence: str | None = Field(None, min_length=1)
    variant_sequence: str | None = Field(None, min_length=1)
    variant: VariantIn | None = None
    genome: str | None = Field(None, max_length=200, description="May be missing where there is one.")
    question: str | None = Field(
        None, min_length=1, description="As the model was trained to be asked where it is missing."
    )
    model: str | None = Field(None, max_length=200, description="A fused model; the first one when missing.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        sequences = (self.reference_sequence, self.variant_sequence)
        if self.variant is None and None in sequences:
            raise ValueError("give reference_sequence and variant_sequence, or a variant")
        if self.variant is not None and sequences != (None, None):
            raise ValueError("give two sequences or a variant, not both")
        return self


class DiagnoseIn(AlleleIn):
    """A question to a fused model."""

    max_length: int = Field(512, ge=0, description="Most tokens of the free answer; 0 ranks labels alone.")
    temperature: float = Field(0.0, ge=0, le=100, description="0 takes the likeliest token every time.")
    top_p: float = Field(0.95, gt=0, le=1)
    top_k: int = Field(20, ge=1, le=1_000)
    seed: int = Field(0, ge=0, lt=2**63)
    top: int = Field(5, ge=1, le=100, description="Labels of the ranking.")
    evidence: bool = Field(True, description="Whether to tell what else is known of the allele.")
    stream: bool = Field(
        False,
        description="Server-sent events: ranking, evidence, pieces of the text, the answer, then [DONE].",
    )


class EvidenceIn(AlleleIn):
    """Which bases moved an answer?"""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{**_VARIANT, "method": "gradient"}]}
    )

    answer: str | None = Field(
        None, min_length=1, max_length=1_000, description="What is explained; the likeliest label if missing."
    )
    instead: str | None = Field(
        None,
        min_length=1,
        max_length=1_000,
        description="What it is preferred to; the next label if missing.",
    )
    method: Literal["gradient", "occlusion"] = Field(
        "gradient", description="One pass forward and back, or a pass for every window."
    )
    windows: int = Field(16, ge=1, description="Of occlusion, for each sequence.")


class _Plain(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class RankedOut(_Plain):
    """A label of the model."""

    label: str
    probability: float = Field(description="Among all labels of the model.")


class AlleleOut(_Plain):
    """The allele that was asked about, spelled as in VCF."""

    chrom: str
    pos: int
    ref: str
    alt: str


class ConsequenceOut(BaseModel):
    """What the allele does to one transcript."""

    terms: list[str] = Field(description="Of the Sequence Ontology, the most severe first.")
    impact: str
    gene: str | None
    transcript: str | None
    protein_position: str | None
    amino_acids: str | None


class TrackOut(_Plain):
    """What the allele does to a predicted track."""

    track: str
    lfc: float = Field(description="log2 ALT / REF of the sums over the head's window.")
    ref: float
    alt: float


class KnownOut(BaseModel):
    """What is known of the allele beside the answer."""

    variant: AlleleOut | None
    genome: str | None
    llr: float | None = Field(description="ALT - REF in nats, by the fused model's own DNA model.")
    status: str | None = Field(description="Why there is no score.")
    percentile: float | None = Field(
        description="Per cent of random changes of the same kind that score lower."
    )
    gene: str | None
    consequences: list[ConsequenceOut] | None = Field(description="Missing without an annotation.")
    tracks: list[TrackOut] | None = Field(description="Missing without a head for tracks.")
    pathway: str | None = Field(description="The question's lines on a pathway.")


class BaseOut(BaseModel):
    """A base model, by name and hash."""

    name: str
    sha256: str

    @field_validator("name")
    @classmethod
    def _without_folder(cls, name: str) -> str:
        """A file of this machine goes by its own name: folders are nobody else's business."""
        return PurePath(name).name if PurePath(name).is_absolute() else name


class DiagnosisOut(BaseModel):
    """The answer of a fused model; for research, not a diagnosis."""

    model: str
    mode: str = Field(description="`fused`, `text` or `dna`: what the model reads.")
    model_sha256: str = Field(description="Of the fused model's `fusion.json`.")
    bases: dict[str, BaseOut]
    question: str = Field(description="What the model was asked, in full.")
    answer: str = Field(description="The likeliest label.")
    ranking: list[RankedOut]
    text: str | None = Field(description="As spoken; missing where the model did not speak.")
    reasoning: str | None = Field(description="What the text says before its last answer line.")
    spoken: str | None = Field(description="The text's last answer line, normalised.")
    spoken_is_label: bool | None = Field(description="Whether that is one of the model's labels.")
    evidence: KnownOut | None
    notice: str = NOTICE

    @classmethod
    def of(cls, question: Question, installed: Described, found: Diagnosis) -> Self:
        """What a diagnosis says."""
        spoken = None if found.text is None else extracted(found.text)
        return cls(
            model=question.fusion,
            mode=installed.mode,
            model_sha256=installed.sha256,
            bases={name: BaseOut.model_validate(base) for name, base in installed.bases.items()},
            question=question.example.question,
            answer=found.ranking[0].label,
            ranking=[RankedOut.model_validate(each) for each in found.ranking],
            text=found.text,
            reasoning=(found.text and reasoning_in(found.text)) or None,
            spoken=spoken,
            spoken_is_label=None if spoken is None else spoken in installed.labels,
            evidence=None if found.known is None else known_out(found.known),
        )


class SequenceEvidenceOut(BaseModel):
    """A value for each base of one sequence."""

    bases: str
    values: list[float]
    site: tuple[int, int] = Field(description="Where the alleles differ, half-open offsets; may be empty.")


class ExchangedOut(BaseModel):
    """What is lost where one sequence becomes the other, in nats."""

    reference: float
    variant: float


class BaseEvidenceOut(BaseModel):
    """Which bases moved an answer, in nats of log P(answer) - log P(instead)."""

    model: str
    question: str
    answer: str
    instead: str | None = Field(description="What the answer is preferred to.")
    log_likelihood: float = Field(description="Of the answer.")
    method: Literal["gradient", "occlusion"]
    unit: Literal["nats"]
    meaning: str
    chrom: str | None
    start: int | None = Field(description="First base of both sequences, 0-based.")
    reference: SequenceEvidenceOut
    variant: SequenceEvidenceOut
    exchanged: ExchangedOut | None
    notice: str = NOTICE


def known_out(found: Known) -> KnownOut:
    """What is known, as it is sent."""
    told = found.consequences
    return KnownOut(
        variant=None if found.variant is None else AlleleOut.model_validate(found.variant),
        genome=found.genome,
        llr=found.llr,
        status=found.status,
        percentile=found.percentile,
        gene=found.gene,
        consequences=None if told is None else [_consequence_out(each) for each in told],
        tracks=None if found.tracks is None else [TrackOut.model_validate(each) for each in found.tracks],
        pathway=found.pathway,
    )


def _consequence_out(found: Consequence) -> ConsequenceOut:
    return ConsequenceOut(
        terms=list(found.terms),
        impact=found.impact,
        gene=found.symbol or None,
        transcript=found.transcript or None,
        protein_position=found.protein_position or None,
        amino_acids=found.amino_acids or None,
    )
