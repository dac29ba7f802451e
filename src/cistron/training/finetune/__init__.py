"""Fine-tune: a head on labelled data, with the model frozen, adapted or trained along: what defines a run."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cistron.data.labelled import LabelledData
from cistron.errors import InputError
from cistron.training import ProgressFn
from cistron.training.settings import from_plain

MODES = ("frozen", "lora", "last", "full")


@dataclass(frozen=True)
class LoraSettings:
    """Low-rank adapters.

    Attributes:
        rank: Width of the thin matrices.
        alpha: The adapter is scaled by `alpha / rank`.
        targets: Patterns of weight names; by default attention, experts and the projections of Hyena layers.
    """

    rank: int = 8
    alpha: float = 16.0
    targets: tuple[str, ...] = (
        "*.self_attn.*.weight",
        "*.experts.*",
        "*.projections.weight",
        "*.Wqkv.weight",
        "*.out_filter_dense.weight",
        "*.out_proj.weight",
    )


@dataclass(frozen=True)
class FinetuneOptim:
    """An optimiser with a linear warm-up and half a cosine down to nothing.

    Attributes:
        name: `adamw` or `adafactor`.
        lr: Peak rate of the head.
        model_lr: Peak rate of adapters or of the model's own weights.
        weight_decay: For matrices; vectors are not decayed.
        warmup_share: Share of all steps until the peak.
        clip: Largest norm of the gradient.
    """

    name: str = "adamw"
    lr: float = 2e-3
    model_lr: float = 2e-4
    weight_decay: float = 0.01
    warmup_share: float = 0.05
    clip: float = 1.0


@dataclass(frozen=True, kw_only=True)
class HeadTraining:
    """A head on a model: what all such runs have in common.

    Attributes:
        model: Name or folder of the model.
        name: What the head is called.
        head: Name in `cistron.heads`.
        settings: Of the head, beyond what follows from model and data, such as `pooling`.
        mode: `frozen` trains the head alone, `lora` adapters besides, `last` the last layers, `full` all.
        last: Layers that `last` trains.
        lora: Adapters.
        layers: Layers to read, side by side; none is the last hidden state after the final norm.
        strands: `both` shows the head either strand in training and averages both answers.
        optim: Rates.
        epochs: Most passes over the training part.
        batch: Items of a step.
        together: Items that go through the model at once, their gradients added up; None for all of a step.
        patience: Passes without a better validation loss after which training stops.
        seed: Of the split, initial weights, order and dropout.
        device: `auto`, `cpu` or `cuda`.
        autocast: Run the model's products in bfloat16.
        loggers: Names in `cistron.loggers` that get the log beside `log.jsonl`.
    """

    model: str = "default"
    name: str = "head"
    head: str = "classifier"
    settings: dict[str, Any] = field(default_factory=dict)
    mode: str = "frozen"
    last: int = 1
    lora: LoraSettings = field(default_factory=LoraSettings)
    layers: tuple[str | int, ...] = ()
    strands: str = "both"
    optim: FinetuneOptim = field(default_factory=FinetuneOptim)
    epochs: int = 30
    batch: int = 32
    together: int | None = None
    patience: int = 5
    seed: int = 0
    device: str = "auto"
    autocast: bool = False
    loggers: tuple[str, ...] = ("tensorboard",)


@dataclass(frozen=True, kw_only=True)
class Finetuning(HeadTraining):
    """A head that learns labels.

    Attributes:
        data: Labelled examples and their split.
        balance: Weigh classes by how rare they are.
    """

    data: LabelledData
    balance: bool = True

    def execute(self, folder: Path, *, resume: bool, progress: ProgressFn) -> None:
        """Train, and leave a head folder in `folder / "head"` with its results beside it.

        Raises:
            InputError: The data cannot be used.
            ResumeError: Nothing to resume, or the folder belongs to another run.
            Stopped: A signal asked the run to stop, and it saved itself.
        """
        from cistron.training.finetune.loop import finetune

        finetune(self, folder, resume=resume, progress=progress)


def read_task(path: Path) -> Finetuning:
    """The run that a TOML file describes; paths in it are relative to the file.

    Raises:
        InputError: The file is missing, not TOML, or a setting is unknown or of another kind.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; give a TOML file that describes the task") from None
    except (OSError, ValueError) as problem:
        raise InputError(f"{path} is not TOML: {problem}") from None
    if "data" not in content or "train" not in content["data"]:
        raise InputError(f'{path} does not say what to train on: [data] needs train = ["FILE"]')
    _from_here(content["data"], path.parent)
    if "/" in (model := str(content.get("model", ""))) and (path.parent / model).is_dir():
        content["model"] = str(path.parent / model)
    return from_plain(Finetuning, content, str(path))


def _from_here(data: dict[str, Any], folder: Path) -> None:
    for name in ("train", "validation", "test", "signal"):
        if isinstance(data.get(name), str):
            data[name] = [data[name]]
        if name in data:
            data[name] = [str(folder / one) for one in data[name]]
    for name in ("reference", "table"):
        if name in data:
            data[name] = str(folder / data[name])
