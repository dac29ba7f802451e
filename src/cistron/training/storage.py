"""Where `torch.distributed.checkpoint` puts tensors: safetensors files and a JSON index, no pickles.

PyTorch plans who writes and who reads which part of which tensor, and thereby reshards; its own storage
keeps that plan in a pickle. Here every rank writes one safetensors file, and the index that rank 0 writes
last makes the checkpoint complete. See `docs/design/checkpoints.md`.
"""

from __future__ import annotations

import json
import os
import shutil
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.distributed.checkpoint.metadata import (
    BytesStorageMetadata,
    ChunkStorageMetadata,
    Metadata,
    MetadataIndex,
    TensorProperties,
    TensorStorageMetadata,
)
from torch.distributed.checkpoint.planner import (
    LoadPlan,
    LoadPlanner,
    SavePlan,
    SavePlanner,
    WriteItem,
    WriteItemType,
)
from torch.distributed.checkpoint.storage import StorageReader, StorageWriter, WriteResult
from torch.futures import Future

from cistron.errors import ResumeError
from cistron.weights.jsonfile import read_object

INDEX = "index.json"
"""What makes a checkpoint folder complete; written last."""

FORMAT = 1
"""Version of the layout, in the index."""

_BLOCK = 1 << 22


class SafetensorsWriter(StorageWriter):
    """Writes a checkpoint into `folder.tmp`, which is renamed to `folder` when it is whole.

    Args:
        folder: The checkpoint; its parent must exist and be seen by all ranks.
        progress: Plain values kept in the index beside the tensors.
    """

    def __init__(self, folder: Path, progress: dict[str, Any]) -> None:
        self.folder, self.progress = folder, progress
        self.fresh = folder.with_name(folder.name + ".tmp")

    def reset(self, checkpoint_id: str | os.PathLike[str] | None = None) -> None:
        """Nothing: a writer is made for one checkpoint."""

    def set_up_storage_writer(self, is_coordinator: bool, *args: Any, **kwargs: Any) -> None:
        """Clear what a killed run left behind, once and before any rank writes."""
        if is_coordinator:
            shutil.rmtree(self.fresh, ignore_errors=True)

    def prepare_local_plan(self, plan: SavePlan) -> SavePlan:
        """The plan as it is."""
        return plan

    def prepare_global_plan(self, plans: list[SavePlan]) -> list[SavePlan]:
        """Give every rank the name of its file."""
        self.fresh.mkdir()
        return [
            SavePlan(plan.items, f"rank-{rank:05d}.safetensors", plan.planner_data)
            for rank, plan in enumerate(plans)
        ]

    def write_data(self, plan: SavePlan, planner: SavePlanner) -> Future[list[WriteResult]]:
        """Write this rank's parts into one file and tell its size and checksum with each."""
        done: Future[list[WriteResult]] = Future()
        if not plan.items:
            done.set_result([])
            return done
        path = self.fresh / str(plan.storage_data)
        parts = {str(number): _tensor(planner, item) for number, item in enumerate(plan.items)}
        save_file(parts, path)
        path.chmod(0o644)  # safetensors lets nobody else read it
        facts = {"file": path.name, **_facts(path)}
        done.set_result(
            [
                WriteResult(item.index, parts[name].nbytes, {"part": name, **facts})
                for name, item in zip(parts, plan.items, strict=True)
            ]
        )
        return done

    def finish(self, metadata: Metadata, results: list[list[WriteResult]]) -> None:
        """Write the index and give the folder its name: from here on the checkpoint exists."""
        written = {result.index: result.storage_data for rank in results for result in rank}
        files = {
            place["file"]: {"bytes": place["bytes"], "crc32": place["crc32"]} for place in written.values()
        }
        tensors = {
            name: _described(name, entry, written)
            for name, entry in metadata.state_dict_metadata.items()
            if isinstance(entry, TensorStorageMetadata)
        }
        index = {"format": FORMAT, "progress": self.progress, "files": files, "tensors": tensors}
        with (self.fresh / INDEX).open("w") as stream:
            json.dump(index, stream)
            stream.flush()
            os.fsync(stream.fileno())
        if self.folder.exists():  # a damaged one, which the run that went back before it replaces
            self.folder.rename(self.folder.with_name(self.folder.name + ".old.tmp"))
        self.fresh.rename(self.folder)

    @classmethod
    def validate_checkpoint_id(cls, checkpoint_id: str | os.PathLike[str]) -> bool:
        """Whether PyTorch may choose this storage by a path alone: no."""
        return False


