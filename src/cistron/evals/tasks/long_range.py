"""Genomics Long-Range Benchmark: regulatory elements and variants in windows of any width.

The official tables of coordinates go into `benchmarks/long_range` of the data folder, under the names they
have there, and GRCh38 into `genomes`. Their places count from 1: START and STOP of an element, POS of a
variant. A variant is told from the embedding of its reference window beside the difference that its allele
makes.

Source of the layout: the loader of InstaDeepAI/genomics-long-range-benchmark (columns, window around the
middle).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np
from jaxtyping import Float

from cistron.errors import InputError
from cistron.evals.answers import Vectors
from cistron.evals.outcome import Outcome
from cistron.evals.probing.examples import Examples, drawn, official_split
from cistron.evals.probing.fit import tell
from cistron.evals.probing.outcomes import outcome_of
from cistron.evals.probing.plan import OPTIONS, embedding_request, probe_plan
from cistron.evals.regions import audit_intervals, cut, require_build, widened
from cistron.evals.task import Answers, Baseline, Plan, Published, Setting, Task
from cistron.formats.fasta import Fasta
from cistron.formats.labelled_sequences import Labelled, read_rows
from cistron.genome import Interval
from cistron.genome.contigs import ContigNames
from cistron.genome.sequence import is_acgt

FOLDER: Final = "benchmarks/long_range"
FASTA: Final = "genomes/GRCh38.fa.gz"
_BASELINE_BASES: Final = 512
"""Around a variant: what baselines without a model count words in."""

_Row = dict[str, str]


def prepare_elements(file: str, setting: Setting, *, metric: str) -> Plan:
    """Draw elements, cut a window around each, and make the plan.

    Raises:
        InputError: A file is missing or damaged, or the genome is of another build.
    """
    parts = _parts(file, ("CHROM", "START", "STOP", "label", "split"), setting)
    width = int(setting.options["width"])

    def interval(row: _Row) -> Interval:
        return Interval(row["CHROM"], int(row["START"]) - 1, int(row["STOP"]) - 1)

    with Fasta(setting.path(FASTA)) as reference:
        require_build(reference, "GRCh38")
        records = {
            part: [
                Labelled(f"{row['CHROM']}:{row['START']}", cut(reference, window), row["label"])
                for row, window in _windows(rows, interval, width, reference)
            ]
            for part, rows in parts.items()
        }
    examples = official_split(records["train"], records["test"], limit=None, seed=setting.seed)
    return probe_plan(
        examples, setting, metric, badges=_audited(parts, interval, width), notes=(_drawn(setting),)
    )


def prepare_variants(file: str, setting: Setting, *, label: str) -> Plan:
    """Draw variants, cut the windows of both alleles, and make the plan.

    Raises:
        InputError: A file is missing or damaged, or the genome is of another build.
    """
    parts = _parts(file, ("CHROM", "POS", "REF", "ALT", label, "split"), setting)
    width = int(setting.options["width"])
    with Fasta(setting.path(FASTA)) as reference:
        require_build(reference, "GRCh38")
        chosen = {
            part: [(row, cut(reference, window)) for row, window in _windows(rows, _place, width, reference)]
            for part, rows in parts.items()
        }
    examples = official_split(
        *(
            [Labelled(_name(row), _around(bases), row[label]) for row, bases in chosen[part]]
            for part in ("train", "test")
        ),
        limit=None,
        seed=setting.seed,
    )
    pairs = [pair for part in ("train", "test") for pair in chosen[part]]
    plan = probe_plan(
        examples,
        setting,
        "auroc",
        badges=_audited(parts, _place, width),
        requests={
            "reference": embedding_request(tuple(bases for _, bases in pairs), setting),
            "alternative": embedding_request(tuple(_changed(row, bases) for row, bases in pairs), setting),
        },
        represent=_side_by_side,
        notes=(
            _drawn(setting),
            f"Words and composition are those of {_BASELINE_BASES} bp around the variant, the same for both"
            " alleles.",
        ),
    )
    rows = [row for row, _ in pairs]
    return replace(plan, baselines=(*plan.baselines, *_specific(rows, examples, setting)))


def _parts(file: str, columns: Sequence[str], setting: Setting) -> dict[str, list[_Row]]:
    """A sample of the rows of the training and the test part.

    Raises:
        InputError: A part is empty, or something is not a number where it must be.
    """
    path = setting.path(f"{FOLDER}/{file}")
    rows = read_rows(path, columns)
    for number, row in enumerate(rows):
        for name in {"START", "STOP", "POS"} & set(columns):
            if not row[name].isdecimal():
                raise InputError(f"{path}: row {number + 1} has {name} '{row[name]}', which is not a place")
    most = setting.limit or int(setting.options["items"]) or None
    found = {}
    for part in ("train", "test"):
        inside = [row for row in rows if row["split"] == part]
        if not inside:
            raise InputError(f"{path} has no rows whose split is {part}")
        found[part] = [inside[at] for at in drawn(len(inside), most, setting.seed)]
    return found


def _windows(
    rows: Sequence[_Row], interval: Callable[[_Row], Interval], width: int, reference: Fasta
) -> list[tuple[_Row, Interval]]:
    """Rows with the window around each; those whose window leaves the contig are dropped, as published."""
    names = ContigNames(reference.contigs)
    found = []
    for row in rows:
        chrom = names.resolve(row["CHROM"])
        if chrom is None:
            raise InputError(f"{reference.name} has no contig {row['CHROM']}")
        window = widened(interval(row), width, reference.contigs[chrom])
        if window is not None:
            found.append((row, window))
    return found


def _place(row: _Row) -> Interval:
    """The variant's base; it stands at offset `width // 2` of its window."""
    start = int(row["POS"]) - 1
    return Interval(row["CHROM"], start, start + 1)


