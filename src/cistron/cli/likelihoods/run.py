"""The job behind `cistron likelihood`: sequences of any length into a journal, then a row for each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cistron import __version__
from cistron.cli.command_line import command_line
from cistron.cli.journaled import is_stream, journal_beside
from cistron.cli.likelihoods.input import Sequences
from cistron.cli.likelihoods.output import TABLES, TRACKS, Results, packed, write_table, write_track
from cistron.cli.loading import loaded
from cistron.cli.progress import note, progress_bar
from cistron.cli.sharded import fill_shards
from cistron.errors import InputError, OutputError
from cistron.formats.atomic import STREAM, refuse_same_file, refuse_unwritable, sha256_file
from cistron.formats.bigwig import ENDINGS as BIGWIG
from cistron.formats.bigwig import refuse_many_contigs
from cistron.formats.journal import Journal
from cistron.formats.manifest import write_manifest
from cistron.formats.spool import seekable
from cistron.genome.tiling import Tiling, in_shards

if TYPE_CHECKING:
    from cistron.inference.load import LoadedModel
    from cistron.inference.next_base import Block, Strands


@dataclass(frozen=True)
class LikelihoodRequest:
    """What the user asked for; see `cistron likelihood --help`."""

    input: str
    output: str = STREAM
    track: str | None = None
    model: str = "default"
    strands: Strands = "forward"
    window: int | None = None
    stride: int | None = None
    device: str = "auto"
    dtype: str = "auto"
    batch_tokens: int = 16_384
    threads: int | None = None
    resume: bool = False


def run_likelihood(request: LikelihoodRequest) -> None:
    """Score the sequences of a FASTA file and write a table, and a track where one is wanted.

    Raises:
        CistronError: What the caller can fix.
    """
    _check_paths(request)
    with ExitStack() as open_files:
        source = open_files.enter_context(seekable(request.input))
        shown = "standard input" if request.input == STREAM else Path(request.input).name
        sequences = Sequences(source, shown, unique=request.track is not None)
        bases, longest = _surveyed(request, sequences)
        model = loaded(request.model, request.device, request.dtype, request.threads)
        tiling = _tiling(request, model)
        identity = _identity(request, source, model, tiling)
        journal = open_files.enter_context(journal_beside(request.output, identity, resume=request.resume))
        _fill(journal, request, sequences, tiling, model, bases, longest)
        metadata = {f"cistron.{key}": str(value) for key, value in identity.items()}
        results = Results(sequences, tiling, journal, metadata)
        scored = write_table(request.output, results)
        if request.track is not None:
            write_track(request.track, results)
        counts = {"batches": sorted(journal.notes), "bases": bases, "scored": scored}
        _write_manifests(request, identity, counts)
        note(f"{scored:,} of {bases:,} bases scored; wrote {_outputs(request)}")
        journal.remove()


def _write_manifests(request: LikelihoodRequest, identity: dict[str, Any], counts: dict[str, Any]) -> None:
    content = {"command": command_line(), "input": request.input, **identity, "seed": None, **counts}
    for file in (request.output, request.track):
        if file is not None and not is_stream(file):
            write_manifest(file, content)


def _outputs(request: LikelihoodRequest) -> str:
    output = "standard output" if request.output == STREAM else request.output
    return output if request.track is None else f"{output}, {request.track}"


def _check_paths(request: LikelihoodRequest) -> None:
    """Say now, not after hours of work, what cannot be written."""
    if request.resume and STREAM in (request.input, request.output):
        raise InputError("--resume needs files: standard input and output cannot be taken up again")
    if not is_stream(request.output) and not request.output.endswith(TABLES):
        raise OutputError(f"cannot write {request.output}: its name should end in {', '.join(TABLES)}")
    if request.track is not None and not request.track.endswith(TRACKS):
        raise OutputError(f"cannot write {request.track}: a track's name should end in {', '.join(TRACKS)}")
    if request.track is not None and Path(request.track).resolve() == Path(request.output).resolve():
        raise OutputError(f"--output and --track both name {request.output}; give them different names")
    for file in (request.output, request.track):
        if file is not None and not is_stream(file):
            refuse_same_file(request.input, file)
            refuse_unwritable(file)


def _surveyed(request: LikelihoodRequest, sequences: Sequences) -> tuple[int, int]:
    """Bases in all and of the longest, after reading the whole input, which tells a bad letter beforehand."""
    bases, contigs, longest = 0, 0, 1
    for record in sequences.records():
        bases, contigs, longest = bases + record.length, contigs + 1, max(longest, record.length)
    if request.track is not None and request.track.endswith(BIGWIG):
        refuse_many_contigs(contigs)
    return bases, longest


def _tiling(request: LikelihoodRequest, model: LoadedModel) -> Tiling:
    from cistron.inference.likelihood import likelihood_tiling

    return likelihood_tiling(model.model, request.window, request.stride)


def _identity(request: LikelihoodRequest, source: Path, model: LoadedModel, tiling: Tiling) -> dict[str, Any]:
    """Everything the values depend on."""
    from cistron.inference.next_base import SHARD_TOKENS

    return {
        "version": __version__,
        "input_sha256": sha256_file(source),
        "model": model.name,
        "model_sha256": model.sha256,
        "strands": request.strands,
        "window": tiling.window,
        "stride": tiling.block,
        "track": request.track is not None,
        "device": str(model.device.type),
        "dtype": model.dtype,
        "batch_tokens": request.batch_tokens,
        "shard_tokens": SHARD_TOKENS,
    }


def _fill(
    journal: Journal,
    request: LikelihoodRequest,
    sequences: Sequences,
    tiling: Tiling,
    model: LoadedModel,
    bases: int,
    longest: int,
) -> None:
    """Score all shards that the journal does not have yet."""
    from cistron.inference.likelihood import ref_log_p

    def work(shard: list[Block], batch_tokens: int) -> bytes:
        strands = request.strands
        found = ref_log_p(model.model, model.tokenizer, shard, strands=strands, batch_tokens=batch_tokens)
        return packed(found, keep=request.track is not None)

    with progress_bar("Scoring", bases, "bases") as advance:
        fill_shards(
            journal,
            _shards(request, sequences, tiling),
            work,
            model=model.model,
            longest=min(tiling.window, longest),
            batch_tokens=request.batch_tokens,
            advance=lambda shard: advance(sum(block.stop - block.start for block in shard)),
        )


def _shards(request: LikelihoodRequest, sequences: Sequences, tiling: Tiling) -> Iterator[list[Block]]:
    from cistron.inference.likelihood import block_tokens, sequence_blocks
    from cistron.inference.next_base import SHARD_TOKENS

    blocks = (block for _, pieces in sequences.texts() for block in sequence_blocks(pieces, tiling))
    least = max(SHARD_TOKENS, request.batch_tokens)
    return in_shards(blocks, lambda block: block_tokens(block, request.strands), least)
