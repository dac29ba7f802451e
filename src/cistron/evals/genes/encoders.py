"""From a model file to features: every entity of a task as a vector, and what is missing, counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Float

from cistron.errors import InputError
from cistron.evals.genes.baselines import random_vector
from cistron.evals.genes.texts import bag_of_words, sentence_vectors
from cistron.formats.gene_model_file import Component, ModelFile, component_of
from cistron.formats.gene_tasks import GeneTask
from cistron.formats.gene_texts import read_descriptions
from cistron.formats.named_vectors import read_named_vectors
from cistron.registry import unknown

Known = dict[str, Float[np.ndarray, "D"]]

_BY_KIND: Final = "MultiEntityEncoder"
_DESCRIPTORS: Final = ("CSVDescriptions", "NaiveDescriptor")
_NETWORK: Final = ("NCBIDescriptor", "BasePairDescriptor")


@dataclass(frozen=True)
class Encoded:
    """A task as features.

    Attributes:
        task: The rows that have features.
        features: One row each.
        missing: Entities without a vector, in alphabetical order.
        left_out: Rows that were left out for it.
    """

    task: GeneTask
    features: Float[np.ndarray, "N D"]
    missing: tuple[str, ...]
    left_out: int


def encoded(model: ModelFile, task: GeneTask, folder: Path, *, seed: int = 0, noise: bool = False) -> Encoded:
    """The features of a task's rows.

    Args:
        model: What the model file says.
        task: The rows.
        folder: Of the model file; what it names may lie there.
        seed: Of the noise.
        noise: Give entities without a vector random numbers instead of leaving their rows out, as
            gene-benchmark does.

    Raises:
        InputError: A class is unknown or needs the network, a file is missing, vectors are not numbers, no
            row is left, or vectors of several lengths are to be averaged.
    """
    columns = list(zip(*task.entities, strict=True))
    known = _known(model, task.kinds, columns, folder)
    missing = sorted(
        {name for column, have in zip(columns, known, strict=True) for name in column if name not in have}
    )
    if noise:
        for column, have in zip(columns, known, strict=True):
            width = len(next(iter(have.values()), ()))
            have.update((name, random_vector(name, seed, width)) for name in column if name not in have)
    kept = [
        at
        for at, row in enumerate(task.entities)
        if all(name in have for name, have in zip(row, known, strict=True))
    ]
    if not kept:
        raise InputError(f"the encoder has vectors for none of the {len(task):,} rows of task '{task.name}'")
    rows = [[have[name] for name, have in zip(task.entities[at], known, strict=True)] for at in kept]
    features = _together(rows, model.post_processing, task.name)
    return Encoded(task.rows(kept), features, tuple(missing), len(task) - len(kept))


def _known(
    model: ModelFile, kinds: Sequence[str], columns: Sequence[Sequence[str]], folder: Path
) -> list[Known]:
    """Entity → vector for each column; columns that share an encoder share one encoding."""
    apart = model.encoder.class_name == _BY_KIND
    keys = [kind if apart else "" for kind in kinds]
    found = {
        key: _vectors(
            _component(model.encoder, key),
            model.descriptor,
            sorted(
                {name for other, column in zip(keys, columns, strict=True) if other == key for name in column}
            ),
            folder,
        )
        for key in dict.fromkeys(keys)
    }
    return [found[key] for key in keys]


def _together(
    rows: Sequence[Sequence[Float[np.ndarray, "D"]]], how: str, name: str
) -> Float[np.ndarray, "N D2"]:
    if how == "concat":
        return np.array([np.concatenate(row) for row in rows])
    if len({len(vector) for vector in rows[0]}) > 1:
        raise InputError(f"vectors of several lengths in task '{name}' cannot be averaged; use concat")
    return np.array([np.mean(row, axis=0) for row in rows])


def _component(encoder: Component, kind: str) -> Component:
    """The encoder of one kind of entity."""
    if encoder.class_name != _BY_KIND:
        return encoder
    parts = encoder.class_args.get("encoder_dict")
    if not isinstance(parts, dict) or kind not in parts:
        raise InputError(f"{_BY_KIND} has no encoder for the column '{kind}' in its encoder_dict")
    return component_of(parts[kind], "the model file")


def _vectors(encoder: Component, descriptor: Component | None, names: Sequence[str], folder: Path) -> Known:
    if encoder.class_name not in _ENCODERS:
        raise InputError(unknown("encoder", encoder.class_name, [*_ENCODERS, _BY_KIND]))
    found = _ENCODERS[encoder.class_name](encoder, _descriptions(descriptor, names, folder), folder)
    broken = [name for name in names if name in found and not np.isfinite(found[name]).all()]
    if broken:
        raise InputError(
            f"the vectors of {len(broken)} entities are not numbers, the first that of {broken[0]}; leave"
            " them out of the table"
        )
    return found


def _precomputed(encoder: Component, texts: Mapping[str, str], folder: Path) -> Known:
    names, vectors = read_named_vectors(_path(encoder, "encoder_model_name", folder))
    table = dict(zip(names, vectors.astype(np.float64), strict=True))
    return {name: table[text] for name, text in texts.items() if text in table}


def _sentences(encoder: Component, texts: Mapping[str, str], folder: Path) -> Known:
    vectors = sentence_vectors(list(texts.values()), _path(encoder, "encoder_model_name", folder))
    return dict(zip(texts, vectors, strict=True))


def _words(encoder: Component, texts: Mapping[str, str], folder: Path) -> Known:
    del folder
    most = int(encoder.class_args.get("max_features", 1024))
    return dict(zip(texts, bag_of_words(list(texts.values()), most), strict=True))


_ENCODERS: Final[Mapping[str, Callable[[Component, Mapping[str, str], Path], Known]]] = {
    "PreComputedEncoder": _precomputed,
    "SentenceTransformerEncoder": _sentences,
    "BagOfWordsEncoder": _words,
}


def _descriptions(descriptor: Component | None, names: Sequence[str], folder: Path) -> dict[str, str]:
    """Entity → text, of those that have one."""
    if descriptor is None or descriptor.class_name == "NaiveDescriptor":
        return {name: name for name in names}
    if descriptor.class_name in _NETWORK:
        raise InputError(
            f"{descriptor.class_name} fetches descriptions from the network; keep them in a CSV and use"
            " CSVDescriptions"
        )
    if descriptor.class_name != "CSVDescriptions":
        raise InputError(unknown("descriptor", descriptor.class_name, _DESCRIPTORS))
    column = str(descriptor.class_args.get("index_col", "id"))
    known = read_descriptions(_path(descriptor, "csv_file_path", folder), column)
    return {name: known[name] for name in names if name in known}


def _path(component: Component, argument: str, folder: Path) -> Path:
    """A path of a model file: from the working directory, from the file's own folder, or beside the file."""
    if argument not in component.class_args:
        raise InputError(f"{component.class_name} needs {argument} in its class_args")
    given = Path(str(component.class_args[argument]))
    places = (given, folder / given, folder / given.name)
    return next((place for place in places if place.exists()), given)
