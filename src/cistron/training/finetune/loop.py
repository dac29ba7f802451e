"""The loop of fine-tuning: passes over labelled items, stopped when held-out items get no better."""

from __future__ import annotations

import hashlib
import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import torch
from torch import Tensor

from cistron.data.labelled import SPLITS, Item
from cistron.data.labelled.reading import read_items
from cistron.data.labelled.splitting import counted, leak_report, split_items
from cistron.errors import InputError
from cistron.heads import HEADS, Head, Hidden, Standardising
from cistron.inference.load import LoadedModel, load
from cistron.inference.predict import hidden_of, hidden_size, texts_of
from cistron.training import ProgressFn, Stopped
from cistron.training.checkpoint import Checkpoints, best, load_into, tensors_of
from cistron.training.finetune import Finetuning
from cistron.training.finetune.modes import Trained
from cistron.training.finetune.results import write_results
from cistron.training.finetune.targets import Targets, targets_of
from cistron.training.folder import claimed
from cistron.training.logs import RunLog
from cistron.training.schedule import cosine
from cistron.training.signals import StopRequest

_READ_AT_ONCE: Final = 8
"""Texts that go through a model together where no gradient is wanted."""

_LOG = logging.getLogger(__name__)


def finetune(run: Finetuning, folder: Path, *, resume: bool, progress: ProgressFn) -> None:
    """Train `run` in `folder` to its end; see `Finetuning.execute`."""
    with claimed(run, folder, resume=resume):
        loaded = load(run.model, device=run.device)
        parts = _parts(run, loaded, progress)
        session = Session(run, folder, loaded, parts, progress)
        session.train(resume=resume)
        session.finish()


def _parts(run: Finetuning, loaded: LoadedModel, progress: ProgressFn) -> dict[str, list[Item]]:
    """Items by part, after looking for what one part gives away of another.

    Raises:
        InputError: A file is wrong, parts share something and that is refused, or an item is too long.
    """
    if run.data.on_leak not in ("refuse", "warn"):
        raise InputError(f"data.on_leak is '{run.data.on_leak}'; known: refuse, warn")
    width = loaded.model.config.width
    given = {split: list(read_items(run.data, getattr(run.data, split), width=width)) for split in SPLITS}
    parts = split_items(run.data, given, seed=run.seed)
    _refuse_too_long(loaded, [item for items in parts.values() for item in items])
    progress(0, run.epochs, counted(parts))
    found = [
        f"{split}: {finding}" for split, all_found in leak_report(parts).items() for finding in all_found
    ]
    if found and run.data.on_leak == "refuse":
        raise InputError(
            f"parts are not apart: {'; '.join(found)}; split otherwise, or set data.on_leak=warn to go on"
        )
    for line in found:
        _LOG.warning("parts are not apart: %s", line)
    return parts


