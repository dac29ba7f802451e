"""From labelled sequences to a plan: embed all, fit the probe, judge, beside baselines and controls."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Float

from cistron.errors import InputError
from cistron.evals.answers import Answer, Vectors
from cistron.evals.outcome import Outcome
from cistron.evals.probing.baselines import baselines
from cistron.evals.probing.estimators import probe_of
from cistron.evals.probing.examples import Examples, Fold
from cistron.evals.probing.fit import LINEAR, Told, nonsense_times, tell, tell_nonsense
from cistron.evals.probing.outcomes import outcome_of
from cistron.evals.requests import EmbedRequest, Request, TrainRequest
from cistron.evals.task import Answers, Badge, Control, Option, Plan, Setting

OPTIONS: Mapping[str, Option] = {
    "layer": "last",
    "pooling": "mean",
    "strands": "forward",
    "probe": LINEAR,
    "mode": "lora",
}
"""Options of every probe task: where embeddings are taken from, what is fitted to them, and what is trained
where the model is."""

FINE_TUNE = "fine-tune"
"""The probe that trains the model itself."""

Represent = Callable[[Answers], Float[np.ndarray, "N D"]]


def probe_plan(
    examples: Examples,
    setting: Setting,
    metric: str,
    *,
    badges: tuple[Badge, ...],
    requests: Mapping[str, Request] | None = None,
    represent: Represent | None = None,
    notes: tuple[str, ...] = (),
) -> Plan:
    """The plan of a task that asks what a probe can tell from embeddings.

    Args:
        examples: The task's.
        setting: Seed, and the options of `OPTIONS`.
        metric: Main metric, a name of `cistron.metrics.named.MEASURES`.
        badges: What `audit` found in the whole split, before any limit.
        requests: What is asked; None embeds every sequence.
        represent: Makes one row an example of the answers; None takes the embeddings.
        notes: For the report.

    Raises:
        InputError: The option `probe` is unknown, or not for such labels.
        MissingExtraError: scikit-learn is not installed.
    """
    probe = str(setting.options.get("probe", LINEAR))
    if probe == FINE_TUNE:
        if requests is not None or examples.kind != "classes":
            raise InputError("fine-tune tells classes of single sequences; this task has something else")
        return _trained_plan(examples, setting, metric, badges, notes)
    probe_of(probe, examples.kind)
    represent = represent or _embeddings

    def judge(told: Told) -> Outcome:
        return outcome_of(told, examples, metric, setting.seed)

    def judge_answers(answers: Answers) -> Outcome:
        return judge(tell(represent(answers), examples, seed=setting.seed, probe=probe))

    def judge_nonsense(answers: Answers) -> Outcome:
        return judge(tell_nonsense(represent(answers), examples, seed=setting.seed, probe=probe))

    nonsense = Control(
        "labels shuffled",
        f"the probe fitted to {nonsense_times(probe)} permutations of the labels",
        judge_nonsense,
    )
    return Plan(
        requests or {"sequences": embedding_request(examples.sequences, setting)},
        judge_answers,
        twin=True,
        controls=(nonsense,),
        baselines=baselines(examples, judge, setting.seed, probe),
        badges=badges,
        notes=(_sizes(examples), *_probe_note(probe), *notes),
    )


def _trained_plan(
    examples: Examples, setting: Setting, metric: str, badges: tuple[Badge, ...], notes: tuple[str, ...]
) -> Plan:
    """The plan of a task for which the model is trained anew in each fold."""

    def judge(told: Told) -> Outcome:
        return outcome_of(told, examples, metric, setting.seed)

    def judge_answers(answers: Answers) -> Outcome:
        parts = [
            _probabilities(answers[name], examples, fold)
            for name, fold in zip(requests, examples.folds, strict=True)
        ]
        return judge(Told(examples.tested, np.concatenate(parts)))

    mode = str(setting.options.get("mode", "lora"))
    requests = {
        f"fold {number}": _train_request(examples, fold, mode, setting.seed)
        for number, fold in enumerate(examples.folds, 1)
    }
    return Plan(
        requests,
        judge_answers,
        baselines=baselines(examples, judge, setting.seed),
        badges=badges,
        notes=(_sizes(examples), f"the model is trained on each fold, mode {mode}", *notes),
    )


def _train_request(examples: Examples, fold: Fold, mode: str, seed: int) -> TrainRequest:
    return TrainRequest(
        tuple(examples.sequences[at] for at in fold.test),
        tuple(examples.sequences[at] for at in fold.train),
        # Names in the order of the classes, that nobody takes for measurements.
        tuple(f"class{examples.labels[at]:04d}" for at in fold.train),
        tuple(str(examples.groups[at]) for at in fold.train),
        mode,
        seed,
    )


def _probabilities(answer: Answer, examples: Examples, fold: Fold) -> Float[np.ndarray, "N K"]:
    """Of every class of the task; one that the fold does not train on has none."""
    assert isinstance(answer, Vectors)
    found = np.zeros((len(fold.test), len(examples.classes)))
    found[:, np.unique(examples.labels[fold.train])] = answer.vectors
    return found


def probe_beside(setting: Setting) -> str:
    """The probe of a task's own rows without a model: that of its models, linear where those are trained."""
    probe = str(setting.options.get("probe", LINEAR))
    return LINEAR if probe == FINE_TUNE else probe


def embedding_request(sequences: tuple[str, ...], setting: Setting) -> EmbedRequest:
    """Embeddings as the options of the task want them."""
    layer = str(setting.options.get("layer", "last"))
    return EmbedRequest(
        sequences,
        layer=None if layer == "last" else int(layer) if layer.lstrip("-").isdigit() else layer,
        pooling=setting.options.get("pooling", "mean"),  # type: ignore[arg-type]
        strands=setting.options.get("strands", "forward"),  # type: ignore[arg-type]
    )


def _embeddings(answers: Answers) -> Float[np.ndarray, "N D"]:
    found = answers["sequences"]
    assert isinstance(found, Vectors)
    return found.vectors.astype(np.float64)


def _probe_note(probe: str) -> tuple[str, ...]:
    return () if probe == LINEAR else (f"probe of every row: {probe}",)


def _sizes(examples: Examples) -> str:
    lengths = sorted(map(len, examples.sequences))
    if len(examples.folds) == 1:
        fold = examples.folds[0]
        split = f"{len(fold.train):,} sequences to fit on, {len(fold.test):,} to tell"
    else:
        split = f"{len(examples.names):,} sequences in {len(examples.folds)} folds"
    return f"{split}; {lengths[0]:,} to {lengths[-1]:,} bp; {_labels(examples)}"


def _labels(examples: Examples) -> str:
    if examples.kind == "numbers":
        return f"values {examples.labels.min():g} to {examples.labels.max():g}"
    marked = examples.labels if examples.kind == "marks" else np.eye(len(examples.classes))[examples.labels]
    counts = zip(examples.classes, marked.sum(axis=0).astype(int).tolist(), strict=True)
    told = [f"{name}: {count:,}" for name, count in counts]
    return f"{examples.kind} {', '.join(told)}"
