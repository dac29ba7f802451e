"""A first model of your own: a corpus from `cistron data build`, a few minutes on a laptop."""

from __future__ import annotations

from cistron.data.sampling import WindowLength
from cistron.models.genos import GenosConfig
from cistron.training.pretrain import DataSettings, OptimSettings, Pretraining, Stage


def RECIPE() -> Pretraining:
    """Train a million parameters on the corpus folder `corpus`; `--set data.corpora=FOLDER` names another.

    Nothing is validated unless `data.validation.fasta` is set: what is held out is decided when the corpus
    is built.
    """
    config = GenosConfig(
        vocab_size=16,
        hidden_size=128,
        intermediate_size=192,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        num_local_experts=4,
        max_position_embeddings=4096,
        initializer_range=0.02,
        width=1024,
    )
    return Pretraining(
        name="laptop",
        architecture="genos",
        model=config.to_dict(),
        data=DataSettings(corpora=("corpus",)),
        stages=(Stage((WindowLength(512),), tokens=8192, steps=400),),
        optim=OptimSettings(lr=3e-3, warmup=40),
        seed=1,
        checkpoint_every=50,
    )
