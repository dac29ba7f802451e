"""Write a head's answers into a VCF."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from cistron import __version__
from cistron.cli.command_line import command_line
from cistron.cli.journaled import is_stream, journal_beside
from cistron.cli.loading import loaded
from cistron.cli.progress import note, progress_bar
from cistron.errors import InputError, OutputError, UnknownNameError
from cistron.formats.atomic import STREAM, refuse_same_file, refuse_unwritable, sha256_file
from cistron.formats.consequences import Consequences
from cistron.formats.fasta import Fasta
from cistron.formats.journal import Journal
from cistron.formats.manifest import write_manifest
from cistron.formats.vcf import PREFIX, InfoField, VcfReader, VcfWriter
from cistron.genome.alleles import AlleleStatus
from cistron.heads.allele_pair import AllelePair
from cistron.inference.load import LoadedModel
from cistron.training.pathogenicity.alleles import BLOCK, AlleleReader
from cistron.training.pathogenicity.answers import answers
from cistron.weights.heads import SavedHead, load_head, read_head

_ENDINGS: Final = (".vcf", ".vcf.gz", ".vcf.bgz", ".bcf")
_FIELDS: Final = ("PATH", "PATH_CLASS", "PATH_STATUS")
Answer = float | AlleleStatus
"""P(pathogenic), or why there is none."""


@dataclass(frozen=True)
class PredictRequest:
    """What was asked for; see `cistron pathogenicity predict --help`."""

    head: Path
    input: str
    reference: Path
    output: str
    annotation: Path | None = None
    model: str | None = None
    tag: str | None = None
    overwrite: bool = False
    device: str = "auto"
    threads: int | None = None
    resume: bool = False

    def field(self, name: str) -> str:
        """INFO name of one of the fields under the user's tag."""
        return f"{PREFIX}{self.tag}_{name}" if self.tag else PREFIX + name


def run_predict(request: PredictRequest) -> None:
    """Answer for every allele of a file and write it out.

    Raises:
        CistronError: Something that the caller can fix.
    """
    _check_paths(request)
    with ExitStack() as held:
        reference = held.enter_context(Fasta(request.reference))
        reader = held.enter_context(VcfReader(request.input))
        drop = _dropped(request, reader)
        saved, model = _opened(request)
        alleles = AlleleReader(
            model,
            _pair(saved),
            reference,
            width=saved.facts["width"],
            around=saved.facts["around"],
            layers=saved.backbone.layers,
            lengths=reader.contig_lengths,
        )
        consequences = _consequences(request, saved, reader, reference)
        identity = _identity(request, reader, model)
        journal = held.enter_context(journal_beside(request.output, identity, resume=request.resume))
        _fill(journal, reader, alleles, consequences)
        counts = _write(request, reader, journal, saved, drop)
        if not is_stream(request.output):
            facts = {"input": request.input, "head": str(request.head), "alleles": dict(counts)}
            write_manifest(request.output, {"command": command_line(), **facts, **identity, "seed": None})
        journal.remove()
    note(f"{', '.join(f'{count:,} {what}' for what, count in counts.items())}; wrote {request.output}")


def _check_paths(request: PredictRequest) -> None:
    refuse_same_file(request.input, request.output)
    for path in (request.reference, request.annotation):
        if path is not None:
            refuse_same_file(path, request.output)
    if request.output != STREAM:
        refuse_unwritable(request.output)
        if not is_stream(request.output) and not request.output.endswith(_ENDINGS):
            raise OutputError(f"cannot write {request.output}: its name should end in {', '.join(_ENDINGS)}")


def _dropped(request: PredictRequest, reader: VcfReader) -> list[str]:
    """Fields of the input that are replaced.

    Raises:
        InputError: There are such fields, and nobody asked to replace them.
    """
    own = {request.field(name) for name in _FIELDS}
    found = [field for field in reader.info_fields if field in own]
    if found and not request.overwrite:
        raise InputError(
            f"{reader.name} already carries {', '.join(found)}; give --tag NAME to add other fields or "
            "--overwrite to replace these"
        )
    return found


