"""The work of `cistron predict`: items in, a head's answers out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

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
    saved_as, model = _opened(request)
    data = _data(request, saved_as)
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
        _fill(journal, data, saved_as, model)
        count = _write(request, journal, data, saved_as, model)
        facts = {"input": request.input.name, "head": request.head.name, "items": count}
        write_manifest(request.output, {"command": command_line(), **identity, **facts, "seed": None})
        journal.remove()
    note(f"{count:,} items; wrote {request.output}")


def _opened(request: PredictRequest) -> tuple[SavedHead, LoadedModel]:
    """The head, and the model that it belongs to: its own, the one named, or the one it was trained on."""
    from cistron.weights.heads import MODEL, load_head, read_head

    settings = read_head(request.head)
    own = request.head / MODEL
    name = str(own) if own.is_dir() else request.model or settings["backbone"]["name"]
    try:
        model = loaded(name, request.device, "float32", request.threads)
    except UnknownNameError as unknown:
        raise InputError(
            f"the head belongs to the model '{name}'; give its folder as --model ({unknown})"
        ) from None
    saved = load_head(request.head, model.built.model, name=model.name, sha256=model.sha256)
    saved.head.to(model.device)
    return saved, model


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
            journal.append(np.asarray(block, dtype="<f4").tobytes())
            advance(len(block))


def _write(
    request: PredictRequest, journal: Journal, data: LabelledData, saved: SavedHead, model: LoadedModel
) -> int:
    config: Any = saved.head.config
    labels = list(config.labels)
    valued = getattr(config, "kind", "binary") == "regression"
    chosen = not valued and getattr(config, "kind", "binary") != "multilabel"
    schema: dict[str, ColumnType] = {"name": str, **({"prediction": str} if chosen else {})}
    schema |= dict.fromkeys((label if valued else f"p_{label}" for label in labels), float)
    count = 0

    def rows() -> Iterator[list[Cell]]:
        nonlocal count
        answers = (
            row for block in journal for row in np.frombuffer(block, dtype="<f4").reshape(-1, len(labels))
        )
        for item, answer in zip(_items(data, saved, model), answers, strict=True):
            count += 1
            yield [item.name, *([labels[int(answer.argmax())]] if chosen else []), *answer.tolist()]

    metadata = {"model": model.name, "head": request.head.name, "version": __version__}
    with TableWriter(request.output, schema, metadata) as table:
        table.write_rows(rows())
    return count
