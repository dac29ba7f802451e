"""A head in training: passes, steps and checkpoints, whatever it learns from."""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import torch
from torch import Tensor

from cistron.errors import InputError
from cistron.heads import HEADS, Head
from cistron.inference.load import LoadedModel
from cistron.inference.predict import hidden_size
from cistron.training import ProgressFn, Stopped
from cistron.training.checkpoint import Checkpoints, best, load_into, tensors_of
from cistron.training.finetune import HeadTraining
from cistron.training.finetune.modes import Trained
from cistron.training.finetune.optim import optimizer_of
from cistron.training.logs import RunLog
from cistron.training.schedule import cosine
from cistron.training.signals import StopRequest
from cistron.weights.huggingface import cannot_save

R = TypeVar("R", bound=HeadTraining)


class Session(ABC, Generic[R]):
    """A model and a head; what they learn from is the subclass's.

    Args:
        run: Settings.
        folder: Of the run.
        loaded: The model.
        settings: Of the head, but for the width of the states it reads.
        progress: Told about every pass.

    Raises:
        InputError: The model itself is to be trained, and could not be saved.
    """

    directions: tuple[bool, ...]
    """Ways to read an item: False is forward, True the reverse complement."""

    def __init__(
        self,
        run: R,
        folder: Path,
        loaded: LoadedModel,
        settings: Mapping[str, Any],
        progress: ProgressFn,
    ) -> None:
        reason = cannot_save(loaded.built) if run.mode in ("last", "full") else None
        if reason is not None:
            raise InputError(reason)
        self.run, self.folder, self.loaded, self.progress = run, folder, loaded, progress
        self.spec = HEADS.get(run.head)
        torch.manual_seed(run.seed)
        width = hidden_size(loaded.model, loaded.tokenizer, run.layers)
        head = self.spec.build(self.spec.config({**settings, "hidden_size": width})).to(loaded.device)
        self.head = cast(Head, head)
        self.trained = Trained(run, loaded.built.model, head).to(loaded.device)
        self.optimizer = optimizer_of(self.trained, run)
        self.checkpoints = Checkpoints(folder, keep=1)
        self.directions = (False, True) if run.strands == "both" else (False,)

    @abstractmethod
    def count(self, split: str) -> int:
        """Items of a part."""

    @abstractmethod
    def loss_of(self, split: str, chosen: Sequence[int], reverse: Sequence[bool]) -> Tensor:
        """Mean loss of the chosen items of a part, each read in its direction."""

    @abstractmethod
    def loss_on(self, split: str) -> float:
        """Mean loss of a whole part, read in all directions."""

    @abstractmethod
    def write(self, checkpoint: Path) -> None:
        """Measure what was taken from a checkpoint, and write head and results."""

    @abstractmethod
    def begin(self, *, fresh: bool) -> None:
        """What is to be done before the first pass.

        Args:
            fresh: Whether nothing was trained yet.
        """

    def train(self, *, resume: bool) -> None:
        """All passes, or as many as help.

        Raises:
            Stopped: A signal asked for it; passes that were finished are saved.
        """
        run, done = self.run, self._restored() if resume else []
        log = RunLog(self.folder, run.loggers, len(done))
        self.begin(fresh=not done)
        try:
            with StopRequest() as request:
                for epoch in range(len(done), run.epochs):
                    if no_better(done, run.patience):
                        break
                    loss = self._epoch(epoch, request)
                    done.append(self.loss_on("validation"))
                    log.write({"step": epoch + 1, "loss": loss, "validation": done[-1]})
                    self.progress(epoch + 1, run.epochs, f"loss {loss:.4f}, validation {done[-1]:.4f}")
                    tensors = tensors_of(self.trained, self.optimizer)
                    self.checkpoints.save(epoch + 1, tensors, {"validation": done[-1], "history": [*done]})
        finally:
            self.checkpoints.wait()
            log.close()

    def finish(self) -> None:
        """Take the best pass, measure it on the test part, and write head and results."""
        found = best(self.folder)
        assert found is not None, "every pass is saved"
        load_into(found, tensors_of(self.trained))
        self.write(found)

    def _restored(self) -> list[float]:
        progress = self.checkpoints.restore(tensors_of(self.trained, self.optimizer))
        return list(progress["history"])

    def _epoch(self, epoch: int, request: StopRequest) -> float:
        """One pass over the training part; the mean loss."""
        run, count = self.run, self.count("train")
        # All that is random in a pass follows from its number, so a resumed run repeats it.
        torch.manual_seed(_seed(run.seed, epoch))
        order = torch.randperm(count).tolist()
        turned = (torch.rand(count) < 0.5).tolist()
        reverse = [self.directions[-1 if other else 0] for other in turned]
        steps = math.ceil(count / run.batch)
        self.trained.train()
        total = 0.0
        for step in range(steps):
            if request.received:
                raise Stopped(epoch, request.received)
            self._set_rates(epoch * steps + step, run.epochs * steps)
            total += self._step(order[step * run.batch : (step + 1) * run.batch], reverse)
            self.progress(epoch, run.epochs, f"pass {epoch + 1}, step {step + 1:,} of {steps:,}")
        return total / count

    def _step(self, chosen: Sequence[int], reverse: Sequence[bool]) -> float:
        """Move by the gradient of the chosen items, a few at a time; the sum of their losses."""
        self.optimizer.zero_grad()
        total = 0.0
        for few in pieces(chosen, self.run.together or len(chosen)):
            loss = self.loss_of("train", few, [reverse[at] for at in few])
            (loss * (len(few) / len(chosen))).backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach()) * len(few)
        torch.nn.utils.clip_grad_norm_(self.trained.parameters(), self.run.optim.clip)
        self.optimizer.step()
        return total

    def _set_rates(self, step: int, steps: int) -> None:
        warmup = round(self.run.optim.warmup_share * steps)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * cosine(step, steps, warmup, 0.0)


def pieces(items: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Yield the items in order, so many at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def no_better(losses: Sequence[float], patience: int) -> bool:
    """Whether the best loss lies more than `patience` passes back."""
    if not losses:
        return False
    return len(losses) - 1 - losses.index(min(losses)) >= patience


def _seed(seed: int, epoch: int) -> int:
    digest = hashlib.sha256(f"{seed} {epoch}".encode()).digest()
    return int.from_bytes(digest[:7], "big")
