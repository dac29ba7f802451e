"""The job behind `cistron generate`: prompts, sequences into a journal, and a file of those that passed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from cistron import __version__
from cistron.cli.command_line import command_line
from cistron.cli.generating.output import Outcome, packed, unpacked
from cistron.cli.generating.prompts import PromptSource
from cistron.cli.generating.request import GenerateRequest, require_paths
from cistron.cli.generating.work import Work
from cistron.cli.journaled import is_stream, journal_beside
from cistron.cli.loading import loaded
from cistron.cli.progress import note, progress_bar
from cistron.cli.sharded import fill_shards
from cistron.errors import InputError
from cistron.formats.atomic import STREAM, sha256_file
from cistron.formats.fasta_output import text_output
from cistron.formats.journal import Journal
from cistron.formats.manifest import write_manifest

if TYPE_CHECKING:
    from cistron.inference.generation.attempts import Settings
    from cistron.inference.generation.constraints import Constraints
    from cistron.inference.generation.screening import Screen
    from cistron.inference.load import LoadedModel

_REFUSED_LISTED: Final = 100
"""Refused sequences that a manifest names; it counts the others."""


def run_generate(request: GenerateRequest, prompts: PromptSource) -> None:
    """Continue prompts and write the sequences that keep the constraints and pass the screens.

    Raises:
        CistronError: What the caller can fix. A sequence was refused: the others are written all the same.
    """
    require_paths(request)
    constraints, screens = _constraints(request), _screens(request)
    model = loaded(request.model, request.device, request.dtype, request.threads)
    shown = _Shown()
    settings = _settings(request, model, constraints, screens, shown.made)
    work = Work(prompts, model, settings, request.json_lines, request.with_prompt)
    total, longest = work.survey()
    with progress_bar("Generating", total * request.tokens, "bases") as advance:
        shown.advance = advance
        run = _streamed if is_stream(request.output) else _filed
        refused = run(request, work, longest, shown)
    _summarise(request, screens, total, refused)


def _constraints(request: GenerateRequest) -> Constraints:
    """The constraints, which hold for what is written."""
    from cistron.inference.generation.constraints import Constraints, parse_gc

    return Constraints(
        avoid=request.avoid,
        gc=None if request.gc is None else parse_gc(request.gc),
        max_homopolymer=request.max_homopolymer,
        scope="whole" if request.with_prompt else "continuation",
    )


def _screens(request: GenerateRequest) -> list[Screen]:
    from cistron.inference.generation.screening import command_screen, installed_screens, require_screens

    screens = [*installed_screens(), *map(command_screen, request.screens)]
    if request.require_screening:
        require_screens(screens)
    return screens


def _settings(
    request: GenerateRequest,
    model: LoadedModel,
    constraints: Constraints,
    screens: list[Screen],
    progress: Callable[[int], None],
) -> Settings:
    from cistron.inference.generate import generation_settings

    return generation_settings(
        model.tokenizer,
        tokens=request.tokens,
        samples=request.samples,
        temperature=request.temperature,
        top_k=request.top_k,
        top_p=request.top_p,
        seed=request.seed,
        alphabet=request.alphabet,
        constraints=constraints,
        attempts=request.attempts,
        screens=screens,
        progress=progress,
    )


@dataclass
class _Shown:
    """The progress bar, which moves with every base and may not count a base twice.

    Attributes:
        advance: Moves the bar.
        bases: By how much it has moved for the batch at hand.
    """

    advance: Callable[[int], None] = lambda bases: None
    bases: int = 0

    def made(self, bases: int) -> None:
        """Bases of the batch at hand were made, perhaps again because memory ran out."""
        self.bases += bases
        self.advance(bases)

    def finished(self, bases: int) -> None:
        """A batch of so many bases is done."""
        self.advance(bases - self.bases)
        self.bases = 0


@dataclass
class _Refused:
    """What was refused: how many, and what is said of the first of them."""

    count: int = 0
    lines: list[str] = field(default_factory=list)

    def add(self, line: str) -> None:
        """Count one more."""
        self.count += 1
        if self.count <= _REFUSED_LISTED:
            self.lines.append(line)


def _streamed(request: GenerateRequest, work: Work, longest: int, shown: _Shown) -> _Refused:
    """Write each batch as soon as it is there; return what was refused."""
    from cistron.inference.planning.budget import Budget

    budget = Budget.fitted(work.model.model, longest, request.batch_tokens, told=note)
    refused = _Refused()
    with text_output(request.output) as write:
        for jobs in work.batches(request.batch_tokens):
            for outcome in budget.run(lambda size, jobs=jobs: work.outcomes(jobs, size)):
                (refused.add if outcome.refused else write)(outcome.text)
            shown.finished(len(jobs) * request.tokens)
    return refused


def _filed(request: GenerateRequest, work: Work, longest: int, shown: _Shown) -> _Refused:
    """Keep each batch in a journal and write the file when all are there; return what was refused."""
    identity = _identity(request, work)
    with journal_beside(request.output, identity, resume=request.resume) as journal:
        fill_shards(
            journal,
            work.batches(request.batch_tokens),
            lambda jobs, size: packed(work.outcomes(jobs, size)),
            model=work.model.model,
            longest=longest,
            batch_tokens=request.batch_tokens,
            advance=lambda jobs: shown.finished(len(jobs) * request.tokens),
        )
        written, refused = _write(request.output, journal)
        if written:
            counts: dict[str, Any] = {"batches": sorted(journal.notes), "sequences": written}
            counts |= {"refused_in_all": refused.count, "refused": refused.lines}
            content = {"command": command_line(), "inputs": list(request.inputs), **identity, **counts}
            write_manifest(request.output, content)
        journal.remove()
    return refused


def _write(output: str, journal: Journal) -> tuple[int, _Refused]:
    """Write the sequences, if there are any; return their number and what was refused."""

    def outcomes() -> Iterator[Outcome]:
        return (outcome for shard in journal for outcome in unpacked(shard))

    refused, written = _Refused(), 0
    for outcome in outcomes():
        if outcome.refused:
            refused.add(outcome.text)
        else:
            written += 1
    if written:
        with text_output(output) as write:
            for outcome in outcomes():
                if not outcome.refused:
                    write(outcome.text)
    return written, refused


def _identity(request: GenerateRequest, work: Work) -> dict[str, Any]:
    """Everything the sequences depend on."""
    prompts, model, settings = work.prompts, work.model, work.settings
    return {
        "version": __version__,
        "prompts": list(prompts.texts),
        "prompts_sha256": None if prompts.fasta is None else sha256_file(prompts.fasta),
        "regions": list(prompts.regions),
        "reference_sha256": None if prompts.reference is None else sha256_file(prompts.reference.path),
        "strand": prompts.strand,
        "model": model.name,
        "model_sha256": model.sha256,
        "tokens": request.tokens,
        "samples": request.samples,
        "seed": request.seed,
        "temperature": request.temperature,
        "top_k": request.top_k,
        "top_p": request.top_p,
        "alphabet": request.alphabet,
        "constraints": str(settings.constraints) or None,
        "scope": settings.constraints.scope,
        "attempts": request.attempts,
        "screened": bool(settings.screens),
        "screens": [screen.name for screen in settings.screens],
        "screening_commands": list(request.screens),
        "format": "json" if request.json_lines else "fasta",
        "device": str(model.device.type),
        "dtype": model.dtype,
        "batch_tokens": request.batch_tokens,
    }


def _summarise(request: GenerateRequest, screens: list[Screen], total: int, refused: _Refused) -> None:
    """Say what was written.

    Raises:
        InputError: Something that was asked for is missing.
    """
    where = "standard output" if request.output == STREAM else request.output
    seen = f"screened by {', '.join(screen.name for screen in screens)}" if screens else "not screened"
    written = total - refused.count
    if refused.count:
        rest = f"the other {written:,}, {seen}, are in {where}" if written else "nothing was written"
        raise InputError(
            f"{refused.count:,} of {total:,} sequences refused, first {refused.lines[0]}; {rest}"
        )
    note(f"{total:,} sequences of {request.tokens:,} new bases, {seen}; wrote {where}")
