"""The main job: read variants, score them into a journal, write the journal out beside the records.

Scores go to a journal first and to the output only when all are known. So a kill at any moment costs one
block, a resumed run writes the very same file, and a failed one leaves none.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cistron import __version__
from cistron.cli.facts import model_facts
from cistron.cli.journaled import journal_beside
from cistron.cli.loading import loaded
from cistron.cli.progress import note, progress_bar
from cistron.cli.scoring.annotated import Annotated
from cistron.cli.scoring.finished import ScoredRun, manifest_of, run_facts, summarise
from cistron.cli.scoring.output import Column, RecordedRow, columns, write_table, write_vcf
from cistron.cli.scoring.request import (
    TABLES,
    ScoreRequest,
    check_build,
    check_paths,
    check_tag,
    regions_of,
)
from cistron.cli.sharded import budget_of
from cistron.errors import InputError, UnknownContigError
from cistron.formats.atomic import sha256_file
from cistron.formats.fasta import Fasta
from cistron.formats.manifest import write_manifest
from cistron.formats.score_journal import JournalEntry, ScoreJournal
from cistron.formats.vcf import VcfReader, VcfRecord
from cistron.genome import Variant
from cistron.genome.alleles import AlleleStatus
from cistron.genome.contigs import ContigNames
from cistron.genome.splits import Regions

if TYPE_CHECKING:
    from cistron.inference.calibration import Percentiles
    from cistron.inference.load import LoadedModel


def run_score(request: ScoreRequest, then: Callable[[ScoredRun], None] = lambda run: None) -> None:
    """Score the variants of a file and write them out.

    Args:
        request: What to do.
        then: Called when the output is written and before the journal goes, such as to write a report.
    """
    check_paths(request)
    with ExitStack() as open_files:
        reference = open_files.enter_context(Fasta(request.reference))
        reader = open_files.enter_context(VcfReader(request.input))
        check_tag(request, reader)
        check_build(request, reader, reference)
        regions = regions_of(request, reader, reference)
        annotated = Annotated(request, reader, reference) if request.annotation else None
        model = loaded(request.model, request.device, request.dtype, request.threads)
        identity = _identity(request, reader, model)
        journal = open_files.enter_context(journal_beside(request.output, identity, resume=request.resume))
        scores = ScoreJournal(journal)
        _fill(scores, request, reader, reference, model, regions)
        run = ScoredRun(
            rows=lambda: _recorded(reader, regions, scores),
            facts=run_facts(request, reader, reference, identity),
            model_facts=model_facts(model),
            counts=Counter(entry.status for entry in scores),
        )
        wanted = columns(request, identity, _percentiles(request, model, reference, identity))
        if annotated is not None:
            wanted += annotated.columns()
            run = replace(
                run,
                rows=lambda: annotated.ahead(_recorded(reader, regions, scores)),
                consequence=annotated.worst,
            )
        _write(request, reader, run, wanted, identity)
        if not request.streams:
            write_manifest(request.output, manifest_of(request, identity, run, sorted(journal.notes)))
        then(run)
        summarise(request, run)
        journal.remove()


def _identity(request: ScoreRequest, reader: VcfReader, model: LoadedModel) -> dict[str, Any]:
    """Everything the scores depend on."""
    from cistron.genome.windows import checked_slack
    from cistron.inference.score import BLOCK, checked_width, usual_batch_tokens
    from cistron.inference.scoring.suffix import checked_suffix

    width = checked_width(model.model, request.width)
    return {
        "version": __version__,
        "input_sha256": reader.sha256,
        "reference_sha256": sha256_file(request.reference),
        "model": model.name,
        "model_sha256": model.sha256,
        "width": width,
        "window_slack": checked_slack(request.window_slack, width),
        "suffix": checked_suffix(request.suffix),
        "strands": request.strands,
        "indel": request.indel,
        "check_ref": request.check_ref,
        "circular": list(request.circular),
        "regions": list(request.regions),
        "device": str(model.device.type),
        "dtype": model.dtype,
        "batch_tokens": request.batch_tokens or usual_batch_tokens(model.model),
        "block": BLOCK,
    }


def _fill(
    journal: ScoreJournal,
    request: ScoreRequest,
    reader: VcfReader,
    reference: Fasta,
    model: LoadedModel,
    regions: Regions | None,
) -> None:
    """Score all alleles that the journal does not have yet."""
    from cistron.inference.score import BLOCK, checked_width, usual_batch_tokens
    from cistron.inference.scoring.workers import workers

    def alleles() -> Iterator[Variant]:
        return (v for record in reader if _inside(regions, record) for v in record.variants)

    total = sum(1 for _ in alleles())
    budget = budget_of(
        journal.journal,
        model.model,
        checked_width(model.model, request.width),
        request.batch_tokens or usual_batch_tokens(model.model),
        side_by_side=workers(model.device),
    )
    scores = model.score_variants(
        islice(alleles(), journal.done, None),
        reference,
        width=request.width,
        strands=request.strands,
        indel=request.indel,
        circular=_resolved(request.circular, reference),
        check_ref="error" if request.check_ref == "error" else "warn",
        lengths=reader.contig_lengths,
        window_slack=request.window_slack,
        suffix=request.suffix,
        batch_tokens=budget,
    )
    with progress_bar("Scoring", total, "variants", done=journal.done) as advance:
        while block := [JournalEntry(s.llr, s.flank, s.status, s.error) for s in islice(scores, BLOCK)]:
            journal.append(block, budget.batch_tokens)
            advance(len(block))


def _resolved(names: Collection[str], reference: Fasta) -> list[str]:
    """Names of contigs as the reference has them."""
    known = ContigNames(reference.contigs)
    found = {name: known.resolve(name, reference.contigs.get(name)) for name in names}
    for name, contig in found.items():
        if contig is None:
            raise UnknownContigError(f"--circular {name}: no such contig in {reference.name}")
    return [contig for contig in found.values() if contig is not None]


def _inside(regions: Regions | None, record: VcfRecord) -> bool:
    """Whether a record is to be scored; those outside pass untouched."""
    if regions is None or not record.variants:
        return True
    start = record.pos - 1
    end = max(variant.end or start + len(variant.ref) for variant in record.variants)
    return regions.overlaps(record.chrom, start, end)


def _recorded(reader: VcfReader, regions: Regions | None, journal: ScoreJournal) -> Iterator[RecordedRow]:
    """Every record with what became of its alleles; nothing for those outside the regions."""
    entries = iter(journal)
    for record in reader:
        wanted = len(record.variants) if _inside(regions, record) else 0
        yield record, list(islice(entries, wanted))


def _write(
    request: ScoreRequest,
    reader: VcfReader,
    run: ScoredRun,
    wanted: Sequence[Column],
    identity: Mapping[str, Any],
) -> None:
    kept = (
        row
        for row in run.rows()
        if request.check_ref != "exclude"
        or all(entry.status is not AlleleStatus.REF_MISMATCH for entry in row[1])
    )
    if request.output.endswith(TABLES):
        write_table(request, kept, wanted, identity)
    else:
        write_vcf(request, reader, kept, wanted)


def _percentiles(
    request: ScoreRequest, model: LoadedModel, reference: Fasta, identity: Mapping[str, Any]
) -> Percentiles | None:
    """What gives scores their percentiles; None where no table holds for these settings."""
    from cistron.inference.calibration import Calibration, Percentiles

    if request.calibration is None:
        table, name = model.calibration, f"the calibration of {model.name}"
    else:
        table = Calibration.from_dict(_read_json(request.calibration))
        name = str(request.calibration)
    if table is None:
        return None
    other = [f"{key} {value}" for key, value in table.settings.items() if value != identity[key]]
    if not other:
        return Percentiles(table, reference)
    if request.calibration is not None:
        raise InputError(f"{name} was made with {', '.join(other)}; use these settings, or calibrate again")
    note(f"no percentiles: {name} was made with {', '.join(other)}")
    return None


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path} is not JSON; make it with `cistron calibrate`") from error
