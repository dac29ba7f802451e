"""The contract of a task: what it is, what it asks, and how it judges the answers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cistron.errors import InputError
from cistron.evals.answers import Answer
from cistron.evals.outcome import Outcome
from cistron.evals.requests import Request

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Answers = Mapping[str, Answer]
"""Name of a request → its answer."""

Option = int | float | str


@dataclass(frozen=True)
class Setting:
    """How a task is to be run.

    Attributes:
        data: Folder of the benchmark data; None when there is none.
        seed: Of everything that is random in the task.
        limit: Most items to use (of some tasks: genes), sampled with `seed`; None is all.
        options: Values of the task's options, defaults included.
    """

    data: Path | None = None
    seed: int = 0
    limit: int | None = None
    options: Mapping[str, Option] = field(default_factory=dict)

    @classmethod
    def usual(cls, data: Path | None = None, *, seed: int = 0, limit: int | None = None) -> Setting:
        """A setting whose data folder is the one given, or that of `CISTRON_DATA`."""
        named = os.environ.get("CISTRON_DATA")
        return cls(data or (Path(named) if named else None), seed, limit)

    def path(self, relative: str) -> Path:
        """A file or folder below the data folder, or else one that is called so.

        Raises:
            InputError: There is none.
        """
        for found in (() if self.data is None else (self.data / relative,)) + (Path(relative),):
            if found.exists():
                return found
        if self.data is None:
            raise InputError(f"needs {relative}: give the data folder with --data or CISTRON_DATA")
        raise InputError(f"needs {relative}, which is not in {self.data}")


@dataclass(frozen=True)
class MarkovRule:
    """How a task's Markov baseline is fitted; never on what it is tested on.

    Attributes:
        order: Bases of context.
        sequences: Called once, gives the sequences to count.
        statement: What they are, for the report: `chr22 of GRCh37, both strands`.
        both_strands: Count the reverse complement too.
    """

    order: int
    sequences: Callable[[], Iterable[str]]
    statement: str
    both_strands: bool = True


@dataclass(frozen=True)
class Control:
    """A row that shows what the same answers are worth when something is destroyed, such as the labels.

    Attributes:
        name: Short: `labels shuffled`.
        statement: What was done.
        judge: Like that of the plan.
    """

    name: str
    statement: str
    judge: Callable[[Answers], Outcome]


@dataclass(frozen=True)
class Baseline:
    """A row without a model: the majority, GC content, words of k bases, a published score.

    Attributes:
        name: Short: `k-mer logistic`.
        statement: What it does.
        judge: Gives its row.
    """

    name: str
    statement: str
    judge: Callable[[], Outcome]


@dataclass(frozen=True)
class Badge:
    """What the audit of a task's split found.

    Attributes:
        verdict: `clean`, `warn` or `leak`.
        finding: One line.
    """

    verdict: str
    finding: str


@dataclass(frozen=True)
class Plan:
    """A task with its data read: the questions, and what is made of the answers.

    Attributes:
        requests: Name → request; every model is asked all of them.
        judge: Makes a row from a model's answers, which have the names of the requests.
        markov: How the Markov baseline is fitted; None where a Markov model cannot answer.
        twin: Whether a randomly initialised model of the same architecture is asked too, for each model.
        controls: Further rows from each model's answers.
        baselines: Rows without a model.
        badges: What the audit of the split found.
        notes: What a reader must know: what was left out, how it was sampled.
        draw: Makes figures, by title, from all rows, by their names; None for none.
        by_name: The same task asked by names, of tables that have a vector for each; its requests, judge and
            controls take the place of these. None where nothing has a name.
    """

    requests: Mapping[str, Request]
    judge: Callable[[Answers], Outcome]
    markov: MarkovRule | None = None
    twin: bool = False
    controls: tuple[Control, ...] = ()
    baselines: tuple[Baseline, ...] = ()
    badges: tuple[Badge, ...] = ()
    notes: tuple[str, ...] = ()
    draw: Callable[[Mapping[str, Outcome]], Mapping[str, Figure]] | None = None
    by_name: Plan | None = None


@dataclass(frozen=True)
class Published:
    """A number somebody else reports; shown apart and never ranked with what was measured.

    Attributes:
        model: Whose it is.
        value: As printed.
        metric: As named there; `not named` where it is not.
        source: Where it is printed.
        protocol: How it came about, such as `fine-tuned`.
    """

    model: str
    value: float
    metric: str
    source: str
    protocol: str = ""


@dataclass(frozen=True)
class Task:
    """One line of `cistron eval ls`.

    Attributes:
        name: `file/variant`: the name of the task's file (dashes for underscores), then what tells its
            variants apart, with further slashes at will; a file with one task may leave the variant out.
        version: Raised whenever its numbers change.
        summary: One line without a full stop.
        metric: Name of its main metric.
        source: Where data and protocol come from.
        licence: Of the data.
        prepare: Reads the data and gives the plan.
        needs: What must be there, below the data folder; where it is the default of an option, or below it,
            the option's value takes its place.
        suites: Suites it belongs to besides its file.
        options: Option → default; `--set OPTION=VALUE` changes it, and the type is kept.
        published: Numbers reported by others.
    """

    name: str
    version: int
    summary: str
    metric: str
    source: str
    licence: str
    prepare: Callable[[Setting], Plan]
    needs: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    options: Mapping[str, Option] = field(default_factory=dict)
    published: tuple[Published, ...] = ()

    def missing(self, setting: Setting) -> str | None:
        """Why the task cannot run here, in one line; None when it can."""
        for relative in self.needed(setting):
            try:
                setting.path(relative)
            except InputError as error:
                return str(error)
        return None

    def needed(self, setting: Setting) -> tuple[str, ...]:
        """What must be there with the options of a setting; an empty option needs nothing."""
        found = []
        for need in self.needs:
            for name, default in self.options.items():
                if default and (need == default or need.startswith(f"{default}/")):
                    value = setting.options.get(name, default)
                    found.append(f"{value}{need.removeprefix(str(default))}" if value else "")
                    break
            else:
                found.append(need)
        return tuple(filter(None, found))

    def with_options(self, setting: Setting, given: Mapping[str, str]) -> Setting:
        """`setting` with this task's options: those given that it has, and defaults.

        Raises:
            InputError: A value is not of the option's type.
        """
        values: dict[str, Option] = {}
        for name, default in self.options.items():
            try:
                values[name] = type(default)(given[name]) if name in given else default
            except ValueError:
                kind = type(default).__name__
                raise InputError(f"{self.name}: {name}={given[name]} is not of type {kind}") from None
        return Setting(setting.data, setting.seed, setting.limit, values)
