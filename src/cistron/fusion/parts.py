"""Records in parts that share no gene, no sequence, or nothing but what chance brings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cistron.data.labelled import SPLITS, Item, LabelledData
from cistron.data.labelled.splitting import split_items
from cistron.errors import InputError
from cistron.formats.diagnosis_records import DiagnosisRecord, read_records
from cistron.fusion.answers import normalised
from cistron.fusion.pairs import DnaPair, centred
from cistron.fusion.run import QUESTIONS, SPLITS_BY, RecordSettings
from cistron.genome.sequence import reverse_complement
from cistron.metrics.leaks import WORD, Finding, Part, leaks
from cistron.registry import unknown

NAMELESS: Final = "Which disease does this allele contribute to?"
"""The question of all records where `question` is `nameless`."""

_LISTS: Final = "Genes in the pathway:"


@dataclass(frozen=True, slots=True)
class Example:
    """A record as it is used.

    Attributes:
        record: As read.
        pair: What the DNA model reads.
        question: What the language model is asked.
        label: The answer, normalised; empty where it is not known.
    """

    record: DiagnosisRecord
    pair: DnaPair
    question: str
    label: str


def examples_of(
    records: Iterable[DiagnosisRecord], settings: RecordSettings, width: int
) -> Iterator[Example]:
    """Yield records as they are used; those that cannot be are refused or left out, as the settings say.

    Raises:
        InputError: A record cannot be used, or a setting is unknown.
    """
    if settings.question not in QUESTIONS:
        raise InputError(unknown("kind of question", settings.question, QUESTIONS))
    for record in records:
        try:
            pair = centred(record, width)
        except InputError as problem:
            if settings.on_bad == "skip":
                continue
            raise InputError(f"{problem}; records.on_bad=skip leaves such records out") from None
        yield Example(record, pair, question_of(record, settings.question), normalised(record.answer))


def question_of(record: DiagnosisRecord, kind: str) -> str:
    """What is asked: everything, without lists of genes, or nothing that names one."""
    if kind == "nameless":
        return NAMELESS
    if kind == "short":
        lines = record.question.splitlines()
        return "\n".join(line for line in lines if line and not line.startswith(_LISTS))
    return record.question


def read_parts(settings: RecordSettings, width: int, seed: int) -> dict[str, list[Example]]:
    """Examples of the parts train, validation and test.

    Raises:
        InputError: A file or record cannot be used, an answer for training is missing, or a part is empty.
    """
    if settings.by not in SPLITS_BY:
        raise InputError(unknown("way to split", settings.by, SPLITS_BY))
    given = [
        (split, example)
        for split in SPLITS
        for example in read_examples(getattr(settings, split), settings, width)
    ]
    groups = _groups([example for _, example in given], settings.by)
    items: dict[str, list[Item]] = {split: [] for split in SPLITS}
    for number, ((split, example), group) in enumerate(zip(given, groups, strict=True)):
        if split == "train" and not example.label:
            raise InputError(f"{example.record.name} has no answer to learn from")
        items[split].append(Item(str(number), (), (example.label,), group=group))
    rule = "random" if settings.by == "random" else "group"
    try:
        parts = split_items(LabelledData(settings.train, by=rule, shares=settings.shares), items, seed=seed)
    except InputError as problem:
        raise InputError(str(problem).replace("data.", "records.")) from None
    return {split: [given[int(item.name)][1] for item in found] for split, found in parts.items()}


def leak_report(parts: Mapping[str, Sequence[Example]]) -> dict[str, list[Finding]]:
    """What the training part gives away of the others; absent where that is nothing."""
    train = _part(parts["train"])
    found = {split: leaks(train, _part(parts[split])) for split in ("validation", "test") if parts[split]}
    return {split: findings for split, findings in found.items() if findings}


def read_examples(files: Sequence[str], settings: RecordSettings, width: int) -> list[Example]:
    """The examples of files, in order; errors are those of `examples_of` and `read_records`."""
    found: list[Example] = []
    for name in files:
        found.extend(examples_of(read_records(Path(name)), settings, width))
    return found


def _part(examples: Sequence[Example]) -> Part:
    return Part(
        # Windows of one place with other variants differ by a base: their common words tell.
        sequences=[example.record.variant for example in examples],
        groups=[example.record.gene for example in examples],
    )


def _groups(examples: Sequence[Example], by: str) -> list[str]:
    if by == "sequence":
        return overlapping([example.record.reference for example in examples])
    return [example.record.gene for example in examples]


def overlapping(sequences: Sequence[str], word: int = WORD) -> list[str]:
    """For each sequence the name of its group: those joined by shared words, on either strand.

    A word that is in more than an eighth of the sequences, such as one of a repeat, joins nothing.
    """
    holders: dict[str, list[int]] = {}
    for number, bases in enumerate(sequences):
        for found in words_of(bases, word):
            holders.setdefault(found, []).append(number)
    leader = list(range(len(sequences)))

    def lead(number: int) -> int:
        while leader[number] != number:
            leader[number] = leader[leader[number]]
            number = leader[number]
        return number

    most = max(len(sequences) // 8, 2)
    for members in holders.values():
        for member in members[1:] if len(members) <= most else ():
            leader[lead(member)] = lead(members[0])
    return [f"sequence {lead(number)}" for number in range(len(sequences))]


def words_of(bases: str, word: int) -> set[str]:
    """Words without an ambiguous base, the smaller of both strands'; every one, wherever it starts."""
    other = reverse_complement(bases)
    length = len(bases)
    found = set()
    for start in range(length - word + 1):
        forward, backward = bases[start : start + word], other[length - word - start : length - start]
        found.add(min(forward, backward))
    return {one for one in found if not one.strip("ACGT")}
