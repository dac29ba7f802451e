"""Labelled alleles with everything that a head and its baselines read of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float

from cistron.data.labelled.clinvar import LabelledAllele
from cistron.errors import InputError
from cistron.formats.atomic import sha256_file
from cistron.formats.consequences import Consequences
from cistron.formats.fasta import Fasta
from cistron.formats.journal import Journal
from cistron.heads.allele_pair import AllelePair, AllelePairConfig
from cistron.inference.load import LoadedModel
from cistron.inference.predict import hidden_size
from cistron.inference.score import checked_width
from cistron.training import ProgressFn
from cistron.training.pathogenicity import Pathogenicity
from cistron.training.pathogenicity.alleles import AlleleReader
from cistron.training.pathogenicity.answers import worst_terms
from cistron.training.pathogenicity.columns import CONSEQUENCES, LLR, column_values, word_values
from cistron.training.pathogenicity.fit import Examples
from cistron.training.pathogenicity.kept import all_readings, read_into

_BLOCK: Final = 20_000
"""Alleles whose consequences are worked out together."""


@dataclass(frozen=True)
class Labelled:
    """Labelled alleles that the model could read.

    Attributes:
        alleles: The alleles.
        examples: Their features, with the columns of the head.
        llr: Of each.
        terms: Of the most severe consequence of each; from the annotation, or else as the file states them.
        words: Words of the sequence around each.
    """

    alleles: list[LabelledAllele]
    examples: Examples
    llr: list[float]
    terms: list[tuple[str, ...]]
    words: Float[np.ndarray, "N W"]


def head_config(run: Pathogenicity, loaded: LoadedModel) -> AllelePairConfig:
    """The head of a run: the llr beside the states, and consequences where there is an annotation."""
    columns = (LLR, *(CONSEQUENCES if run.annotation else ()))
    size = hidden_size(loaded.model, loaded.tokenizer, run.layers)
    return AllelePairConfig(
        size, columns=columns, inner_size=run.fitting.inner_size, dropout=run.fitting.dropout
    )


def labelled(
    run: Pathogenicity,
    journal: Journal,
    alleles: Sequence[LabelledAllele],
    loaded: LoadedModel,
    reference: Fasta,
    progress: ProgressFn,
) -> Labelled:
    """Read the alleles, as far as the journal does not have them, and keep those that can be read.

    Raises:
        InputError: Of one class none can be read.
    """
    terms = _terms(run, alleles, reference)
    config = head_config(run, loaded)
    head = AllelePair(config).to(loaded.device)
    reader = AlleleReader(
        loaded, head, reference, run.width, run.around, run.layers, batch_tokens=run.batch_tokens
    )
    done = 0

    def advance(more: int) -> None:
        nonlocal done
        done += more
        progress(done, len(alleles), "reading")

    read_into(journal, reader, [allele.variant for allele in alleles], advance)
    vectors, llr = all_readings(journal, reader)
    known = np.flatnonzero(np.isfinite(llr)).tolist()
    chosen = [alleles[at] for at in known]
    if len({allele.pathogenic for allele in chosen}) < 2:
        raise InputError(f"of {len(alleles):,} alleles {len(chosen):,} can be read, and not of both classes")
    values, own = llr[known].tolist(), [terms[at] for at in known]
    columns = torch.from_numpy(column_values(config.columns, values, own))
    pathogenic = torch.tensor([[float(allele.pathogenic)] for allele in chosen])
    words = word_values([allele.variant for allele in chosen], reference)
    examples = Examples(torch.from_numpy(vectors[known]), columns, pathogenic)
    return Labelled(chosen, examples, values, own, words)


def identity_of(run: Pathogenicity, loaded: LoadedModel, alleles: Sequence[LabelledAllele]) -> dict[str, Any]:
    """Everything that the readings of a run depend on."""
    return {
        "model": loaded.sha256,
        "clinvar": sha256_file(Path(run.clinvar)),
        "reference": sha256_file(Path(run.reference)),
        "width": checked_width(loaded.model, run.width),
        "around": run.around,
        "layers": list(run.layers),
        "alleles": len(alleles),
    }


def _terms(run: Pathogenicity, alleles: Sequence[LabelledAllele], reference: Fasta) -> list[tuple[str, ...]]:
    if run.annotation is None:
        return [allele.terms for allele in alleles]
    named = {allele.variant.chrom: reference.contigs[allele.variant.chrom] for allele in alleles}
    consequences = Consequences(run.annotation, reference, named)
    found: list[tuple[str, ...]] = []
    for start in range(0, len(alleles), _BLOCK):
        found += worst_terms(consequences, [a.variant for a in alleles[start : start + _BLOCK]])
    return found
