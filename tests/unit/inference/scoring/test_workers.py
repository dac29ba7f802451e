"""Work side by side."""

from __future__ import annotations

import threading

import pytest
import torch

from cistron.inference.scoring.workers import side_by_side, workers

CPU = torch.device("cpu")


@pytest.fixture
def threads():
    """Sets torch's threads for one test."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_answers_come_in_the_order_of_the_work(threads, count):
    threads(count)
    assert list(side_by_side(lambda x: x * x, range(20), CPU)) == [x * x for x in range(20)]


def test_an_empty_list_of_work_gives_nothing(threads):
    threads(2)
    assert list(side_by_side(lambda x: x, [], CPU)) == []


def test_pieces_run_at_the_same_time_on_a_share_of_the_threads_each(threads):
    threads(4)
    meeting = threading.Barrier(2, timeout=10)

    def work(_):
        meeting.wait()  # breaks unless both are there
        return torch.get_num_threads()

    assert list(side_by_side(work, [0, 1], CPU)) == [2, 2]
    assert torch.get_num_threads() == 4


def test_threads_that_start_later_have_all_of_torchs_threads_again(threads):
    threads(3)
    list(side_by_side(lambda x: x, [0, 1, 2], CPU))
    found = []
    later = threading.Thread(target=lambda: found.append(torch.ones(4).sum() and torch.get_num_threads()))
    later.start()
    later.join()
    assert found == [3]


@pytest.mark.parametrize("count", [1, 2])
def test_work_runs_in_inference_mode(threads, count):
    threads(count)
    assert all(side_by_side(lambda _: torch.is_inference_mode_enabled(), range(3), CPU))


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_of_one_piece_is_the_callers(threads, count):
    threads(count)

    def work(number):
        if number == 2:
            raise KeyError(number)
        return number

    found = []
    with pytest.raises(KeyError):
        found.extend(side_by_side(work, range(6), CPU))
    assert torch.get_num_threads() == count


def test_a_gpu_is_given_one_piece_at_a_time(threads):
    threads(4)
    assert workers(torch.device("cuda")) == 1
    assert workers(CPU) == 4
