"""Pathogenicity: from alleles with a class to a calibrated head and to what it is worth beside baselines."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from cistron.training import ProgressFn


@dataclass(frozen=True)
class Fitting:
    """How a head is fitted to features that are at hand.

    Attributes:
        inner_size: Width of the hidden layer; 0 makes the head a logistic regression, which is solved and
            not trained, so that nothing below counts.
        dropout: Share of features left out in training.
        lr: Rate of AdamW, after which half a cosine leads down to nothing.
        weight_decay: For matrices.
        passes: Most passes over the training part.
        patience: Passes without a better validation loss after which it stops.
        batch: Alleles of a step.
    """

    inner_size: int = 32
    dropout: float = 0.3
    lr: float = 2e-3
    weight_decay: float = 0.1
    passes: int = 60
    patience: int = 8
    batch: int = 64


@dataclass(frozen=True)
class Pathogenicity:
    """A run of `cistron pathogenicity train`.

    Attributes:
        clinvar: Labelled VCF in ClinVar's layout.
        reference: FASTA it lies on.
        annotation: GFF3 or GTF whose consequences the head reads too; None for a head without.
        model: Name or folder of the model.
        name: What the head is called.
        min_stars: Fewest stars of a review.
        limit: Most alleles; more are thinned at random.
        width: Window in bp; the model's own when None.
        around: Bases behind an allele, in reading direction, whose states count as the allele's own.
        layers: Layers to read, side by side; none is the last hidden state after the final norm.
        folds: Parts of each cross-validation.
        fitting: How heads are fitted.
        seed: Of thinning, folds, initial weights, order and dropout.
        device: `auto`, `cpu` or `cuda`.
        batch_tokens: Most tokens run together.
    """

    FREE: ClassVar[tuple[str, ...]] = ("device",)

    clinvar: str
    reference: str
    annotation: str | None = None
    model: str = "default"
    name: str = "pathogenicity"
    min_stars: int = 1
    limit: int | None = 50_000
    width: int | None = None
    around: int = 8
    layers: tuple[str | int, ...] = ()
    folds: int = 5
    fitting: Fitting = field(default_factory=Fitting)
    seed: int = 0
    device: str = "auto"
    batch_tokens: int = 16_384

    def execute(self, folder: Path, *, resume: bool, progress: ProgressFn) -> None:
        """Train, and leave a head folder in `folder / "head"` with its evaluation beside it.

        Raises:
            InputError: The data cannot be used.
            ResumeError: Nothing to resume, or the folder belongs to another run.
        """
        from cistron.training.pathogenicity.run import train

        train(self, folder, resume=resume, progress=progress)
