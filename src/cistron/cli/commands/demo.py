"""`cistron demo`: score the bundled variants of the prion gene."""

from __future__ import annotations

import json
import re
import shutil
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated

import typer

from cistron.cli.progress import note
from cistron.cli.scoring.finished import ScoredRun, report_rows
from cistron.cli.scoring.request import ScoreRequest
from cistron.cli.scoring.run import run_score
from cistron.errors import OutputError
from cistron.formats.atomic import atomic_output
from cistron.formats.vcf import VcfRecord
from cistron.genome.annotation import GeneModel


def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where the results go.")] = Path(
        "cistron-demo"
    ),
    model: Annotated[str, typer.Option("--model", "-m", help="Shipped name, folder, or hub id.")] = "default",
) -> None:
    """Score documented variants of PRNP, print them, and write DIR/scored.vcf.gz and DIR/report.html.

    The variants and the reference are put into DIR too, to try the other commands on.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {folder}: {error.strerror}; choose another") from error
    with as_file(files("cistron") / "resources" / "example") as example:
        _copy_inputs(example, folder)
        request = ScoreRequest(
            input=str(folder / "prnp.vcf"),
            reference=folder / "prnp_chr20.fa.gz",
            output=str(folder / "scored.vcf.gz"),
            model=model,
        )
        gene = GeneModel.from_dict(json.loads((example / "prnp.json").read_text()))

        def show(run: ScoredRun) -> None:
            from cistron.reports.variants import write_variant_report

            _print_table(run)
            write_variant_report(
                folder / "report.html",
                report_rows(run, _described),
                title="Variants of the human prion gene PRNP",
                model_facts=run.model_facts,
                run_facts=run.facts,
                genes=[gene],
            )

        run_score(request, then=show)
    note(f"open {folder / 'report.html'} in a browser")
    genome = f"--genome hg19={folder / 'prnp_chr20.fa.gz'}"
    note(f"a private server for your group: cistron serve --home {folder / 'lab'} {genome}")


def _copy_inputs(example: Path, folder: Path) -> None:
    for source in sorted(example.glob("prnp*.*")):
        if source.suffix != ".json":
            with atomic_output(folder / source.name) as temporary:
                shutil.copyfile(source, temporary)


def _described(record: VcfRecord, allele: int) -> tuple[str, str]:
    """Protein change and label of an allele, from INFO."""
    return _info(record, "HGVSP", allele), _info(record, "LABEL", allele)


def _info(record: VcfRecord, field: str, allele: int) -> str:
    found = re.search(rf"(?:^|;){field}=([^;]*)", record.line.split("\t")[7])
    values = found[1].split(",") if found else [""]
    return values[min(allele, len(values) - 1)]


def _print_table(run: ScoredRun) -> None:
    from rich.console import Console
    from rich.table import Table

    rows = sorted(report_rows(run, _described), key=lambda row: (row.llr is None, row.llr))
    table = Table(box=None, pad_edge=False, title="PRNP, GRCh37 chromosome 20, most negative first")
    for name, justify in (("change", "left"), ("reported", "left"), ("pos", "right"), ("llr", "right")):
        table.add_column(name, justify=justify)  # type: ignore[arg-type]
    for row in rows:
        score = row.status or f"{row.llr:+.3f}"
        table.add_row(row.name, row.label.replace("_", " "), f"{row.pos:,}", score)
    Console().print(table)
    print("llr: log-likelihood ratio ALT - REF in nats; negative = less plausible than the reference.")
    print("For research use only: this is neither a diagnosis nor a probability of disease.")


COMMAND = demo
