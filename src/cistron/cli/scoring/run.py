"""The main job: read variants, score them into a journal, write the journal out beside the records.

Scores go to a journal first and to the output only when all are known. So a kill at any moment costs one
block, a resumed run writes the very same file, and a failed one leaves none.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cistron import __version__
from cistron.cli.command_line import command_line
from cistron.cli.journaled import is_stream, journal_beside
from cistron.cli.loading import loaded
from cistron.cli.progress import note, progress_bar
from cistron.cli.scoring.output import (
    FIELDS,
    Column,
    RecordedRow,
    columns,
    windows,
    write_table,
    write_vcf,
)
from cistron.errors import (
    InputError,
    OutputError,
    ReferenceMismatchError,
    UnknownContigError,
)
from cistron.formats.atomic import STREAM, refuse_same_file, refuse_unwritable, sha256_file
from cistron.formats.fasta import Fasta
from cistron.formats.manifest import write_manifest
from cistron.formats.score_journal import JournalEntry, ScoreJournal
from cistron.formats.vcf import PREFIX, VcfReader, VcfRecord
from cistron.genome import Variant
from cistron.genome.alleles import AlleleStatus
from cistron.genome.contigs import ContigNames, recognise_build
from cistron.genome.splits import Regions, parse_region
from cistron.genome.windows import IndelRule

if TYPE_CHECKING:
    from cistron.inference.calibration import Percentiles
    from cistron.inference.load import LoadedModel
    from cistron.inference.score import Strands
    from cistron.inference.scoring.suffix import Suffix
    from cistron.reports.variants import ReportRow

CheckRef = Literal["error", "warn", "exclude"]
TABLES = (".tsv", ".tsv.gz", ".parquet")
ENDINGS = (".vcf", ".vcf.gz", ".vcf.bgz", ".bcf", *TABLES)


@dataclass(frozen=True)
class ScoreRequest:
    """What the user asked for; see `cistron score --help`."""

    input: str
    reference: Path
    output: str
    model: str = "default"
    width: int | None = None
    strands: Strands = "both"
    indel: IndelRule = "neutral"
    check_ref: CheckRef = "error"
    circular: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    device: str = "auto"
    dtype: str = "auto"
    window_slack: int = 0
    suffix: Suffix = "exact"
    calibration: Path | None = None
    batch_tokens: int | None = None
    threads: int | None = None
    tag: str | None = None
    overwrite: bool = False
    resume: bool = False

    def field(self, name: str) -> str:
        """INFO name of one of `FIELDS` under the user's tag."""
        return f"{PREFIX}{self.tag}_{name}" if self.tag else PREFIX + name

    @property
    def fields(self) -> list[str]:
        """INFO names of everything that may be written under the user's tag."""
        return [self.field(name) for name in FIELDS]

    @property
    def streams(self) -> bool:
        """Whether nothing can lie beside the output."""
        return is_stream(self.output)


@dataclass(frozen=True)
class ScoredRun:
    """What a finished run knows, for reports.

    Attributes:
        rows: Gives every record with its alleles' scores, again each time it is called.
        facts: Name → value, about the run.
        model_facts: Name → value, about the model.
        counts: Alleles by status; None counts the scored ones.
    """

    rows: Callable[[], Iterator[RecordedRow]]
    facts: dict[str, str]
    model_facts: dict[str, str]
    counts: Counter[AlleleStatus | None]


def parsed_suffix(text: str) -> Suffix:
    """What the user wrote behind `--suffix`.

    Raises:
        InputError: It is neither `exact`, `auto` nor a positive number.
    """
    from cistron.inference.scoring.suffix import checked_suffix

    return checked_suffix(int(text) if text.isdecimal() else text)


def run_score(request: ScoreRequest, then: Callable[[ScoredRun], None] = lambda run: None) -> None:
    """Score the variants of a file and write them out.

    Args:
        request: What to do.
        then: Called when the output is written and before the journal goes, such as to write a report.
    """
    _check_paths(request)
    with ExitStack() as open_files:
        reference = open_files.enter_context(Fasta(request.reference))
        reader = open_files.enter_context(VcfReader(request.input))
        _check_tag(request, reader)
        _check_build(request, reader, reference)
        regions = _regions(request, reader, reference)
        model = loaded(request.model, request.device, request.dtype, request.threads)
        identity = _identity(request, reader, model)
        journal = open_files.enter_context(journal_beside(request.output, identity, resume=request.resume))
        scores = ScoreJournal(journal)
        _fill(scores, request, reader, reference, model, regions)
        run = ScoredRun(
            rows=lambda: _recorded(reader, regions, scores),
            facts=_run_facts(request, reader, reference, identity),
            model_facts=_model_facts(model),
            counts=Counter(entry.status for entry in scores),
        )
        wanted = columns(request, identity, _percentiles(request, model, reference, identity))
        _write(request, reader, run, wanted, identity)
        if not request.streams:
            write_manifest(request.output, _manifest(request, identity, run))
        then(run)
        _summarise(request, run)
        journal.remove()


def _check_paths(request: ScoreRequest) -> None:
    refuse_same_file(request.input, request.output)
    refuse_same_file(request.reference, request.output)
    if not request.streams:
        refuse_unwritable(request.output)
        if not request.output.endswith(ENDINGS):
            raise OutputError(f"cannot write {request.output}: its name should end in {', '.join(ENDINGS)}")
    if request.resume and STREAM in (request.input, request.output):
        raise InputError("--resume needs files: standard input and output cannot be taken up again")


