"""The loop of training: passes over records, stopped when held-out records get no better."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Final

import torch
import torch.distributed as dist
from torch import Tensor

from cistron import __version__
from cistron.data.labelled import SPLITS
from cistron.errors import InputError
from cistron.formats.atomic import atomic_output
from cistron.fusion.parts import Example, leak_report, read_parts
from cistron.fusion.run import FusionRun
from cistron.fusion.saved import FusedModel, build, save_fused, whole_adapters
from cistron.fusion.sharing import add_up, clip, part_of, processes, total
from cistron.training import ProgressFn, Stopped
from cistron.training.checkpoint import Checkpoints, best, complete, load_into, tensors_of
from cistron.training.folder import MODEL, claimed
from cistron.training.logs import RunLog
from cistron.training.schedule import cosine
from cistron.training.signals import StopRequest
from cistron.training.world import highest, joined_world, rank, wait_for_all

LEAKS: Final = "leaks.json"
STATES: Final = "states"
"""Folder of hidden states, below that of the run."""

_LOG = logging.getLogger(__name__)


def train(
    run: FusionRun, folder: Path, *, resume: bool, progress: ProgressFn, cache: Path | None = None
) -> None:
    """Train `run` in `folder` to its end; see `FusionRun.execute`.

    Args:
        run: The run.
        folder: Its folder.
        resume: Continue from the newest checkpoint.
        progress: Told about every step.
        cache: Folder of hidden states that runs can share; by default one of the run's own.
    """
    with joined_world(), ExitStack() as held:
        is_main = rank() == 0
        if is_main:
            held.enter_context(claimed(run, folder, resume=resume))
        parts = read_parts(run.records, run.dna.width, run.seed)
        if is_main:
            _report_leaks(run, folder, parts)
        wait_for_all()
        labels = sorted({example.label for example in parts["train"]})
        model = build(run, labels, cache or folder / STATES)
        session = Session(run, folder, model, parts, progress if is_main else _unseen)
        session.train(resume=resume)
        session.finish()


class Session:
    """A model and records in three parts.

    Attributes:
        steps: Updates of a whole run.
    """

    def __init__(
        self,
        run: FusionRun,
        folder: Path,
        model: FusedModel,
        parts: Mapping[str, Sequence[Example]],
        progress: ProgressFn,
    ) -> None:
        self.run, self.folder, self.model, self.parts, self.progress = run, folder, model, parts, progress
        self.answerer, self.module = model.answerer, model.answerer.module
        if not any(parameter.requires_grad for parameter in self.module.parameters()):
            raise InputError("there is nothing to train: language.rank is 0 and the run reads no DNA")
        self.optimizer = torch.optim.AdamW(self._groups(), lr=0.0)
        self.is_main = rank() == 0
        group = dist.new_group(backend="gloo") if processes() > 1 else None
        self.checkpoints = Checkpoints(folder, keep=1, is_main=self.is_main, group=group)
        self._each = math.ceil(len(parts["train"]) / (run.batch * run.accumulate))
        self.steps = self._each * run.epochs

    def train(self, *, resume: bool) -> None:
        """All passes, or as many as help.

        Raises:
            Stopped: A signal asked for it; the steps that were finished are saved.
        """
        done, history = self._restored() if resume else (0, [])
        log = RunLog(self.folder if self.is_main else None, self.run.loggers, done)
        try:
            with StopRequest() as request:
                while done < self.steps and not _no_better(history, self.run.patience, done % self._each):
                    loss = self._step(done)
                    done += 1
                    row = {"step": done, "loss": loss}
                    if done % self._each == 0:
                        history.append(self.validated())
                        row["validation"] = history[-1]
                    log.write(row)
                    told = f"loss {loss:.4f}" + (f", validation {history[-1]:.4f}" if history else "")
                    self.progress(done, self.steps, told)
                    (stop,) = highest([request.received])
                    if "validation" in row or done % self.run.checkpoint_every == 0 or stop:
                        self._save(done, history, validated="validation" in row)
                    if stop:
                        raise Stopped(done, stop)
        finally:
            self.checkpoints.wait()
            log.close()

    def finish(self) -> None:
        """Take the best pass and write the model's folder."""
        wait_for_all()
        found = best(self.folder)
        assert found is not None, "every pass is validated and saved"
        kept = load_into(found, tensors_of(self.module), self.checkpoints.group)
        facts = {
            "version": __version__,
            "records": {split: len(examples) for split, examples in self.parts.items()},
            "steps": kept["step"],
            "validation": kept["validation"],
        }
        self.module.eval()
        adapters = whole_adapters(self.answerer)
        if self.is_main:
            save_fused(self.folder / MODEL, replace(self.model, facts=facts), adapters)
        wait_for_all()

    @torch.no_grad()
    def validated(self) -> float:
        """Mean loss over the validation part, in nats for each token of an answer, or each answer."""
        self.module.eval()
        loss, weight = 0.0, 0
        for batch in _batches(self.parts["validation"], self.run.batch):
            mine, share = part_of(batch)
            loss += share * float(self.answerer.loss(mine))
            weight += sum(map(self.answerer.weight, batch))
        return total(loss) / max(weight, 1)

    def _step(self, done: int) -> float:
        """One update; its mean loss."""
        epoch, place = divmod(done, self._each)
        size = self.run.batch * self.run.accumulate
        order = torch.randperm(
            len(self.parts["train"]), generator=torch.Generator().manual_seed(_seed(self.run.seed, epoch))
        ).tolist()
        chosen = [self.parts["train"][at] for at in order[place * size : (place + 1) * size]]
        # All that is random in a step follows from its number, so a resumed run repeats it.
        torch.manual_seed(_seed(self.run.seed, self.steps + done) + rank())
        weight = sum(map(self.answerer.weight, chosen))
        self._set_rates(done)
        self.module.train()
        self.optimizer.zero_grad()
        mean = 0.0
        for batch in _batches(chosen, self.run.batch):
            mine, share = part_of(batch)
            loss = share / weight * self.answerer.loss(mine)
            loss.backward()  # type: ignore[no-untyped-call]
            mean += float(loss.detach())
        add_up(self.module.parameters())
        clip(self.module, self.run.optim.clip)
        self.optimizer.step()
        return total(mean)

    def _set_rates(self, step: int) -> None:
        warmup = round(self.run.optim.warmup_share * self.steps)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * cosine(step, self.steps, warmup, 0.0)

    def _groups(self) -> list[dict[str, object]]:
        """Parameter groups: matrices and vectors, of the adapters and of the rest."""
        optim = self.run.optim
        found: dict[tuple[bool, bool], list[Tensor]] = {}
        for name, parameter in self.module.named_parameters():
            found.setdefault((name.startswith("adapters."), parameter.dim() > 1), []).append(parameter)
        return [
            {
                "params": parameters,
                "peak": optim.lr if adapters else optim.projector_lr,
                "weight_decay": optim.weight_decay if matrices else 0.0,
            }
            for (adapters, matrices), parameters in found.items()
        ]

    def _save(self, done: int, history: Sequence[float], *, validated: bool) -> None:
        kept = {"history": list(history), **({"validation": history[-1]} if validated else {})}
        self.checkpoints.save(done, tensors_of(self.module, self.optimizer), kept)

    def _restored(self) -> tuple[int, list[float]]:
        if not complete(self.folder):  # stopped before there was one
            return 0, []
        kept = self.checkpoints.restore(tensors_of(self.module, self.optimizer))
        return int(kept["step"]), list(kept["history"])


