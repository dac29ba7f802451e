"""Pretrain a model of any registered architecture by next-base prediction: what defines a run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cistron.data.build import Source
from cistron.data.sampling import WindowLength
from cistron.errors import InputError, UnknownNameError
from cistron.registry import unknown
from cistron.training import ProgressFn
from cistron.training.guards import GuardSettings
from cistron.training.parallel import Layout
from cistron.training.schedule import SCHEDULES


@dataclass(frozen=True)
class DataSettings:
    """What to learn from and what to measure on.

    Attributes:
        sources: FASTA files; made into a corpus in the run's folder before the first step.
        corpora: Folders of corpora that `cistron data build` made, used beside the sources.
        weights: How often each source is drawn from, the sources of `corpora` behind `sources`; or one
            for each corpus, that of the sources first. All windows alike when empty.
        held_out: Chromosomes or regions that must not be in the sources, such as `20` or
            `20:1-20,000,000`.
        drop_held_out: Leave held-out bases out of the corpus instead of refusing a source that has some.
        validation: File whose first contig is sampled for the validation loss; None for no validation.
        validation_start: Start of the validation stretch, 0-based.
        validation_bases: End of the validation stretch, 0-based exclusive.
        validation_windows: Evenly spaced windows of that stretch.
        validation_length: Tokens of each; the shortest window of the first stage when None.
        reverse_share: Share of windows that are reverse-complemented.
        pack_documents: Fill windows with one segment after another, as Genos does, instead of cutting each
            from one segment.
        deduplicate: Leave out of a source what an earlier one has too; see `cistron.data.duplicates`.
        reset_documents: Restart positions and attention where a packed window goes on to another segment.
    """

    sources: tuple[Source, ...] = ()
    corpora: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    held_out: tuple[str, ...] = ()
    drop_held_out: bool = False
    validation: Source | None = None
    validation_start: int = 0
    validation_bases: int = 0
    validation_windows: int = 64
    validation_length: int | None = None
    reverse_share: float = 0.5
    pack_documents: bool = False
    reset_documents: bool = True
    deduplicate: bool = False


@dataclass(frozen=True)
class Stage:
    """A stretch of training with one mixture of window lengths.

    Attributes:
        lengths: Window lengths and how often each is drawn; a step holds windows of one length.
        tokens: Tokens of a step.
        steps: Optimiser steps; None to have `total_tokens` decide.
        total_tokens: Tokens of the stage; None to have `steps` decide.
        rope_theta: Base of the rotary positions from this stage on; the model's own when None.
        rope_factor: What positions are divided by from this stage on (position interpolation), for
            architectures that have it; the model's own when None.
    """

    lengths: tuple[WindowLength, ...]
    tokens: int
    steps: int | None = None
    total_tokens: int | None = None
    rope_theta: float | None = None
    rope_factor: float | None = None

    @property
    def num_steps(self) -> int:
        """Optimiser steps of the stage."""
        if self.steps is not None:
            return self.steps
        return math.ceil((self.total_tokens or 0) / self.tokens)


@dataclass(frozen=True)
class OptimSettings:
    """AdamW and its schedule.

    Attributes:
        lr: Peak learning rate, one for all stages or one for each.
        final_share: Rate over the peak at the end of the decay.
        warmup: Steps until the peak.
        warmup_share: Share of all steps until the peak, instead of `warmup`.
        schedule: `cosine`, or `wsd` for warm-up, stable, decay.
        decay_share: Of all steps: where the cosine ends (1 when None), or how much of the end is `wsd`'s
            decay (0.2 when None).
        betas: AdamW's two.
        weight_decay: For matrices; vectors are not decayed.
        clip: Largest norm of the gradient.
        balance_weight: Of the load-balancing loss.
        z_weight: Of the router z-loss.
    """

    lr: float | tuple[float, ...] = 1e-3
    final_share: float = 0.05
    warmup: int = 200
    warmup_share: float | None = None
    schedule: str = "cosine"
    decay_share: float | None = None
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
        name: What the model is called.
        seed: Decides initial weights and the order of windows.
        layout: How the ranks of a distributed run divide the work.
        micro_tokens: Tokens that all data ranks together take through the model at a time; gradients of a
            step's parts are summed. None takes the step at once.
        autocast: Run matrix products in bfloat16; what it adds to stays as `dtype` says.
        gather: Arithmetic that sharded weights travel in: `same` as their own, or `bfloat16`, which halves
            the traffic and is used with more than one process only.
        dtype: Arithmetic of weights, moments and reductions: `float32`, or `float64` to compare runs in.
        activation_checkpointing: Compute activations again in the backward pass instead of keeping them.
        compile: Ends of module names that are compiled.
        guards: What happens when a step goes wrong.
        loggers: Names in `cistron.loggers` that get the log beside `log.jsonl`.
        log_every: Steps between two lines of `log.jsonl`.
        validate_every: Steps between two validations.
        checkpoint_every: Steps between two checkpoints.
        keep: Checkpoints that stay, newest first; the best of the validated ones stays besides.
    """

    architecture: str
    model: dict[str, Any]
    data: DataSettings
    stages: tuple[Stage, ...]
    optim: OptimSettings = field(default_factory=OptimSettings)
    name: str = ""
    seed: int = 0
    layout: Layout = field(default_factory=Layout)
    micro_tokens: int | None = None
    autocast: bool = True
    gather: str = "same"
    dtype: str = "float32"
    activation_checkpointing: bool = False
    compile: tuple[str, ...] = ()
    guards: GuardSettings = field(default_factory=GuardSettings)
    loggers: tuple[str, ...] = ("tensorboard",)
    log_every: int = 20
    validate_every: int = 250
    checkpoint_every: int = 250
    keep: int = 2

    FREE = ("layout", "activation_checkpointing", "compile", "keep", "loggers", "checkpoint_every")
    """Settings that may differ when a run is resumed: they do not change what it computes."""

    @property
    def num_steps(self) -> int:
        """Optimiser steps of all stages."""
        return sum(stage.num_steps for stage in self.stages)

    def execute(self, folder: Path, *, resume: bool, progress: ProgressFn) -> None:
        """Train to the end and write `folder/model`; see `cistron.training.Run`."""
        check(self)
        from cistron.training.trainer import train  # which needs the settings defined here

        train(self, folder, resume=resume, progress=progress)


