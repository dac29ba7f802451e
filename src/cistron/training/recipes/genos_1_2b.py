"""Genos-1.2B as it was pretrained: 1.6 trillion bases of 636 human assemblies, 8,192 to 1,024,000 at a time.

Published: all sizes, the optimiser, 1,024 windows a step, precision, the order of the stages and the tokens
of those that names of weight folders tell (`128k364B`, `cpt 8k 298B`, `cpt 1m 140B`, `cpt 8k 200B`), 1,600
billion tokens in all, the distances to genes, a quarter of windows reverse-complemented, no validation, and
no reset of positions or attention between packed segments.

Inferred: that what is left of the total, 598 billion tokens, is the first two stages, in equal numbers of
windows as the data preparation's 3 : 3 : 3 : 1 over the four lengths says; that steps hold 1,024 windows at
every length; and that one learning-rate schedule spans all stages.

Parallel layout as published: none but sharding. Checkpointing of activations is this recipe's choice.

Data: folders that `cistron data build` made below `$CISTRON_CORPORA/genos`, each with an annotation, without
which there is no distance to a gene.

Source: Genos, GigaScience 2025, giaf132; its training scripts and the names of its weight folders. Windows,
distances to genes and reversed share: a third party's summary of the paper.
"""

from __future__ import annotations

from cistron.data.sampling import WindowLength
from cistron.models import MODELS
from cistron.training.pretrain import DataSettings, OptimSettings, Pretraining, Stage

CORPORA = tuple(f"$CISTRON_CORPORA/genos/{name}" for name in ("hprc-r2", "hgsvc", "ceph", "grch38", "chm13"))
WINDOWS = 1024
"""Of a step, at every length."""


def stage(billions: float, *lengths: WindowLength) -> Stage:
    """A stage of so many tokens whose steps hold 1,024 of its longest windows, or as many tokens."""
    longest = max(window.length for window in lengths)
    return Stage(lengths, tokens=WINDOWS * longest, total_tokens=round(billions * 1e9))


def genos(size: str, stages: tuple[Stage, ...], warmup_share: float) -> Pretraining:
    """What the published runs have in common."""
    return Pretraining(
        architecture="genos",
        model=MODELS.get("genos").sizes[size].to_dict(),
        data=DataSettings(corpora=CORPORA, reverse_share=0.25, pack_documents=True, reset_documents=False),
        stages=stages,
        optim=OptimSettings(
            lr=1e-4, final_share=0.1, warmup_share=warmup_share, decay_share=0.8, weight_decay=0.1, clip=1.0
        ),
        name=size,
        gather="bfloat16",
        micro_tokens=8192,
        activation_checkpointing=True,
    )


def RECIPE() -> Pretraining:
    """Six stages: 8K, 32K, 128K, then 8K again, 1M, and 8K at the end."""
    return genos(
        "genos-1.2b",
        (
            stage(119.6, WindowLength(8192, gene_distance=5120)),
            stage(478.4, WindowLength(32_768, gene_distance=10_240)),
            stage(364, WindowLength(131_072)),
            stage(298, WindowLength(8192)),
            stage(140, WindowLength(1_024_000)),
            stage(200, WindowLength(8192)),
        ),
        warmup_share=0.1,
    )
