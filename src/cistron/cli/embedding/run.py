"""`cistron embed` as a whole: sequences into vectors in a journal, and from there into a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from cistron.cli.command_line import command_line
from cistron.cli.embedding.request import (
    EmbedRequest,
    check_options,
    check_paths,
    identity_of,
    input_kind,
    opened,
    readable,
)
from cistron.cli.embedding.work import Work
from cistron.cli.journaled import journal_beside
from cistron.cli.progress import Advance, note, progress_bar
from cistron.errors import InputError
from cistron.formats.journal import Journal
from cistron.formats.manifest import write_manifest
from cistron.formats.vector_blocks import BLOCK_BYTES, Block, RowStream, count_rows, gather_rows
from cistron.formats.vectors import VectorLayout, open_vectors, refuse_unfit


@dataclass(frozen=True)
class Survey:
    """What a first pass over the input found, before the model reads anything.

    Attributes:
        layout: What will be written.
        tokens: What the model will read in all.
        longest: Tokens of the longest sequence.
    """

    layout: VectorLayout
    tokens: int
    longest: int


def run_embed(request: EmbedRequest) -> None:
    """Embed the sequences of a file and write the vectors out."""
    check_paths(request)
    with ExitStack() as open_files:
        path = open_files.enter_context(readable(request.input))
        kind = input_kind(request.input, path)
        check_options(request, kind)
        model, work = opened(request, kind, path, open_files)
        survey = _surveyed(request, work)
        refuse_unfit(request.output, survey.layout)
        identity = identity_of(request, kind, path, model)
        journal = open_files.enter_context(journal_beside(request.output, identity, resume=request.resume))
        with progress_bar("Embedding", survey.tokens, "bases") as advance:
            batches = _fill(journal, request, work, survey, advance)
        _write(request, work, survey.layout, journal, identity)
        write_manifest(request.output, _manifest(request, identity, survey.layout, batches))
        journal.remove()
    note(f"{survey.layout.records:,} records embedded; wrote {request.output}")


def _surveyed(request: EmbedRequest, work: Work) -> Survey:
    """One pass over the input, which checks it all.

    Raises:
        InputError: There is nothing to embed, or a column of the input is called as one of ours.
    """
    records = tokens = longest = most = 0
    fewest = sys.maxsize
    for record in work.records():
        records, tokens, longest = records + 1, tokens + record.tokens, max(longest, record.length)
        most, fewest = max(most, record.rows), min(fewest, record.rows)
    if not records:
        raise InputError(f"{request.input} holds nothing to embed")
    twice = next((name for name in work.columns if name in work.ids), None)
    if twice is not None:
        raise InputError(f"{request.input} has a column '{twice}' already; rename it")
    if request.pooling != "none":
        return Survey(VectorLayout(work.ids, work.columns, records), tokens, longest)
    return Survey(VectorLayout(work.ids, work.columns, records, True, most, fewest), tokens, longest)


def _fill(journal: Journal, request: EmbedRequest, work: Work, survey: Survey, advance: Advance) -> list[int]:
    """Compute the vectors that the journal does not have yet; return the batch sizes that were used."""
    from cistron.inference.embedding.passages import in_blocks, tokens_ahead
    from cistron.inference.planning.budget import Budget

    known, size, sizes = 0, None, set()
    for block in map(Block.unpack, journal):
        known, size = known + count_rows(block.rows), block.batch_tokens
        sizes.add(size)
    if size is None:
        budget = Budget.fitted(work.model.model, survey.longest, request.batch_tokens, told=note)
    else:
        budget = Budget(size, note)
    for records in in_blocks(
        work.records(), lambda record: record.tokens, tokens_ahead(request.batch_tokens, request.pooling)
    ):
        rows = sum(record.rows for record in records)
        if known >= rows:
            known -= rows
            advance(sum(record.tokens for record in records))
            continue
        found = budget.run(lambda size, records=records: work.vectors(records, size, advance))
        sizes.add(budget.batch_tokens)
        for part in gather_rows(found, BLOCK_BYTES):
            if known:
                known -= count_rows(part)
            else:
                journal.append(Block(budget.batch_tokens, part).pack())
    return sorted(sizes)


def _write(
    request: EmbedRequest, work: Work, layout: VectorLayout, journal: Journal, identity: Mapping[str, Any]
) -> None:
    metadata = {f"cistron.{key}": json.dumps(value) for key, value in identity.items()}
    stream = RowStream(journal)
    with open_vectors(request.output, layout, metadata) as writer:
        for record in work.records():
            writer.write(record.label, record.ids, stream.take(record.rows) if record.rows else None)


def _manifest(
    request: EmbedRequest, identity: Mapping[str, Any], layout: VectorLayout, batches: list[int]
) -> dict[str, Any]:
    files = {
        "input": request.input,
        "reference": None if request.reference is None else str(request.reference),
    }
    counts = {"batches": batches, "records": layout.records, "columns": dict(layout.vectors)}
    return {"command": command_line(), **files, **identity, "seed": None, **counts}
