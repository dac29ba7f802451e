"""Evo 2 7B in its two phases: short windows near genes, then the context extended to a million bases.

The architecture is that of the published `evo2-7b`, whose settings the last stage ends with. The second phase
interpolates positions: stretched by as much as the window is, they stay within the angles that the first
phase knew. That is what published configurations say: factor 32 at 262,144 bases, 128 at 1,048,576. Their
rotary base is 10,000 from first to last, so it stays; `--set stages.1.rope_theta=…` raises it.

What differs from the published run:

- The wider MLP that published long models were padded to is there from the beginning.
- Evo 2 weighs the loss on repeats by 0.1. The trainer has no such weight.
- Input projections are not rounded to eight bits. The 7B models are those that do not need it.
- Tokens of the phases, learning rate and batch are not in our sources and were chosen here.

Parameters and rows are divided among ranks (`layout.shard`), MLPs and attention heads too (`layout.tensor`),
and one sequence never (`layout.context`). So windows of up to 131,072 bases fit 256 GPUs of 80 GiB, and the
longest fit none: `cistron plan train evo2 --set stages=…` says what does.

Data: folders that `cistron data build` made below `$CISTRON_CORPORA/opengenome2`, with an annotation where
the first phase is to find genes.

Source: Brixi et al., Genome modelling and design across all domains of life with Evo 2 (figure 1), and the
configurations in the `evo2` package. Interpolation: Chen et al. 2023 (arXiv 2306.15595).
"""

from __future__ import annotations

from dataclasses import replace

from cistron.data.sampling import WindowLength
from cistron.models.stripedhyena2 import EVO2_7B
from cistron.training.pretrain import DataSettings, OptimSettings, Pretraining, Stage

CORPORA = tuple(
    f"$CISTRON_CORPORA/opengenome2/{name}" for name in ("eukaryotes", "prokaryotes", "organelles")
)
SHORT, TOKENS = 8192, 2**23
EXTENSIONS = tuple(2**power for power in range(15, 21))
"""Contexts of the second phase: 32,768 to 1,048,576."""

MODEL = replace(EVO2_7B, rope_factor=1.0)


def RECIPE() -> Pretraining:
    """2.1 trillion bases in windows of 8,192 that touch a gene, then 50 billion at each of six contexts."""
    extensions = (
        Stage((WindowLength(length),), tokens=TOKENS, total_tokens=50 * 10**9, rope_factor=length / SHORT)
        for length in EXTENSIONS
    )
    return Pretraining(
        architecture="stripedhyena2",
        model=MODEL.to_dict(),
        data=DataSettings(corpora=CORPORA),
        stages=(
            Stage((WindowLength(SHORT, gene_distance=0),), tokens=TOKENS, total_tokens=2_100 * 10**9),
            *extensions,
        ),
        optim=OptimSettings(lr=3e-4, final_share=0.1, warmup=2500, weight_decay=0.1),
        name="evo2",
        gather="bfloat16",
        micro_tokens=SHORT,
        activation_checkpointing=True,
    )
