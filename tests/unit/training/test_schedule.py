from __future__ import annotations

import itertools
import math

import pytest

from cistron.data.sampling import WindowLength
from cistron.training.pretrain import OptimSettings, Stage
from cistron.training.schedule import cosine, warmup_stable_decay
from cistron.training.stages import Timetable


def test_the_rate_warms_up_in_a_line_and_falls_along_a_cosine_to_its_final_share():
    found = [cosine(step, 105, 4, 0.1) for step in range(105)]
    assert found[:5] == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0])
    assert found[54] == pytest.approx(0.1 + 0.9 / 2)  # half way
    assert found[29] == pytest.approx(0.1 + 0.9 * (1 + math.sqrt(0.5)) / 2)  # a quarter
    assert found[104] == pytest.approx(0.1)
    assert all(later < earlier for earlier, later in itertools.pairwise(found[4:]))


def test_a_cosine_may_end_before_the_run_does():
    found = [cosine(step, 100, 10, 0.1, 0.8) for step in range(100)]
    assert found[78] > found[79] == pytest.approx(0.1)
    assert found[79:] == pytest.approx([0.1] * 21)


def test_the_stable_schedule_stays_at_the_peak_and_decays_at_the_end_along_a_root():
    found = [warmup_stable_decay(step, 100, 10, 0.1, 0.2) for step in range(100)]
    assert found[:10] == pytest.approx([step / 10 for step in range(1, 11)])
    assert found[9:80] == [1.0] * 71
    assert found[79 + 5] == pytest.approx(0.1 + 0.9 * (1 - math.sqrt(5 / 20)))
    assert found[99] == pytest.approx(0.1)
    assert all(later < earlier for earlier, later in itertools.pairwise(found[79:]))


@pytest.mark.parametrize("schedule", [cosine, warmup_stable_decay])
@pytest.mark.parametrize(("total", "warmup"), [(1, 0), (1, 5), (2, 1), (3, 5), (3, 3), (5, 0)])
def test_short_runs_and_runs_of_nothing_but_warm_up_have_a_rate(schedule, total, warmup):
    found = [schedule(step, total, warmup, 0.1) for step in range(total)]
    assert all(0 < rate <= 1 for rate in found)
    assert found[: min(warmup, total)] == [(step + 1) / warmup for step in range(min(warmup, total))]


STAGES = (
    Stage((WindowLength(32),), tokens=128, steps=4),
    Stage((WindowLength(64),), tokens=128, total_tokens=700),
)


def test_tokens_of_a_stage_decide_its_steps_where_steps_are_not_given():
    table = Timetable(STAGES, OptimSettings())
    assert table.total == 4 + 6
    assert [table.stage(step) for step in range(10)] == [0] * 4 + [1] * 6


def test_one_rate_is_for_all_stages_and_a_list_is_for_each():
    one = Timetable(STAGES, OptimSettings(lr=2.0, warmup=2))
    each = Timetable(STAGES, OptimSettings(lr=(2.0, 1.0), warmup_share=0.2))
    assert [each.rate(step) for step in range(4)] == [one.rate(step) for step in range(4)]
    assert [each.rate(step) for step in range(4, 10)] == [one.rate(step) / 2 for step in range(4, 10)]


def test_the_schedule_is_the_one_that_is_named():
    table = Timetable(
        STAGES, OptimSettings(lr=2.0, warmup=2, schedule="wsd", decay_share=0.3, final_share=0.5)
    )
    assert [table.rate(step) for step in (1, 4, 6, 9)] == pytest.approx([2.0, 2.0, 2.0, 1.0])
