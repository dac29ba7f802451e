"""Make model folders of published Evo 2 checkpoints, offline.

They are `torch.save` files, whole or in byte-wise parts, with the tensor names that
`models/stripedhyena2.py` has, among tensors that belong to other software and FP8 metadata.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

import torch
from torch import Tensor

from cistron.errors import InputError, WeightsError
from cistron.models.stripedhyena2 import (
    MODEL,
    SIZES,
    StripedHyena2,
    StripedHyena2Config,
    from_published,
)
from cistron.registry import unknown
from cistron.tokenizers.byte import ByteTokenizer
from cistron.weights import CARD, CONFIG
from cistron.weights.card import write_card
from cistron.weights.checksums import combined, write_checksums
from cistron.weights.convert.archive import Archive, open_archive
from cistron.weights.convert.evo2_config import read_config, size_of
from cistron.weights.convert.evo2_trust import NEEDS_EMULATION, trust
from cistron.weights.folder import check_target, replacing
from cistron.weights.jsonfile import write_object
from cistron.weights.shards import write_shards

Fp8 = Literal["auto", "emulate", "off"]

MAX_SHARD_BYTES: Final = 1_000_000_000
"""Memory of a conversion is about twice that."""

_EXTRA: Final = ".projections._extra_state"
_ALIASES: Final = {"evo2-7b-microviridae": "evo2-7b-base", "evo-2-7b-8k-microviridae": "evo2-7b-base"}


@dataclass(frozen=True)
class Converted:
    """What was made of a checkpoint.

    Attributes:
        sha256: Of the weights.
        size: Name of the size that it has; None for another one.
        fp8: Whether eight-bit arithmetic is emulated.
        warning: Why answers of this model are not to be relied on; None where they are.
    """

    sha256: str
    size: str | None
    fp8: str
    warning: str | None


def convert(
    source: Path | str,
    destination: Path | str,
    *,
    config: str | Path | None = None,
    dtype: torch.dtype | None = None,
    fp8: Fp8 = "auto",
    max_shard_size: int = MAX_SHARD_BYTES,
    overwrite: bool = False,
) -> Converted:
    """Check the checkpoint at `source` and save it as a model folder.

    Args:
        source: A `.pt` file, one of its parts, a `.safetensors` file, or a folder with one of them.
        destination: The folder to make.
        config: A named size, or a published configuration (YAML or JSON); by the file's name when None.
        dtype: What floating tensors become, but for those that must stay float32; as stored when None.
        fp8: Emulate the eight-bit arithmetic the model was trained with, or not; `auto` does where it helps.
        max_shard_size: Bytes of tensors in a file, unless a single one is larger.
        overwrite: Replace a model folder that is there.

    Raises:
        WeightsError: The checkpoint is incomplete, damaged, of another size than the configuration, or holds
            something that is no tensor.
        OutputError: The destination exists or cannot be written.
    """
    path = Path(destination)
    check_target(path, overwrite)
    archive = open_archive(Path(source))
    settings = _settings(config, archive.path)
    size = size_of(settings)
    scales = _scales(archive, size, fp8)
    mode: Literal["off", "emulate"] = "emulate" if scales else "off"
    settings = replace(settings, fp8=mode)
    _check(archive, settings, scales)
    warning = trust(size, mode)
    tensors = _Tensors(archive, scales, dtype)
    name = _plain(archive.path.name)
    card = {"name": name, "fp8": mode, "text": _text(name, warning)}
    with replacing(path) as folder:
        stored = str(tensors["embedding_layer.weight"].dtype).removeprefix("torch.")
        write_object(folder / CONFIG, settings.to_dict() | {"dtype": stored})
        write_shards(folder, tensors, None, max_shard_size)
        ByteTokenizer().save(folder)
        write_card(folder / CARD, card | ({"warning": warning} if warning else {}))
        digests = write_checksums(folder)
    sha256 = combined(digest for name, digest in digests.items() if name.endswith(".safetensors"))
    return Converted(sha256, size, mode, warning)


class _Tensors(Mapping[str, Tensor]):
    """The tensors to save, each read when it is asked for."""

    def __init__(self, archive: Archive, scales: Mapping[str, Tensor], dtype: torch.dtype | None) -> None:
        self._archive, self._scales, self._dtype = archive, scales, dtype
        self._names = [*_ours(archive), *scales]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, name: str) -> Tensor:
        tensor = self._scales[name] if name in self._scales else self._archive.read(name)
        return tensor.to(torch.float32 if name.endswith(MODEL.wide) else self._dtype)


def _settings(config: str | Path | None, source: Path) -> StripedHyena2Config:
    """The settings asked for, or those that the file's name stands for."""
    if config is not None and Path(config).is_file():
        return read_config(Path(config))
    wanted = source.name if config is None else str(config)
    name = _ALIASES.get(_plain(wanted), _plain(wanted))
    if name in SIZES:
        return SIZES[name]
    if config is None:
        raise WeightsError(
            f"'{source.name}' is not named like a published model; say with --config which size it has "
            f"({', '.join(SIZES)}) or give its configuration file"
        )
    raise InputError(unknown("size", wanted, SIZES) + "; or give a configuration file, YAML or JSON")


