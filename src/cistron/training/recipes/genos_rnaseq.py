"""Genos' RNA-seq coverage: all of the 1.2B model of 128K context, and a head of three convolutions.

Published: the head, windows of 32,000 bp every 16,000, the target transform, mean squared error, Adafactor at
5e-5 with a cosine and 5 % warm-up, weight decay 0.01, gradients clipped at 1, bfloat16, seed 42, 256 windows
a step, and one model for each of four tracks (`EFO:0002784` and `CL:0000623` total RNA-seq on either strand).
Its texts give 60, 40, 20 or 1 passes; this takes the first.

Not as published: a step's windows go through one process one after another instead of through eight GPUs at a
time; tracks of the minus strand are read from the reverse complement; and it stops by windows held out. The
published log trains and validates on the same chromosome.

Data: windows from `cistron tracks prepare` at `$CISTRON_TRACKS/genos-rnaseq`. The weights are named with
`--set model=FOLDER`.

Source: the training script and log of Genos' RNA-seq application.
"""

from __future__ import annotations

from cistron.training.finetune import FinetuneOptim
from cistron.training.finetune.tracks import TrackData, TrackTraining

RATE = 5e-5


def RECIPE() -> TrackTraining:
    """The published run for one track."""
    return TrackTraining(
        data=TrackData("$CISTRON_TRACKS/genos-rnaseq"),
        name="genos-rnaseq",
        model="genos-1.2b-128k",
        head="coverage-track",
        settings={"channels": [256, 64], "dropout": 0.1, "loss": "mse"},
        mode="full",
        strands="forward",
        optim=FinetuneOptim(
            name="adafactor", lr=RATE, model_lr=RATE, weight_decay=0.01, warmup_share=0.05, clip=1.0
        ),
        epochs=60,
        batch=256,
        together=1,
        seed=42,
        autocast=True,
    )
