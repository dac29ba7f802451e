"""Answers that were given are kept, each under the address of its question, and never asked for twice.

One journal file for each respondent and kind of question; one block of it for each block of items. A run that
is stopped loses the block it was at. Tasks, and runs with other limits, share what they have in common.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cistron.errors import InputError, ResumeError
from cistron.evals.answers import Answer, Continuations, Likelihoods, Scores, Signals, Vectors
from cistron.evals.requests import Request, digest, item_key, items_of, options_of, with_items
from cistron.evals.respondent import Respondent
from cistron.formats.atomic import output_error
from cistron.formats.journal import Journal

_ANSWERS: Final[Mapping[str, type[Answer]]] = {
    "score": Scores,
    "likelihood": Likelihoods,
    "embed": Vectors,
    "generate": Continuations,
    "train": Vectors,
    "tracks": Signals,
    "name": Vectors,
}
_BLOCKS: Final = {
    "score": 128,
    "likelihood": 32,
    "embed": 128,
    "generate": 1,
    "train": 1 << 30,
    "tracks": 64,
    "name": 4096,
}
"""Items between two entries of the journal. A constant, so that a resumed run repeats the same batches; one
run of training answers for all items."""

_ASKED_ONCE: Final = ("generate", "train")
"""Kinds whose kept answers are not asked for again."""

_CHECKED: Final = 4
"""Kept answers that are asked for again, to see that they are this model's on this machine."""

_TOLERANCE: Final = 2e-3
"""Relative; answers of other batches differ by rounding, those of another model by much more."""

_Rows = dict[str, NDArray[Any]]


class AnswerStore:
    """Answers by content, in a folder.

    Args:
        folder: Made when missing.
        keep: Use what an earlier run left there; otherwise a file is emptied when it is first used.

    Attributes:
        reused: Answers that an earlier run had given.
        asked: Answers that were asked for.

    Raises:
        OutputError: The folder cannot be made.
    """

    def __init__(self, folder: Path, *, keep: bool) -> None:
        self._folder = folder
        self._keep = keep
        self._used: set[Path] = set()
        self.reused = 0
        self.asked = 0
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise output_error(folder, error) from error

    def answer(
        self, respondent: Respondent, request: Request, progress: Callable[[int], object] | None = None
    ) -> Answer:
        """The respondent's answer, one row for each item; items that occur twice are asked once.

        Args:
            respondent: Does not refuse the request.
            request: What to ask.
            progress: Called with a number of items that were just answered or found.

        Raises:
            ResumeError: A kept answer is not what the respondent says now.
            InputError: The request has no items, or an answer is not a number where it must be.
            OutputError: The disk is full.
        """
        items = items_of(request)
        if not items:
            raise InputError(f"a request to {request.kind} has no items")
        advance = progress or _ignore
        keys = [item_key(item) for item in items]
        options = options_of(request)
        path = self._folder / f"{respondent.sha256[:16]}-{digest(options)[:16]}.journal"
        first = path not in self._used
        self._used.add(path)
        with Journal(
            path, {"respondent": respondent.sha256, **options}, resume=self._keep or not first
        ) as kept:
            known = _Known(kept, request.kind)
            if first:
                _spot_check(known, respondent, request, dict(zip(keys, items, strict=True)), path)
            missing = {key: item for key, item in zip(keys, items, strict=True) if key not in known}
            self.reused += len(set(keys)) - len(missing)
            self.asked += len(missing)
            advance(len(items) - len(missing))
            for block in _blocks(list(missing), _BLOCKS[request.kind]):
                answer = respondent.answer(with_items(request, [missing[key] for key in block]))
                _require_numbers(answer, respondent, request)
                known.add(block, answer)
                advance(len(block))
            return known.answer(keys)


class _Known:
    """The rows of one journal, by key."""

    def __init__(self, journal: Journal, kind: str) -> None:
        self._journal = journal
        self._type = _ANSWERS[kind]
        self._blocks: list[_Rows] = []
        self._places: dict[bytes, tuple[int, int]] = {}
        for payload in journal:
            rows = _unpacked(payload)
            self._take([bytes(key) for key in rows.pop("keys")], rows)

    def __contains__(self, key: bytes) -> bool:
        return key in self._places

    def add(self, keys: Sequence[bytes], answer: Answer) -> None:
        rows = {field.name: getattr(answer, field.name) for field in fields(answer)}
        named = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(len(keys), -1)
        self._journal.append(_packed({"keys": named, **rows}))
        self._take(keys, rows)

    def answer(self, keys: Sequence[bytes]) -> Answer:
        places = [self._places[key] for key in keys]
        columns = {
            field.name: np.array([self._blocks[block][field.name][row] for block, row in places])
            for field in fields(self._type)
        }
        made: Answer = self._type(**columns)
        return made

    def _take(self, keys: Sequence[bytes], rows: _Rows) -> None:
        for row, key in enumerate(keys):
            self._places[key] = (len(self._blocks), row)
        self._blocks.append(rows)


def _spot_check(
    known: _Known, respondent: Respondent, request: Request, items: Mapping[bytes, Any], path: Path
) -> None:
    """Ask again for a few kept answers, the same ones every time."""
    if request.kind in _ASKED_ONCE:
        return
    found = [key for key in items if key in known]
    chosen = found[:: max(len(found) // _CHECKED, 1)][:_CHECKED]
    if not chosen:
        return
    now = respondent.answer(with_items(request, [items[key] for key in chosen]))
    if not _alike(now, known.answer(chosen)):
        raise ResumeError(
            f"answers kept in {path} are not those {respondent.name} gives now; delete the file, or run"
            " without --resume and --cache"
        )


def _alike(one: Answer, other: Answer) -> bool:
    for field in fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if a.dtype.kind != "f":
            if not np.array_equal(a, b):
                return False
        elif a.shape != b.shape or not np.allclose(a, b, rtol=_TOLERANCE, atol=_TOLERANCE, equal_nan=True):
            return False
    return True


def _require_numbers(answer: Answer, respondent: Respondent, request: Request) -> None:
    """Refuse vectors and likelihoods that are not numbers; a variant may lack a score, a name its vector."""
    if request.kind == "name":
        return
    for name in ("vectors", "total"):
        values = getattr(answer, name, None)
        if values is not None and not np.isfinite(values).all():
            rows = np.flatnonzero(~np.isfinite(values.reshape(len(values), -1)).all(axis=1))
            items = items_of(request)
            raise InputError(
                f"{respondent.name} gave {len(rows)} answers that are not numbers, the first to item"
                f" '{str(items[int(rows[0])])[:40]}'; try --dtype float32"
            )


def _packed(rows: _Rows) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **rows)
    return buffer.getvalue()


def _unpacked(payload: bytes) -> _Rows:
    with np.load(io.BytesIO(payload), allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def _blocks(keys: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(keys), size):
        yield keys[start : start + size]


def _ignore(items: int) -> None:
    del items
