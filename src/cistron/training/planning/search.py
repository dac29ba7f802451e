"""Find the layouts in which a run fits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cistron.errors import InputError
from cistron.models import MODELS
from cistron.training.parallel import Layout
from cistron.training.planning.candidates import layouts, windows_per_step
from cistron.training.planning.estimate import Estimate, Estimator
from cistron.training.pretrain import Pretraining

_TOKENS_AT_ONCE = 16_384
"""Tokens of a rank that fill a GPU; more at a time are hardly faster."""

_AS_FAST = 1.02
"""Times that differ by less are taken to be equal: the estimate is not better than that."""

_MOST_GPUS = 16_384

_WORLDS = tuple(2**power for power in range(9))
"""Numbers of GPUs in which every kind of division finds room."""


class Search:
    """What fits of what was tried.

    Args:
        estimator: Of the run.
        budget: Bytes of a GPU that may be used.

    Attributes:
        fitting: One setting of each layout that fits.
        leanest: Whatever was tried and took the least memory.
    """

    def __init__(self, estimator: Estimator, budget: int) -> None:
        self.estimator, self.budget = estimator, budget
        self.fitting: list[Estimate] = []
        self.leanest: Estimate | None = None
        self._kept_per_token = 0.0
        self._hopeless: set[tuple[int, int]] = set()

    def consider(self, layout: Layout) -> None:
        """Try a layout with more or fewer rows at once, first without, then with checkpointing.

        A layout is left out where one that was tried before tells that it gains nothing or cannot fit.
        """
        if (layout.tensor, layout.context) in self._hopeless:
            return
        if any(_gains_nothing(layout, found) for found in self.fitting):
            return
        for checkpointing in (False, True):
            for found in self._tried(layout, checkpointing):
                if found.memory.total <= self.budget:
                    self.fitting.append(found)
                    return
                if checkpointing and found.rows == 1 and self._needs_fewer_tokens(found):
                    self._hopeless.add((layout.tensor, layout.context))

    def _needs_fewer_tokens(self, found: Estimate) -> bool:
        """Whether a layout is too large even without gathered weights, which experts apart would spare it."""
        return found.memory.total - found.memory.gathered > self.budget

    def verified(self) -> list[Estimate]:
        """What fits, best first; the first is rehearsed with all its layers and still fits.

        The best is the leanest of those that are about as fast as the fastest.
        """
        fastest = min((found.seconds for found in self.fitting), default=0.0)
        ordered = sorted(
            self.fitting,
            key=lambda found: (max(found.seconds, fastest * _AS_FAST), found.memory.total),
        )
        for number, found in enumerate(ordered):
            whole = self.estimator.estimate(
                found.layout, found.rows, checkpointing=found.run.activation_checkpointing, whole=True
            )
            if whole.memory.total <= self.budget:
                return [whole, *ordered[number + 1 :]]
        return []

    def smallest_world(self, gpus: int) -> int | None:
        """The first power of two above `gpus` that is enough; None where windows are too long for any."""
        enough = [self._enough(divided, gpus) for divided in _most_divided(self.estimator.run)]
        return min((world for world in enough if world is not None), default=None)

    def _tried(self, layout: Layout, checkpointing: bool) -> Iterator[Estimate]:
        """The layout with a good number of rows at once, and with one row."""
        for rows in _numbers_of_rows(self.estimator, layout):
            tokens = rows * self.estimator.longest // layout.context
            if not checkpointing and self._kept_per_token * tokens / layout.tensor > self.budget:
                continue
            found = self.estimator.estimate(layout, rows, checkpointing=checkpointing)
            if not checkpointing:
                # No layout keeps less for a token than this one would if tensor ranks shared all of it.
                self._kept_per_token = found.memory.activations * layout.tensor / tokens
            if self.leanest is None or found.memory.total < self.leanest.memory.total:
                self.leanest = found
            yield found

    def _enough(self, divided: Layout, gpus: int) -> int | None:
        """GPUs for a layout whose `shard` is free: more of them divide states, and nothing else."""
        start = 2 * divided.tensor * divided.context * divided.expert
        memory = self.estimator.estimate(divided.fitted(start), 1, checkpointing=True).memory
        left = self.budget - (memory.total - memory.states)
        world = 1 << gpus.bit_length()
        while world <= _MOST_GPUS:
            fits = left > 0 and memory.states * start <= left * world
            if fits and any(
                replace(layout, shard=0) == divided for layout in layouts(self.estimator.run, world)
            ):
                return world
            world *= 2
        return None


def _most_divided(run: Pretraining) -> list[Layout]:
    """The layouts that leave a rank the fewest tokens; of those the ones with fewest and most experts."""
    free = {replace(layout, shard=0) for world in _WORLDS for layout in layouts(run, world)}
    most = max(layout.context for layout in free)
    found = sorted(
        (each for each in free if each.context == most), key=lambda each: (each.tensor, each.expert)
    )
    return [found[0], found[-1]] if len(found) > 1 else found


def too_small(search: Search, gpus: int, gpu_memory: int) -> InputError:
    """The error that says what would be enough."""
    assert search.leanest is not None
    found, gib = search.leanest, 2**30
    said = (
        f"{gpus} GPUs of {gpu_memory / gib:.3g} GiB are too small: the leanest way ({found.layout}) takes "
        f"{found.memory.total / gib:.3g} GiB of {search.budget / gib:.3g} usable GiB on each"
    )
    enough = search.smallest_world(gpus)
    if enough is not None:
        return InputError(f"{said}; {enough} GPUs are the smallest number that is enough")
    return InputError(
        f"{said}, and no number of them is enough; take larger GPUs, or windows shorter than "
        f"{search.estimator.longest:,} tokens"
    )


def _gains_nothing(layout: Layout, found: Estimate) -> bool:
    """Whether a layout divides as much as one that fits, and what it divides more is not what that one lacks.

    Fewer tokens or heads on a rank may spare checkpointing; experts apart may spare waiting for weights.
    """
    if any(getattr(layout, axis) < getattr(found.layout, axis) for axis in ("tensor", "expert", "context")):
        return False
    if layout.expert > found.layout.expert and found.waits:
        return False
    fewer = (layout.tensor, layout.context) != (found.layout.tensor, found.layout.context)
    return not (fewer and found.run.activation_checkpointing)


def _numbers_of_rows(estimator: Estimator, layout: Layout) -> list[int]:
    """Numbers of longest windows for a data rank to take at once, a good one first."""
    windows = min(n for length, n in windows_per_step(estimator.run) if length == estimator.longest)
    good = min(_TOKENS_AT_ONCE * layout.context // estimator.longest, windows // layout.shard)
    return sorted({max(good, 1), 1}, reverse=True)


def usable(run: Pretraining, gpus: int) -> list[Layout]:
    """Layouts to try, of which there is at least one.

    Raises:
        InputError: Windows do not fit the model, or no layout divides the run among so many GPUs; says which
            numbers near by would.
    """
    _check_lengths(run)
    found = layouts(run, gpus)
    if found:
        return found
    below = next((n for n in range(gpus - 1, 0, -1) if layouts(run, n)), None)
    above = next((n for n in range(gpus + 1, 2 * gpus + 1) if layouts(run, n)), None)
    works = " or ".join(str(n) for n in (below, above) if n is not None)
    steps = sorted({windows for _, windows in windows_per_step(run)})
    raise InputError(
        f"no layout divides the run among {gpus} GPUs: a step has {' or '.join(f'{n:,}' for n in steps)} "
        f"windows; {works or 'no number near by'} would do"
    )


def _check_lengths(run: Pretraining) -> None:
    """Return silently when every window fits the model.

    Raises:
        InputError: One does not.
    """
    context = MODELS.get(run.architecture).config(run.model).context_length
    longest = max(length for length, _ in windows_per_step(run))
    if longest > context:
        raise InputError(
            f"a window of {longest:,} tokens does not fit the model's context of {context:,}; "
            "raise model.max_position_embeddings or take shorter windows"
        )