def check(run: Pretraining) -> None:
    """Return silently when the settings fit one another.

    Raises:
        InputError: They do not; says which.
        UnknownNameError: No schedule of that name.
    """
    _check_stages(run.stages)
    _check_optim(run.optim, len(run.stages))
    data = run.data
    if not data.sources and not data.corpora:
        raise InputError("nothing to train on: give data.sources (FASTA) or data.corpora (built folders)")
    for name, choices in {"gather": ("same", "bfloat16"), "dtype": ("float32", "float64")}.items():
        if getattr(run, name) not in choices:
            raise InputError(f"{name} is {getattr(run, name)!r}; it can be {' or '.join(choices)}")
    if run.autocast and run.dtype == "float64":
        raise InputError("dtype float64 and autocast contradict each other; set autocast=false")
    for name in ("log_every", "validate_every", "checkpoint_every", "keep"):
        if getattr(run, name) < 1:
            raise InputError(f"{name} is {getattr(run, name)}; it must be at least 1")


def _check_stages(stages: tuple[Stage, ...]) -> None:
    if not stages:
        raise InputError("a run needs at least one stage; stages is empty")
    for number, stage in enumerate(stages):
        if not stage.lengths:
            raise InputError(f"stages.{number}.lengths is empty; give at least one window length")
        if (stage.steps is None) == (stage.total_tokens is None):
            raise InputError(f"stages.{number} needs either steps or total_tokens, and not both")
        if min(stage.tokens, stage.num_steps, *(window.length for window in stage.lengths)) < 1:
            raise InputError(f"stages.{number}: lengths, tokens and steps must be at least 1")


def _check_optim(optim: OptimSettings, num_stages: int) -> None:
    if optim.schedule not in SCHEDULES:
        raise UnknownNameError(unknown("schedule", optim.schedule, SCHEDULES))
    if isinstance(optim.lr, tuple) and len(optim.lr) != num_stages:
        raise InputError(
            f"optim.lr has {len(optim.lr)} values for {num_stages} stages; give one for all, or one for each"
        )
    if len(optim.betas) != 2:
        raise InputError(f"optim.betas has {len(optim.betas)} values; AdamW has two")
