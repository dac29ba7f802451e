"""Pretrain a model of any registered architecture by next-base prediction, on one device."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cistron.data.corpus import Source, WindowSampler, read_corpus, read_source
from cistron.errors import InputError, ResumeError
from cistron.models import MODELS
from cistron.tokenizers import TOKENIZERS, Tokenizer
from cistron.training import ProgressFn
from cistron.training.checkpoint import load_checkpoint, save_checkpoint
from cistron.training.loss import Loss, next_base_labels, pretraining_loss
from cistron.training.schedule import cosine
from cistron.training.settings import to_json
from cistron.weights.folder import save_folder


@dataclass(frozen=True)
class DataSettings:
    """What to learn from and what to measure on.

    Attributes:
        sources: Training files.
        held_out: Chromosomes that must not be in them.
        validation: File whose first `validation_bases` are sampled for the validation loss.
        validation_bases: End of the validation stretch, 0-based exclusive.
        validation_windows: Evenly spaced windows of that stretch.
    """

    sources: tuple[Source, ...]
    held_out: tuple[str, ...]
    validation: Source
    validation_bases: int
    validation_windows: int = 64


@dataclass(frozen=True)
class Stage:
    """A stretch of training at one window length.

    Attributes:
        length: Tokens per window.
        batch: Windows per step.
        steps: Optimiser steps.
    """

    length: int
    batch: int
    steps: int


@dataclass(frozen=True)
class OptimSettings:
    """AdamW and its schedule."""

    lr: float = 1e-3
    final_share: float = 0.05
    warmup: int = 200
    betas: tuple[float, ...] = (0.9, 0.95)
    weight_decay: float = 0.1
    clip: float = 1.0
    balance_weight: float = 1e-3
    z_weight: float = 1e-3


@dataclass(frozen=True)
class Pretraining:
    """A pretraining run.

    Attributes:
        architecture: Name in `cistron.models`.
        model: Content of its `config.json`.
        data: Corpus and validation.
        stages: Run one after another under one learning-rate schedule.
        optim: Optimiser settings.
        seed: Decides initial weights and the order of windows.
        autocast: Run matrix products in bfloat16; weights and moments stay float32.
        compile: Ends of module names that are compiled.
        log_every: Steps between two lines of `log.jsonl`.
        validate_every: Steps between two validations.
        checkpoint_every: Steps between two checkpoints.
    """

    architecture: str
    model: dict[str, Any]
    data: DataSettings
    stages: tuple[Stage, ...]
    optim: OptimSettings = field(default_factory=OptimSettings)
    seed: int = 0
    autocast: bool = True
    compile: tuple[str, ...] = ()
    log_every: int = 20
    validate_every: int = 250
    checkpoint_every: int = 250

    def execute(self, folder: Path, *, resume: bool, progress: ProgressFn) -> None:
        """Train to the end and write `folder/model`; see `cistron.training.Run`."""
        _claim(folder, to_json(self), resume)
        _Trainer(self, folder, progress).train(resume)


def _claim(folder: Path, run: str, resume: bool) -> None:
    """Make the run folder, or check that it is this run's."""
    saved = folder / "run.json"
    if resume:
        if not saved.exists():
            raise ResumeError(f"{folder} is not a run folder: it has no run.json")
        if saved.read_text() != run:
            raise ResumeError(f"{saved} describes another run; give the same recipe and settings")
    elif saved.exists() or (folder / "model").exists():
        raise ResumeError(
            f"{folder} already holds a run; add --resume to continue it or choose another folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    saved.write_text(run)


class _Trainer:
    """The loop, with what it needs at hand."""

    def __init__(self, run: Pretraining, folder: Path, progress: ProgressFn) -> None:
        self.run, self.folder, self.progress = run, folder, progress
        self.spec = MODELS.get(run.architecture)
        self.tokenizer: Tokenizer = TOKENIZERS.get(self.spec.tokenizer)()
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(run.seed)
        self.config = self.spec.config(run.model)
        self.model: nn.Module = self.spec.build(self.config).to(self.device)
        self.optimizer = _adamw(self.model, run.optim)
        self.corpus = read_corpus(run.data.sources, self.tokenizer, run.data.held_out)
        self.validation = _validation_windows(run, self.tokenizer).to(self.device)
        for name, module in self.model.named_modules():
            if name.endswith(run.compile) and run.compile:
                module.compile()
        self.total = sum(stage.steps for stage in run.stages)
        self.tokens = 0

    def train(self, resume: bool) -> None:
        """Run all stages, then save the model folder."""
        first = self._restore() if resume else 0
        started, step = time.monotonic(), 0
        note = ""
        for index, stage in enumerate(self.run.stages):
            sampler = WindowSampler(
                self.corpus, self.tokenizer, stage.length, stage.batch, self.run.seed * 1000 + index
            )
            for _ in range(stage.steps):
                self.tokens += stage.length * stage.batch
                step += 1
                if step <= first:
                    continue
                loss, norm = self._step(step - 1, torch.from_numpy(sampler(step - 1)).to(self.device))
                if step % self.run.log_every == 0 or step == self.total:
                    note = f"{loss.cross_entropy.item():.4f} nats/base"
                    self._log(step, loss, norm, time.monotonic() - started)
                if step % self.run.validate_every == 0 or step == self.total:
                    self._validate(step)
                if step % self.run.checkpoint_every == 0 or step == self.total:
                    save_checkpoint(self.folder, step, self.model, self.optimizer)
                self.progress(step, self.total, note)
        self._export()

    def _restore(self) -> int:
        """Go back to the newest checkpoint, drop what the log says of later steps, return the steps done."""
        done = load_checkpoint(self.folder, self.model, self.optimizer)
        log = self.folder / "log.jsonl"
        if log.exists():
            rows = [row for row in log.read_text().splitlines() if json.loads(row)["step"] <= done]
            log.write_text("".join(f"{row}\n" for row in rows))
        return done

    def _step(self, step: int, input_ids: Tensor) -> tuple[Loss, float]:
        """One optimiser step; returns the loss and the gradient norm before clipping."""
        settings = self.run.optim
        rate = cosine(
            step, self.total, warmup=settings.warmup, peak=settings.lr, final_share=settings.final_share
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.model.train()
        loss = self._loss(input_ids)
        loss.total.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss, float(norm)

    def _loss(self, input_ids: Tensor) -> Loss:
        labels = next_base_labels(input_ids, self.tokenizer.unscored_ids)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.run.autocast):
            output = self.model(input_ids)
        return pretraining_loss(
            output.logits,
            labels,
            output.aux,
            balance_weight=self.run.optim.balance_weight,
            z_weight=self.run.optim.z_weight,
        )

    @torch.no_grad()
    def _validate(self, step: int) -> None:
        """Write the mean loss over the validation windows, in the arithmetic of training."""
        losses = [self._loss(rows).cross_entropy.item() for rows in torch.split(self.validation, 8)]
        self._write({"step": step, "validation_nats_per_base": float(np.mean(losses))})

    def _log(self, step: int, loss: Loss, norm: float, seconds: float) -> None:
        self._write(
            {
                "step": step,
                "tokens": self.tokens,
                "nats_per_base": loss.cross_entropy.item(),
                "balance": loss.balance.item() / self.layers,
                "z": loss.z.item() / self.layers,
                "gradient_norm": norm,
                "lr": self.optimizer.param_groups[0]["lr"],
                "seconds": round(seconds, 1),
            }
        )

    @property
    def layers(self) -> int:
        """Layers whose router losses were summed; 1 for an architecture that does not count any."""
        return getattr(self.config, "num_hidden_layers", 1)

    def _write(self, row: dict[str, float]) -> None:
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(row) + "\n")

    def _export(self) -> None:
        card = {
            "tokens_seen": self.tokens,
            "data_sha256": self.corpus.sha256,
            "data_bases": self.corpus.num_bases,
            "seed": self.run.seed,
        }
        # The run folder is this run's alone, so what a finished run is resumed over is its own model.
        save_folder(
            self.folder / "model",
            self.model,
            self.tokenizer,
            self.spec,
            card,
            dtype=torch.bfloat16,
            overwrite=True,
        )


