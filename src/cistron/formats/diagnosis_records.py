"""Records of a diagnosis: a question, two sequences, an answer and perhaps its reasoning; both ways.

Two formats are read, as JSON Lines (plain or gzip) or Parquet: that of the KEGG disease records, and that of
variant effects, whose answers are printed lists and which have no reasoning. Sequences are made upper case
and lose white space. What is written is the first format with the keys `name` and `gene` beside it.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cistron.errors import CistronError, InputError
from cistron.formats.atomic import atomic_output
from cistron.formats.items import read_items
from cistron.formats.labelled_sequences import text_of
from cistron.genome.sequence import require_nucleotides

_NEEDED: Final = ("question", "reference_sequence", "variant_sequence")
_GENE: Final = re.compile(r"of this (\S+) allele")


@dataclass(frozen=True, slots=True)
class DiagnosisRecord:
    """One question about one allele.

    Attributes:
        name: What the file calls it, or its line there.
        question: As it was asked.
        answer: As written; empty where it is not known.
        reference: Upper-case bases of the reference haplotype.
        variant: The same stretch of the variant haplotype.
        reasoning: What leads to the answer; empty without.
        gene: Symbol; empty where neither the file nor the question names it.
    """

    name: str
    question: str
    answer: str
    reference: str
    variant: str
    reasoning: str = ""
    gene: str = ""


def read_records(path: str | Path) -> Iterator[DiagnosisRecord]:
    """Yield the records of a file, in order.

    Raises:
        InputError: The file is missing, damaged or empty; or a record lacks a field, or its sequences are
            not DNA: the message names the record.
    """
    number = 0
    for number, content in enumerate(_contents(Path(path)), 1):
        yield _record(content, f"{Path(path).name}:{number}", str(path))
    if not number:
        raise InputError(f"{path} holds no records")


def write_records(path: str | Path, records: Iterable[DiagnosisRecord]) -> int:
    """Write records as JSON Lines, gzip where the name ends in `.gz`; returns how many.

    Raises:
        OutputError: The file cannot be written.
    """
    written = 0
    with atomic_output(path) as fresh:
        packed = str(path).endswith(".gz")
        with gzip.open(fresh, "wt", encoding="utf-8") if packed else fresh.open("w", encoding="utf-8") as out:
            for record in records:
                out.write(json.dumps(_content(record), ensure_ascii=False) + "\n")
                written += 1
    return written


def _contents(path: Path) -> Iterator[Mapping[str, Any]]:
    if path.suffix == ".parquet":
        columns = read_items(path)
        for row in zip(*columns.values(), strict=True):
            yield dict(zip(columns, row, strict=True))
        return
    with text_of(path) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                content = json.loads(line)
            except ValueError:
                raise InputError(f"{path}: line {number} is not JSON; one record a line is read") from None
            if not isinstance(content, dict):
                raise InputError(f"{path}: line {number} is no record but {line.strip()[:40]!r}")
            yield content


def _record(content: Mapping[str, Any], name: str, path: str) -> DiagnosisRecord:
    missing = [key for key in _NEEDED if not str(content.get(key) or "").strip()]
    if missing:
        raise InputError(f"{path}: record {name} has no {', '.join(missing)}; needed: {', '.join(_NEEDED)}")
    question = str(content["question"]).strip()
    found = _GENE.search(question)
    return DiagnosisRecord(
        name=str(content.get("name") or name),
        question=question,
        answer=_plain_answer(str(content.get("answer") or "")),
        reference=_bases(str(content["reference_sequence"]), f"{path}: the reference of {name}"),
        variant=_bases(str(content["variant_sequence"]), f"{path}: the variant of {name}"),
        reasoning=str(content.get("reasoning") or "").strip(),
        gene=str(content.get("gene") or (found[1] if found else "")),
    )


def _bases(text: str, where: str) -> str:
    bases = "".join(text.split()).upper()
    try:
        require_nucleotides(bases, where)
    except CistronError as problem:
        raise InputError(str(problem)) from None
    return bases


def _plain_answer(text: str) -> str:
    """The answer without the brackets, quotes and underscores of the variant-effect format."""
    text = text.strip()
    if text.startswith("[") and text.endswith("]"):
        text = "; ".join(part.strip(" '\"").replace("_", " ") for part in text[1:-1].split(","))
    return text


def _content(record: DiagnosisRecord) -> dict[str, str]:
    return {
        "name": record.name,
        "question": record.question,
        "answer": record.answer,
        "reasoning": record.reasoning,
        "gene": record.gene,
        "reference_sequence": record.reference,
        "variant_sequence": record.variant,
    }
