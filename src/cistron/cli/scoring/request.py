"""What a user may ask of `cistron score`, and what is refused before anything is computed."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cistron.cli.journaled import is_stream
from cistron.cli.progress import note
from cistron.cli.scoring.output import FIELDS
from cistron.errors import InputError, OutputError, ReferenceMismatchError, UnknownContigError
from cistron.formats.atomic import STREAM, refuse_same_file, refuse_unwritable
from cistron.formats.fasta import Fasta
from cistron.formats.vcf import PREFIX, VcfReader
from cistron.genome.contigs import ContigNames, recognise_build
from cistron.genome.splits import Regions, parse_region
from cistron.genome.windows import IndelRule

if TYPE_CHECKING:
    from cistron.inference.score import Strands
    from cistron.inference.scoring.suffix import Suffix

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
    annotation: Path | None = None
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


def parsed_suffix(text: str) -> Suffix:
    """What the user wrote behind `--suffix`.

    Raises:
        InputError: It is neither `exact`, `auto` nor a positive number.
    """
    from cistron.inference.scoring.suffix import checked_suffix

    return checked_suffix(int(text) if text.isdecimal() else text)


def check_paths(request: ScoreRequest) -> None:
    """Refuse outputs that cannot be written or would destroy an input.

    Raises:
        OutputError: The output's ending, place or name does not do.
        InputError: A stream cannot be resumed.
    """
    refuse_same_file(request.input, request.output)
    refuse_same_file(request.reference, request.output)
    if request.annotation is not None:
        refuse_same_file(request.annotation, request.output)
    if not request.streams:
        refuse_unwritable(request.output)
        if not request.output.endswith(ENDINGS):
            raise OutputError(f"cannot write {request.output}: its name should end in {', '.join(ENDINGS)}")
    if request.resume and STREAM in (request.input, request.output):
        raise InputError("--resume needs files: standard input and output cannot be taken up again")


def check_tag(request: ScoreRequest, reader: VcfReader) -> None:
    """Refuse to mix our fields with those of an earlier run unless the user said how."""
    if request.tag is not None and not re.fullmatch("[0-9A-Za-z_]+", request.tag):
        raise InputError(f"--tag {request.tag!r}: use letters A-Z, digits and underscores")
    found = [f for f in reader.cistron_fields if f in request.fields or not request.tag]
    if found and not request.overwrite and not request.output.endswith(TABLES):
        raise InputError(
            f"{reader.name} already carries {', '.join(found)}; give --tag NAME to add other fields or "
            "--overwrite to replace these"
        )


def check_build(request: ScoreRequest, reader: VcfReader, reference: Fasta) -> None:
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


def regions_of(request: ScoreRequest, reader: VcfReader, reference: Fasta) -> Regions | None:
    """What to score, in the names of the variants' file; None for everything."""
    if not request.regions:
        return None
    contigs = {name: length or sys.maxsize for name, length in reader.contig_lengths.items()}
    names = ContigNames(contigs)
    # A contig without a record and without a header line is no mistake: nothing lies in it.
    others = {n: length for n, length in reference.contigs.items() if names.resolve(n, length) is None}
    return Regions(parse_region(text, contigs | others) for text in request.regions)
