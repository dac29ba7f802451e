"""One question about one allele: what a model is asked, and its text as it grows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from torch import Tensor

from cistron.formats.diagnosis_records import DiagnosisRecord
from cistron.fusion.described import Described
from cistron.fusion.pairs import as_variant, centred
from cistron.fusion.parts import Example, question_of
from cistron.fusion.prompt import PromptWriter
from cistron.fusion.saved import FusedModel
from cistron.inference.score import VariantScore, checked_width

NOTICE: Final = "Research use only; this is not a diagnosis."
"""Told with every answer."""

_PATHWAY: Final = ("Network Definition of the pathway:", "Genes in the pathway:")


def example_of(model: FusedModel | Described, record: DiagnosisRecord) -> Example:
    """A record as a model is asked about it: cut to its window, with the question it was trained on.

    Raises:
        InputError: The sequences are equal, leave no flanks, or are mostly unknown.
    """
    return Example(record, centred(record, model.dna.width), question_of(record, model.question), "")


def pathway_in(question: str) -> str:
    """The lines of a question that tell a pathway; empty without."""
    return "\n".join(line for line in question.splitlines() if line.startswith(_PATHWAY))


def score_of(model: FusedModel, record: DiagnosisRecord) -> VariantScore | None:
    """The record's allele as the fused model's DNA model scores it within the record; None for text alone."""
    if model.answerer.encoder is None:
        return None
    loaded = model.answerer.encoder.loaded
    variant, reference = as_variant(record)
    width = min(checked_width(loaded.model, None), len(reference.bases))
    return next(loaded.score_variants([variant], reference, width=width))


class Listener:
    """Tells the text of one answer as it grows; a streamer as `transformers` wants it.

    Args:
        writer: Turns tokens into text.
        tell: Gets each new piece, which may be empty. What it raises stops the generation.
    """

    def __init__(self, writer: PromptWriter, tell: Callable[[str], object]) -> None:
        self._writer, self._tell = writer, tell
        self._ids: list[int] = []
        self._told = ""

    def put(self, ids: Tensor) -> None:
        """Take further tokens."""
        self._ids.extend(token for token in ids.flatten().tolist() if token not in self._writer.stops)
        text = self._writer.text(self._ids)
        # A letter of several tokens is unknown until its last one.
        if not text.endswith("\ufffd"):
            self._tell_up_to(text)

    def end(self) -> None:
        """Tell what is left."""
        self._tell_up_to(self._writer.text(self._ids))

    def _tell_up_to(self, text: str) -> None:
        told, self._told = self._told, text
        self._tell(text[len(told) :])