def _changed(row: _Row, bases: str) -> str:
    """The window with the variant's allele put in.

    Raises:
        InputError: The alleles are not single bases, or REF is not what the genome has.
    """
    middle = len(bases) // 2
    if len(row["REF"]) != 1 or len(row["ALT"]) != 1 or not is_acgt(row["REF"] + row["ALT"]):
        raise InputError(f"{_name(row)} is not a change of one base")
    if bases[middle] != row["REF"].upper():
        raise InputError(f"REF of {_name(row)} is {bases[middle]} in the genome; is it of another build?")
    return bases[:middle] + row["ALT"].upper() + bases[middle + 1 :]


def _name(row: _Row) -> str:
    tissue = f" {row['tissue']}" if row.get("tissue") else ""
    return f"{row['CHROM']}:{row['POS']} {row['REF']}>{row['ALT']}{tissue}"


def _around(bases: str) -> str:
    middle = len(bases) // 2
    return bases[max(middle - _BASELINE_BASES // 2, 0) : middle + _BASELINE_BASES // 2]


def _side_by_side(answers: Answers) -> Float[np.ndarray, "N D2"]:
    reference, alternative = (answers[name] for name in ("reference", "alternative"))
    assert isinstance(reference, Vectors)
    assert isinstance(alternative, Vectors)
    difference = alternative.vectors - reference.vectors
    return np.concatenate([reference.vectors, difference], axis=1).astype(np.float64)


def _specific(rows: Sequence[_Row], examples: Examples, setting: Setting) -> tuple[Baseline, ...]:
    """Probes on what is known of a variant without its sequence: the change, and the distance to a gene."""

    def judge(features: Float[np.ndarray, "N D"]) -> Outcome:
        told = tell(features, examples, seed=setting.seed)
        return outcome_of(told, examples, "auroc", setting.seed)

    changes = sorted({(row["REF"], row["ALT"]) for row in rows})
    one_hot = np.array([[(row["REF"], row["ALT"]) == each for each in changes] for row in rows], dtype=float)
    found = [Baseline("change", "a probe on which base becomes which", partial(judge, one_hot))]
    if all((row.get("distance_to_nearest_TSS") or "").lstrip("-").isdecimal() for row in rows):
        distances = np.array([abs(int(row["distance_to_nearest_TSS"])) for row in rows], dtype=float)
        features = np.log1p(distances)[:, None]
        what = "a probe on the logarithm of the distance to the nearest transcription start"
        found.append(Baseline("distance to TSS", what, partial(judge, features)))
    return tuple(found)


def _audited(parts: dict[str, list[_Row]], interval: Callable[[_Row], Interval], width: int) -> Any:
    """Whether windows of the two parts overlap, among those drawn."""
    large = 1 << 31
    sides = (
        [window for row in parts[part] if (window := widened(interval(row), width, large)) is not None]
        for part in ("train", "test")
    )
    return audit_intervals(*sides)


def _drawn(setting: Setting) -> str:
    most = setting.limit or int(setting.options["items"])
    return (
        f"at most {most:,} items of each part, drawn at random, in windows of {setting.options['width']:,} bp"
    )


_PICTURE = "benchmark picture in the Genos repository, 2025-10-13"
_SETS: Final[tuple[tuple[str, str, str, str, Any, dict[str, float]], ...]] = (
    (
        "promoter",
        "Promoters against other DNA",
        "auprc",
        "regulatory_elements/promoter_dataset.csv",
        prepare_elements,
        {"Genos-1.2B": 0.9221, "Genos-10B": 0.9249, "Evo2-40b": 0.9227, "HyenaDNA-1M": 0.8890},
    ),
    (
        "enhancer",
        "Enhancers against other DNA",
        "auroc",
        "regulatory_elements/enhancer_dataset.csv",
        prepare_elements,
        {"Genos-1.2B": 0.7469, "Genos-10B": 0.7532, "Evo2-40b": 0.7527, "HyenaDNA-1M": 0.7282},
    ),
    (
        "causal-eqtl",
        "Variants that change expression against others, by tissue",
        "auroc",
        "variant_effect_causal_eqtl/All_Tissues.csv",
        partial(prepare_variants, label="label"),
        {"Genos-1.2B": 0.6990, "Genos-10B": 0.6773, "Evo2-40b": 0.7054, "HyenaDNA-1M": 0.6887},
    ),
    (
        "clinvar",
        "Pathogenic variants against common ones",
        "auroc",
        "variant_effect_pathogenic/vep_pathogenic_coding.csv",
        partial(prepare_variants, label="INT_LABEL"),
        {"Genos-1.2B": 0.6907, "Genos-10B": 0.9326, "Evo2-40b": 0.9167, "HyenaDNA-1M": 0.6117},
    ),
)


def _task(name: str, what: str, metric: str, file: str, prepare: Any, published: dict[str, float]) -> Task:
    judged: dict[str, Any] = {"metric": metric} if prepare is prepare_elements else {}
    return Task(
        name=f"long-range/{name}",
        version=1,
        summary=f"{what}, official split",
        metric=metric,
        source="Trop et al. 2024, Genomics Long-Range Benchmark; official tables and split",
        licence="CC BY-NC-SA 4.0",
        prepare=partial(prepare, file, **judged),
        needs=(f"{FOLDER}/{file}", FASTA),
        suites=("probe", "vertebrate", "genos-long"),
        options={**OPTIONS, "width": 8192, "items": 2000},
        published=tuple(
            Published(f"{model} (8,192 bp)", value, "not named", _PICTURE)
            for model, value in published.items()
        ),
    )


TASK = tuple(_task(*each) for each in _SETS)
