"""Head folders: what fine-tuning leaves, a head with or without an adapter, for one model and no other.

| file | content |
|---|---|
| `head.json` | the head's settings, the model it belongs to, and how it reads it |
| `head.safetensors` | the head's weights |
| `adapter.safetensors` | low-rank adapters by the names of the model's weights, if any |
| `model/` | the model itself where fine-tuning changed it: a model folder |
| `checksums.json` | sizes and SHA-256 of the files |
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from cistron.errors import UnknownNameError, WeightsError
from cistron.heads import HEADS, HeadSpec
from cistron.layers.lora import Adapters
from cistron.models import Model
from cistron.weights.checksums import verified_digests, write_checksums
from cistron.weights.folder import Built, replacing, save_folder
from cistron.weights.jsonfile import read_object, write_object

SETTINGS: Final = "head.json"
WEIGHTS: Final = "head.safetensors"
ADAPTER: Final = "adapter.safetensors"
MODEL: Final = "model"
_FORMAT: Final = 1


@dataclass(frozen=True)
class Backbone:
    """Which model a head reads, and how.

    Attributes:
        name: What the model is called.
        sha256: Hash of its weights; a head answers for these alone.
        layers: Layers that are read, side by side; none is the last hidden state after the final norm.
        strands: `both` averages the answers for a sequence and its reverse complement.
    """

    name: str
    sha256: str
    layers: tuple[str | int, ...] = ()
    strands: str = "forward"


@dataclass(frozen=True)
class SavedHead:
    """A head as it is saved.

    Attributes:
        head: The module.
        spec: Its kind.
        backbone: The model it belongs to.
        adapters: Low-rank adapters of that model; None without.
        facts: Anything else worth keeping as plain JSON values, such as held-out scores and widths.
    """

    head: nn.Module
    spec: HeadSpec
    backbone: Backbone
    adapters: Adapters | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    def on(self, model: Model) -> AbstractContextManager[None]:
        """The model with the head's adapters, if it has any, for as long as the context lasts."""
        return nullcontext() if self.adapters is None else self.adapters.on(cast(nn.Module, model))


def save_head(folder: Path, saved: SavedHead, *, changed: Built | None = None) -> None:
    """Write a head folder, all of it or nothing; one that is there is replaced.

    Args:
        folder: The folder.
        saved: The head.
        changed: The model, where it is no longer the one that `saved.backbone` names: it is saved with the
            head, which from then on belongs to it.

    Raises:
        OutputError: It cannot be written.
    """
    config: Any = saved.head.config
    settings: dict[str, Any] = {"format": _FORMAT, **config.to_dict(), "adapter": None}
    with replacing(folder) as fresh:
        backbone = saved.backbone if changed is None else _save_model(fresh / MODEL, changed, saved.backbone)
        settings["backbone"] = {**asdict(backbone), "layers": list(backbone.layers)}
        save_file(_whole(saved.head.state_dict()), fresh / WEIGHTS)
        if (adapters := saved.adapters) is not None:
            save_file(_whole(adapters.published()), fresh / ADAPTER)
            told = {"targets": list(adapters.targets), "rank": adapters.rank, "alpha": adapters.alpha}
            settings["adapter"] = told
        write_object(fresh / SETTINGS, settings | {"facts": dict(saved.facts)})
        write_checksums(fresh)


def _save_model(folder: Path, changed: Built, before: Backbone) -> Backbone:
    """Write a model that fine-tuning changed; what a head says of it."""
    name = f"{before.name}, fine-tuned"
    card = {**changed.card, "name": name, "finetuned_from": before.sha256}
    sha256 = save_folder(folder, changed.model, changed.tokenizer, changed.spec, card)
    return replace(before, name=name, sha256=sha256)


def read_head(folder: Path) -> dict[str, Any]:
    """The content of `head.json`, after comparing the folder's files with their checksums.

    Raises:
        WeightsError: The folder is no head folder, or damaged.
    """
    if not (folder / SETTINGS).is_file():
        raise WeightsError(f"'{folder}' is not a head folder: it has no {SETTINGS}")
    settings = read_object(folder / SETTINGS)
    verified_digests(folder, [folder / WEIGHTS])
    if settings.get("format") != _FORMAT or not isinstance(settings.get("backbone"), dict):
        raise WeightsError(f"'{folder / SETTINGS}' is not of a kind that this version reads; train it again")
    return settings


def load_head(folder: Path, model: nn.Module, *, name: str, sha256: str) -> SavedHead:
    """The head in `folder`, for a model that is loaded.

    Args:
        folder: The head folder.
        model: The model it shall read.
        name: What that is called.
        sha256: Hash of its weights.

    Raises:
        WeightsError: The head belongs to another model, the folder is damaged, or tensors are missing.
    """
    settings = read_head(folder)
    wanted = settings["backbone"]
    if wanted["sha256"] != sha256:
        raise WeightsError(
            f"the head in '{folder}' was trained on {wanted['name']} (sha256 {wanted['sha256'][:12]}…), "
            f"this is {name} (sha256 {sha256[:12]}…); give the model that it was trained on"
        )
    try:
        spec = HEADS.get(str(settings.get("head")))
        head = spec.build(spec.config(settings))
    except (UnknownNameError, TypeError) as problem:
        raise WeightsError(f"'{folder / SETTINGS}': {problem}") from None
    _fill(head, _tensors(folder / WEIGHTS), folder)
    backbone = Backbone(wanted["name"], sha256, tuple(wanted["layers"]), wanted["strands"])
    return SavedHead(head.eval(), spec, backbone, _adapters(folder, settings, model), settings["facts"])


def merge_adapters(saved: SavedHead, built: Built, folder: Path) -> None:
    """Write the head to `folder` with the model that its adapters make of `built`, which is changed.

    Raises:
        WeightsError: The head has no adapters.
        OutputError: The folder cannot be written.
    """
    if saved.adapters is None:
        raise WeightsError(f"the head of {saved.backbone.name} has no adapters; only mode=lora makes them")
    saved.adapters.merge(built.model)
    save_head(folder, replace(saved, adapters=None), changed=built)


def _adapters(folder: Path, settings: Mapping[str, Any], model: nn.Module) -> Adapters | None:
    if (told := settings.get("adapter")) is None:
        return None
    adapters = Adapters(model, told["targets"], told["rank"], told["alpha"])
    adapters.load(_tensors(folder / ADAPTER))
    return adapters.eval()


def _fill(head: nn.Module, tensors: Mapping[str, Tensor], folder: Path) -> None:
    mine = head.state_dict()
    if lacking := sorted(mine.keys() - tensors.keys()):
        raise WeightsError(f"'{folder / WEIGHTS}' lacks {len(lacking)} tensors, first {lacking[0]}")
    for name, tensor in tensors.items():
        if name not in mine or mine[name].shape != tensor.shape:
            raise WeightsError(f"'{folder / WEIGHTS}' holds {name}, which does not fit its {SETTINGS}")
    head.load_state_dict(dict(tensors))


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as problem:
        raise WeightsError(f"'{path}' cannot be read: {problem}") from None


def _whole(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().to(torch.device("cpu")).contiguous() for name, tensor in tensors.items()}
