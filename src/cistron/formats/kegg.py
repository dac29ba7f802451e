"""KEGG disease records: a mutated gene, its pathway, two sequences, and the disease; JSON Lines.

A record asks what the allele of a gene does, and gives the reference and the variant sequence of about 4 kb
around it. Gene and chromosome are in the question's text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cistron.errors import InputError
from cistron.formats.labelled_sequences import text_of
from cistron.genome.sequence import is_nucleotides

_KEYS: Final = ("question", "answer", "reasoning", "reference_sequence", "variant_sequence")
_GENE: Final = re.compile(r"of this (\S+) allele")
_CHROMOSOME: Final = re.compile(r"Chromosome Number: (\S+)")


@dataclass(frozen=True)
class KeggRecord:
    """One record.

    Attributes:
        question: The whole text: chromosome, pathway, genes, and what is asked.
        answer: The disease, lower case; what follows a semicolon in the file is left off.
        reasoning: The published steps that lead there.
        reference: Upper-case bases.
        variant: Upper-case bases; about as long.
        gene: Symbol of the mutated gene; None where the question does not name it.
        chromosome: As the question names it; None where it does not.
    """

    question: str
    answer: str
    reasoning: str
    reference: str
    variant: str
    gene: str | None
    chromosome: str | None


def read_kegg(path: str | Path) -> list[KeggRecord]:
    """All records of a JSON Lines file, plain or gzip.

    Raises:
        InputError: The file is missing, cut short or empty, or a line is not such a record.
    """
    with text_of(path) as stream:
        records = list(_records(stream, path))
    if not records:
        raise InputError(f"{path} holds no records")
    return records


def _records(lines: Any, path: str | Path) -> Iterator[KeggRecord]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            content = json.loads(line)
            yield _record(*(str(content[key]) for key in _KEYS))
        except (ValueError, KeyError, TypeError) as problem:
            raise InputError(f"{path}: line {number} is no KEGG record: {problem!r}") from None


def _record(question: str, answer: str, reasoning: str, reference: str, variant: str) -> KeggRecord:
    sequences = reference.strip().upper(), variant.strip().upper()
    if not all(bases and is_nucleotides(bases) for bases in sequences):
        raise ValueError("a sequence is empty or not DNA")
    disease = answer.partition(";")[0].strip().lower()
    if not disease:
        raise ValueError("it has no answer")
    gene, chromosome = _GENE.search(question), _CHROMOSOME.search(question)
    return KeggRecord(
        question,
        disease,
        reasoning,
        *sequences,
        gene and gene[1],
        chromosome and chromosome[1],
    )
