"""The verbs as requests to a lane: what may share a batch, and what answers it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from cistron.genome import Interval, Variant
from cistron.inference.calibration import SETTINGS, Percentiles
from cistron.inference.embed import Embedding
from cistron.inference.generate import Generated, Refusal
from cistron.inference.likelihood import Likelihood
from cistron.inference.load import LoadedModel
from cistron.inference.score import VariantScore, checked_width
from cistron.server.problems import RefusedError

if TYPE_CHECKING:
    from cistron.server.service import Service

T = TypeVar("T")

Strands = Literal["both", "forward"]
Indels = Literal["neutral", "equal-tokens"]
Scored = tuple[VariantScore, float | None]
"""A score, and its percentile among random changes of its kind where the model was calibrated."""

_STRANDS: Final = {"both": 2, "forward": 1}


def ask_scores(
    service: Service,
    model: str,
    genome: str,
    variants: Sequence[Variant],
    *,
    width: int | None = None,
    strands: Strands = "both",
    indel: Indels = "neutral",
) -> Future[list[Scored]]:
    """Score variants; a REF that differs from the genome gives a status. See `score_variants`."""

    def run(items: Sequence[Variant]) -> list[Scored]:
        reference = service.genomes.of(genome)
        with service.residents.use(model) as loaded:
            scores = loaded.score_variants(
                items, reference, width=width, strands=strands, indel=indel, check_ref="warn"
            )
            percentiles = percentiles_of(service, loaded, genome, width, strands, indel)
            return [
                (score, None if percentiles is None else percentiles.of(score.variant, score.llr))
                for score in scores
            ]

    longest = _STRANDS[strands] * (width or service.residents.described(model).width)
    kind = ("score", model, genome, width, strands, indel)
    return service.quick.submit(kind, list(variants), longest, run)


def ask_mutations(
    service: Service, model: str, genome: str, region: Interval, *, width: int | None, strands: Strands
) -> Future[list[VariantScore]]:
    """Score every substitution of a region; stops when nobody waits any more. See `mutate`."""
    answer: Future[list[VariantScore]] = Future()

    def run() -> list[VariantScore]:
        reference = service.genomes.of(genome)
        with service.residents.use(model) as loaded:
            scores = loaded.mutate(region, reference, width=width, strands=strands)
            return list(takewhile(lambda _: not answer.cancelled(), scores))

    return alone(service, answer, len(region), run)


def ask_likelihoods(
    service: Service, model: str, sequences: Sequence[str], *, strands: Strands
) -> Future[list[Likelihood]]:
    """Log-likelihood of sequences; see `log_likelihood`."""

    def run(items: Sequence[str]) -> list[Likelihood]:
        with service.residents.use(model) as loaded:
            return list(loaded.log_likelihood(items, strands=strands))

    kind = ("likelihood", model, strands)
    return service.quick.submit(kind, list(sequences), max(map(len, sequences)), run)


def ask_embeddings(
    service: Service,
    model: str,
    sequences: Sequence[str],
    *,
    pooling: Literal["mean", "max", "last", "none"],
    strands: Literal["forward", "both"] = "forward",
    layers: tuple[str | int, ...] = (),
) -> Future[list[Embedding]]:
    """Embeddings of sequences; see `embed`."""

    def run(items: Sequence[str]) -> list[Embedding]:
        with service.residents.use(model) as loaded:
            return list(loaded.embed(items, layers=layers or None, pooling=pooling, strands=strands))

    kind = ("embed", model, pooling, strands, layers)
    return service.quick.submit(kind, list(sequences), max(map(len, sequences)), run)


def ask_sequences(
    service: Service,
    model: str,
    prompts: Sequence[str],
    options: dict[str, Any],
    progress: Callable[[int], object],
) -> Future[list[Generated | Refusal]]:
    """Continue prompts, in order, while somebody waits; alone, since seeds count a request's prompts.

    Args:
        service: The service.
        model: Name of a model.
        prompts: What to continue.
        options: Of `cistron.inference.generate`, `tokens` among them.
        progress: Called with the number of bases just generated.
    """
    answer: Future[list[Generated | Refusal]] = Future()

    def told(bases: int) -> None:
        if answer.cancelled():
            raise RefusedError(503, "nobody waits for these sequences")
        progress(bases)

    def run() -> list[Generated | Refusal]:
        found: list[Generated | Refusal] = []
        required = service.settings.screening == "require"
        with service.residents.use(model) as loaded:
            found.extend(
                loaded.generate(
                    prompts,
                    require_screening=required,
                    on_refusal=found.append,
                    progress=told,
                    **options,
                )
            )
        return sorted(found, key=lambda each: (each.prompt_index, each.sample_index))

    return alone(service, answer, max(map(len, prompts)) + int(options["tokens"]), run)


def percentiles_of(
    service: Service, loaded: LoadedModel, genome: str, width: int | None, strands: str, indel: str
) -> Percentiles | None:
    """What gives percentiles under these settings; None where the model was not calibrated for them."""
    table = loaded.calibration
    if table is None:
        return None
    asked = (loaded.sha256, checked_width(loaded.model, width), strands, indel)
    if any(table.settings[name] != value for name, value in zip(SETTINGS, asked, strict=True)):
        return None
    return Percentiles(table, service.genomes.of(genome))


def bases_of_scores(service: Service, model: str, width: int | None, count: int) -> int:
    """Bases that are read for so many variants, one strand counted."""
    return count * (width or service.residents.described(model).width)


def alone(service: Service, answer: Future[T], tokens: int, run: Callable[[], T]) -> Future[T]:
    """`answer`, which gets what `run` gives in the slow lane, unless it is cancelled first."""
    done = service.slow.submit(object(), [None], tokens, lambda items: [run()])

    def pass_on(done: Future[list[T]]) -> None:
        if done.cancelled():
            answer.cancel()
        elif answer.set_running_or_notify_cancel():
            if (error := done.exception()) is not None:
                answer.set_exception(error)
            else:
                answer.set_result(done.result()[0])

    done.add_done_callback(pass_on)
    return answer
