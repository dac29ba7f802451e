from __future__ import annotations

import pytest
import torch

from cistron.inference.planning import batch_of, rows_of
from cistron.inference.planning.costs import Costs
from cistron.inference.planning.speed import Speed, assumed_speed, machine_speed, measured_speed
from cistron.inference.planning.workload import generating, reading, scanning, scoring, windows_of
from cistron.models.genos import MODEL, TINY


def test_whole_passes_read_every_token_once_a_strand():
    work = reading([100, 50], strands=2)
    assert (work.sequences, work.tokens, work.longest) == (4, 300, 100)
    assert work.pairs == 2 * (5000 + 1250)


def test_a_variant_is_read_upstream_once_and_downstream_twice():
    work = scoring(10, 1000)
    assert (work.sequences, work.tokens, work.longest) == (20, 20 * 1500, 1000)
    # Two whole passes, less the upstream half that is shared.
    assert work.pairs == 20 * (2 * 1000**2 / 2 - 500**2 / 2)


def test_generating_counts_what_every_new_token_sees():
    work = generating([100, 200], 10, samples=3)
    assert (work.sequences, work.tokens, work.generated, work.steps) == (6, 300, 60, 10)
    assert work.generated_pairs == 3 * (10 * 100 + 50 + 10 * 200 + 50)
    assert work.longest == 210


@pytest.mark.parametrize(
    ("length", "window", "stride", "expected"),
    [(5, 8, None, [5]), (8, 8, 2, [8]), (9, 8, None, [8, 8]), (20, 8, 4, [8] * 4), (0, 8, None, [0])],
)
def test_long_sequences_are_cut_into_windows(length, window, stride, expected):
    assert windows_of(length, window, stride) == expected


def test_a_scan_reads_every_base_with_half_a_window_before_it():
    assert scanning([1000], 100, strands=1).tokens == 19 * 100


COSTS = Costs(weights=4_000, state=10.0, working=20.0, joined=0.0, products=1000.0, attention=10.0)


def test_assumed_times_are_arithmetic_for_reading_and_bandwidth_for_generating():
    speed = assumed_speed(COSTS, flops=1e6, bandwidth=1e5)
    assert not speed.measured
    assert speed.seconds(reading([100]), 1) == pytest.approx((100 * 1000 + 5000 * 10) / 4e5)
    made = generating([100], 10)
    more = speed.seconds(made, 1) - speed.seconds(reading([100]), 1)
    assert more == pytest.approx(10 * 4000 / 4e4 + 10 * 1000 / 4e5 + 1050 * 10 / 4e4)


def test_sequences_that_run_together_share_the_steps():
    speed = Speed(token=0, pair=0, step=1.0, made=0, made_pair=0, measured=True)
    work = generating([10] * 8, 5)
    assert speed.seconds(work, rows=8) == 5
    assert speed.seconds(work, rows=3) == 15
    assert rows_of(batch_of(COSTS, 64, work.longest), work) == 4


def test_a_measured_speed_tells_the_time_of_another_length():
    model = MODEL.build(TINY).eval()
    speed = measured_speed(model, generates=True, seconds=0.05)
    assert speed.measured
    # Differences of times on a busy machine may come out as nothing, their sum may not.
    assert speed.token > 0
    assert speed.step + speed.made > 0
    assert min(speed.step, speed.pair, speed.made, speed.made_pair) >= 0


def test_the_speed_of_this_machine_is_that_of_a_computer():
    flops, bandwidth = machine_speed(torch.float32, seconds=0.02)
    assert 1e8 < flops < 1e15
    assert 1e8 < bandwidth < 1e13
