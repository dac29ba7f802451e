"""KEGG diseases from DNA alone: which disease an allele contributes to, by a probe on reference and variant.

The published number is on validation and test records together, whose genes the training part has seen, and
nearly every gene has one disease. So there is a split by gene beside it, and rows that only recall.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import zip_longest
from typing import Final

import numpy as np
from jaxtyping import Float

from cistron.errors import InputError
from cistron.evals.answers import Vectors
from cistron.evals.genes.recall import WORD, told_by_genes, told_by_neighbour
from cistron.evals.outcome import Outcome
from cistron.evals.probing.audit import audit
from cistron.evals.probing.examples import Examples, Fold, group_folds, grouped
from cistron.evals.probing.fit import Told
from cistron.evals.probing.outcomes import outcome_of
from cistron.evals.probing.plan import OPTIONS, embedding_request, probe_plan
from cistron.evals.task import Answers, Badge, Baseline, Plan, Published, Setting, Task
from cistron.formats.kegg import KeggRecord, read_kegg

FILES: Final = ("benchmarks/kegg/val.json.gz", "benchmarks/kegg/test.json.gz")
METRIC: Final = "accuracy"
FEWEST_RECORDS: Final = 5
FEWEST_GENES: Final = 2
"""Of a disease, so that one can be told that was not trained on."""

Split = tuple[list[KeggRecord], int | None, tuple[str, ...]]
"""Records, how many of them are fitted on (None: folds by gene), and notes."""


def by_gene(setting: Setting) -> Split:
    """Both files together, each pair of sequences once, of the diseases that more than one gene has."""
    found = [record for path in FILES for record in read_kegg(setting.path(path))]
    once = list({(record.reference, record.variant): record for record in reversed(found)}.values())[::-1]
    genes = defaultdict(set)
    for record in once:
        genes[record.answer].add(_gene(record))
    counts = Counter(record.answer for record in once)
    kept = [
        record
        for record in once
        if len(genes[record.answer]) >= FEWEST_GENES and counts[record.answer] >= FEWEST_RECORDS
    ]
    note = (
        f"{len(kept)} of {len(once)} different records: those of diseases with at least {FEWEST_GENES} genes"
        f" and {FEWEST_RECORDS} records"
    )
    return _sampled(kept, setting), None, (note,)


def as_published(setting: Setting) -> Split:
    """The validation file to fit on (the training file is not at hand), the test file to tell."""
    train, test = (_sampled(read_kegg(setting.path(path)), setting) for path in FILES)
    known = {(record.reference, record.variant) for record in train}
    copies = sum((record.reference, record.variant) in known for record in test)
    unknown = sum(record.answer not in {other.answer for other in train} for record in test)
    notes = (
        "Fitted to the validation file: the training file, eight times as large, is not at hand.",
        f"{copies} of {len(test)} test records are copies of training records; {unknown} have a disease that"
        " none of those has and count as wrong",
    )
    return [*train, *test], len(train), notes


def prepare(split: Callable[[Setting], Split], setting: Setting) -> Plan:
    """Read the records and make the plan.

    Raises:
        InputError: A file is missing or damaged, or the width is not positive.
    """
    width = int(setting.options["width"])
    if width < 1:
        raise InputError(f"kegg: width {width} is not positive")
    records, border, notes = split(setting)
    examples = _examples(records, border, setting.seed)
    windows = {
        side: tuple(_centred(record, getattr(record, side), width) for record in records)
        for side in ("reference", "variant")
    }
    asked = tuple(dict.fromkeys(text for texts in windows.values() for text in texts))
    plan = probe_plan(
        examples,
        setting,
        METRIC,
        badges=(_seen_genes(records, examples), *audit(examples)),
        requests={"windows": embedding_request(asked, setting)},
        represent=partial(_represent, windows, asked),
        notes=(
            *notes,
            f"{width:,} bp around the variant; vectors of the reference and of the change side by side",
        ),
    )
    return replace(plan, baselines=(*plan.baselines, *_recall(records, examples, setting.seed)))


def _represent(
    windows: dict[str, tuple[str, ...]], asked: Sequence[str], answers: Answers
) -> Float[np.ndarray, "N D2"]:
    answer = answers["windows"]
    assert isinstance(answer, Vectors)
    row = {text: at for at, text in enumerate(asked)}
    reference, variant = (
        answer.vectors[[row[text] for text in windows[side]]].astype(np.float64)
        for side in ("reference", "variant")
    )
    return np.concatenate([reference, variant - reference], axis=1)


def _recall(records: Sequence[KeggRecord], examples: Examples, seed: int) -> tuple[Baseline, ...]:
    def judge(told: Told) -> Outcome:
        return outcome_of(told, examples, METRIC, seed)

    return (
        Baseline(
            "gene lookup",
            "the diseases of the same gene in the training part",
            lambda: judge(told_by_genes([(_gene(record),) for record in records], examples)),
        ),
        Baseline(
            "nearest reference",
            f"the disease of the training reference that shares most words of {WORD} bases",
            lambda: judge(told_by_neighbour(examples)),
        ),
    )


def _examples(records: Sequence[KeggRecord], border: int | None, seed: int) -> Examples:
    classes = tuple(sorted({record.answer for record in records}))
    labels = np.array([classes.index(record.answer) for record in records])
    texts = tuple(record.reference for record in records)
    groups = grouped(texts, [_gene(record) for record in records])
    if border is None:
        folds = group_folds(labels, groups, "classes", seed=seed)
    else:
        folds = (Fold(np.arange(border), np.arange(border, len(records))),)
    names = tuple(f"{at}:{_gene(record)}" for at, record in enumerate(records))
    return Examples(names, texts, labels, classes, groups, folds)


def _gene(record: KeggRecord) -> str:
    """The mutated gene; where the question does not name it, the sequence stands for it."""
    return record.gene or record.reference


def _centred(record: KeggRecord, text: str, width: int) -> str:
    """At most `width` bp of a sequence around the first base in which the two differ."""
    pairs = enumerate(zip_longest(record.reference, record.variant))
    at = next((at for at, (one, other) in pairs if one != other), len(text) // 2)
    start = min(max(at - width // 2, 0), max(len(text) - width, 0))
    return text[start : start + width]


def _seen_genes(records: Sequence[KeggRecord], examples: Examples) -> Badge:
    seen = 0
    for fold in examples.folds:
        known = {_gene(records[at]) for at in fold.train}
        seen += sum(_gene(records[at]) in known for at in fold.test)
    tested = len(examples.tested)
    finding = f"{seen} of {tested} test records have a gene that occurs in the training part"
    return Badge("leak" if seen else "clean", finding)


def _sampled(records: list[KeggRecord], setting: Setting) -> list[KeggRecord]:
    order = np.random.default_rng(setting.seed).permutation(len(records))[: setting.limit]
    return [records[at] for at in sorted(order.tolist())]


def _task(name: str, summary: str, split: Callable[[Setting], Split], **more: tuple[Published, ...]) -> Task:
    return Task(
        name=f"kegg/{name}",
        version=1,
        summary=summary,
        metric=METRIC,
        source="Fallahpour et al. 2025, BioReason, KEGG disease records as distributed with Genos",
        licence="KEGG's own terms",
        prepare=partial(prepare, split),
        needs=FILES,
        suites=("probe", "vertebrate", "gene-properties"),
        options={**OPTIONS, "width": 4096},
        **more,
    )


_PUBLISHED = partial(
    Published, metric="accuracy", source="picture in the Genos repository, 2025-10-20",
    protocol="trained on the training file, validation and test files together",
)  # fmt: skip
TASK = (
    _task("dna", "Disease of a variant from DNA alone, genes not trained on", by_gene),
    _task(
        "dna-published",
        "The same, split as published: most genes are in both parts",
        as_published,
        published=(
            _PUBLISHED("Genos-10B", 0.9207),
            _PUBLISHED("Genos-1.2B", 0.9172),
            _PUBLISHED("Evo2-1b", 0.8828),
            _PUBLISHED("NT-2.5b", 0.8655),
            _PUBLISHED("HyenaDNA", 0.5),
        ),
    ),
)