class Session:
    """A model, a head, and items in three parts."""

    def __init__(
        self,
        run: Finetuning,
        folder: Path,
        loaded: LoadedModel,
        parts: Mapping[str, list[Item]],
        progress: ProgressFn,
    ) -> None:
        self.run, self.folder, self.loaded, self.parts, self.progress = run, folder, loaded, parts, progress
        self.spec = HEADS.get(run.head)
        wanted = {len(item.sequences) for items in parts.values() for item in items}
        if wanted != {self.spec.sequences}:
            raise InputError(
                f"a {run.head} head reads {self.spec.sequences} sequences of an item; "
                f"the files give {max(wanted)}"
            )
        self.targets: Targets = targets_of(
            parts["train"], run.data.labels, run.settings.get("kind"), balance=run.balance
        )
        torch.manual_seed(run.seed)
        head = self.spec.build(self.spec.config(self._head_settings())).to(loaded.device)
        self.head = cast(Head, head)
        self.trained = Trained(run, loaded.built.model, head).to(loaded.device)
        self.optimizer = torch.optim.AdamW(self.trained.groups(run), lr=0.0)
        self.encoded = {s: self.targets.encode(items).to(loaded.device) for s, items in parts.items()}
        self.kept: dict[str, Tensor] = {}
        self.checkpoints = Checkpoints(folder, keep=1)

    def train(self, *, resume: bool) -> None:
        """All passes, or as many as help.

        Raises:
            Stopped: A signal asked for it; passes that were finished are saved.
        """
        done = self._restored() if resume else []
        log = RunLog(self.folder, self.run.loggers, len(done))
        if self.head.keeps:
            first = self._keep("train")
            if isinstance(self.head, Standardising) and not done:
                self.head.standardise(*first.flatten(0, 1).unbind(dim=1))
            if not self.trained.reads_model:
                self.kept = {"train": first, **{split: self._keep(split) for split in SPLITS[1:]}}
        try:
            with StopRequest() as request:
                for epoch in range(len(done), self.run.epochs):
                    if _no_better(done, self.run.patience):
                        break
                    loss = self._epoch(epoch, request)
                    done.append(self.loss_on("validation"))
                    log.write({"step": epoch + 1, "loss": loss, "validation": done[-1]})
                    told = f"loss {loss:.4f}, validation {done[-1]:.4f}"
                    self.progress(epoch + 1, self.run.epochs, told)
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
        write_results(self, found)

    def _head_settings(self) -> dict[str, Any]:
        settings = {**self.targets.settings, **self.run.settings}
        if self.run.head == "allele-pair":
            if self.targets.kind != "binary":
                raise InputError(f"alleles have {len(self.targets.labels)} labels; two are needed")
            weight = self.targets.settings.get("weights", (1.0,))[0]
            settings = {"labels": self.targets.labels, "weight": weight, "columns": (), **self.run.settings}
        return {
            **settings,
            "hidden_size": hidden_size(self.loaded.model, self.loaded.tokenizer, self.run.layers),
        }

    def _restored(self) -> list[float]:
        progress = self.checkpoints.restore(tensors_of(self.trained, self.optimizer))
        return list(progress["history"])

    def _epoch(self, epoch: int, request: StopRequest) -> float:
        """One pass over the training part; the mean loss."""
        run, items = self.run, self.parts["train"]
        # All that is random in a pass follows from its number, so a resumed run repeats it.
        torch.manual_seed(_seed(run.seed, epoch))
        order = torch.randperm(len(items)).tolist()
        turned = (torch.rand(len(items)) < 0.5).tolist()
        steps = math.ceil(len(items) / run.batch)
        self.trained.train()
        total = 0.0
        for step in range(steps):
            if request.received:
                raise Stopped(epoch, request.received)
            chosen = order[step * run.batch : (step + 1) * run.batch]
            self._set_rates(epoch * steps + step, run.epochs * steps)
            reverse = [run.strands == "both" and turned[at] for at in chosen]
            loss = self.head.loss(self._outputs("train", chosen, reverse), self.encoded["train"][chosen])
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(self.trained.parameters(), run.optim.clip)
            self.optimizer.step()
            total += float(loss.detach()) * len(chosen)
        return total / len(items)

    def _set_rates(self, step: int, steps: int) -> None:
        warmup = round(self.run.optim.warmup_share * steps)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * cosine(step, steps, warmup, 0.0)

    @torch.no_grad()
    def loss_on(self, split: str) -> float:
        """Mean loss of a part, of the outputs that are averaged over strands."""
        return float(self.head.loss(self.outputs_of(split), self.encoded[split]))

    @torch.no_grad()
    def outputs_of(self, split: str) -> Tensor:
        """Outputs of every item of a part; the mean over strands where both are read."""
        self.trained.eval()
        found = []
        for chosen in _batches(len(self.parts[split]), _READ_AT_ONCE if not self.kept else self.run.batch):
            strands = (False, True) if self.run.strands == "both" else (False,)
            each = [self._outputs(split, chosen, [reverse] * len(chosen)) for reverse in strands]
            found.append(torch.stack(each).mean(dim=0))
        return torch.cat(found)

    def _outputs(self, split: str, chosen: Sequence[int], reverse: Sequence[bool]) -> Tensor:
        if self.kept:
            rows = self.kept[split][chosen, [int(turned) for turned in reverse]]
            return self.head.decide(*rows.unbind(dim=1))
        device = self.loaded.device.type
        with (
            self.trained.reading(self.loaded.built.model),
            torch.autocast(device, torch.bfloat16, enabled=self.run.autocast),
            torch.set_grad_enabled(torch.is_grad_enabled() and self.trained.reads_model),
        ):
            hiddens = [self._hidden(split, chosen, reverse, number) for number in range(self.spec.sequences)]
        summarised = [self.head.summarise(hidden) for hidden in hiddens]
        return self.head.decide(*summarised)

    def _hidden(self, split: str, chosen: Sequence[int], reverse: Sequence[bool], number: int) -> Hidden:
        """States of sequence `number` of the chosen items, each on one strand."""
        texts = [
            text.reversed() if turned else text
            for at, turned in zip(chosen, reverse, strict=True)
            for text in texts_of(self.parts[split][at].sequences, self.parts[split][at].sites)[
                number : number + 1
            ]
        ]
        return hidden_of(self.loaded.model, self.loaded.tokenizer, texts, self.run.layers)

    def _keep(self, split: str) -> Tensor:
        """What the head keeps of each item: `(items, strands, sequences, S)`."""
        items, strands = self.parts[split], (False, True) if self.run.strands == "both" else (False,)
        rows = []
        for chosen in _batches(len(items), _READ_AT_ONCE):
            self.progress(0, self.run.epochs, f"reading {split}: {chosen[0]:,} of {len(items):,} items")
            with torch.no_grad():
                each = [
                    torch.stack(
                        [
                            self.head.summarise(self._hidden(split, chosen, [turned] * len(chosen), number))
                            for number in range(self.spec.sequences)
                        ],
                        dim=1,
                    )
                    for turned in strands
                ]
            rows.append(torch.stack(each, dim=1))
        return torch.cat(rows)


def _refuse_too_long(loaded: LoadedModel, items: Sequence[Item]) -> None:
    longest = max(items, key=lambda item: max(map(len, item.sequences)))
    length, most = max(map(len, longest.sequences)), loaded.model.config.context_length
    if length > most:
        raise InputError(
            f"{longest.name} has {length:,} bases; {loaded.name} reads {most:,}: cut the items, "
            "or set data.width"
        )


def _batches(count: int, size: int) -> Iterator[list[int]]:
    for start in range(0, count, size):
        yield list(range(start, min(start + size, count)))


def _no_better(losses: Sequence[float], patience: int) -> bool:
    """Whether the best loss lies more than `patience` passes back."""
    if not losses:
        return False
    return len(losses) - 1 - losses.index(min(losses)) >= patience


def _seed(seed: int, epoch: int) -> int:
    digest = hashlib.sha256(f"{seed} {epoch}".encode()).digest()
    return int.from_bytes(digest[:7], "big")
