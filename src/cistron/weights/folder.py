"""Load a model folder into a built model with its tokenizer, and save one."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from cistron.errors import OutputError, WeightsError
from cistron.models import Config, ModelSpec, named_by
from cistron.tokenizers import TOKENIZERS, Tokenizer
from cistron.weights import CALIBRATION, CARD, CONFIG
from cistron.weights.card import read_card, write_card
from cistron.weights.checksums import combined, verified_digests, write_checksums
from cistron.weights.jsonfile import read_object, write_object
from cistron.weights.shards import read_blocks, weight_files, write_shards

_FILLING = frozenset({"normal_", "uniform_", "trunc_normal_", "kaiming_uniform_", "kaiming_normal_"})
"""In-place functions of `torch.Tensor` and `torch.nn.init` that draw random numbers."""

MAX_SHARD_BYTES = 5_000_000_000
"""Default size of a shard, that of Hugging Face."""


@dataclass(frozen=True)
class Built:
    """A model ready to run, with all that came with it.

    Attributes:
        model: The module, in eval mode; implements `cistron.models.Model`.
        tokenizer: Its tokenizer.
        spec: Its architecture.
        name: What to call it in headers and reports.
        card: Metadata of the model card, and its text under `text`.
        sha256: SHA-256 of the weights file; of the sorted hashes, one a line, where there are several files.
        calibration: Content of `calibration.json`; None where there is none.
    """

    model: nn.Module
    tokenizer: Tokenizer
    spec: ModelSpec
    name: str
    card: dict[str, Any]
    sha256: str
    calibration: dict[str, Any] | None = None

    @property
    def config(self) -> Config:
        """The model's settings."""
        return cast(Config, self.model.config)


def load_folder(
    path: Path | str,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    *,
    name: str | None = None,
    mmap: bool = False,
) -> Built:
    """Load the model folder at `path`.

    Args:
        path: A model folder; see `cistron.weights`.
        device: Where the model goes.
        dtype: What its floating tensors become; as stored when None.
        name: What to call it; the card's `name`, else the folder's when None.
        mmap: Leave weights that need no conversion in their files, which must then stay as they are: memory
            is that of the page cache, and models larger than it can be loaded.

    Raises:
        WeightsError: The folder is incomplete, damaged, changed since it was saved, of an unknown
            architecture, or its tensors are not those its `config.json` asks for.
    """
    path = Path(path)
    if not path.is_dir():
        raise WeightsError(f"'{path}' is not a folder; give the model folder that holds {CONFIG}")
    spec, config = read_config(path)
    tokenizer = TOKENIZERS.get(spec.tokenizer).load(path)
    _check_vocabulary(tokenizer, config, path)
    files = weight_files(path)
    digests = verified_digests(path, files)
    blocks = read_blocks(files, device, dtype, wide=spec.wide, mmap=mmap)
    model = assemble(spec, config, blocks, path)
    card = read_card(path / CARD)
    name = name or card.get("name") or path.resolve().name
    calibration = read_object(path / CALIBRATION) if (path / CALIBRATION).exists() else None
    return Built(model.eval(), tokenizer, spec, str(name), card, combined(digests.values()), calibration)


def read_config(path: Path) -> tuple[ModelSpec, Config]:
    """The architecture and settings that the folder's `config.json` names.

    Raises:
        WeightsError: There is no such file, or no architecture of that name.
    """
    values = read_object(path / CONFIG)
    try:
        spec = named_by(values)
        return spec, spec.config(values)
    except (KeyError, TypeError) as problem:
        raise WeightsError(f"'{path / CONFIG}' does not fit its architecture: {problem}") from None
    except WeightsError as problem:
        raise WeightsError(f"'{path / CONFIG}' {problem}") from None


def _check_vocabulary(tokenizer: Tokenizer, config: Config, path: Path) -> None:
    largest = max(*tokenizer.nucleotide_ids.values(), *tokenizer.unscored_ids)
    if largest >= config.vocab_size:
        raise WeightsError(
            f"the tokenizer in '{path}' has the id {largest} for a base, but the model has only "
            f"{config.vocab_size} tokens; they do not belong together"
        )


