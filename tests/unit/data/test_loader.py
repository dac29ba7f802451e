from __future__ import annotations

import itertools
import threading
import time

import numpy as np
import pytest

from cistron.data.loader import prefetch
from cistron.data.sampling import Sampler, WindowLength
from cistron.tokenizers.nucleotide import NucleotideTokenizer


@pytest.mark.parametrize("workers", [1, 3])
def test_batches_come_in_order_from_any_step_on_whatever_the_workers(corpus_of, random_bases, workers):
    corpus = corpus_of(random_bases(500, 1))
    draw = Sampler([corpus], NucleotideTokenizer(), [WindowLength(10)], tokens=40, seed=1)
    batches = prefetch(draw, itertools.count(7), ahead=4, workers=workers)
    for step in range(7, 30):
        assert np.array_equal(next(batches).input_ids, draw(step).input_ids)
    batches.close()


def test_a_bounded_number_is_made_ahead():
    made: list[int] = []
    steps = prefetch(lambda step: made.append(step) or step, range(100), ahead=3)
    assert next(steps) == 0
    deadline = time.monotonic() + 5
    while len(made) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert made == [0, 1, 2, 3]
    steps.close()
    assert made == [0, 1, 2, 3]


def test_an_error_is_raised_where_its_step_is_due_and_ends_the_threads():
    def make(step: int) -> int:
        if step == 2:
            raise ValueError("step 2 is bad")
        return step

    before = threading.active_count()
    steps = prefetch(make, range(9), ahead=5, workers=2)
    assert [next(steps), next(steps)] == [0, 1]
    with pytest.raises(ValueError, match="step 2 is bad"):
        next(steps)
    assert list(steps) == []
    assert threading.active_count() == before


def test_the_end_of_the_steps_is_the_end():
    assert list(prefetch(abs, [-1, -2], ahead=5)) == [1, 2]
    assert list(prefetch(abs, [])) == []
