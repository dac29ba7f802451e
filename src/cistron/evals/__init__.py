"""Evaluation: tasks ask, models answer, tasks judge.

A task is one file in `tasks/` with a constant `TASK`: a `Task`, or a tuple of them for a benchmark with
variants. It reads its data in `prepare` and gives a `Plan`: typed requests, and a function that makes metrics
with intervals and a table of items from the answers. Whatever can answer the requests can be evaluated. The
runner (`run.py`) adds the rows that make a number mean something: Markov baseline, controls, model-free
baselines. See `docs/design/evaluation.md`.
"""

from __future__ import annotations

from cistron.evals.answers import Answer, Continuations, Likelihoods, Scores, Signals, Vectors
from cistron.evals.outcome import Metric, Outcome
from cistron.evals.requests import (
    Contigs,
    EmbedRequest,
    GenerateRequest,
    LikelihoodRequest,
    NameRequest,
    Request,
    ScoreRequest,
    TracksRequest,
    TrainRequest,
)
from cistron.evals.respondent import Respondent
from cistron.evals.task import (
    Answers,
    Badge,
    Baseline,
    Control,
    MarkovRule,
    Plan,
    Published,
    Setting,
    Task,
)
from cistron.registry import Registry

__all__ = [
    "TASKS",
    "Answer",
    "Answers",
    "Badge",
    "Baseline",
    "Contigs",
    "Continuations",
    "Control",
    "EmbedRequest",
    "GenerateRequest",
    "LikelihoodRequest",
    "Likelihoods",
    "MarkovRule",
    "Metric",
    "NameRequest",
    "Outcome",
    "Plan",
    "Published",
    "Request",
    "Respondent",
    "ScoreRequest",
    "Scores",
    "Setting",
    "Signals",
    "Task",
    "TracksRequest",
    "TrainRequest",
    "Vectors",
]

TASKS: Registry[Task | tuple[Task, ...]] = Registry("cistron.evals.tasks", "TASK", "task")
