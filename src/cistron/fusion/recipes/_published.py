"""What all published runs have in common.

Published: a linear projector from every base, LoRA of rank 32 and alpha 64 on all linear layers but the last,
AdamW at 5e-5 with decay 0.01, a tenth of warm-up and a cosine, one record at a time and eight to a step, norm
clipped to 1, five passes, seed 23, 8,192 tokens of text and up to 1,024 bases of each sequence, answers with
their reasoning.

Different here: windows are centred on what differs (there an allele stood 48 bases before the end of 1,024),
the end of an answer is learnt, and validation decides by its own part, not by that of the test.
"""

from __future__ import annotations

from typing import Final

from cistron.fusion.run import (
    DnaSettings,
    FusionOptim,
    FusionRun,
    LanguageSettings,
    ProjectorSettings,
    RecordSettings,
)

GENOS: Final = "BGI-HangzhouAI/Genos-1.2B"


def published(language: str) -> FusionRun:
    """The published run of a language model, by its name on the hub, with Genos-1.2B.

    For the other DNA models: `--set dna.model=BGI-HangzhouAI/Genos-10B`, or a folder of Evo 2 that
    `cistron models convert` made, which fits the projector to its width.
    """
    return FusionRun(
        records=RecordSettings(question="asked", reasoning=True),
        dna=DnaSettings(model=GENOS, width=1024, strands="forward"),
        projector=ProjectorSettings(kind="linear", marker=False),
        language=LanguageSettings(model=language, context=8192 + 2 * 1024, dropout=0.05),
        optim=FusionOptim(lr=5e-5, projector_lr=5e-5),
        epochs=5,
        batch=1,
        accumulate=8,
        patience=5,
        checkpointing=True,
        seed=23,
        name=language.rpartition("/")[2].lower(),
    )
