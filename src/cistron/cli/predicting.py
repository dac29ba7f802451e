"""The work of `cistron predict`: items in, a head's answers out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from cistron import __version__
from cistron.cli.command_line import command_line
from cistron.cli.journaled import journal_beside
from cistron.cli.loading import loaded
from cistron.cli.progress import note, progress_bar
from cistron.data.labelled import Item, LabelledData
from cistron.data.labelled.reading import read_items
from cistron.errors import InputError, UnknownNameError
from cistron.formats.atomic import refuse_same_file, refuse_unwritable, sha256_file
from cistron.formats.journal import Journal
from cistron.formats.manifest import write_manifest
from cistron.formats.table import Cell, ColumnType, TableWriter

if TYPE_CHECKING:
    from cistron.inference.load import LoadedModel
    from cistron.weights.heads import SavedHead

_BLOCK: Final = 64
"""Items between two entries of the journal."""


@dataclass(frozen=True)
class PredictRequest:
    """What was asked for; see `cistron.cli.commands.predict`."""

    head: Path
    input: Path
    output: Path
    reference: Path | None
    model: str | None
    sequence: str
    width: int | None
    device: str
    threads: int | None
    resume: bool


def run_predict(request: PredictRequest) -> None:
    """Write the head's answer for every item.

    Raises:
        CistronError: Something that the caller can fix.
    """
    refuse_unwritable(request.output)
    refuse_same_file(request.input, request.output)
    saved, model = opened_head(request.head, request.model, request.device, request.threads)
    if saved.spec.per == "token":
        raise InputError(f"the head {request.head} predicts tracks; use `cistron tracks predict`")
    if getattr(saved.head.config, "columns", ()):
        raise InputError(f"{request.head} reads columns beside states; use `cistron pathogenicity predict`")
    data = _data(request, saved)
    identity = {
        "version": __version__,
        "input_sha256": sha256_file(request.input),
        "head_sha256": sha256_file(request.head / "head.json"),
        "model": model.name,
        "model_sha256": model.sha256,
        "width": data.width,
        "dtype": model.dtype,
        "device": model.device.type,
    }
    with ExitStack() as held:
        journal = held.enter_context(journal_beside(str(request.output), identity, resume=request.resume))
        _fill(journal, data, saved, model)
        count = _write(request, journal, data, saved, model)
        facts = {"input": request.input.name, "head": request.head.name, "items": count}
        write_manifest(request.output, {"command": command_line(), **identity, **facts, "seed": None})
        journal.remove()
    note(f"{count:,} items; wrote {request.output}")


def opened_head(
    head: Path, model: str | None, device: str, threads: int | None
) -> tuple[SavedHead, LoadedModel]:
    """The head, and the model that it belongs to: its own, the one named, or the one it was trained on.

    Raises:
        WeightsError: The head folder is damaged, or belongs to another model.
        InputError: The model that it belongs to has to be named.
    """
    from cistron.weights.heads import MODEL, load_head, read_head

    settings = read_head(head)
    own = head / MODEL
    name = str(own) if own.is_dir() else model or settings["backbone"]["name"]
    try:
        found = loaded(name, device, "float32", threads)
    except UnknownNameError as unknown:
        raise InputError(
            f"the head belongs to the model '{name}'; give its folder as --model ({unknown})"
        ) from None
    saved = load_head(head, found.built.model, name=found.name, sha256=found.sha256)
    saved.head.to(found.device)
    return saved, found


def _data(request: PredictRequest, saved: SavedHead) -> LabelledData:
    width = request.width or (saved.facts.get("width") if saved.spec.sequences > 1 else None)
    return LabelledData(
        train=(str(request.input),),
        reference=None if request.reference is None else str(request.reference),
        labels=(),
        sequence=request.sequence,
        width=width,
    )


def _items(data: LabelledData, saved: SavedHead, model: LoadedModel) -> Iterator[Item]:
    for item in read_items(data, data.train, width=model.model.config.width):
        if len(item.sequences) != saved.spec.sequences:
            raise InputError(
                f"the head reads {saved.spec.sequences} sequences of an item; "
                f"{data.train[0]} gives {len(item.sequences)}"
            )
        yield item


def _fill(journal: Journal, data: LabelledData, saved: SavedHead, model: LoadedModel) -> None:
    """Answer for the items that the journal does not have yet."""
    from cistron.inference.predict import predict, texts_of

    total = sum(1 for _ in _items(data, saved, model))
    done = min(journal.done * _BLOCK, total)
    remaining = islice(_items(data, saved, model), done, None)
    texts = (texts_of(item.sequences, item.sites) for item in remaining)
    answers = predict(model.model, model.tokenizer, saved, texts)
    with progress_bar("Predicting", total, "items", done=done) as advance:
        while block := list(islice(answers, _BLOCK)):
            journal.append(b"".join(answer.astype("<f4").tobytes() for answer in block))
            advance(len(block))


def _write(
    request: PredictRequest, journal: Journal, data: LabelledData, saved: SavedHead, model: LoadedModel
) -> int:
    """Write the answers that the journal holds, and return of how many items they are."""
    layout = _Layout.of(saved)
    numbers = (
        row for block in journal for row in np.frombuffer(block, dtype="<f4").reshape(-1, len(layout.labels))
    )
    count = 0

    def rows() -> Iterator[list[Cell]]:
        nonlocal count
        for item in _items(data, saved, model):
            count += 1
            answers = islice(numbers, len(item.sequences[0]) if layout.per_base else 1)
            for base, answer in enumerate(answers, 1):
                yield layout.row(item.name, base, answer)

    metadata = {"model": model.name, "head": request.head.name, "version": __version__}
    with TableWriter(request.output, layout.schema, metadata) as table:
        table.write_rows(rows())
    return count


@dataclass(frozen=True)
class _Layout:
    """Columns of the answers of a head: name, base (1-based) where each has an answer, the likeliest class.

    Attributes:
        labels: Names of the numbers of an answer.
        kind: As a classifier has it.
        per_base: Whether every base has an answer.
    """

    labels: list[str]
    kind: str
    per_base: bool

    @classmethod
    def of(cls, saved: SavedHead) -> _Layout:
        config: Any = saved.head.config
        return cls(list(config.labels), getattr(config, "kind", "binary"), getattr(config, "per_base", False))

    @property
    def schema(self) -> dict[str, ColumnType]:
        found: dict[str, ColumnType] = {"name": str}
        if self.per_base:
            found["base"] = int
        if self._chooses:
            found["prediction"] = str
        mark = "" if self.kind == "regression" else "p_"
        return found | dict.fromkeys((mark + label for label in self.labels), float)

    def row(self, name: str, base: int, answer: NDArray[np.float32]) -> list[Cell]:
        """The cells of one answer."""
        cells: list[Cell] = [name]
        if self.per_base:
            cells.append(base)
        if self._chooses:
            cells.append(self.labels[int(answer.argmax())])
        return [*cells, *answer.tolist()]

    @property
    def _chooses(self) -> bool:
        """Whether one of the labels is the answer."""
        return self.kind in ("binary", "multiclass")