def _plain(name: str) -> str:
    """A file's or size's name as sizes are written: `evo2_7b.pt.part0` is `evo2-7b`."""
    return name.partition(".")[0].lower().replace("_", "-")


def _check(archive: Archive, config: StripedHyena2Config, scales: Mapping[str, Tensor]) -> None:
    """Return silently when the checkpoint has the tensors of the configuration.

    Raises:
        WeightsError: One is missing, unexpected or of another shape, or the head is not the embedding.
    """
    with torch.device("meta"):
        expected = StripedHyena2(config).state_dict()
    found = {**_ours(archive), **scales}
    problem = next(_differences(found, expected), None)
    if problem is not None:
        fitting = [name for name in SIZES if not any(_differences(_ours(archive), _shapes_of(name)))]
        advice = f"it has the shapes of {' or '.join(fitting)}" if fitting else "give its own configuration"
        raise WeightsError(f"'{archive.path}' does not fit its configuration: {problem}; {advice}")
    if "unembed.weight" in archive.tensors and not torch.equal(
        archive.read("unembed.weight"), archive.read("embedding_layer.weight")
    ):
        raise WeightsError(f"'{archive.path}' has a head that is not its embedding; Evo 2 ties them")


def _ours(archive: Archive) -> dict[str, Tensor]:
    """Tensors of a checkpoint, without content and without those of other software."""
    return from_published(SIZES["evo2-tiny"], archive.tensors)


def _shapes_of(name: str) -> Mapping[str, Tensor]:
    with torch.device("meta"):
        return StripedHyena2(SIZES[name]).state_dict()


def _differences(found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> Iterator[str]:
    for name in expected.keys() - found.keys():
        yield f"the tensor {name!r} is missing"
    for name in found.keys() - expected.keys():
        yield f"there is a tensor {name!r} too many"
    for name, tensor in found.items():
        if name in expected and tensor.shape != expected[name].shape:
            yield f"{name!r} has the shape {tuple(tensor.shape)}, not {tuple(expected[name].shape)}"


def _scales(archive: Archive, size: str | None, fp8: Fp8) -> dict[str, Tensor]:
    """Scales of inputs and weights of every layer that was trained with eight bits, by tensor name.

    Raises:
        WeightsError: Emulation is asked for and there are none, or metadata hold something else.
    """
    names = sorted(name for name in {*archive.metadata, *archive.tensors} if name.endswith(_EXTRA))
    if fp8 == "off" or (fp8 == "auto" and size not in NEEDS_EMULATION):
        return {}
    if not names and fp8 == "emulate":
        raise WeightsError(f"'{archive.path}' holds no scales of eight-bit arithmetic; use --fp8 off")
    found = {}
    for name in names:
        layer = name.removesuffix("._extra_state")
        scale = _scale_fwd(archive, name)
        found[f"{layer}.input_scale"], found[f"{layer}.weight_scale"] = scale[0].clone(), scale[1].clone()
    return found


def _scale_fwd(archive: Archive, name: str) -> Tensor:
    """Scales of input and weight among one layer's metadata, as Transformer Engine 1 stores them."""
    refusal = WeightsError(
        f"{name!r} in '{archive.path}' does not hold the scales of eight-bit arithmetic as plain tensors; "
        "leave them out with --fp8 off"
    )
    if name not in archive.metadata:
        raise refusal
    try:
        state = torch.load(io.BytesIO(archive.metadata[name]), map_location="cpu", weights_only=True)
        scale: Tensor = state["scale_fwd"].float()
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, TypeError, AttributeError):
        raise refusal from None
    if scale.numel() < 2 or not bool((scale[:2].isfinite() & (scale[:2] > 0)).all()):
        raise refusal
    return scale


def _text(name: str, warning: str | None) -> str:
    title = f"# {name}\n\nConverted from a published checkpoint of Evo 2."
    return f"{title}\n\n**{warning}**" if warning else title
