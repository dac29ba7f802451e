"""Build a corpus folder from FASTA: whole, resumable and the same bytes every time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from cistron.data.corpus import Source
from cistron.data.duplicates import find_duplicates
from cistron.data.folder import begin, begun, claimed, end, require_same
from cistron.data.index import (
    GENES,
    INDEX,
    RUNS,
    SHARD_BYTES,
    STRETCHES,
    FileRow,
    Index,
    SourceRow,
    contigs_of,
    npy_bytes,
    places,
    read_index,
    write_bytes,
    write_index,
)
from cistron.data.letters import POLICY
from cistron.data.packed import PackedCorpus
from cistron.data.plan import Plan, Request, allowed_stretches, gene_stretches, make_plan
from cistron.data.shards import ShardWriter, gather_runs
from cistron.data.spans import Spans, difference, no_spans, total
from cistron.data.stretches import count_letters, usable_stretches
from cistron.errors import InputError
from cistron.formats.fasta_stream import stream_fasta

__all__ = ["LONGEST_GAP", "Source", "build_corpus"]

LONGEST_GAP: Final = 1000
"""Longer runs of other letters end a stretch, in bp; shorter ones stay, as N, so that distances are true."""

Progress = Callable[[int, int], None]
"""Called with bases done and bases in all."""


def build_corpus(
    sources: Sequence[Source],
    folder: Path,
    *,
    held_out: Sequence[str] = (),
    allow_held_out: bool = False,
    drop_held_out: bool = False,
    deduplicate: bool = False,
    longest_gap: int = LONGEST_GAP,
    shard_bytes: int = SHARD_BYTES,
    resume: bool = False,
    progress: Progress | None = None,
) -> PackedCorpus:
    """Pack `sources` into `folder` and return the corpus.

    Every shard appears whole, and the index last; a killed build loses the shard in the making. The same
    sources and settings give the same bytes, resumed or not.

    Args:
        sources: FASTA files with their filters.
        folder: New, empty, or with `resume` one that an earlier build of the same began or finished.
        held_out: Regions that must not be learned from, such as `20` or `chr20:1-20,000,000`.
        allow_held_out: Learn from held-out bases all the same; the index says so.
        drop_held_out: Leave held-out bases out instead of refusing a source that has some.
        deduplicate: Leave out stretches that an earlier source has; see `cistron.data.duplicates`.
        longest_gap: Longer runs of anything but A, C, G, T end a stretch, in bp.
        shard_bytes: Size of a shard; part of the corpus' identity.
        resume: Continue what is there.
        progress: Called with bases packed and bases in all.

    Raises:
        InputError: A file cannot be read, sources hold held-out bases, or nothing is left to learn from.
        OutputError: The folder holds something else, or the disk is full.
        ResumeError: The folder holds a corpus of other sources or settings, or another process builds it.
    """
    if not sources:
        raise InputError("a corpus needs at least one FASTA file")
    if longest_gap < 0 or shard_bytes < 1:
        raise InputError("the longest gap must not be negative, and a shard must have at least one byte")
    request = Request(
        tuple(sources), tuple(held_out), allow_held_out, drop_held_out, deduplicate, longest_gap, shard_bytes
    )
    folder = Path(folder)
    identity = request.identity()
    with claimed(folder, resume=resume):
        if (folder / INDEX).exists():
            require_same(folder, read_index(folder).request, identity)
        else:
            write_index(folder, _built(request, identity, folder, progress))
        end(folder)
    return PackedCorpus.open(folder)


def _built(request: Request, identity: dict[str, Any], folder: Path, progress: Progress | None) -> Index:
    """Write all files but the index, and return it."""
    plan = begun(folder, identity)
    fresh = plan is None
    plan = plan or make_plan(request)
    allowed, genes = allowed_stretches(request, plan), gene_stretches(request, plan)
    if fresh:
        begin(folder, identity, plan)
    shards = _pack(request, plan, folder, progress)
    runs = gather_runs(folder, len(shards), np.array([contig.offset for contig in plan.contigs]))
    tables = [write_bytes(folder / RUNS, npy_bytes(runs))]
    usable = usable_stretches(plan.contigs, allowed, runs, request.longest_gap)
    index = _index(request, identity, plan, shards, tables, ())
    duplicates = [no_spans() for _ in usable]
    if request.deduplicate:
        duplicates = find_duplicates(PackedCorpus(folder, index), usable)
        usable = [difference(one, other) for one, other in zip(usable, duplicates, strict=True)]
    if not sum(map(total, usable)):
        raise InputError("nothing is left to learn from: filters leave no A, C, G or T")
    tables.append(write_bytes(folder / STRETCHES, npy_bytes(_table(usable))))
    near = [no_spans() if spans is None else spans for spans in genes]
    tables.append(write_bytes(folder / GENES, npy_bytes(_table(near))))
    rows = _source_rows(identity, request, plan, runs, usable, duplicates)
    return _index(request, identity, plan, shards, tables, rows)


def _pack(request: Request, plan: Plan, folder: Path, progress: Progress | None) -> list[FileRow]:
    """Write the shards that are missing, and return all."""
    writer, done = ShardWriter(folder, request.shard_bytes), 0
    for number, source in enumerate(request.sources):
        contigs = {contig.name: contig for contig in plan.of(number)}
        if all(contig.offset + contig.length <= writer.position for contig in contigs.values()):
            done += sum(contig.length for contig in contigs.values())
            continue
        packed = dict.fromkeys(contigs, 0)
        for name, letters in stream_fasta(source.path):
            if name in contigs:
                writer.write(contigs[name].offset + packed[name], letters)
                packed[name] += len(letters)
                done += len(letters)
                if progress is not None:
                    progress(done, plan.num_bases)
    return writer.close()


def _index(
    request: Request,
    identity: dict[str, Any],
    plan: Plan,
    shards: Sequence[FileRow],
    tables: Sequence[FileRow],
    sources: Sequence[SourceRow],
) -> Index:
    return Index(
        sources=tuple(sources),
        contigs=plan.contigs,
        shards=tuple(shards),
        tables=tuple(tables),
        shard_bytes=request.shard_bytes,
        longest_gap=request.longest_gap,
        held_out=request.held_out,
        held_out_kept=request.allow_held_out,
        letters=POLICY,
        request=identity,
    )


def _source_rows(
    identity: dict[str, Any],
    request: Request,
    plan: Plan,
    runs: np.ndarray,
    usable: Sequence[Spans],
    duplicates: Sequence[Spans],
) -> list[SourceRow]:
    rows = []
    for number, source in enumerate(request.sources):
        mine = contigs_of(plan.contigs, number)
        rows.append(
            SourceRow(
                name=plan.names[number],
                assembly=source.assembly,
                fasta=source.path.name,
                sha256=identity["sources"][number]["fasta"],
                bases=sum(contig.length for contig in plan.of(number)),
                usable=sum(total(usable[place]) for place in mine),
                duplicates=sum(total(duplicates[place]) for place in mine),
                letters=count_letters(plan.of(number), runs),
                left_out=plan.left_out[number],
                has_genes=source.annotation is not None,
            )
        )
    return rows


def _table(spans: Sequence[Spans]) -> np.ndarray:
    """Stretches of all contigs as a table of `index.PLACE`."""
    numbered = [np.insert(rows, 0, number, axis=1) for number, rows in enumerate(spans)]
    return places(np.concatenate(numbered))
