"""Checkpoints of a run in flight: written while it trains, whole or not at all, for any number of processes.

A checkpoint is a folder `checkpoints/step-N` of the run; which is the newest follows from the names, so there
is no pointer that could be wrong. See `docs/design/checkpoints.md`.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
import warnings
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from torch.distributed import ProcessGroup
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import async_save
from torch.distributed.fsdp import FSDPModule

from cistron.errors import CistronError, OutputError, ResumeError
from cistron.formats.atomic import output_error
from cistron.training.storage import INDEX, SafetensorsReader, SafetensorsWriter, damage, read_index
from cistron.training.world import highest

FOLDER = "checkpoints"
"""Where the checkpoints of a run lie in its folder."""

MODEL, OPTIMIZER = "model.", "optimizer."
"""How the names of weights and of moments begin in a checkpoint."""

_NAME = re.compile(r"step-(\d+)")
_LOG = logging.getLogger(__name__)


class Checkpoints:
    """Saves and restores; at most one save is in flight.

    Args:
        run: The run's folder.
        keep: How many of the newest checkpoints stay; the best by validation stays besides.
        is_main: Whether this rank removes old checkpoints.
        group: Ranks that save together, in a group of their own because saving runs beside training.
    """

    def __init__(
        self, run: Path, *, keep: int, is_main: bool = True, group: ProcessGroup | None = None
    ) -> None:
        self.run, self.folder, self.keep = run, run / FOLDER, keep
        self.is_main, self.group = is_main, group
        self._saving: Future[Any] | None = None
        self._target = self.folder

    def save(self, step: int, tensors: Mapping[str, Tensor], progress: Mapping[str, Any]) -> None:
        """Copy `tensors` and write them while training goes on.

        Args:
            step: Steps done.
            tensors: By name, whole or sharded; every rank gives the same names.
            progress: Plain values to keep with them; `validation`, if any, decides what is best.

        Raises:
            OutputError: The save before this one failed, or this one cannot begin.
        """
        self.wait()
        self._target = self._place(step)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            writer = SafetensorsWriter(self._target, {"step": step, **progress})
            _one_process_is_meant()
            saving = async_save(dict(tensors), storage_writer=writer, process_group=self.group)
        except (OSError, CheckpointException) as problem:
            raise _failed(self._target, problem) from None
        assert isinstance(saving, Future)
        self._saving = saving

    @property
    def failed(self) -> bool:
        """Whether the save in flight has ended with an error that `wait` will raise."""
        saving = self._saving
        return saving is not None and saving.done() and saving.exception() is not None

    def wait(self) -> None:
        """Return when nothing is being saved any more, and old checkpoints are removed.

        Raises:
            OutputError: The checkpoint could not be written; those before it are untouched.
        """
        saving, self._saving = self._saving, None
        if saving is None:
            return
        try:
            saving.result()
        except (Exception, CheckpointException) as problem:
            if self.is_main:
                shutil.rmtree(self._target.with_name(self._target.name + ".tmp"), ignore_errors=True)
            raise _failed(self._target, problem) from None
        if self.is_main:
            self._prune()

    def restore(self, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
        """Fill `tensors` in place from the newest whole checkpoint and return its progress.

        Raises:
            ResumeError: There is none, or it does not hold these tensors.
        """
        return load_into(self._agreed(), tensors, self.group)

    def _agreed(self) -> Path:
        """The newest whole checkpoint, which the main rank alone looks for: it reads every file."""
        found, problem = -1, None
        if self.is_main:
            try:
                found = step_of(newest(self.run))
            except ResumeError as error:
                problem = error
        (step,) = highest([found])
        if step < 0:
            raise problem or ResumeError(f"{self.run} has no whole checkpoint to resume from")
        return self._place(step)

    def _place(self, step: int) -> Path:
        return self.folder / f"step-{step:09d}"

    def _prune(self) -> None:
        """Remove all but the newest and the best; what was being written when a run was killed too."""
        found = complete(self.run)
        kept = {*found[-self.keep :], best(self.run)}
        for path in found:
            if path not in kept:
                # Without its name first: a half-removed folder must not look complete.
                gone = path.with_name(path.name + ".tmp")
                path.rename(gone)
        for path in self.folder.glob("step-*.tmp"):
            shutil.rmtree(path, ignore_errors=True)


def complete(run: Path) -> list[Path]:
    """Folders of the run's complete checkpoints, oldest first."""
    found = [
        path
        for path in (run / FOLDER).glob("step-*")
        if _NAME.fullmatch(path.name) and (path / INDEX).is_file()
    ]
    return sorted(found, key=step_of)


def step_of(checkpoint: Path) -> int:
    """Steps done when the checkpoint was taken."""
    return int(checkpoint.name.removeprefix("step-"))


