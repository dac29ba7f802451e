"""What a model answers: arrays with one row for each item of the request, in its order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray


@dataclass(frozen=True)
class Scores:
    """Answer to a `ScoreRequest`.

    Attributes:
        llr: log P(alt) − log P(ref) in nats, negative when less plausible than the reference; NaN without.
        flank: The part of it that falls on the bases downstream of the allele; NaN without.
        status: Why there is no score, such as `REF_MISMATCH`; empty when there is one.
    """

    llr: Float[np.ndarray, "N"]
    flank: Float[np.ndarray, "N"]
    status: NDArray[np.str_]


@dataclass(frozen=True)
class Likelihoods:
    """Answer to a `LikelihoodRequest`.

    Attributes:
        total: Sum of natural-log probabilities over scored bases.
        bases: How many were scored.
    """

    total: Float[np.ndarray, "N"]
    bases: Int[np.ndarray, "N"]


@dataclass(frozen=True)
class Vectors:
    """Answer to an `EmbedRequest`, a `TrainRequest` or a `NameRequest`.

    Attributes:
        vectors: One row a sequence or name, float32.
    """

    vectors: Float[np.ndarray, "N D"]


@dataclass(frozen=True)
class Continuations:
    """Answer to a `GenerateRequest`.

    Attributes:
        texts: One row a prompt, one column a sample: what was generated, without the prompt.
    """

    texts: NDArray[np.str_]


@dataclass(frozen=True)
class Signals:
    """Answer to a `TracksRequest`.

    Attributes:
        values: One row a region, one column a bin: its mean signal in the unit of the track, float32; NaN in
            bins with a base that is not known.
    """

    values: Float[np.ndarray, "N P"]


Answer = Scores | Likelihoods | Vectors | Continuations | Signals
