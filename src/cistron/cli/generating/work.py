"""The work of `cistron generate`: prompts as jobs, and what becomes of them as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cistron.cli.generating.output import Outcome, as_fasta, as_json, refusal_line
from cistron.cli.generating.prompts import PromptSource

if TYPE_CHECKING:
    from cistron.inference.generation.attempts import Job, Settings
    from cistron.inference.generation.generated import Generated, Refusal
    from cistron.inference.load import LoadedModel


@dataclass(frozen=True)
class Work:
    """What is to be done, with what, and how it is written.

    Attributes:
        prompts: What to continue.
        model: By whom.
        settings: How.
        json_lines: Lines of JSON rather than FASTA.
        with_prompt: Whether prompts are written before their continuations.
    """

    prompts: PromptSource
    model: LoadedModel
    settings: Settings
    json_lines: bool
    with_prompt: bool

    def survey(self) -> tuple[int, int]:
        """Number of sequences and tokens of the longest, every prompt being possible.

        Raises:
            CistronError: A prompt cannot be continued; names it.
        """
        from cistron.inference.generate import require_prompt

        model, settings = self.model, self.settings
        count = longest = 0
        for name, prompt in self.prompts:
            require_prompt(model.model, model.tokenizer, prompt, settings.tokens, settings.constraints, name)
            count, longest = count + settings.samples, max(longest, len(prompt) + settings.tokens)
        return count, longest

    def batches(self, batch_tokens: int) -> Iterator[list[Job]]:
        """Sequences to come, in batches that depend on the prompts and on `batch_tokens` alone."""
        from cistron.inference.generation.attempts import Job, batches_of

        jobs = (
            Job(index, sample, prompt.sequence, prompt.name)
            for index, prompt in enumerate(self.prompts)
            for sample in range(self.settings.samples)
        )
        return batches_of(jobs, self.settings.tokens, batch_tokens)

    def outcomes(self, jobs: Sequence[Job], batch_tokens: int) -> list[Outcome]:
        """What becomes of jobs, in order and as text, at most `batch_tokens` run together."""
        from cistron.inference.generation.attempts import run_jobs

        model = self.model
        found = run_jobs(model.model, model.tokenizer, self.settings, jobs, batch_tokens=batch_tokens)
        return [self._outcome(job.name, each) for job, each in zip(jobs, found, strict=True)]

    def _outcome(self, name: str, found: Generated | Refusal) -> Outcome:
        from cistron.inference.generation.generated import Refusal

        if isinstance(found, Refusal):
            return Outcome(refusal_line(found, name), refused=True)
        if self.json_lines:
            return Outcome(as_json(found, name, with_prompt=self.with_prompt))
        provenance = f"model={self.model.name} seed={self.settings.seed}"
        return Outcome(as_fasta(found, name, provenance, with_prompt=self.with_prompt))
