from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cistron.errors import InputError, OutputError, ResumeError
from cistron.evals import EmbedRequest, Respondent, Vectors
from cistron.evals.store import AnswerStore

New = Callable[..., Any]


def _vectors(store: AnswerStore, model: Respondent, sequences: tuple[str, ...]) -> np.ndarray:
    found = store.answer(model, EmbedRequest(sequences))
    assert isinstance(found, Vectors)
    return found.vectors


def test_answers_come_in_the_order_of_the_items_and_repeats_are_asked_once(
    tmp_path: Path, new_counter: New
) -> None:
    counter = new_counter()
    found = _vectors(AnswerStore(tmp_path, keep=True), counter, ("AAC", "GT", "AAC"))
    np.testing.assert_array_equal(found, [[2, 1, 0, 0], [0, 0, 1, 1], [2, 1, 0, 0]])
    assert counter.seen == ["AAC", "GT"]


def test_requests_that_share_items_share_answers(
    tmp_path: Path, new_counter: New, sequences: tuple[str, ...]
) -> None:
    counter, store = new_counter(), AnswerStore(tmp_path, keep=False)
    _vectors(store, counter, sequences[:200])
    _vectors(store, counter, sequences[100:])
    assert sorted(counter.seen) == sorted(sequences)


def test_another_layer_or_model_is_another_question(tmp_path: Path, new_counter: New) -> None:
    counter, store = new_counter(), AnswerStore(tmp_path, keep=False)
    store.answer(counter, EmbedRequest(("A",)))
    store.answer(counter, EmbedRequest(("A",), layer=2))
    other = new_counter(sha256="0f" * 32, add=1)
    assert _vectors(store, other, ("A",))[0, 0] == 2
    assert counter.seen == ["A", "A"]


def test_an_interrupted_run_goes_on_where_it_was_and_gives_the_same(
    tmp_path: Path, new_counter: New, sequences: tuple[str, ...]
) -> None:
    with pytest.raises(KeyboardInterrupt):
        _vectors(AnswerStore(tmp_path / "a", keep=False), new_counter(fails_after=128), sequences)
    again = new_counter()
    resumed = _vectors(AnswerStore(tmp_path / "a", keep=True), again, sequences)
    whole = _vectors(AnswerStore(tmp_path / "b", keep=False), new_counter(), sequences)
    np.testing.assert_array_equal(resumed, whole)
    assert len(again.seen) < 200  # those left, and a few that were checked


def test_without_keeping_an_earlier_run_is_forgotten(
    tmp_path: Path, new_counter: New, sequences: tuple[str, ...]
) -> None:
    counter = new_counter()
    _vectors(AnswerStore(tmp_path, keep=True), counter, sequences)
    _vectors(AnswerStore(tmp_path, keep=False), counter, sequences)
    assert len(counter.seen) == 2 * len(sequences)


def test_kept_answers_that_the_model_no_longer_gives_are_refused(
    tmp_path: Path, new_counter: New, sequences: tuple[str, ...]
) -> None:
    _vectors(AnswerStore(tmp_path, keep=True), new_counter(), sequences)
    with pytest.raises(ResumeError, match="not those counter gives now; delete the file"):
        _vectors(AnswerStore(tmp_path, keep=True), new_counter(add=0.5), sequences)


def test_an_answer_that_is_not_a_number_names_its_item(tmp_path: Path, new_counter: New) -> None:
    broken = new_counter(add=float("nan"))
    with pytest.raises(InputError, match="3 answers that are not numbers, the first to item 'ACG'"):
        _vectors(AnswerStore(tmp_path, keep=True), broken, ("ACG", "T", "G"))


def test_a_request_without_items_is_refused(tmp_path: Path, new_counter: New) -> None:
    with pytest.raises(InputError, match="no items"):
        AnswerStore(tmp_path, keep=True).answer(new_counter(), EmbedRequest(()))


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        AnswerStore(tmp_path / "file" / "answers", keep=True)
