"""A run of a minute on the bundled example that goes through everything a long run does."""

from __future__ import annotations

from importlib.resources import files

from cistron.data.build import Source
from cistron.data.sampling import WindowLength
from cistron.models.genos import GenosConfig
from cistron.training.pretrain import DataSettings, OptimSettings, Pretraining, Stage

EXAMPLE = files("cistron.resources") / "example" / "prnp_chr20.fa.gz"


def RECIPE() -> Pretraining:
    """Train on 100 kb of chr20 around *PRNP*, validate on the 50 kb behind, in float32."""
    config = GenosConfig(
        vocab_size=16,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        num_local_experts=4,
        rope_theta=1e4,
        max_position_embeddings=1024,
        initializer_range=0.02,
        width=256,
    )
    return Pretraining(
        name="smoke",
        architecture="genos",
        model=config.to_dict(),
        data=DataSettings(
            sources=(Source(str(EXAMPLE)),),
            held_out=("20:4700001-63025520",),
            drop_held_out=True,
            validation=Source(str(EXAMPLE)),
            validation_start=4_700_000,
            validation_bases=4_750_000,
            validation_windows=32,
        ),
        stages=(
            Stage((WindowLength(128, 3), WindowLength(256, 1)), tokens=4096, steps=40),
            Stage((WindowLength(512),), tokens=4096, steps=10, rope_theta=1e5),
        ),
        optim=OptimSettings(lr=4e-3, warmup=10, schedule="wsd"),
        seed=1,
        micro_tokens=2048,
        autocast=False,
        log_every=1,
        validate_every=10,
        checkpoint_every=20,
    )
