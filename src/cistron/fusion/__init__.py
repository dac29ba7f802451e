"""Fusion: a frozen DNA model, a projector and a language model that answer a question about an allele.

| file | what it is |
|---|---|
| `run.py` | what defines a training run |
| `pairs.py`, `parts.py` | records → centred pairs of sequences, and parts that share nothing |
| `encoder.py` | sequences → hidden states of a frozen DNA model, kept on disk |
| `projector.py` | hidden states → positions of the text |
| `language.py`, `prompt.py` | the language model, and what it is asked |
| `model.py` | all of it as one module: loss, likelihood of answers, generation |
| `pair_classifier.py` | the answer from DNA alone |
| `session.py`, `sharing.py` | the loop of training, on one process or several |
| `saved.py`, `described.py` | the folder that training leaves, and what it tells without being loaded |
| `answering.py`, `answers.py` | questions → answers, and what counts as one |
| `asking.py` | one question about one allele |
| `evidence.py`, `evidence_files.py` | which bases moved an answer, as values and as a figure or table |
| `rows.py`, `judging.py`, `baselines.py` | how good answers are, and what the DNA adds |
| `recipes/` | published runs by name, with a memory plan |

See `docs/design/fusion.md`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cistron.registry import Registry

if TYPE_CHECKING:
    from cistron.fusion.run import FusionRun

RECIPES: Registry[Callable[[], "FusionRun"]] = Registry(
    "cistron.fusion.recipes", "RECIPE", "fusion recipe", group="cistron.fusion_recipes"
)