def assemble(
    spec: ModelSpec, config: Config, blocks: Iterable[Mapping[str, Tensor]], path: Path
) -> nn.Module:
    """Build the module around published tensors, given one block at a time, without ever initialising it.

    `spec.from_published` is called once for each block, so that renaming and stacking need memory for one
    block beside the model.

    Args:
        spec: The architecture.
        config: Its settings.
        blocks: Tensors by published name; those of one numbered block come together.
        path: What to name in messages.

    Raises:
        WeightsError: A tensor is missing, unexpected, or of another shape.
    """
    with torch.device("meta"), _Unfilled():
        model = spec.build(config)
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    missing = set(expected)
    for block in blocks:
        try:
            tensors = spec.from_published(config, block)
        except RuntimeError as problem:
            if "size" not in str(problem):  # not of shapes, but such as memory that ran out
                raise
            raise WeightsError(
                f"tensors of '{path}' differ in shape where they must be alike: {min(block)}"
            ) from None
        _check_shapes(tensors, expected, path)
        model.load_state_dict(tensors, strict=False, assign=True)
        missing -= tensors.keys()
    if missing:
        raise WeightsError(
            f"the weights in '{path}' lack {len(missing)} of {len(expected)} tensors, first {min(missing)!r}"
        )
    assert not any(tensor.is_meta for tensor in model.buffers()), (
        "a buffer that is not saved cannot be restored"
    )
    return model


class _Unfilled(TorchFunctionMode):
    """Leaves out filling tensors with random numbers, which without data would import torch's compiler."""

    def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        """Run everything else."""
        kwargs = kwargs or {}
        if func.__name__ in _FILLING:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def _check_shapes(tensors: Mapping[str, Tensor], expected: Mapping[str, tuple[int, ...]], path: Path) -> None:
    for name, tensor in tensors.items():
        if name not in expected:
            raise WeightsError(f"the weights in '{path}' hold {name!r}, which its {CONFIG} has no place for")
        if tuple(tensor.shape) != expected[name]:
            raise WeightsError(
                f"{name!r} in '{path}' has the shape {tuple(tensor.shape)}; "
                f"its {CONFIG} asks for {expected[name]}"
            )


def save_folder(
    path: Path | str,
    model: nn.Module,
    tokenizer: Tokenizer,
    spec: ModelSpec,
    card: Mapping[str, Any],
    *,
    dtype: torch.dtype | None = None,
    max_shard_size: int = MAX_SHARD_BYTES,
    overwrite: bool = False,
) -> str:
    """Save a model folder with published tensor names, all of it or nothing; returns the weights' SHA-256.

    Args:
        path: The folder to make.
        model: A built architecture of `spec`.
        tokenizer: Its tokenizer.
        spec: Its architecture.
        card: Metadata of the model card, and its text under `text`; must be plain JSON values.
        dtype: What floating tensors become in the file; as they are when None.
        max_shard_size: Bytes of tensors in a file, unless a single one is larger.
        overwrite: Replace a model folder that is there, with all that is in it.

    Raises:
        OutputError: Something is there already, or the folder cannot be written.
    """
    path = Path(path)
    check_target(path, overwrite)
    settings = cast(Config, model.config)
    published, config = spec.to_published(settings, model.state_dict()), settings.to_dict()
    floating = [tensor.dtype for tensor in published.values() if tensor.is_floating_point()]
    stored = dtype or (floating[0] if floating else torch.float32)
    with replacing(path) as folder:
        write_object(folder / CONFIG, config | {"dtype": str(stored).removeprefix("torch.")})
        write_shards(folder, published, dtype, max_shard_size, spec.wide)
        tokenizer.save(folder)
        write_card(folder / CARD, dict(card))
        digests = write_checksums(folder)
    return combined(digest for name, digest in digests.items() if name.endswith(".safetensors"))


def check_target(path: Path, overwrite: bool) -> None:
    """Return silently when a model folder may be written to `path`.

    Raises:
        OutputError: Something is there already.
    """
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not overwrite:
        raise OutputError(f"'{path}' exists already; choose another folder or ask to overwrite it")
    if not (path / CONFIG).is_file():
        raise OutputError(f"'{path}' is not a model folder, so it is not overwritten; choose another")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new folder beside `path` that takes its place at the end, or leaves no trace.

    Raises:
        OutputError: It cannot be written.
    """
    path = path.resolve()
    tag = secrets.token_hex(4)
    fresh, old = (path.with_name(f".{path.name}.{tag}.{kind}.tmp") for kind in ("new", "old"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.mkdir()
        yield fresh
        if path.exists():
            path.rename(old)
        fresh.rename(path)
    except (OSError, SafetensorError) as problem:
        reason = getattr(problem, "strerror", None) or problem
        raise OutputError(f"the model folder '{path}' cannot be written: {reason}") from problem
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        if path.exists():
            shutil.rmtree(old, ignore_errors=True)
        elif old.exists():
            old.rename(path)
