"""Fine-tuning on labelled items: what a head reads of them, and how far it is from their labels."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor

from cistron.data.labelled import SPLITS, Item
from cistron.data.labelled.reading import read_items
from cistron.data.labelled.splitting import counted, leak_report, split_items
from cistron.errors import InputError
from cistron.heads import HEADS, Hidden, Standardising, Turning
from cistron.inference.load import LoadedModel, load
from cistron.inference.predict import hidden_of, refuse_other_tokens, texts_of
from cistron.registry import unknown
from cistron.training import ProgressFn
from cistron.training.finetune import Finetuning
from cistron.training.finetune.base_targets import base_targets_of
from cistron.training.finetune.results import write_results
from cistron.training.finetune.session import Session, pieces
from cistron.training.finetune.targets import Targets, targets_of
from cistron.training.folder import claimed

_READ_AT_ONCE: Final = 8
"""Texts that go through a model together where no gradient is wanted."""

_SAMPLE: Final = 64
"""Items from which a head whose summaries are not kept takes their scale."""

_FITTING: Final = {float: (float, int), tuple: (tuple, list)}
"""What stands for a setting of a kind."""

_LOG = logging.getLogger(__name__)


def finetune(run: Finetuning, folder: Path, *, resume: bool, progress: ProgressFn) -> None:
    """Train `run` in `folder` to its end; see `Finetuning.execute`."""
    with claimed(run, folder, resume=resume):
        loaded = load(run.model, device=run.device)
        parts = _parts(run, loaded, progress)
        session = LabelledSession(run, folder, loaded, parts, progress)
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


class LabelledSession(Session[Finetuning]):
    """A model, a head, and items in three parts."""

    def __init__(
        self,
        run: Finetuning,
        folder: Path,
        loaded: LoadedModel,
        parts: Mapping[str, list[Item]],
        progress: ProgressFn,
    ) -> None:
        self.parts = parts
        _refuse_other_items(run, parts)
        make = targets_of
        if run.settings.get("pooling") == "none":
            refuse_other_tokens(loaded.tokenizer)
            make = base_targets_of
        self.targets: Targets = make(
            parts["train"], run.data.labels, run.settings.get("kind"), balance=run.balance
        )
        super().__init__(run, folder, loaded, _head_settings(run, self.targets), progress)
        self.encoded = {s: self.targets.encode(items).to(loaded.device) for s, items in parts.items()}
        self.kept: dict[str, Tensor] = {}

    def count(self, split: str) -> int:
        """Items of a part."""
        return len(self.parts[split])

    def begin(self, *, fresh: bool) -> None:
        """Take the scale of what the head reads, and keep it where the model does not change."""
        if self.head.keeps:
            first = self._keep("train")
            if isinstance(self.head, Standardising) and fresh:
                self.head.standardise(*first.flatten(0, 1).unbind(dim=1))
            if not self.trained.reads_model:
                self.kept = {"train": first, **{split: self._keep(split) for split in SPLITS[1:]}}
        elif isinstance(self.head, Standardising) and fresh:
            self.head.standardise(*self._sampled())

    def write(self, checkpoint: Path) -> None:
        """Measure the head on the test part, and write it with its results."""
        write_results(self, checkpoint)

    def loss_of(self, split: str, chosen: Sequence[int], reverse: Sequence[bool]) -> Tensor:
        """Mean loss of the chosen items, each read in its direction."""
        return self.head.loss(self._outputs(split, chosen, reverse), self.encoded[split][list(chosen)])

    @torch.no_grad()
    def loss_on(self, split: str) -> float:
        """Mean loss of a part, of the outputs that are averaged over strands."""
        return float(self.head.loss(self.outputs_of(split), self.encoded[split]))

    @torch.no_grad()
    def outputs_of(self, split: str) -> Tensor:
        """Outputs of every item of a part; the mean over strands where both are read."""
        self.trained.eval()
        found = []
        items = range(len(self.parts[split]))
        for chosen in pieces(items, self.run.batch if self.kept else _READ_AT_ONCE):
            each = [self._outputs(split, chosen, [reverse] * len(chosen)) for reverse in self.directions]
            found.append(torch.stack(each).mean(dim=0))
        return torch.cat(found)

    def _outputs(self, split: str, chosen: Sequence[int], reverse: Sequence[bool]) -> Tensor:
        if self.kept:
            rows = self.kept[split][list(chosen), [int(turned) for turned in reverse]]
            return self.head.decide(*rows.unbind(dim=1))
        device = self.loaded.device.type
        with (
            self.trained.reading(self.loaded.built.model),
            torch.autocast(device, torch.bfloat16, enabled=self.run.autocast),
            torch.set_grad_enabled(torch.is_grad_enabled() and self.trained.reads_model),
        ):
            hiddens = [self._hidden(split, chosen, reverse, number) for number in range(self.spec.sequences)]
        outputs = self.head.decide(*[self.head.summarise(hidden) for hidden in hiddens])
        if isinstance(self.head, Turning):
            outputs = self.head.forward_order(outputs, torch.tensor(reverse), hiddens[0].lengths)
        return self._as_long_as_targets(outputs, split)

    def _as_long_as_targets(self, outputs: Tensor, split: str) -> Tensor:
        """Outputs by token padded to the longest item, as targets are."""
        missing = self.encoded[split].shape[1] - outputs.shape[1] if outputs.dim() > 2 else 0
        return F.pad(outputs, (0, 0, 0, missing))

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

    @torch.no_grad()
    def _sampled(self) -> list[Tensor]:
        """Summaries of some training items, for each of an item's sequences; tokens count as items."""
        count = len(self.parts["train"])
        chosen = range(0, count, max(count // _SAMPLE, 1))
        each = [
            [self._hidden("train", [at], [False], n) for at in chosen] for n in range(self.spec.sequences)
        ]
        return [torch.cat([self.head.summarise(one).flatten(0, -2) for one in hiddens]) for hiddens in each]

    def _keep(self, split: str) -> Tensor:
        """What the head keeps of each item: `(items, strands, sequences, S)`."""
        items = self.parts[split]
        rows = []
        for chosen in pieces(range(len(items)), _READ_AT_ONCE):
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
                    for turned in self.directions
                ]
            rows.append(torch.stack(each, dim=1))
        return torch.cat(rows)


def _head_settings(run: Finetuning, targets: Targets) -> dict[str, Any]:
    _refuse_settings(run)
    if run.head != "allele-pair":
        return {**targets.settings, **run.settings}
    if targets.kind != "binary":
        raise InputError(f"alleles have {len(targets.labels)} labels; two are needed")
    weight = targets.settings.get("weights", (1.0,))[0]
    return {"labels": targets.labels, "weight": weight, "columns": (), **run.settings}


def _refuse_settings(run: Finetuning) -> None:
    """Return silently when all settings are the head's, and of the kind that it wants."""
    defaults = HEADS.get(run.head).config({"hidden_size": 1}).to_dict()
    for name, value in run.settings.items():
        if name not in defaults:
            raise InputError(f"settings: {unknown('setting', name, defaults)}")
        if not isinstance(value, _FITTING.get(type(defaults[name]), type(defaults[name]))):
            raise InputError(f"settings.{name} is {value!r}; it must be like {defaults[name]!r}")


def _refuse_other_items(run: Finetuning, parts: Mapping[str, list[Item]]) -> None:
    spec = HEADS.get(run.head)
    if spec.per == "token":
        raise InputError(f"a {run.head} head learns tracks and not labels; use `cistron tracks train`")
    wanted = spec.sequences
    found = {len(item.sequences) for items in parts.values() for item in items}
    if found != {wanted}:
        raise InputError(
            f"a {run.head} head reads {wanted} sequences of an item; the files give {max(found)}"
        )


def _refuse_too_long(loaded: LoadedModel, items: Sequence[Item]) -> None:
    longest = max(items, key=lambda item: max(map(len, item.sequences)))
    length, most = max(map(len, longest.sequences)), loaded.model.config.context_length
    if length > most:
        raise InputError(
            f"{longest.name} has {length:,} bases; {loaded.name} reads {most:,}: cut the items, "
            "or set data.width"
        )
