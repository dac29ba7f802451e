"""What a corpus will hold, known before a base is packed: contigs, and which of their bases are allowed."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from cistron.data.corpus import Source, chromosomes_of, expanded
from cistron.data.held_out import HeldOut
from cistron.data.index import VERSION, ContigRow, contigs_of
from cistron.data.letters import PER_BYTE
from cistron.data.spans import Spans, difference, intersection, merged, total
from cistron.errors import InputError
from cistron.formats.atomic import sha256_file
from cistron.formats.bed import read_bed
from cistron.formats.bgzf import first_bytes
from cistron.formats.fasta_stream import stream_fasta
from cistron.formats.gff import read_gff
from cistron.genome.contigs import ContigNames

_BED: Final = (".bed", ".bed.gz", ".bed.bgz")
_SUFFIXES: Final = re.compile(r"(\.(fa|fna|fasta|gz|bgz))+$", re.IGNORECASE)
_FILES: Final = ("fasta", "locations", "include", "exclude", "annotation")


@dataclass(frozen=True)
class Request:
    """What a corpus is asked to be; see `cistron.data.build.build_corpus`."""

    sources: tuple[Source, ...]
    held_out: tuple[str, ...]
    allow_held_out: bool
    drop_held_out: bool
    deduplicate: bool
    longest_gap: int
    shard_bytes: int

    def identity(self) -> dict[str, Any]:
        """Everything that the corpus depends on: settings and the hashes of files, but not their paths.

        Raises:
            InputError: A file is missing or empty.
        """
        settings = {
            field.name: getattr(self, field.name) for field in fields(self) if field.name != "sources"
        }
        sources = [_identity(source) for source in self.sources]
        identity = {"version": VERSION, "sources": sources} | settings
        found: dict[str, Any] = json.loads(json.dumps(identity))
        return found


def _identity(source: Source) -> dict[str, str | None]:
    values = asdict(source)
    for key in _FILES:
        if values[key] is not None:
            path = expanded(values[key])
            first_bytes(path)
            values[key] = sha256_file(path)
    return values


@dataclass(frozen=True)
class Plan:
    """The contigs of a corpus.

    Attributes:
        names: Of the sources, each another.
        contigs: In the order of their bases.
        left_out: Contigs of each source that lie on held-out chromosomes.
    """

    names: tuple[str, ...]
    contigs: tuple[ContigRow, ...]
    left_out: tuple[int, ...]

    def of(self, source: int) -> list[ContigRow]:
        """The contigs of one source."""
        return [self.contigs[number] for number in contigs_of(self.contigs, source)]

    @property
    def num_bases(self) -> int:
        """Positions in all contigs."""
        return sum(contig.length for contig in self.contigs)


def make_plan(request: Request) -> Plan:
    """Read through all files once, for names and lengths of contigs.

    Raises:
        InputError: A file cannot be read, or no contig is left.
    """
    held_out = HeldOut(request.held_out)
    contigs: list[ContigRow] = []
    left_out, position = [], 0
    for number, source in enumerate(request.sources):
        chromosomes = chromosomes_of(source)
        lengths = contig_lengths(source.path)
        kept = [name for name in lengths if not any(map(held_out.touches, chromosomes.get(name, ())))]
        left_out.append(len(lengths) - len(kept))
        for name in kept:
            contigs.append(ContigRow(name, number, lengths[name], position))
            position += -(-lengths[name] // PER_BYTE) * PER_BYTE
    if not contigs:
        raise InputError("the corpus is empty: every contig of its sources is held out")
    return Plan(_names(request.sources), tuple(contigs), tuple(left_out))


def contig_lengths(path: Path) -> dict[str, int]:
    """Contig name → length in bp, in file order.

    Raises:
        InputError: The file cannot be read, or holds no bases.
    """
    lengths: Counter[str] = Counter()
    for name, letters in stream_fasta(path):
        lengths[name] += len(letters)
    if not sum(lengths.values()):
        raise InputError(f"{path} holds no bases; check that it is the right file")
    return dict(lengths)


def allowed_stretches(request: Request, plan: Plan) -> list[Spans]:
    """For each contig, what filters and held-out regions leave.

    Raises:
        InputError: A filter cannot be read or knows none of the contigs, or bases that are left are held out
            and the request says neither to drop nor to allow them.
    """
    found = []
    held_out, filters = HeldOut(request.held_out), _Filters()
    for number, source in enumerate(request.sources):
        contigs = plan.of(number)
        include = None if source.include is None else filters.on(source.include, contigs)
        exclude = None if source.exclude is None else filters.on(source.exclude, contigs)
        for contig in contigs:
            allowed = merged([(0, contig.length)])
            if include is not None:
                allowed = intersection(allowed, include[contig.name])
            if exclude is not None:
                allowed = difference(allowed, exclude[contig.name])
            found.append(_without_held_out(allowed, held_out.on(contig.name), contig, source, request))
    filters.require_used()
    return found


def gene_stretches(request: Request, plan: Plan) -> list[Spans | None]:
    """For each contig, its genes; None where its source has no annotation.

    Raises:
        InputError: An annotation cannot be read, holds no genes or knows none of the contigs.
    """
    found: list[Spans | None] = []
    filters = _Filters()
    for number, source in enumerate(request.sources):
        contigs = plan.of(number)
        genes = None if source.annotation is None else filters.on(source.annotation, contigs)
        found += [None if genes is None else genes[contig.name] for contig in contigs]
    filters.require_used()
    return found


def _without_held_out(
    allowed: Spans, held_out: Spans, contig: ContigRow, source: Source, request: Request
) -> Spans:
    overlap = intersection(allowed, held_out)
    if not len(overlap) or request.allow_held_out:
        return allowed
    if request.drop_held_out:
        return difference(allowed, held_out)
    start, end = overlap[0]
    raise InputError(
        f"{source.path.name} holds {total(overlap):,} bases of contig {contig.name} that are held out (from"
        f" {contig.name}:{start + 1:,}-{end:,}); leave them out with --drop-held-out, or learn from them with"
        " --allow-held-out"
    )


class _Filters:
    """Files of stretches, which may be shared by several sources; each must be of use to one of them."""

    def __init__(self) -> None:
        self._names: dict[Path, list[str]] = {}
        self._used: set[Path] = set()

    def on(self, path: str, contigs: Sequence[ContigRow]) -> dict[str, Spans]:
        """Contig name → its stretches in a BED, GFF3 or GTF file, cut at its end.

        Raises:
            InputError: The file cannot be read.
        """
        file = expanded(path)
        lengths = {contig.name: contig.length for contig in contigs}
        names, rows = ContigNames(lengths), dict[str, list[tuple[int, int]]]()
        seen: set[str] = set()
        for interval in read_bed(file) if file.name.endswith(_BED) else read_gff(file):
            seen.add(interval.chrom)
            contig = names.resolve(interval.chrom)
            if contig is not None:
                rows.setdefault(contig, []).append((interval.start, min(interval.end, lengths[contig])))
        if rows:
            self._used.add(file)
        self._names[file] = sorted(seen)
        return {name: merged(rows.get(name, ())) for name in lengths}

    def require_used(self) -> None:
        """Return silently when every file had something on some contig.

        Raises:
            InputError: One had nothing, so its names of contigs are other ones.
        """
        for file, names in self._names.items():
            if file not in self._used:
                found = f"names contigs such as {', '.join(names[:3])}" if names else "holds no stretches"
                raise InputError(
                    f"{file} {found} and nothing on those of the FASTA; check that it is of this assembly"
                )


def _names(sources: Sequence[Source]) -> tuple[str, ...]:
    """A name for each source; those that repeat are numbered."""
    names: list[str] = []
    for source in sources:
        plain = source.name or _SUFFIXES.sub("", source.path.name)
        name, count = plain, 1
        while name in names:
            count += 1
            name = f"{plain}-{count}"
        names.append(name)
    return tuple(names)
