"""What the training part of each fold gives away of its test part, as badges."""

from __future__ import annotations

from collections import Counter
from typing import Final

from cistron.evals.probing.examples import Examples, Indices
from cistron.evals.task import Badge
from cistron.metrics.leaks import WORD, Part, leaks

_LEAK: Final = 0.05
"""From this share of test sequences a finding is a leak and not a blemish."""


def audit(examples: Examples) -> tuple[Badge, ...]:
    """What the checks of `cistron.metrics.leaks` find over all folds: a badge for each that finds something.

    A single badge `clean` when none does. Groups are not looked at: folds keep them on one side.
    """
    found: Counter[str] = Counter()
    for fold in examples.folds:
        for finding in leaks(_part(examples, fold.train), _part(examples, fold.test)):
            found[finding.what] += int(finding.found.sum())
    tested = len(examples.tested)
    badges = tuple(
        Badge(
            "leak" if number >= _LEAK * tested else "warn",
            f"{number:,} of {tested:,} test sequences ({100 * number / tested:.1f} %): {what}",
        )
        for what, number in found.items()
    )
    clean = f"no copies, shared {WORD}-mers or shuffled twins among {tested:,} test sequences"
    return badges or (Badge("clean", clean),)


def _part(examples: Examples, at: Indices) -> Part:
    return Part(
        sequences=[examples.sequences[number] for number in at],
        labels=examples.labels[at].tolist() if examples.kind == "classes" else (),
    )
