"""Answers of a trained head: how probably each allele is pathogenic, or why that is not known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import torch

from cistron.formats.consequences import Consequences
from cistron.genome import Variant
from cistron.genome.alleles import AlleleStatus
from cistron.training.pathogenicity.alleles import AlleleReader
from cistron.training.pathogenicity.columns import column_values
from cistron.training.pathogenicity.fit import Examples
from cistron.training.pathogenicity.held_out import probabilities


def answers(
    reader: AlleleReader, variants: Sequence[Variant], consequences: Consequences | None = None
) -> list[float | AlleleStatus]:
    """P(pathogenic) of each allele, calibrated, or the status of an allele that cannot be read.

    Args:
        reader: With the trained head.
        variants: The alleles; all are read at once.
        consequences: For heads that read them.

    Raises:
        InputError: The head reads consequences and there are none.
    """
    readings = list(reader.read(variants))
    known = [at for at, one in enumerate(readings) if one.vectors is not None]
    if not known:
        return [cast(AlleleStatus, one.status) for one in readings]
    terms = None if consequences is None else worst_terms(consequences, [variants[at] for at in known])
    llr = [cast(float, readings[at].llr) for at in known]
    columns = torch.from_numpy(column_values(reader.head.config.columns, llr, terms))
    vectors = torch.from_numpy(np.stack([cast(np.ndarray, readings[at].vectors) for at in known]))
    examples = Examples(vectors, columns, torch.zeros(len(known), 1))
    said = iter(probabilities(reader.head, examples, torch.arange(len(known))).tolist())
    return [next(said) if one.vectors is not None else cast(AlleleStatus, one.status) for one in readings]


def worst_terms(consequences: Consequences, variants: Sequence[Variant]) -> list[tuple[str, ...]]:
    """Terms of the most severe consequence of each allele; none where none can be told."""
    return [found[0].terms if found else () for found in consequences.of(variants)]
