"""The model that ships as `default`: seven million parameters and an n-gram memory, for a laptop CPU."""

from __future__ import annotations

from cistron.data.corpus import Source
from cistron.data.sampling import WindowLength
from cistron.models.genos import GenosConfig
from cistron.models.ngram import NgramConfig
from cistron.training.pretrain import DataSettings, OptimSettings, Pretraining, Stage

HUMAN = "$CISTRON_DATA/human"


def RECIPE() -> Pretraining:
    """Train on chrX, chr22 and the LRG loci outside chr20; validate on chr20:1-20,000,000.

    Windows are short first, since attention over long ones is what costs time on a CPU; the last stage mixes
    in windows up to the context of the model, in the shares of tokens 60 : 26 : 14.
    """
    network = GenosConfig(
        vocab_size=16,
        hidden_size=256,
        intermediate_size=256,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        max_position_embeddings=8192,
        initializer_range=0.02,
        width=2048,
    )
    short, middle, long = WindowLength(1024, 32.0), WindowLength(2048, 7.0), WindowLength(8192, 1.0)
    return Pretraining(
        name="default",
        architecture="ngram",
        model=NgramConfig(base=network.to_dict()).to_dict(),
        data=DataSettings(
            sources=(
                Source(f"{HUMAN}/chrX_1_70M.fa.gz"),
                Source(f"{HUMAN}/chr22_partial.fa.gz"),
                Source(f"{HUMAN}/lrg_loci.fa.gz", locations=f"{HUMAN}/lrg_index.tsv"),
            ),
            held_out=("20",),
            deduplicate=True,
            validation=Source(f"{HUMAN}/chr20.fa.gz"),
            validation_bases=20_000_000,
        ),
        stages=(
            Stage(lengths=(short,), tokens=8192, steps=3000),
            Stage(lengths=(short, middle, long), tokens=8192, steps=600),
        ),
        optim=OptimSettings(lr=2e-3, warmup=150),
        seed=20,
        compile=("self_attn", "norm", "activation"),
    )