def _opened(request: PredictRequest) -> tuple[SavedHead, LoadedModel]:
    folder = request.head / "head" if (request.head / "head" / "head.json").is_file() else request.head
    settings = read_head(folder)
    if settings.get("head") != "allele-pair" or "around" not in settings["facts"]:
        raise InputError(f"{folder} is no head of `cistron pathogenicity train`; it is for other questions")
    name = request.model or settings["backbone"]["name"]
    try:
        model = loaded(name, request.device, "float32", request.threads)
    except UnknownNameError as unknown:
        raise InputError(
            f"the head belongs to the model '{name}'; give its folder as --model ({unknown})"
        ) from None
    saved = load_head(folder, model.built.model, name=model.name, sha256=model.sha256)
    saved.head.to(model.device)
    return saved, model


def _pair(saved: SavedHead) -> AllelePair:
    assert isinstance(saved.head, AllelePair), "its kind was checked when it was opened"
    return saved.head


def _consequences(
    request: PredictRequest, saved: SavedHead, reader: VcfReader, reference: Fasta
) -> Consequences | None:
    wanted = any(column.startswith("so:") for column in _pair(saved).config.columns)
    if not wanted:
        return None
    if request.annotation is None:
        raise InputError(
            f"the head reads consequences; give --annotation, such as {saved.facts['annotation']}"
        )
    named = {record.chrom: reader.contig_lengths.get(record.chrom) for record in reader}
    return Consequences(request.annotation, reference, named)


def _identity(request: PredictRequest, reader: VcfReader, model: LoadedModel) -> dict[str, Any]:
    settings = request.head / "head" / "head.json"
    settings = settings if settings.is_file() else request.head / "head.json"
    return {
        "version": __version__,
        "input_sha256": reader.sha256,
        "reference_sha256": sha256_file(request.reference),
        "annotation_sha256": None if request.annotation is None else sha256_file(request.annotation),
        "head_sha256": sha256_file(settings),
        "model": model.name,
        "model_sha256": model.sha256,
        "device": model.device.type,
    }


def _fill(
    journal: Journal, reader: VcfReader, alleles: AlleleReader, consequences: Consequences | None
) -> None:
    """Answer for the alleles that the journal does not have yet."""
    total = sum(len(record.variants) for record in reader)
    done = min(journal.done * BLOCK, total)
    remaining = islice((v for record in reader for v in record.variants), done, None)
    with progress_bar("Predicting", total, "alleles", done=done) as advance:
        while block := list(islice(remaining, BLOCK)):
            found = answers(alleles, block, consequences)
            journal.append("\n".join(map(_line, found)).encode())
            advance(len(block))


def _line(answer: Answer) -> str:
    return f"{answer:.9g}" if isinstance(answer, float) else str(answer)


def _recorded(journal: Journal) -> Iterator[Answer]:
    for payload in journal:
        for line in payload.decode().split("\n"):
            yield float(line) if line[0].isdigit() else AlleleStatus(line)


def _write(
    request: PredictRequest, reader: VcfReader, journal: Journal, saved: SavedHead, drop: Sequence[str]
) -> Counter[str]:
    labels = _pair(saved).config.labels
    how = f"head={request.head.name}; model={saved.backbone.name}; sha256={saved.backbone.sha256}"
    fields = [
        InfoField(request.field("PATH"), "Float", f"P({labels[1].lower()}), calibrated; {how}"),
        InfoField(request.field("PATH_CLASS"), "String", f"The likelier of {labels[0]} and {labels[1]}"),
        InfoField(request.field("PATH_STATUS"), "String", f"Why an allele has no {request.field('PATH')}"),
    ]
    counts: Counter[str] = Counter()
    recorded = _recorded(journal)
    with VcfWriter(request.output, reader, fields, command_line(), drop=drop) as writer:
        for record in reader:
            found = list(islice(recorded, len(record.variants)))
            said = [one if isinstance(one, float) else None for one in found]
            why = [None if isinstance(one, float) else str(one) for one in found]
            classes = [None if p is None else labels[int(p > 0.5)] for p in said]
            counts.update(name or f"without ({reason})" for name, reason in zip(classes, why, strict=True))
            columns: list[Sequence[float | str | None]] = [said, classes, why]
            values = {field.id: column for field, column in zip(fields, columns, strict=True)}
            writer.write(record, values if found else None)
    if writer.index_note:
        note(writer.index_note)
    return counts
