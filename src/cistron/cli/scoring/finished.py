"""A finished run of `cistron score`: what its manifest, its summary and a report say of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cistron import __version__
from cistron.cli.command_line import command_line
from cistron.cli.facts import reference_fact
from cistron.cli.progress import note
from cistron.cli.scoring.output import RecordedRow, windows
from cistron.cli.scoring.request import ScoreRequest
from cistron.formats.atomic import STREAM, sha256_file
from cistron.formats.fasta import Fasta
from cistron.formats.vcf import VcfReader, VcfRecord
from cistron.genome import Variant
from cistron.genome.alleles import AlleleStatus

if TYPE_CHECKING:
    from cistron.reports.variants import ReportRow


@dataclass(frozen=True)
class ScoredRun:
    """What a finished run knows, for reports.

    Attributes:
        rows: Gives every record with its alleles' scores, again each time it is called.
        facts: Name → value, about the run.
        model_facts: Name → value, about the model.
        counts: Alleles by status; None counts the scored ones.
        consequence: Gene and Sequence Ontology terms of an allele of the record that `rows` gave last; empty
            where there is no annotation.
    """

    rows: Callable[[], Iterator[RecordedRow]]
    facts: dict[str, str]
    model_facts: dict[str, str]
    counts: Counter[AlleleStatus | None]
    consequence: Callable[[Variant], tuple[str, str]] = lambda variant: ("", "")


def manifest_of(
    request: ScoreRequest, identity: Mapping[str, Any], run: ScoredRun, batches: list[int]
) -> dict[str, Any]:
    """How the output was made; `batches` are the sizes that were used, in tokens."""
    counts = {status or "SCORED": count for status, count in sorted(run.counts.items(), key=str)}
    files = {"input": request.input, "reference": str(request.reference)}
    if request.annotation is not None:
        files |= {
            "annotation": str(request.annotation),
            "annotation_sha256": sha256_file(request.annotation),
        }
    counted = {"batches": batches, "alleles": counts}
    return {"command": command_line(), **files, **identity, "seed": None, **counted}


def run_facts(
    request: ScoreRequest, reader: VcfReader, reference: Fasta, identity: Mapping[str, Any]
) -> dict[str, str]:
    """Name → value, about the run."""
    return {
        "Cistron": __version__,
        "Variants": Path(request.input).name if request.input != STREAM else "standard input",
        "Reference": reference_fact(reference),
        "Window": f"{identity['width']:,} bp, {windows(identity)}",
        "Bases behind an allele": str(identity["suffix"]),
        "Strands": identity["strands"],
        "Indels": identity["indel"],
        "Arithmetic": f"{identity['dtype']} on {identity['device']}",
    }


def summarise(request: ScoreRequest, run: ScoredRun) -> None:
    """Say on stderr what was written."""
    scored = run.counts[None]
    reasons = ", ".join(
        f"{count:,} {status}" for status, count in sorted(run.counts.items(), key=str) if status
    )
    total = sum(run.counts.values())
    where = "standard output" if request.output == STREAM else request.output
    note(f"{scored:,} of {total:,} alleles scored{f' ({reasons})' if reasons else ''}; wrote {where}")


def report_rows(run: ScoredRun, describe: Callable[[VcfRecord, int], tuple[str, str]]) -> Iterator[ReportRow]:
    """Rows of the HTML report.

    Args:
        run: A finished run.
        describe: Gives name and label of a record's allele number *i*.
    """
    from cistron.reports.variants import ReportRow

    for record, entries in run.rows():
        for number, (variant, entry) in enumerate(zip(record.variants, entries, strict=False)):
            name, label = describe(record, number)
            gene, consequence = run.consequence(variant)
            yield ReportRow(
                chrom=variant.chrom,
                pos=variant.pos,
                ref=variant.ref,
                alt=variant.alt,
                llr=entry.llr,
                flank=entry.flank,
                status=entry.status,
                name=name,
                label=label,
                group=label or consequence.partition("&")[0] or _kind(variant),
                gene=gene,
                consequence=consequence,
            )


def _kind(variant: Variant) -> str:
    """Class of a variant by its spelling."""
    ref, alt = len(variant.ref), len(variant.alt)
    if variant.alt.startswith("<") or not variant.alt.isalpha():
        return "other"
    if ref == alt:
        return "SNV" if ref == 1 else "MNV"
    return "insertion" if alt > ref else "deletion"
