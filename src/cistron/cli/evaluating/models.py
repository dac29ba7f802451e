"""The models that `cistron eval run` compares: here, on a service, as tables of vectors, or with a head."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from cistron.cli.loading import loaded
from cistron.cli.predicting import opened_head
from cistron.cli.serving.remote import KEY
from cistron.errors import InputError
from cistron.evals import Respondent
from cistron.evals.loaded import LoadedRespondent
from cistron.evals.precomputed import PrecomputedVectors, is_vector_table
from cistron.evals.remote import connected, is_address
from cistron.evals.track_head import TrackHeadRespondent, is_head_folder


@contextmanager
def opened_models(
    names: Sequence[str], device: str, dtype: str, threads: int | None
) -> Iterator[list[Respondent]]:
    """The models, under names that tell them apart; connections are closed behind the block.

    Args:
        names: Shipped names, folders of models or of heads for tracks, hub ids, tables of vectors, or
            addresses of services.
        device: Where models run.
        dtype: Their arithmetic.
        threads: CPU threads; all cores when None.

    Raises:
        CistronError: One cannot be had, or was given twice.
    """
    found: list[Respondent] = []
    with ExitStack() as opened:
        for name in names:
            respondent = _opened(name, device, dtype, threads, opened)
            found.append(_told_apart(respondent, {other.name for other in found}))
        if len({model.name for model in found}) < len(found):
            raise InputError("the same model was given twice with --model; give each once")
        yield found


def _opened(name: str, device: str, dtype: str, threads: int | None, opened: ExitStack) -> Respondent:
    if is_address(name):
        service = connected(name, os.environ.get(KEY))
        opened.callback(service.close)
        return service
    if is_vector_table(name):
        if not Path(name).is_file():
            raise InputError(f"{name} does not exist; give a table of vectors or a model")
        table = PrecomputedVectors(Path(name))
        table.read()
        return table
    if is_head_folder(name):
        return TrackHeadRespondent(*opened_head(Path(name), None, device, threads), Path(name))
    model = loaded(name, device, dtype, threads)
    return LoadedRespondent(model, model.name, source=name)


def _told_apart(respondent: Respondent, taken: set[str]) -> Respondent:
    """The respondent under its name with its hash where another one has that name."""
    if respondent.name not in taken or not isinstance(respondent, LoadedRespondent):
        return respondent
    return replace(respondent, name=f"{respondent.name} {respondent.loaded.sha256[:8]}")
