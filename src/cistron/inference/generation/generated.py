"""What generation answers: a sequence with its probabilities, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64

from cistron.errors import CistronError
from cistron.inference.generation.constraints import ConstraintError
from cistron.inference.generation.screening import ScreeningError


@dataclass(frozen=True)
class Generated:
    """A prompt continued.

    Attributes:
        prompt_index: Which prompt, from 0.
        sample_index: Which of its samples, from 0.
        prompt: As it was given.
        continuation: What was generated.
        log_probabilities: Of each generated base under the model: natural logarithm, without temperature and
            whatever else shaped the drawing, over the whole vocabulary.
        sampling_log_probabilities: Of each under the distribution it was drawn from.
        attempts: How many times it was begun until it kept the constraints.
        screened_by: Names of the screens that let it pass; none when nobody looked.
    """

    prompt_index: int
    sample_index: int
    prompt: str
    continuation: str
    log_probabilities: Float64[np.ndarray, "L"]
    sampling_log_probabilities: Float64[np.ndarray, "L"]
    attempts: int = 1
    screened_by: tuple[str, ...] = ()

    @property
    def sequence(self) -> str:
        """Prompt and continuation."""
        return self.prompt + self.continuation

    @property
    def log_likelihood(self) -> float:
        """Of the continuation given the prompt under the model, in nats."""
        return float(self.log_probabilities.sum())

    @property
    def sampling_log_likelihood(self) -> float:
        """Of the continuation under the distribution it was drawn from, in nats."""
        return float(self.sampling_log_probabilities.sum())


@dataclass(frozen=True)
class Refusal:
    """A sequence that is not given out, and why.

    Attributes:
        prompt_index: Which prompt, from 0.
        sample_index: Which of its samples, from 0.
        reason: One line; holds no sequence.
        by: Who refused it.
    """

    prompt_index: int
    sample_index: int
    reason: str
    by: Literal["constraints", "screen"]

    @property
    def error(self) -> CistronError:
        """The same as an exception."""
        kind = ConstraintError if self.by == "constraints" else ScreeningError
        return kind(f"sample {self.sample_index + 1} of prompt {self.prompt_index + 1}: {self.reason}")