def _unseen(done: int, steps: int, text: str) -> None:
    """The progress of processes that nobody watches."""


def _report_leaks(run: FusionRun, folder: Path, parts: Mapping[str, Sequence[Example]]) -> None:
    """Write what parts share, and refuse it where that is asked for.

    Raises:
        InputError: Parts share something and the run does not allow it.
    """
    found = {split: [str(one) for one in findings] for split, findings in leak_report(parts).items()}
    counts = {split: len(parts[split]) for split in SPLITS}
    with atomic_output(folder / LEAKS) as fresh:
        fresh.write_text(json.dumps({"records": counts, "shared": found}, indent=2) + "\n", encoding="utf-8")
    lines = [f"{split}: {finding}" for split, findings in found.items() for finding in findings]
    if lines and run.records.on_leak == "refuse":
        raise InputError(f"parts are not apart: {'; '.join(lines)}; split by sequence, or on_leak=warn")
    for line in lines:
        _LOG.warning("parts are not apart: %s", line)


def _batches(examples: Sequence[Example], size: int) -> Iterator[Sequence[Example]]:
    for start in range(0, len(examples), size):
        yield examples[start : start + size]


def _no_better(losses: Sequence[float], patience: int, inside: int) -> bool:
    """Whether a pass has just ended and the best loss lies `patience` passes back."""
    if inside or not losses:
        return False
    return len(losses) - 1 - losses.index(min(losses)) >= patience


def _seed(seed: int, number: int) -> int:
    digest = hashlib.sha256(f"{seed} {number}".encode()).digest()
    return int.from_bytes(digest[:7], "big")
