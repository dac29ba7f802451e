"""The safetensors files of a model folder: which there are, whether they are whole, and their tensors.

Tensors are read one block at a time, and written one shard at a time, so that a checkpoint is never in memory
twice.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from cistron.errors import WeightsError
from cistron.weights import INDEX, WEIGHTS
from cistron.weights.jsonfile import read_object, write_object

_BLOCK = re.compile(r".*?\.\d+(?=\.)")


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files that make up the weights, each checked to be whole.

    Raises:
        WeightsError: There are none, a shard is missing, or a file is cut short.
    """
    if (folder / WEIGHTS).is_file():
        files = [folder / WEIGHTS]
    elif (folder / INDEX).is_file():
        files = _listed(folder)
    else:
        raise WeightsError(_none_found(folder))
    for path in files:
        _check_whole(path)
    return files


def _listed(folder: Path) -> list[Path]:
    weight_map = read_object(folder / INDEX).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise WeightsError(f"'{folder / INDEX}' has no weight_map; the file is damaged")
    names = sorted({str(name) for name in weight_map.values()})
    for name in names:
        if Path(name).name != name:
            raise WeightsError(f"'{folder / INDEX}' names {name!r}, which is not a file of the folder")
        if not (folder / name).is_file():
            raise WeightsError(f"'{folder / name}' is missing although the index lists it; fetch it again")
    return [folder / name for name in names]


def _none_found(folder: Path) -> str:
    pickles = sorted(
        path.name for pattern in ("pytorch_model*.bin", "*.pt", "*.pth") for path in folder.glob(pattern)
    )
    if pickles:
        return (
            f"'{folder}' has only pickled weights ({pickles[0]}), which could run code; "
            "make safetensors of them with 'cistron models convert'"
        )
    return f"'{folder}' is not a complete model folder: it has no {WEIGHTS} and no {INDEX}"


def _check_whole(path: Path) -> None:
    """Compare a file's size with its own header: 8 bytes of header length, a JSON header, the tensors."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        start = stream.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= size - 8:
            raise WeightsError(f"'{path}' is cut short: {size} bytes do not hold its header; fetch it again")
        header = stream.read(length)
    try:
        entries = {name: entry for name, entry in json.loads(header).items() if name != "__metadata__"}
        end = max((int(entry["data_offsets"][1]) for entry in entries.values()), default=0)
    except (ValueError, AttributeError, LookupError, TypeError):
        raise WeightsError(f"'{path}' is damaged: its header is not that of a safetensors file") from None
    if size != 8 + length + end:
        found = "is cut short" if size < 8 + length + end else "is too long"
        raise WeightsError(
            f"'{path}' {found}: {size} bytes where its header says {8 + length + end}; fetch it again"
        )


def read_blocks(
    files: Iterable[Path],
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
    *,
    wide: tuple[str, ...] = (),
    mmap: bool = False,
) -> Iterator[dict[str, Tensor]]:
    """The tensors by published name, one numbered block (`model.layers.7.`) at a time.

    Args:
        files: Checked files of one checkpoint.
        device: Where the tensors go.
        dtype: What floating tensors become; as stored when None.
        wide: Ends of names of tensors that become float32 at least.
        mmap: Leave tensors that need no conversion in their file, which must then stay as it is.

    Raises:
        WeightsError: A file is damaged, or two files hold one tensor.
    """
    with ExitStack() as stack:
        source: dict[str, Any] = {}
        for path in files:
            try:
                handle = stack.enter_context(safe_open(path, framework="pt"))
            except SafetensorError as problem:
                raise WeightsError(f"'{path}' is damaged: {problem}") from None
            repeated = source.keys() & handle.keys()
            if repeated:
                raise WeightsError(
                    f"'{path}' repeats the tensor {min(repeated)!r} of another file of the checkpoint"
                )
            source.update(dict.fromkeys(handle.keys(), handle))
        for names in blocks(source):
            yield {
                name: converted(
                    source[name].get_tensor(name), device, widened(name, dtype, wide), copy=not mmap
                )
                for name in names
            }


def blocks(names: Iterable[str]) -> list[list[str]]:
    """`names` grouped by their first numbered part; a name without one is a block of its own."""
    grouped: dict[str, list[str]] = {}
    for name in names:
        found = _BLOCK.match(name)
        grouped.setdefault(found[0] if found else name, []).append(name)
    return list(grouped.values())


def widened(name: str, dtype: torch.dtype | None, wide: tuple[str, ...]) -> torch.dtype | None:
    """`dtype`, but float32 at least where `name` ends as one of `wide`."""
    if dtype is None or not wide or not name.endswith(wide):
        return dtype
    return torch.promote_types(dtype, torch.float32)


def converted(
    tensor: Tensor, device: torch.device | str, dtype: torch.dtype | None, *, copy: bool = True
) -> Tensor:
    """The tensor on `device`, in `dtype` if it is floating.

    Args:
        tensor: Possibly a view into a file.
        device: Where it goes.
        dtype: What it becomes if it is floating; as it is when None.
        copy: Never give a view into a file, which may change later.
    """
    return tensor.to(
        device=device, dtype=dtype if tensor.is_floating_point() else None, copy=copy
    ).contiguous()


def write_shards(
    folder: Path,
    tensors: Mapping[str, Tensor],
    dtype: torch.dtype | None,
    max_bytes: int,
    wide: tuple[str, ...] = (),
) -> None:
    """Write `tensors` into one file, or into shards of at most `max_bytes` (or one tensor) with an index."""
    shards: list[list[str]] = [[]]
    size = total = 0
    for name, tensor in tensors.items():
        stored = widened(name, dtype, wide)
        item = stored.itemsize if stored is not None and tensor.is_floating_point() else tensor.itemsize
        if shards[-1] and size + tensor.numel() * item > max_bytes:
            shards.append([])
            size = 0
        shards[-1].append(name)
        size += tensor.numel() * item
        total += tensor.numel() * item
    files = [WEIGHTS]
    if len(shards) > 1:
        files = [f"model-{i:05d}-of-{len(shards):05d}.safetensors" for i in range(1, len(shards) + 1)]
        weight_map = {name: file for file, names in zip(files, shards, strict=True) for name in names}
        write_object(folder / INDEX, {"metadata": {"total_size": total}, "weight_map": weight_map})
    for file, names in zip(files, shards, strict=True):
        part = {name: converted(tensors[name].detach(), "cpu", widened(name, dtype, wide)) for name in names}
        save_file(part, folder / file, metadata={"format": "pt"})
        (folder / file).chmod(0o644)  # safetensors lets nobody else read it