def _adamw(model: nn.Module, settings: OptimSettings) -> torch.optim.AdamW:
    """AdamW that decays matrices only: norm weights are scales around 1."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() <= 1]
    groups: list[dict[str, Any]] = [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(
        groups,
        lr=settings.lr,
        betas=(settings.betas[0], settings.betas[1]),
        weight_decay=settings.weight_decay,
        fused=True,
    )


def _validation_windows(run: Pretraining, tokenizer: Tokenizer) -> Tensor:
    """Evenly spaced windows of the validation stretch, without those that are mostly N."""
    length, data = run.stages[0].length, run.data
    _, bases = next(iter(read_source(data.validation)))
    if not length <= data.validation_bases <= len(bases):
        raise InputError(
            f"validation_bases is {data.validation_bases:,}; it must be between a window of {length:,} and "
            f"the {len(bases):,} bases of the first contig of {data.validation.fasta}"
        )
    starts = np.linspace(0, data.validation_bases - length, data.validation_windows).astype(int)
    cut = [bases[start : start + length] for start in starts]
    kept = [tokenizer.encode(window) for window in cut if 2 * window.count("N") < length]
    if not kept:
        raise InputError(f"the first {data.validation_bases} bases of {data.validation.fasta} are mostly N")
    return torch.from_numpy(np.stack(kept))