def _check_tag(request: ScoreRequest, reader: VcfReader) -> None:
    """Refuse to mix our fields with those of an earlier run unless the user said how."""
    if request.tag is not None and not re.fullmatch("[0-9A-Za-z_]+", request.tag):
        raise InputError(f"--tag {request.tag!r}: use letters A-Z, digits and underscores")
    found = [f for f in reader.cistron_fields if f in request.fields or not request.tag]
    if found and not request.overwrite and not request.output.endswith(TABLES):
        raise InputError(
            f"{reader.name} already carries {', '.join(found)}; give --tag NAME to add other fields or "
            "--overwrite to replace these"
        )


def _check_build(request: ScoreRequest, reader: VcfReader, reference: Fasta) -> None:
    """Stop early where contig names or lengths show that file and reference do not belong together."""
    names = ContigNames(reference.contigs)
    lengths = reader.contig_lengths
    resolved = {name: names.resolve(name, length) for name, length in lengths.items()}
    if reader.count and lengths and not any(resolved.values()):
        raise UnknownContigError(
            f"no contig of {reader.name} ({_some(lengths)}) is in {reference.name} "
            f"({_some(reference.contigs)}); give the reference that the variants were called on"
        )
    ours, theirs = recognise_build(reference.contigs), reader.build_hint
    differing = next(
        (
            (name, length, reference.contigs[found])
            for name, length in lengths.items()
            if length and (found := resolved[name]) and length != reference.contigs[found]
        ),
        None,
    )
    if differing is None and (ours == theirs or None in (ours, theirs)):
        return
    if ours == theirs:
        about = f"{reader.name} and {reference.name} do not belong together"
    else:
        about = f"{reader.name} is on {theirs or 'another build'}, {reference.name} is {ours or 'on another'}"
    if differing is not None:
        name, stated, actual = differing
        about += f": contig {name} has {stated:,} bases in the one and {actual:,} in the other"
    if request.check_ref == "error":
        raise ReferenceMismatchError(
            f"{about}; give the matching reference, or --check-ref warn to score what agrees"
        )
    note(about)


def _some(names: Iterable[str], most: int = 3) -> str:
    first = list(islice(names, most + 1))
    return ", ".join(first[:most]) + (", …" if len(first) > most else "")


def _regions(request: ScoreRequest, reader: VcfReader, reference: Fasta) -> Regions | None:
    """What to score, in the names of the variants' file; None for everything."""
    if not request.regions:
        return None
    contigs = {name: length or sys.maxsize for name, length in reader.contig_lengths.items()}
    names = ContigNames(contigs)
    # A contig without a record and without a header line is no mistake: nothing lies in it.
    others = {n: length for n, length in reference.contigs.items() if names.resolve(n, length) is None}
    return Regions(parse_region(text, contigs | others) for text in request.regions)


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
    from cistron.inference.score import BLOCK

    def alleles() -> Iterator[Variant]:
        return (v for record in reader if _inside(regions, record) for v in record.variants)

    total = sum(1 for _ in alleles())
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
        batch_tokens=request.batch_tokens,
    )
    with progress_bar("Scoring", total, "variants", done=journal.done) as advance:
        while block := [JournalEntry(s.llr, s.flank, s.status, s.error) for s in islice(scores, BLOCK)]:
            journal.append(block)
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


def _manifest(request: ScoreRequest, identity: Mapping[str, Any], run: ScoredRun) -> dict[str, Any]:
    counts = {status or "SCORED": count for status, count in sorted(run.counts.items(), key=str)}
    files = {"input": request.input, "reference": str(request.reference)}
    return {"command": command_line(), **files, **identity, "seed": None, "alleles": counts}


def _run_facts(
    request: ScoreRequest, reader: VcfReader, reference: Fasta, identity: Mapping[str, Any]
) -> dict[str, str]:
    return {
        "Cistron": __version__,
        "Variants": Path(request.input).name if request.input != STREAM else "standard input",
        "Reference": f"{Path(reference.name).name} ({recognise_build(reference.contigs) or 'build unknown'})",
        "Window": f"{identity['width']:,} bp, {windows(identity)}",
        "Bases behind an allele": str(identity["suffix"]),
        "Strands": identity["strands"],
        "Indels": identity["indel"],
        "Arithmetic": f"{identity['dtype']} on {identity['device']}",
    }


def _model_facts(model: LoadedModel) -> dict[str, str]:
    return {
        "Model": model.name,
        "Architecture": model.spec.architectures[0],
        "Context": f"{model.model.config.context_length:,} bases",
        "Weights sha256": model.sha256,
    }


def _summarise(request: ScoreRequest, run: ScoredRun) -> None:
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
                group=label or _kind(variant),
            )


def _kind(variant: Variant) -> str:
    """Class of a variant by its spelling."""
    ref, alt = len(variant.ref), len(variant.alt)
    if variant.alt.startswith("<") or not variant.alt.isalpha():
        return "other"
    if ref == alt:
        return "SNV" if ref == 1 else "MNV"
    return "insertion" if alt > ref else "deletion"
