"""What defines a training run of a fused model, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from cistron.training import ProgressFn

MODES: Final = ("fused", "text", "dna")
QUESTIONS: Final = ("asked", "short", "nameless")
KINDS: Final = ("linear", "mlp", "resampler")
SPLITS_BY: Final = ("gene", "sequence", "random")


@dataclass(frozen=True)
class DnaSettings:
    """What is read of the DNA.

    Attributes:
        model: Name, folder or hub id of the DNA model, which stays as it is.
        layers: Layers to read, side by side; none is the last hidden state after the final norm.
        width: Most bases of a window around what differs.
        strands: `both` puts the states of both strands side by side, so that bases on either side of an
            allele know of it; `forward` is what was published.
    """

    model: str = "default"
    layers: tuple[str | int, ...] = ()
    width: int = 1024
    strands: str = "both"


@dataclass(frozen=True)
class ProjectorSettings:
    """How hidden states become positions of the text.

    Attributes:
        kind: `linear` (as published) and `mlp` make one position of every base, `resampler` a fixed number.
        positions: Of the resampler, for one sequence.
        inner: Width between input and output; of the resampler too.
        heads: Of the resampler's attention.
        depth: Its layers.
        marker: Whether a learned vector says which bases differ.
    """

    kind: str = "resampler"
    positions: int = 32
    inner: int = 256
    heads: int = 4
    depth: int = 2
    marker: bool = True


@dataclass(frozen=True)
class LanguageSettings:
    """The language model and its adapters.

    Attributes:
        model: Folder, hub id or GGUF file of a causal language model.
        chat: `template` asks as the model's own chat template says, `plain` without one.
        context: Most tokens of question, DNA and answer together; 0 takes what the model reads.
        dtype: Arithmetic of the frozen weights; what is trained is in float32.
        rank: Of the adapters on all its linear layers but the last; 0 trains none.
        alpha: Adapters are scaled by `alpha / rank`.
        dropout: Before adapters.
    """

    model: str = ""
    chat: str = "template"
    context: int = 0
    dtype: str = "bfloat16"
    rank: int = 32
    alpha: int = 64
    dropout: float = 0.05


@dataclass(frozen=True)
class RecordSettings:
    """Which records, and in which parts.

    Attributes:
        train: Files to learn from.
        validation: Files to stop by; a part of `train` where empty.
        test: Files to judge by; a part of `train` where empty.
        by: What a part is made of: whole `gene`s, groups of overlapping sequences (`sequence`), or records
            (`random`).
        shares: Of train, validation and test where there are no files.
        question: `asked` as in the file, `short` without lists of genes, `nameless` one question for all
            records, so that nothing but the DNA tells them apart.
        reasoning: Whether answers begin with the record's reasoning.
        on_bad: `refuse` stops at a record that cannot be used, `skip` leaves it out.
        on_leak: `refuse` stops where parts share something, `warn` goes on; the report is written anyway.
    """

    train: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    by: str = "gene"
    shares: tuple[float, ...] = (0.8, 0.1, 0.1)
    question: str = "asked"
    reasoning: bool = False
    on_bad: str = "refuse"
    on_leak: str = "warn"


@dataclass(frozen=True)
class FusionOptim:
    """AdamW with a linear warm-up and half a cosine down to nothing.

    Attributes:
        lr: Peak rate of the adapters.
        projector_lr: Peak rate of the projector, or of the classifier.
        weight_decay: For matrices.
        warmup_share: Share of all steps until the peak.
        clip: Largest norm of the gradient.
    """

    lr: float = 2e-4
    projector_lr: float = 1e-3
    weight_decay: float = 0.01
    warmup_share: float = 0.1
    clip: float = 1.0


@dataclass(frozen=True)
class FusionRun:
    """A training run.

    Attributes:
        records: The data.
        dna: The DNA model.
        projector: From its states to text positions.
        language: The language model.
        mode: `fused`; `text` leaves the DNA out; `dna` is a classifier of both sequences without a language
            model.
        optim: Rates.
        epochs: Most passes over the training part.
        batch: Records that go through the model together.
        accumulate: Batches of a step.
        patience: Passes without a better validation loss after which training stops.
        checkpoint_every: Steps between checkpoints inside a pass; each pass ends with one anyway.
        checkpointing: Whether activations of the language model are computed again instead of kept.
        seed: Of split, initial weights, order and dropout.
        device: `auto`, `cpu` or `cuda`.
        loggers: Names in `cistron.loggers` that get the log beside `log.jsonl`.
        name: What the run is called.
    """

    records: RecordSettings = field(default_factory=RecordSettings)
    dna: DnaSettings = field(default_factory=DnaSettings)
    projector: ProjectorSettings = field(default_factory=ProjectorSettings)
    language: LanguageSettings = field(default_factory=LanguageSettings)
    mode: str = "fused"
    optim: FusionOptim = field(default_factory=FusionOptim)
    epochs: int = 5
    batch: int = 4
    accumulate: int = 2
    patience: int = 2
    checkpoint_every: int = 50
    checkpointing: bool = False
    seed: int = 23
    device: str = "auto"
    loggers: tuple[str, ...] = ()
    name: str = "fusion"

    def execute(self, folder: Path, *, resume: bool, progress: ProgressFn) -> None:
        """Train, and leave the fused model in `folder / "model"`.

        Raises:
            InputError: The data or a setting cannot be used.
            ResumeError: Nothing to resume, or the folder belongs to another run.
            Stopped: A signal asked the run to stop, and it saved itself.
        """
        from cistron.fusion.session import train

        train(self, folder, resume=resume, progress=progress)


RIVALS: Final = "rivals"
"""Folder of the rivals' runs, below that of a fused run."""


def rivals(run: FusionRun) -> dict[str, FusionRun]:
    """The runs that say what DNA adds to a fused one, by the names of their folders.

    Text alone with the run's question and with one that names nothing, and DNA alone, which takes eight times
    as many passes, because they cost little and begin from nothing.
    """
    nameless = replace(run.records, question="nameless")
    return {
        "text": replace(run, mode="text"),
        "text-nameless": replace(run, mode="text", records=nameless),
        "dna": replace(run, mode="dna", epochs=8 * run.epochs, patience=8),
    }
