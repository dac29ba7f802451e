"""A batch of sequences: drawn, judged, begun again where they break the constraints, and screened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cistron.inference.generation.allowed import AllowedBases
from cistron.inference.generation.constraints import Constraints
from cistron.inference.generation.decode import Decoded, decode
from cistron.inference.generation.generated import Generated, Refusal
from cistron.inference.generation.sampling import Sampling, uniforms
from cistron.inference.generation.screening import Screen, refusal_of
from cistron.models import Model
from cistron.tokenizers import Tokenizer


@dataclass(frozen=True)
class Settings:
    """What a sequence depends on besides the model, its prompt and its number."""

    tokens: int
    samples: int
    sampling: Sampling
    seed: int
    letters: dict[str, int]
    constraints: Constraints
    attempts: int
    screens: list[Screen]
    progress: Callable[[int], None] | None = None


@dataclass(frozen=True)
class Job:
    """One sequence to come.

    Attributes:
        prompt_index: Which prompt, from 0.
        sample_index: Which of its samples, from 0.
        prompt: What to continue.
        name: What the caller calls the prompt.
    """

    prompt_index: int
    sample_index: int
    prompt: str
    name: str = ""


def jobs_of(prompts: Iterable[str], samples: int) -> Iterator[Job]:
    """All sequences to come, in order."""
    for index, prompt in enumerate(prompts):
        for sample in range(samples):
            yield Job(index, sample, prompt)


def batches_of(jobs: Iterable[Job], tokens: int, batch_tokens: int) -> Iterator[list[Job]]:
    """Jobs in their order, in batches of at most `batch_tokens` with padding, and at least one job.

    Samples of one prompt share its reading, so alone in a batch they count it once. A batch depends on the
    jobs up to it alone, so that a run that is repeated forms the same batches.
    """
    batch: list[Job] = []
    longest, shared = 0, True
    for job in jobs:
        longest = max(longest, len(job.prompt))
        shared = shared and (not batch or job.prompt_index == batch[0].prompt_index)
        rows = len(batch) + 1
        if batch and (longest if shared else rows * longest) + rows * tokens > batch_tokens:
            yield batch
            batch, longest, shared = [], len(job.prompt), True
        batch.append(job)
    if batch:
        yield batch


def run_jobs(
    model: Model, tokenizer: Tokenizer, settings: Settings, jobs: Sequence[Job], *, batch_tokens: int
) -> list[Generated | Refusal]:
    """What becomes of each job, in order.

    Args:
        model: Implements `cistron.models.Model`, in evaluation mode.
        tokenizer: The model's.
        settings: What the sequences depend on.
        jobs: Whose prompts `require_prompt` lets pass.
        batch_tokens: Most tokens that run together.
    """
    batches = batches_of(jobs, settings.tokens, batch_tokens)
    return [outcome for batch in batches for outcome in _run(model, tokenizer, settings, batch)]


def _run(
    model: Model, tokenizer: Tokenizer, settings: Settings, jobs: Sequence[Job]
) -> list[Generated | Refusal]:
    """Begin each job again until it keeps the constraints; then have it screened."""
    found: dict[int, Generated | Refusal] = {}
    waiting = list(range(len(jobs)))
    for attempt in range(settings.attempts):
        decoded = _decoded(model, tokenizer, settings, [jobs[i] for i in waiting], attempt)
        left = []
        for row, number in enumerate(waiting):
            broken = _broken(settings, jobs[number], decoded, row)
            if broken is None:
                found[number] = _screened(settings, jobs[number], decoded, row, attempt)
            elif decoded.stuck[row] == 0 or attempt + 1 == settings.attempts:
                reason = (
                    f"{broken}, in {attempt + 1:,} attempt{'s' if attempt else ''}; loosen the constraints"
                )
                found[number] = Refusal(
                    jobs[number].prompt_index, jobs[number].sample_index, reason, "constraints"
                )
            else:
                left.append(number)
        waiting = left
        if not waiting:
            break
    return [found[number] for number in range(len(jobs))]


def _decoded(
    model: Model, tokenizer: Tokenizer, settings: Settings, jobs: Sequence[Job], attempt: int
) -> Decoded:
    """Run one attempt of jobs as one batch; samples of one prompt share its reading."""
    indices = sorted({job.prompt_index for job in jobs})
    texts = {job.prompt_index: job.prompt for job in jobs}
    draws = [
        uniforms(settings.seed, (job.prompt_index, job.sample_index, attempt), settings.tokens)
        for job in jobs
    ]
    steering = None
    if settings.constraints:
        device = model.empty_state(1).lengths.device
        whole = [job.prompt.upper() for job in jobs]
        steering = AllowedBases(settings.constraints, whole, settings.tokens, device)
    return decode(
        model,
        [tokenizer.encode(texts[index]) for index in indices],
        [indices.index(job.prompt_index) for job in jobs],
        np.stack(draws),
        settings.letters,
        settings.sampling,
        steering,
        None if attempt else settings.progress,
    )


def _broken(settings: Settings, job: Job, decoded: Decoded, row: int) -> str | None:
    """How a row breaks the constraints; None when it keeps them, in DNA Chisel's judgement."""
    if not settings.constraints:
        return None
    if decoded.stuck[row] >= 0:
        return f"after {decoded.stuck[row]:,} bases none could follow ({settings.constraints})"
    begun = job.prompt.upper() if settings.constraints.scope == "whole" else ""
    breaches = settings.constraints.breaches(begun + decoded.texts[row])
    return f"DNA Chisel found: {breaches[0]}" if breaches else None


def _screened(settings: Settings, job: Job, decoded: Decoded, row: int, attempt: int) -> Generated | Refusal:
    made = Generated(
        job.prompt_index,
        job.sample_index,
        job.prompt,
        decoded.texts[row],
        decoded.log_probabilities[row],
        decoded.sampling_log_probabilities[row],
        attempt + 1,
        tuple(screen.name for screen in settings.screens),
    )
    reason = refusal_of(settings.screens, made.sequence)
    return made if reason is None else Refusal(job.prompt_index, job.sample_index, reason, "screen")
