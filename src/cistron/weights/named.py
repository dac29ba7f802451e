"""List the models that can be named: shipped with the package, downloaded already, in folders, or sizes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from cistron.errors import WeightsError
from cistron.models import MODELS, Config, ModelSpec
from cistron.weights import CONFIG
from cistron.weights.folder import read_config
from cistron.weights.hub import shipped_models
from cistron.weights.huggingface_sizes import sizes_of

Kind = Literal["shipped", "cached", "folder", "size"]


@dataclass(frozen=True)
class NamedModel:
    """One line of the list of models.

    Attributes:
        name: What `resolve` understands, except for a `size`, which has no weights.
        kind: `shipped` with the package, `cached` from a hub, in a `folder`, or a `size` of an architecture.
        parameters: Number of parameters; for a Markov model, of counts.
        context_length: Longest sequence in tokens.
        where: Folder of the weights; the architecture's name for a `size`.
    """

    name: str
    kind: Kind
    parameters: int
    context_length: int
    where: str


def list_models(cache: Path | None = None, folders: Iterable[Path] = ()) -> list[NamedModel]:
    """Every model that has a name: shipped ones first, then the cache, folders, sizes. Needs no network.

    Args:
        cache: The hub's cache folder; the one of `HF_HOME` when None.
        folders: Where model folders lie; those that are one themselves count, too.
    """
    shipped = [_described(name, "shipped", path) for name, path in shipped_models().items()]
    cached = [_described(name, "cached", path) for name, path in _cached(cache)]
    found = [_described(str(path), "folder", path) for folder in folders for path in _below(folder)]
    sizes = [
        NamedModel(name, "size", count_parameters(spec, config), config.context_length, plug)
        for plug, spec in ((plug, MODELS.get(plug)) for plug in MODELS.names())
        for name, config in spec.sizes.items()
    ]
    return [model for model in (*shipped, *cached, *found) if model is not None] + sizes


def count_parameters(spec: ModelSpec, config: Config) -> int:
    """Number of parameters of an architecture at these settings, without allocating them."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in spec.build(config).parameters())


def _described(name: str, kind: Kind, folder: Path) -> NamedModel | None:
    """The line of one folder; None when it can be opened neither as one of ours nor by transformers."""
    try:
        sizes = sizes_of(folder)
        if sizes is None:
            spec, config = read_config(folder)
            sizes = count_parameters(spec, config), config.context_length
    except WeightsError:
        return None
    return NamedModel(name, kind, *sizes, str(folder))


def _below(folder: Path) -> list[Path]:
    """The folder where it holds a model, else those right below it that do."""
    if (folder / CONFIG).is_file():
        return [folder]
    return [path.parent for path in sorted(folder.glob(f"*/{CONFIG}"))]


def _cached(cache: Path | None) -> Iterator[tuple[str, Path]]:
    """Name and folder of every model in the hub's cache; a commit that is not `main` is part of the name."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repositories = scan_cache_dir(cache).repos
    except CacheNotFound:
        return
    for repository in sorted(repositories, key=lambda found: found.repo_id):
        for revision in sorted(repository.revisions, key=lambda found: found.commit_hash):
            folder = revision.snapshot_path
            if repository.repo_type == "model" and (folder / CONFIG).is_file():
                pinned = "" if "main" in revision.refs else f"@{revision.commit_hash}"
                yield repository.repo_id + pinned, folder
