"""The job behind `cistron scan`: read a genome into a journal shard by shard, write the outputs from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from cistron import __version__
from cistron.cli.command_line import command_line
from cistron.cli.journaled import journal_beside
from cistron.cli.loading import loaded
from cistron.cli.progress import note, progress_bar
from cistron.cli.scanning.output import TRACKS, Track, files_of, refuse_unwritable_output, write_output
from cistron.cli.scanning.regions import scan_intervals
from cistron.cli.sharded import fill_shards
from cistron.errors import InputError, UnknownContigError
from cistron.formats.atomic import STREAM, refuse_same_file, sha256_file
from cistron.formats.bigwig import ENDINGS as BIGWIG
from cistron.formats.bigwig import refuse_many_contigs
from cistron.formats.fasta import Fasta
from cistron.formats.journal import Journal
from cistron.formats.manifest import write_manifest
from cistron.formats.spool import seekable
from cistron.genome import Interval
from cistron.genome.contigs import ContigNames

if TYPE_CHECKING:
    from cistron.inference.load import LoadedModel
    from cistron.inference.next_base import Strands
    from cistron.inference.scan import Piece, Scanned

_NUMBERS: Final = 5
"""In the journal, for each A, C, G or T of the genome: log P of A, C, G and T, and the entropy."""


@dataclass(frozen=True)
class ScanRequest:
    """What the user asked for; see `cistron scan --help`.

    Attributes:
        genome: FASTA; `-` is standard input.
        outputs: The journal lies beside the first.
        regions: Regions or BED files; none for everything.
    """

    genome: str
    outputs: tuple[str, ...]
    regions: tuple[str, ...] = ()
    tracks: tuple[Track, ...] = tuple(TRACKS)
    model: str = "default"
    width: int | None = None
    strands: Strands = "both"
    circular: tuple[str, ...] = ()
    device: str = "auto"
    dtype: str = "auto"
    batch_tokens: int = 16_384
    threads: int | None = None
    resume: bool = False


@dataclass(frozen=True)
class ScanPlan:
    """What will be read, and how.

    Attributes:
        request: What the user asked for.
        genome: The reference.
        intervals: What to scan, in the genome's names and order, without overlap.
        circular: Contigs to read across their ends, in the genome's names.
        width: Window in bp.
    """

    request: ScanRequest
    genome: Fasta
    intervals: list[Interval]
    circular: tuple[str, ...]
    width: int

    def shards(self) -> Iterator[list[Piece]]:
        """What is read together, in order; the same whenever it is asked."""
        from cistron.inference.scan import scan_pieces, scan_shards

        pieces = scan_pieces(self.genome, self.intervals, self.width, self.circular)
        return scan_shards(pieces, self.request.strands, self.request.batch_tokens)

    @property
    def bases(self) -> int:
        """Bases in all."""
        return sum(map(len, self.intervals))


def run_scan(request: ScanRequest) -> None:
    """Scan a genome or parts of it and write the results.

    Raises:
        CistronError: What the caller can fix.
    """
    files = _checked_files(request)
    with ExitStack() as open_files:
        source = open_files.enter_context(seekable(request.genome))
        genome = open_files.enter_context(Fasta(source))
        intervals = scan_intervals(request.regions, genome)
        if any(file.endswith(BIGWIG) for file in files):
            refuse_many_contigs(len({interval.chrom for interval in intervals}))
        model = loaded(request.model, request.device, request.dtype, request.threads)
        plan = _plan(request, genome, intervals, model)
        identity = _identity(plan, source, model)
        journal = open_files.enter_context(
            journal_beside(request.outputs[0], identity, resume=request.resume)
        )
        _fill(journal, plan, model)
        metadata = {f"cistron.{key}": str(value) for key, value in identity.items()}
        for output in request.outputs:
            write_output(
                output,
                lambda: _scanned(plan, journal),
                tracks=request.tracks,
                contigs=genome.contigs,
                metadata=metadata,
            )
        scored = _scored(plan, journal)
        counts = {"batches": sorted(journal.notes), "bases": plan.bases, "scored": scored}
        content = {"command": command_line(), "input": request.genome, **identity, "seed": None, **counts}
        for file in files:
            write_manifest(file, content)
        note(f"{scored:,} of {plan.bases:,} bases scored; wrote {', '.join(files)}")
        journal.remove()


def _checked_files(request: ScanRequest) -> list[str]:
    """Every file that will be written, after checking that it can be."""
    if request.resume and request.genome == STREAM:
        raise InputError("--resume needs files: standard input cannot be taken up again")
    files = files_of(request.outputs, request.tracks)
    for file in files:
        for source in (request.genome, *request.regions):
            refuse_same_file(source, file)
        refuse_unwritable_output(file)
    return files


def _plan(request: ScanRequest, genome: Fasta, intervals: list[Interval], model: LoadedModel) -> ScanPlan:
    from cistron.inference.score import checked_width

    names = ContigNames(genome.contigs)
    circular = {name: names.resolve(name, genome.contigs.get(name)) for name in request.circular}
    for name, contig in circular.items():
        if contig is None:
            raise UnknownContigError(f"--circular {name}: no such contig in {genome.name}")
    rings = tuple(contig for contig in circular.values() if contig is not None)
    return ScanPlan(request, genome, intervals, rings, checked_width(model.model, request.width))


def _identity(plan: ScanPlan, source: Path, model: LoadedModel) -> dict[str, Any]:
    """Everything the values depend on."""
    from cistron.inference.next_base import SHARD_TOKENS

    request = plan.request
    return {
        "version": __version__,
        "input_sha256": sha256_file(source),
        "regions": _spelt(plan) if request.regions else "all",
        "model": model.name,
        "model_sha256": model.sha256,
        "width": plan.width,
        "strands": request.strands,
        "circular": list(plan.circular),
        "device": str(model.device.type),
        "dtype": model.dtype,
        "batch_tokens": request.batch_tokens,
        "shard_tokens": SHARD_TOKENS,
    }


def _spelt(plan: ScanPlan) -> str:
    """The intervals, as the user writes them; a hash of them where there are many."""
    import hashlib

    spelt = ",".join(f"{each.chrom}:{each.start + 1}-{each.end}" for each in plan.intervals)
    if len(plan.intervals) <= 10:
        return spelt
    return f"{len(plan.intervals)} intervals, sha256 {hashlib.sha256(spelt.encode()).hexdigest()}"


def _fill(journal: Journal, plan: ScanPlan, model: LoadedModel) -> None:
    """Scan all shards that the journal does not have yet."""
    from cistron.inference.scan import scan_shard

    def work(shard: list[Piece], batch_tokens: int) -> bytes:
        strands = plan.request.strands
        found = scan_shard(
            model.model, model.tokenizer, plan.genome, shard, strands=strands, batch_tokens=batch_tokens
        )
        return b"".join(map(_packed, found))

    with progress_bar("Scanning", plan.bases, "bases") as advance:
        fill_shards(
            journal,
            plan.shards(),
            work,
            model=model.model,
            longest=min(plan.width, max(plan.genome.contigs.values())),
            batch_tokens=plan.request.batch_tokens,
            advance=lambda shard: advance(sum(len(piece.tile) for piece in shard)),
        )


def _packed(scanned: Scanned) -> bytes:
    numbers = np.column_stack((scanned.log_p, scanned.entropy)).astype("<f4")
    return numbers[_holds_base(scanned.bases)].tobytes()


def _holds_base(bases: str) -> NDArray[np.bool_]:
    """Where there is a number to keep: gaps of many million N would fill the disk with nothing."""
    from cistron.inference.next_base import base_codes

    return base_codes(bases) >= 0


def _scanned(plan: ScanPlan, journal: Journal) -> Iterator[Scanned]:
    """What the journal holds, piece by piece."""
    from cistron.inference.scan import Scanned

    for shard, payload in zip(plan.shards(), journal, strict=True):
        numbers = np.frombuffer(payload, dtype="<f4").reshape(-1, _NUMBERS)
        at = 0
        for chrom, tile in shard:
            bases = plan.genome.fetch(chrom, tile.start, tile.end)
            known = _holds_base(bases)
            rows = np.full((len(tile), _NUMBERS), np.nan, dtype=np.float32)
            rows[known] = numbers[at : at + known.sum()]
            at += known.sum()
            yield Scanned(chrom, tile.start, bases, rows[:, :4], rows[:, 4])


def _scored(plan: ScanPlan, journal: Journal) -> int:
    return sum(int(np.isfinite(each.entropy).sum()) for each in _scanned(plan, journal))
