"""A fused model of the shipped DNA model and a small language model, trained on a CPU."""

from __future__ import annotations

from cistron.fusion.run import FusionOptim, FusionRun, ProjectorSettings, RecordSettings


def small() -> FusionRun:
    """24 positions for each sequence, questions without lists of genes, answers without reasoning."""
    return FusionRun(
        records=RecordSettings(question="short"),
        projector=ProjectorSettings(positions=24),
        optim=FusionOptim(lr=3e-4),
        epochs=4,
        device="cpu",
        name="small",
    )


RECIPE = small