def newest(run: Path) -> Path:
    """The newest checkpoint whose files are as they were written; a damaged one is passed over and named.

    Raises:
        ResumeError: There is no whole checkpoint.
    """
    for path in reversed(complete(run)):
        wrong = _wrong(path)
        if wrong is None:
            return path
        _LOG.warning("checkpoint %s is damaged (%s); using the one before it", path.name, wrong)
    raise ResumeError(f"{run} has no whole checkpoint to resume from; start anew in another folder")


def best(run: Path) -> Path | None:
    """The checkpoint with the lowest validation loss; None when none was validated."""
    scores = {}
    for path in complete(run):
        with suppress(CistronError):
            score = read_index(path)["progress"].get("validation")
            if score is not None:
                scores[path] = score
    return min(scores, key=lambda path: scores[path]) if scores else None


def tensors_of(model: nn.Module, optimizer: torch.optim.Optimizer | None = None) -> dict[str, Tensor]:
    """Weights, buffers and moments by name: the tensors in use; moments are made where there are none."""
    for module in model.modules():
        if isinstance(module, FSDPModule):  # validation leaves some parameters gathered
            module.reshard()
    names = {parameter: name for name, parameter in model.named_parameters()}
    tensors = {MODEL + name: tensor for name, tensor in model.state_dict().items()}
    for group in optimizer.param_groups if optimizer is not None else ():
        for parameter in group["params"]:
            assert optimizer is not None
            state = optimizer.state[parameter] or _first_moments(
                optimizer, parameter, bool(group.get("fused"))
            )
            for moment, value in state.items():
                tensors[f"{OPTIMIZER}{names[parameter]}.{moment}"] = value
    return tensors


def load_into(
    checkpoint: Path, tensors: Mapping[str, Tensor], group: ProcessGroup | None = None
) -> dict[str, Any]:
    """Fill `tensors` in place from `checkpoint` and return its progress.

    Raises:
        ResumeError: It lacks one of them or holds it in another shape.
    """
    reader = SafetensorsReader(checkpoint)
    held = reader.index["tensors"]
    for name, tensor in tensors.items():
        if name not in held:
            raise ResumeError(f"{checkpoint} lacks the tensor {name}; it belongs to another model")
        if list(tensor.shape) != held[name]["shape"]:
            raise ResumeError(
                f"{checkpoint} holds {name} in the shape {held[name]['shape']}; "
                f"the model asks for {list(tensor.shape)}"
            )
    try:
        _one_process_is_meant()
        load(dict(tensors), storage_reader=reader, process_group=group, no_dist=group is None)
    except (CheckpointException, SafetensorError, OSError) as problem:
        raise ResumeError(f"{checkpoint} cannot be read: {_cause(problem)}") from None
    progress: dict[str, Any] = reader.index["progress"]
    return progress


def weights_of(checkpoint: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The model's whole tensors by name, and the progress, whatever the number of ranks that saved them.

    Raises:
        ResumeError: The checkpoint is damaged.
    """
    wrong = _wrong(checkpoint)
    if wrong is not None:
        raise ResumeError(f"checkpoint {checkpoint.name} is damaged: {wrong}")
    held = read_index(checkpoint)["tensors"]
    tensors = {
        name: torch.empty(entry["shape"], dtype=getattr(torch, entry["dtype"]))
        for name, entry in held.items()
        if name.startswith(MODEL)
    }
    progress = load_into(checkpoint, tensors)
    return {name.removeprefix(MODEL): tensor for name, tensor in tensors.items()}, progress


def _wrong(checkpoint: Path) -> str | None:
    try:
        return damage(checkpoint)
    except (CistronError, OSError, KeyError, json.JSONDecodeError) as problem:
        return str(problem)


def _first_moments(optimizer: torch.optim.Optimizer, parameter: Tensor, fused: bool) -> dict[str, Tensor]:
    """The state that Adam would make at its first step, made now so that it can be loaded into."""
    state = optimizer.state[parameter]
    device = parameter.device if fused else torch.device("cpu")
    state["step"] = torch.zeros((), dtype=torch.float32, device=device)
    state["exp_avg"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
    state["exp_avg_sq"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
    return dict(state)


def _one_process_is_meant() -> None:
    """PyTorch warns where there is no process group; for a run of one process that is no news."""
    warnings.filterwarnings("ignore", message="torch.distributed is disabled", category=UserWarning)


def _cause(problem: BaseException) -> BaseException:
    """What went wrong first, on the first rank that failed."""
    failures = problem.failures if isinstance(problem, CheckpointException) else {}
    return next((pair[0] for _, pair in sorted(failures.items())), problem)


def _failed(target: Path, problem: BaseException) -> OutputError:
    cause = _cause(problem)
    number = re.search(r"os error (\d+)", str(cause))
    if number is not None:
        cause = OSError(int(number.group(1)), str(cause))
    if isinstance(cause, OSError):
        told = output_error(target, cause)
        return OutputError(f"{told}; the checkpoints before it are whole, continue with --resume")
    if isinstance(cause, Exception):
        return OutputError(f"cannot write {target}: {cause}; the checkpoints before it are whole")
    raise cause
