"""From labelled sequences to a plan: embed all, fit the probe, judge, beside baselines and controls."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Float

from cistron.evals.answers import Vectors
from cistron.evals.outcome import Metric, Outcome
from cistron.evals.probing.baselines import baselines
from cistron.evals.probing.examples import Examples
from cistron.evals.probing.fit import Told, require_scikit_learn, tell, tell_nonsense
from cistron.evals.requests import EmbedRequest, Request
from cistron.evals.task import Answers, Badge, Control, Option, Plan, Setting
from cistron.metrics.blocks import interval_of
from cistron.metrics.named import MEASURES

OPTIONS: Mapping[str, Option] = {"layer": "last", "pooling": "mean", "strands": "forward"}
"""Options of every probe task: where embeddings are taken from."""

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
    """The plan of a task that asks what a linear probe can tell from embeddings.

    Args:
        examples: The task's.
        setting: Seed, and the options of `OPTIONS`.
        metric: Main metric, a name of `cistron.metrics.named.MEASURES`.
        badges: What `audit` found in the whole split, before any limit.
        requests: What is asked; None embeds every sequence.
        represent: Makes one row an example of the answers; None takes the embeddings.
        notes: For the report.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    require_scikit_learn()
    represent = represent or _embeddings

    def judge(told: Told) -> Outcome:
        return outcome_of(told, examples, metric, setting.seed)

    def judge_answers(answers: Answers) -> Outcome:
        return judge(tell(represent(answers), examples, seed=setting.seed))

    def judge_nonsense(answers: Answers) -> Outcome:
        told = tell_nonsense(represent(answers), examples, seed=setting.seed)
        return judge(told)

    nonsense = Control(
        "labels shuffled", "the probe fitted to ten permutations of the labels", judge_nonsense
    )
    return Plan(
        requests or {"sequences": embedding_request(examples.sequences, setting)},
        judge_answers,
        twin=True,
        controls=(nonsense,),
        baselines=baselines(examples, judge, setting.seed),
        badges=badges,
        notes=(_sizes(examples), *notes),
    )


def embedding_request(sequences: tuple[str, ...], setting: Setting) -> EmbedRequest:
    """Embeddings as the options of the task want them."""
    layer = str(setting.options.get("layer", "last"))
    return EmbedRequest(
        sequences,
        layer=None if layer == "last" else int(layer) if layer.lstrip("-").isdigit() else layer,
        pooling=setting.options.get("pooling", "mean"),  # type: ignore[arg-type]
        strands=setting.options.get("strands", "forward"),  # type: ignore[arg-type]
    )


def outcome_of(told: Told, examples: Examples, metric: str, seed: int) -> Outcome:
    """Metrics with intervals, the main one first, and what was told of each example.

    Where the examples were told several times over, the rounds are the blocks that are resampled.
    """
    labels = examples.labels[told.at]
    rounds = np.arange(len(told.at)) // len(examples.tested)
    repeated = len(told.at) > len(examples.tested)
    names = np.array(examples.names)[told.at]
    items = {
        "item": np.char.add(np.char.add(rounds.astype(str), ":"), names) if repeated else names,
        "group": rounds if repeated else examples.groups[told.at],
        "label": labels,
        "prediction": told.probabilities.argmax(axis=1),
    }
    wanted = ["mcc", "accuracy", "f1"]
    if len(examples.classes) == 2:
        items["score"] = told.probabilities[:, 1]
        wanted += ["auroc", "auprc"]
    wanted.sort(key=lambda name: name != metric)
    blocks = len(np.unique(items["group"]))
    metrics = tuple(
        Metric.of(name, interval_of(MEASURES[name].on(items), items["group"], seed=seed), blocks)
        for name in wanted
    )
    return Outcome(metrics, items, _notes(told))


def _embeddings(answers: Answers) -> Float[np.ndarray, "N D"]:
    found = answers["sequences"]
    assert isinstance(found, Vectors)
    return found.vectors.astype(np.float64)


def _notes(told: Told) -> tuple[str, ...]:
    chosen = ", ".join(f"{strength:g}" for strength in told.strengths)
    notes = [f"C chosen inside the training part: {chosen}"] if chosen else []
    if told.unfinished:
        notes.append(f"the fit had not converged in {told.unfinished} of {len(told.strengths)} folds")
    return tuple(notes)


def _sizes(examples: Examples) -> str:
    lengths = sorted(map(len, examples.sequences))
    classes = ", ".join(
        f"{name}: {int((examples.labels == number).sum()):,}" for number, name in enumerate(examples.classes)
    )
    if len(examples.folds) == 1:
        fold = examples.folds[0]
        split = f"{len(fold.train):,} sequences to fit on, {len(fold.test):,} to tell"
    else:
        split = f"{len(examples.names):,} sequences in {len(examples.folds)} folds"
    return f"{split}; {lengths[0]:,} to {lengths[-1]:,} bp; classes {classes}"
