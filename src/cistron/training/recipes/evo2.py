"""Evo 2's two phases: short windows near genes, then the context extended in steps to a million bases.

The phases are Evo 2's. The model is not: until this platform has StripedHyena 2, a decoder of the `genos`
architecture with one expert, which makes it dense, stands in at the sizes of Evo 2 7B (width 4,096, 32
layers, 32 heads of 128, inner width 11,008). The other differences:

- Evo 2 interpolates positions and raises the rotary base with the context. Here the base alone is raised, by
  the factor that turns the slowest channels as far in a long context as in the short one.
- Evo 2 weighs the loss on repeats by 0.1. The trainer has no such weight.
- Tokens of the phases, learning rate and batch are not in our sources and were chosen here.

Data: folders that `cistron data build` made below `$CISTRON_CORPORA/opengenome2`, with an annotation where
the first phase is to find genes.

Source: Brixi et al., Genome modelling and design across all domains of life with Evo 2 (figure 1), and the
configurations in the `evo2` package. Rotary base: Peng et al. 2023 (arXiv 2309.00071, section 3.1,
"NTK-aware").
"""

from __future__ import annotations

from cistron.data.sampling import WindowLength
from cistron.models.genos import GenosConfig
from cistron.training.pretrain import DataSettings, OptimSettings, Pretraining, Stage

CORPORA = tuple(
    f"$CISTRON_CORPORA/opengenome2/{name}" for name in ("eukaryotes", "prokaryotes", "organelles")
)
SHORT, TOKENS = 8192, 2**23
EXTENSIONS = tuple(2**power for power in range(15, 21))
"""Contexts of the second phase: 32,768 to 1,048,576."""

MODEL = GenosConfig(
    vocab_size=16,
    hidden_size=4096,
    intermediate_size=11_008,
    num_hidden_layers=32,
    num_attention_heads=32,
    num_key_value_heads=32,
    head_dim=128,
    num_local_experts=1,
    num_experts_per_tok=1,
    rope_theta=1e4,
    max_position_embeddings=EXTENSIONS[-1],
)


def rope_base(length: int) -> float:
    """The rotary base for windows of `length` tokens: θ · s^(K / (K − 2)), where s is length / 8,192."""
    power: float = MODEL.head_dim / (MODEL.head_dim - 2)
    return float(MODEL.rope_theta * (length / SHORT) ** power)


def RECIPE() -> Pretraining:
    """2.1 trillion bases in windows of 8,192 that touch a gene, then 50 billion at each of six contexts."""
    extensions = (
        Stage((WindowLength(length),), tokens=TOKENS, total_tokens=50 * 10**9, rope_theta=rope_base(length))
        for length in EXTENSIONS
    )
    return Pretraining(
        architecture="genos",
        model=MODEL.to_dict(),
        data=DataSettings(corpora=CORPORA),
        stages=(
            Stage((WindowLength(SHORT, gene_distance=0),), tokens=TOKENS, total_tokens=2_100 * 10**9),
            *extensions,
        ),
        optim=OptimSettings(lr=3e-4, final_share=0.1, warmup=2500, weight_decay=0.1, balance_weight=0.0),
        name="evo2",
        gather="bfloat16",
        micro_tokens=SHORT,
        activation_checkpointing=True,
    )
