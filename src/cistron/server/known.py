"""What is known of an allele beside a fused model's answer about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from cistron.fusion.asking import pathway_in, score_of
from cistron.fusion.saved import FusedModel
from cistron.genome import Variant
from cistron.genome.alleles import AlleleStatus
from cistron.genome.consequences import Consequence
from cistron.inference.score import VariantScore
from cistron.server.questions import Question
from cistron.server.verbs import percentiles_of

if TYPE_CHECKING:
    from cistron.server.service import Service


class TrackChange(NamedTuple):
    """What an allele does to a predicted track in the head's window.

    Attributes:
        track: Its name.
        lfc: log2 of the ratio ALT / REF of the sums; see `cistron.inference.track_effect`.
        ref: Sum with the reference allele.
        alt: With the alternative allele.
    """

    track: str
    lfc: float
    ref: float
    alt: float


@dataclass(frozen=True)
class Known:
    """What is known of an allele beside the answer.

    Attributes:
        variant: The allele, where it was given as one.
        genome: Name of its genome.
        llr: Log-likelihood ratio ALT - REF in nats, by the fused model's own DNA model; None without one.
        status: Why there is none.
        percentile: Of `llr` among random changes of its kind, in per cent; None where that is not known.
        gene: Symbol of the gene at its place.
        consequences: What it does to genes; None without an annotation of transcripts.
        tracks: What it does to tracks; None where no head for tracks is installed.
        pathway: Lines of the question that tell a pathway.
    """

    variant: Variant | None
    genome: str | None
    llr: float | None
    status: AlleleStatus | None
    percentile: float | None
    gene: str | None
    consequences: Sequence[Consequence] | None
    tracks: Sequence[TrackChange] | None
    pathway: str | None


def what_is_known(service: Service, question: Question, model: FusedModel) -> Known:
    """Score, genes, consequences and tracks of the allele that a question is about.

    Args:
        service: The service.
        question: The question.
        model: The fused model, whose DNA model scores the allele.
    """
    record = question.example.record
    score, percentile = _scored(service, question, model)
    return Known(
        variant=question.variant,
        genome=question.genome,
        llr=score and score.llr,
        status=score and score.status,
        percentile=percentile,
        gene=record.gene or None,
        consequences=_consequences(service, question),
        tracks=_tracks(service, question),
        pathway=pathway_in(record.question) or None,
    )


def _scored(
    service: Service, question: Question, model: FusedModel
) -> tuple[VariantScore | None, float | None]:
    """The allele's score by the fused model's DNA model, on its genome where there is one; its percentile."""
    encoder, variant, genome = model.answerer.encoder, question.variant, question.genome
    if encoder is None or variant is None or genome is None:
        return score_of(model, question.example.record), None
    reference = service.genomes.of(genome)
    score = next(encoder.loaded.score_variants([variant], reference, check_ref="warn"))
    percentiles = percentiles_of(service, encoder.loaded, genome, None, "both", "neutral")
    return score, None if percentiles is None else percentiles.of(variant, score.llr)


def _consequences(service: Service, question: Question) -> Sequence[Consequence] | None:
    if question.variant is None or question.genome not in service.genomes.with_transcripts:
        return None
    return service.genomes.consequences_of(question.genome).of([question.variant])[0]


def _tracks(service: Service, question: Question) -> Sequence[TrackChange] | None:
    if question.variant is None or question.genome is None or "tracks" not in service.heads.names:
        return None
    head = service.heads.of("tracks")
    reference = service.genomes.of(question.genome)
    effect = next(
        head.model.predict_track_effects(head.saved, [question.variant], reference, check_ref="warn")
    )
    names: Sequence[str] = cast(Any, head.saved.head.config).tracks
    sums = effect.ref.sum(axis=1), effect.alt.sum(axis=1)
    columns = zip(names, effect.lfc.tolist(), sums[0].tolist(), sums[1].tolist(), strict=True)
    return [] if effect.status else [TrackChange(*each) for each in columns]
