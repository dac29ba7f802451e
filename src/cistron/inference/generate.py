"""Continue sequences: reproducible from a seed whatever runs beside them, under constraints, screened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, TypedDict

from cistron.errors import InputError, SequenceError
from cistron.inference.generation.attempts import Job, Settings, batches_of, jobs_of, run_jobs
from cistron.inference.generation.constraints import Constraints
from cistron.inference.generation.generated import Generated, Refusal
from cistron.inference.generation.sampling import Sampling
from cistron.inference.generation.screening import Screen, installed_screens, require_screens
from cistron.inference.planning.budget import Budget
from cistron.models import Model
from cistron.tokenizers import Tokenizer

__all__ = [
    "Alphabet",
    "GenerateOptions",
    "Generated",
    "Refusal",
    "generate",
    "generation_settings",
    "letters_of",
    "require_prompt",
]

Alphabet = Literal["dna", "any"]


class GenerateOptions(TypedDict, total=False):
    """Keyword arguments of `generate` besides `tokens`."""

    samples: int
    temperature: float
    top_k: int | None
    top_p: float | None
    seed: int
    alphabet: Alphabet
    constraints: Constraints | None
    attempts: int
    screens: Sequence[Screen] | None
    require_screening: bool
    on_refusal: Callable[[Refusal], None] | None
    progress: Callable[[int], None] | None
    batch_tokens: int | Budget


def generate(
    model: Model,
    tokenizer: Tokenizer,
    prompts: Iterable[str],
    *,
    tokens: int,
    samples: int = 1,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int = 0,
    alphabet: Alphabet = "dna",
    constraints: Constraints | None = None,
    attempts: int = 20,
    screens: Sequence[Screen] | None = None,
    require_screening: bool = False,
    on_refusal: Callable[[Refusal], None] | None = None,
    progress: Callable[[int], None] | None = None,
    batch_tokens: int | Budget = 16_384,
) -> Iterator[Generated]:
    """Yield the continuations of each prompt in order, a batch of them at a time.

    Every sequence has random numbers of its own, drawn from (`seed`, prompt index, sample index, attempt), so
    the others do not matter: the same model, device and dtype give the same sequence in any batch, unless a
    cumulative probability lies within rounding of its random number. See `docs/design/generation.md`.

    Args:
        model: Implements `cistron.models.Model`, in evaluation mode.
        tokenizer: The model's.
        prompts: What to continue, each of one base or more; lengths may differ.
        tokens: Bases to generate behind each.
        samples: Sequences for each prompt.
        temperature: Divides log-probabilities; 0 always takes the likeliest base.
        top_k: Draw from so many of the likeliest bases.
        top_p: Draw from the fewest likeliest bases whose probabilities reach this sum.
        seed: 0 or more.
        alphabet: A, C, G and T alone, or every letter the tokenizer knows.
        constraints: What every sequence keeps.
        attempts: How often a sequence may be begun to keep them.
        screens: Who judges the sequences, prompt included; None for those of installed packages.
        require_screening: Refuse to start without a screen, for servers.
        on_refusal: Called, in order, with what is left out; None raises instead.
        progress: Called with the number of bases just generated; those of later attempts do not count.
        batch_tokens: Most tokens in a batch, prompts included, unless a single sequence has more; halved when
            memory runs out.

    Raises:
        InputError: An option is out of range, or a prompt is empty or does not fit the model's context.
        SequenceError: A prompt holds something that is not a nucleotide code.
        ConstraintError: A prompt or every attempt breaks the constraints.
        ScreeningError: A screen is required and missing, fails, or refuses a sequence.
    """
    settings = generation_settings(
        tokenizer,
        tokens=tokens,
        samples=samples,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
        alphabet=alphabet,
        constraints=constraints,
        attempts=attempts,
        screens=screens,
        require_screening=require_screening,
        progress=progress,
    )
    jobs = _checked_jobs(model, tokenizer, settings, prompts)
    return _all(model, tokenizer, settings, jobs, Budget.of(batch_tokens), on_refusal)


def generation_settings(
    tokenizer: Tokenizer,
    *,
    tokens: int,
    samples: int = 1,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int = 0,
    alphabet: Alphabet = "dna",
    constraints: Constraints | None = None,
    attempts: int = 20,
    screens: Sequence[Screen] | None = None,
    require_screening: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Settings:
    """The options of `generate`, checked.

    Raises:
        InputError: An option is out of range.
        ScreeningError: A screen is required and missing, or cannot be imported.
    """
    settings = Settings(
        tokens=_at_least(1, tokens, "tokens to generate"),
        samples=_at_least(1, samples, "samples for each prompt"),
        sampling=Sampling(temperature, top_k, top_p),
        seed=_at_least(0, seed, "seed"),
        letters=letters_of(tokenizer, alphabet),
        constraints=constraints or Constraints(),
        # Without chance every attempt is the same.
        attempts=_at_least(1, attempts, "attempts") if temperature else 1,
        screens=list(installed_screens() if screens is None else screens),
        progress=progress,
    )
    if settings.constraints and alphabet != "dna":
        raise InputError("constraints are about A, C, G and T; leave the alphabet at dna")
    if require_screening:
        require_screens(settings.screens)
    return settings


def letters_of(tokenizer: Tokenizer, alphabet: Alphabet) -> dict[str, int]:
    """Letters that may be generated and their token ids; those that would break a FASTA file never are."""
    if alphabet == "dna":
        return dict(tokenizer.nucleotide_ids)
    found = {}
    for token in range(tokenizer.vocab_size):
        try:
            letter = tokenizer.decode([token])
        except SequenceError:
            continue
        if len(letter) == 1 and letter.isascii() and letter.isprintable() and letter not in " >;":
            found[letter] = token
    return found


def require_prompt(
    model: Model,
    tokenizer: Tokenizer,
    prompt: str,
    tokens: int,
    constraints: Constraints | None = None,
    where: str = "the prompt",
) -> None:
    """Return silently when `tokens` bases can be generated behind a prompt.

    Raises:
        InputError: It is empty, or prompt and continuation are longer than the model's context.
        SequenceError: It holds something that is not a nucleotide code.
        ConstraintError: It cannot be continued under the constraints.
    """
    if not prompt:
        raise InputError(f"{where} is empty; a model needs at least one base to continue")
    most, total = model.config.context_length, len(prompt) + tokens
    if total > most:
        rest = f"generate at most {most - len(prompt):,}" if len(prompt) < most else "shorten the prompt"
        raise InputError(
            f"{where} has {len(prompt):,} bases and {tokens:,} more make {total:,}, but the model's context"
            f" is {most:,} tokens; {rest}"
        )
    try:
        tokenizer.encode(prompt)
    except SequenceError as error:
        raise SequenceError(f"{where}: {error}") from None
    if constraints:
        constraints.require_possible(prompt, tokens, where)


def _at_least(least: int, value: int, what: str) -> int:
    if value < least:
        raise InputError(f"{what}: {value:,}; it must be {least} or more")
    return value


def _checked_jobs(
    model: Model, tokenizer: Tokenizer, settings: Settings, prompts: Iterable[str]
) -> Iterator[Job]:
    for job in jobs_of(prompts, settings.samples):
        if not job.sample_index:
            where = f"prompt {job.prompt_index + 1:,}"
            require_prompt(model, tokenizer, job.prompt, settings.tokens, settings.constraints, where)
        yield job


def _all(
    model: Model,
    tokenizer: Tokenizer,
    settings: Settings,
    jobs: Iterable[Job],
    budget: Budget,
    on_refusal: Callable[[Refusal], None] | None,
) -> Iterator[Generated]:
    for batch in batches_of(jobs, settings.tokens, budget.started):
        outcomes = budget.run(
            lambda size, batch=batch: run_jobs(model, tokenizer, settings, batch, batch_tokens=size)
        )
        for outcome in outcomes:
            if isinstance(outcome, Generated):
                yield outcome
            elif on_refusal is None:
                raise outcome.error
            else:
                on_refusal(outcome)
