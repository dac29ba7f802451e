"""`cistron score`: VCF in, annotated VCF out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cistron.cli.options import (
    Device,
    Dtype,
    ModelName,
    Reference,
    ReportPath,
    Resume,
    Server,
    Strands,
    Threads,
    Width,
)
from cistron.cli.scoring.finished import ScoredRun, report_rows
from cistron.cli.scoring.request import ScoreRequest, parsed_suffix
from cistron.cli.scoring.run import run_score
from cistron.errors import OutputError
from cistron.formats.atomic import refuse_same_file, refuse_unwritable
from cistron.formats.vcf import VcfRecord


def score(
    context: typer.Context,
    variants: Annotated[
        str, typer.Argument(metavar="IN.vcf", help="VCF or BCF, plain or .gz; - is standard input.")
    ],
    reference: Reference,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help=".vcf, .vcf.gz, .bcf, .tsv, .tsv.gz or .parquet; - is VCF on standard output.",
        ),
    ] = "-",
    model: ModelName = "default",
    width: Width = None,
    strands: Strands = "both",
    check_ref: Annotated[
        Literal["error", "warn", "exclude"],
        typer.Option(help="A REF that differs from the FASTA: stop, leave unscored, or drop the record."),
    ] = "error",
    indel: Annotated[
        Literal["neutral", "equal-tokens"],
        typer.Option(help="Same downstream bases and length-corrected, or the published rule."),
    ] = "neutral",
    circular: Annotated[
        list[str] | None, typer.Option(metavar="CONTIG", help="Contig to read across its ends; repeatable.")
    ] = None,
    regions: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CHR:START-END",
            help="Score only records that overlap; the others pass untouched. 1-based; repeatable.",
        ),
    ] = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    window_slack: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="BP",
            help="Let variants share a window whose middle is at most so far away; 0 centres each one's own.",
        ),
    ] = 0,
    suffix: Annotated[
        str,
        typer.Option(
            metavar="exact|auto|N",
            help="Bases read behind an allele: all, until the rest hardly matters, or N.",
        ),
    ] = "exact",
    calibration: Annotated[
        Path | None,
        typer.Option(metavar="TABLE.json", help="From `cistron calibrate`; default: the model's own."),
    ] = None,
    annotation: Annotated[
        Path | None,
        typer.Option(
            metavar="GFF",
            help="GFF3 or GTF: also write genes and consequences, as CISTRON_CSQ.",
        ),
    ] = None,
    batch_tokens: Annotated[
        int | None, typer.Option(min=1, help="Most tokens run together; default: what suits the device.")
    ] = None,
    threads: Threads = None,
    tag: Annotated[
        str | None, typer.Option(metavar="NAME", help="Fields become CISTRON_NAME_LLR and so on.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace CISTRON fields of the input.")
    ] = False,
    report: ReportPath = None,
    resume: Resume = False,
    server: Server = None,
) -> None:
    """Score the variants of a VCF: how plausible is each alternative allele beside the reference?

    Every record is kept; CISTRON_LLR, CISTRON_FLANK and CISTRON_STATUS are added to INFO. The score is a
    log-likelihood ratio in nats: negative means less plausible than the reference. Where the model was
    calibrated, CISTRON_PCT is its percentile among random changes of the same kind. With --annotation,
    CISTRON_CSQ holds genes and consequences, as `bcftools +split-vep -a CISTRON_CSQ` reads it. For research
    use.

    Example: cistron score in.vcf.gz -r genome.fa -o out.vcf.gz --report out.html
    """
    if server is not None:
        from cistron.cli.serving.remote import run_on_server

        given = {"genome": str(reference), "width": width, "strands": strands, "indel": indel}
        given |= {"check_ref": check_ref, "suffix": suffix, "window_slack": window_slack}
        run_on_server(
            context, server, "score", variants, output, model=model, given=given, named=("reference",)
        )
        return
    if report is not None:
        refuse_unwritable(report)
        for path in (variants, reference):
            refuse_same_file(path, report)
        if report.resolve() == Path(output).resolve():
            raise OutputError(f"--output and --report both name {output}; give them different names")
    request = ScoreRequest(
        input=variants,
        reference=reference,
        output=output,
        model=model,
        width=width,
        strands=strands,
        indel=indel,
        check_ref=check_ref,
        circular=tuple(circular or ()),
        regions=tuple(regions or ()),
        device=device,
        dtype=dtype,
        window_slack=window_slack,
        suffix=parsed_suffix(suffix),
        calibration=calibration,
        annotation=annotation,
        batch_tokens=batch_tokens,
        threads=threads,
        tag=tag,
        overwrite=overwrite,
        resume=resume,
    )

    def write_report(run: ScoredRun) -> None:
        if report is None:
            return
        from cistron.reports.variants import write_variant_report

        write_variant_report(
            report,
            report_rows(run, _described),
            title=f"Variant scores: {run.facts['Variants']}",
            model_facts=run.model_facts,
            run_facts=run.facts,
        )

    run_score(request, then=write_report)


def _described(record: VcfRecord, allele: int) -> tuple[str, str]:
    """Name and label of an allele: the record's ID and none."""
    return ("" if record.id == "." else record.id), ""


COMMAND = score
