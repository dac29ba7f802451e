"""The model that ships as `default`: ten million parameters, trained in under two hours on two CPU cores."""

from __future__ import annotations

from cistron.data.corpus import Source
from cistron.models.genos import GenosConfig
from cistron.training.pretrain import DataSettings, OptimSettings, Pretraining, Stage

HUMAN = "$CISTRON_DATA/human"


def RECIPE() -> Pretraining:
    """Train on chrX, chr22 and the LRG loci outside chr20; validate on chr20:1-20,000,000."""
    config = GenosConfig(
        vocab_size=16,
        hidden_size=256,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        max_position_embeddings=8192,
        initializer_range=0.02,
        width=2048,
    )
    return Pretraining(
        architecture="genos",
        model=config.to_dict(),
        data=DataSettings(
            sources=(
                Source(f"{HUMAN}/chrX_1_70M.fa.gz"),
                Source(f"{HUMAN}/chr22_partial.fa.gz"),
                Source(f"{HUMAN}/lrg_loci.fa.gz", locations=f"{HUMAN}/lrg_index.tsv"),
            ),
            held_out=("20",),
            validation=Source(f"{HUMAN}/chr20.fa.gz"),
            validation_bases=20_000_000,
        ),
        stages=(Stage(length=1024, batch=8, steps=2200), Stage(length=8192, batch=1, steps=200)),
        optim=OptimSettings(lr=2e-3, warmup=200),
        seed=20,
        compile=("self_attn", "norm"),
    )
