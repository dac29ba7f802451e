"""The job behind `cistron fusion convert`."""

from __future__ import annotations

from pathlib import Path

from cistron import __version__
from cistron.cli.command_line import command_line
from cistron.cli.progress import note
from cistron.formats.atomic import refuse_same_file, refuse_unwritable, sha256_file
from cistron.formats.diagnosis_records import write_records
from cistron.formats.manifest import write_manifest
from cistron.formats.vcf import VcfReader


def run_convert(
    vcf: Path,
    reference: Path,
    output: Path,
    *,
    genes: Path | None,
    label: str | None,
    width: int,
    question: str | None,
) -> None:
    """Write a record for every allele that has sequences and, where it is asked for, an answer.

    Raises:
        CistronError: Something that the caller can fix.
    """
    from cistron.fusion.from_variants import QUESTION, records_of

    refuse_unwritable(output)
    refuse_same_file(vcf, output)
    with VcfReader(vcf) as reader:
        alleles = sum(len(record.variants) for record in reader)
    found = records_of(vcf, reference, genes=genes, label=label, width=width, question=question or QUESTION)
    written = write_records(output, found)
    facts = {
        "version": __version__,
        "command": command_line(),
        "input_sha256": sha256_file(vcf),
        "reference": reference.name,
        "width": width,
        "records": written,
        "left_out": alleles - written,
        "seed": None,
    }
    write_manifest(output, facts)
    note(f"{written:,} records of {alleles:,} alleles; wrote {output}")