class SafetensorsReader(StorageReader):
    """Reads a complete checkpoint folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.index = folder, read_index(folder)
        self._places: dict[MetadataIndex, dict[str, str]] = {}

    def reset(self, checkpoint_id: str | os.PathLike[str] | None = None) -> None:
        """Nothing: a reader is made for one checkpoint."""

    def read_metadata(self, *args: Any, **kwargs: Any) -> Metadata:
        """What the checkpoint holds, in PyTorch's terms."""
        described: dict[str, TensorStorageMetadata | BytesStorageMetadata] = {}
        for name, entry in self.index["tensors"].items():
            chunks = [
                ChunkStorageMetadata(torch.Size(c["at"]), torch.Size(c["size"])) for c in entry["chunks"]
            ]
            self._places |= {MetadataIndex(name, c["at"]): c for c in entry["chunks"]}
            properties = TensorProperties(dtype=getattr(torch, entry["dtype"]))
            described[name] = TensorStorageMetadata(properties, torch.Size(entry["shape"]), chunks)
        return Metadata(described)

    def set_up_storage_reader(
        self, metadata: Metadata, is_coordinator: bool, *args: Any, **kwargs: Any
    ) -> None:
        """Nothing more than `read_metadata` has done."""

    def prepare_local_plan(self, plan: LoadPlan) -> LoadPlan:
        """The plan as it is."""
        return plan

    def prepare_global_plan(self, plans: list[LoadPlan]) -> list[LoadPlan]:
        """The plans as they are."""
        return plans

    def read_data(self, plan: LoadPlan, planner: LoadPlanner) -> Future[None]:
        """Copy every planned part to where it belongs, one file after another."""
        by_file: dict[str, list[Any]] = {}
        for item in plan.items:
            by_file.setdefault(self._places[item.storage_index]["file"], []).append(item)
        for file, items in by_file.items():
            with safe_open(self.folder / file, framework="pt") as stream:
                for item in items:
                    part = stream.get_slice(self._places[item.storage_index]["part"])
                    target = planner.resolve_tensor(item)
                    target.copy_(_cut(part, item.storage_offsets, item.lengths).view(target.shape))
                    planner.commit_tensor(item, target)
        done: Future[None] = Future()
        done.set_result(None)
        return done

    @classmethod
    def validate_checkpoint_id(cls, checkpoint_id: str | os.PathLike[str]) -> bool:
        """Whether PyTorch may choose this storage by a path alone: no."""
        return False


def read_index(folder: Path) -> dict[str, Any]:
    """The index of a complete checkpoint.

    Raises:
        ResumeError: It is of another format.
        WeightsError: It is missing or damaged.
    """
    index = read_object(folder / INDEX)
    if index.get("format") != FORMAT:
        raise ResumeError(
            f"{folder} has checkpoint format {index.get('format')}; this version reads {FORMAT}: "
            "use the version that wrote it"
        )
    return index


def damage(folder: Path) -> str | None:
    """What is wrong with the files of a checkpoint, in words; None when they are as they were written."""
    for name, written in read_index(folder)["files"].items():
        path = folder / name
        if not path.is_file():
            return f"{path} is missing"
        found = path.stat().st_size
        if found != written["bytes"]:
            return f"{path} has {found:,} of {written['bytes']:,} bytes"
        if _facts(path) != written:
            return f"{path} does not hold what was written"
    return None


def _tensor(planner: SavePlanner, item: WriteItem) -> Tensor:
    assert item.type is not WriteItemType.BYTE_IO, f"{item.index.fqn} is not a tensor"
    data = planner.resolve_data(item)
    assert isinstance(data, Tensor)
    return data.detach().cpu().contiguous()


def _facts(path: Path) -> dict[str, int]:
    """Size and CRC-32 of a file."""
    checksum, size = 0, 0
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            checksum, size = zlib.crc32(block, checksum), size + len(block)
        os.fsync(stream.fileno())
    return {"bytes": size, "crc32": checksum}


def _described(
    name: str, entry: TensorStorageMetadata, written: dict[MetadataIndex, dict[str, Any]]
) -> dict[str, Any]:
    """A tensor's entry of the index."""
    chunks = [
        {"at": list(chunk.offsets), "size": list(chunk.sizes), "file": place["file"], "part": place["part"]}
        for chunk in entry.chunks
        if (place := written.get(MetadataIndex(name, chunk.offsets))) is not None
    ]
    dtype = str(entry.properties.dtype).removeprefix("torch.")
    return {"dtype": dtype, "shape": list(entry.size), "chunks": chunks}


def _cut(part: Any, offsets: Iterable[int], lengths: Iterable[int]) -> Tensor:
    """The block of a stored part that a read item names; the whole of a scalar."""
    where = tuple(slice(at, at + size) for at, size in zip(offsets, lengths, strict=True))
    block: Tensor = part[where] if where else part[...]
    return block
