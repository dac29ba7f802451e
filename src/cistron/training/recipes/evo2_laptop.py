"""Both phases of Evo 2 at a size for a laptop: 512 bases, then 2,048 with stretched positions.

Small genomes do, such as those of *E. coli* and yeast:

    cistron data build ecoli.fna.gz yeast.fa.gz -o corpus --held-out XIV --drop-held-out
    cistron train evo2-laptop -o run
"""

from __future__ import annotations

from cistron.data.sampling import WindowLength
from cistron.models.stripedhyena2 import StripedHyena2Config
from cistron.training.pretrain import DataSettings, OptimSettings, Pretraining, Stage

SHORT, LONG = 512, 2048


def RECIPE() -> Pretraining:
    """Train 400,000 parameters on the corpus folder `corpus`; `--set data.corpora=FOLDER` names another.

    The second phase divides positions by 4 and raises the rotary base by as much: one keeps the slow pairs
    of channels within the angles they know, the other tells neighbours apart all the same.
    """
    config = StripedHyena2Config(
        hidden_size=64,
        intermediate_size=176,
        num_hidden_layers=7,
        num_attention_heads=4,
        hybrid_override_pattern="SDH*SDH",
        hcs_filter_groups=8,
        hcm_filter_groups=8,
        max_position_embeddings=LONG,
        width=LONG,
    )
    return Pretraining(
        name="evo2-laptop",
        architecture="stripedhyena2",
        model=config.to_dict(),
        data=DataSettings(corpora=("corpus",)),
        stages=(
            Stage((WindowLength(SHORT),), tokens=8192, steps=300),
            Stage(
                (WindowLength(LONG),),
                tokens=8192,
                steps=100,
                rope_factor=LONG / SHORT,
                rope_theta=config.rope_theta * LONG / SHORT,
            ),
        ),
        optim=OptimSettings(lr=3e-3, warmup=40),
        seed=1,
        checkpoint_every=50,
    )
