"""Genos-10B as it was pretrained: 2.2 trillion bases of 636 human assemblies, 8,192 to 1,024,000 at a time.

Published, inferred and chosen are the same things as in `genos_1_2b`. Here the weight folders tell `1M140B`,
`cpt 8k 298B`, `cpt 32k/128k 200B`, `32k 200B` and `8k 200B`, of 2,200 billion tokens in all. Inferred is that
the 1,162 billion left are the first three stages, in equal numbers of windows, and that the stage of two
lengths has as many windows of one as of the other.

Published parallel layout, on 256 GPUs: tensor 2 (sequence-parallel), pipeline 2, expert 2, context 2.
Pipelines are not built here; the ranks that held their second halves shard parameters and rows instead, so
that 256 GPUs are `shard` 64 × `tensor` 2 × `context` 2, with `expert` 2 inside `shard`. `shard` stays 0,
which takes whatever is left of other numbers of GPUs.
"""

from __future__ import annotations

from dataclasses import replace

from cistron.data.sampling import WindowLength
from cistron.training.parallel import Layout
from cistron.training.pretrain import Pretraining
from cistron.training.recipes.genos_1_2b import genos, stage


def RECIPE() -> Pretraining:
    """Eight stages: 8K, 32K, 128K, 1M, then 8K, 32K with 128K, 32K, and 8K at the end."""
    run = genos(
        "genos-10b",
        (
            stage(55.3, WindowLength(8192, gene_distance=5120)),
            stage(221.3, WindowLength(32_768, gene_distance=10_240)),
            stage(885.4, WindowLength(131_072)),
            stage(140, WindowLength(1_024_000)),
            stage(298, WindowLength(8192)),
            stage(200, WindowLength(32_768), WindowLength(131_072)),
            stage(200, WindowLength(32_768)),
            stage(200, WindowLength(8192)),
        ),
        warmup_share=0.05,
    )
    return replace(run, layout=Layout(tensor=2, expert=2, context=2))
