"""What a scoring run writes of each allele: the INFO fields of a VCF, the columns of a table."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from cistron import __version__
from cistron.cli.command_line import command_line
from cistron.cli.progress import note
from cistron.formats.csq import CsqField
from cistron.formats.score_journal import JournalEntry
from cistron.formats.table import TableWriter
from cistron.formats.vcf import InfoField, VcfReader, VcfRecord, VcfWriter
from cistron.genome import Variant
from cistron.genome.alleles import AlleleStatus

if TYPE_CHECKING:
    from cistron.cli.scoring.request import ScoreRequest
    from cistron.inference.calibration import Percentiles

FIELDS: Final = ("LLR", "FLANK", "STATUS", "ERR", "PCT", "CSQ")
"""Every INFO field there may be, without prefix and tag."""

RecordedRow = tuple[VcfRecord, list[JournalEntry]]


class Column(NamedTuple):
    """One value of an allele.

    Attributes:
        info: Name in INFO, without prefix and tag; empty where only tables have it.
        name: Name in a table.
        kind: `Float` or `String`.
        meaning: Description in a VCF header.
        value: What an allele and its journal entry have here.
    """

    info: str
    name: str
    kind: Literal["Float", "String"]
    meaning: str
    value: Callable[[Variant, JournalEntry], float | str | None]


def columns(
    request: ScoreRequest, identity: Mapping[str, Any], percentiles: Percentiles | None
) -> list[Column]:
    """What is written of each allele under these settings."""
    llr = request.field("LLR")
    how = (
        f"model={identity['model']}; sha256={identity['model_sha256']}; width={identity['width']}; "
        f"windows={windows(identity)}; suffix={identity['suffix']}; strands={identity['strands']}; "
        f"indel={identity['indel']}; version={__version__}"
    )
    ratio = f"Log-likelihood ratio ALT - REF in nats, negative = less plausible; {how}"
    flank = f"Part of {llr} from the bases downstream of the allele; {how}"
    status = "Why an allele has no score: " + ", ".join(AlleleStatus)
    found = [
        Column("LLR", "llr", "Float", ratio, lambda variant, entry: entry.llr),
        Column("FLANK", "flank", "Float", flank, lambda variant, entry: entry.flank),
        Column("STATUS", "status", "String", status, lambda variant, entry: entry.status),
    ]
    if request.suffix != "exact":
        meaning = f"Estimate of how far {llr} may be from one that reads all bases behind the allele, in nats"
        found.append(
            Column("ERR", "error", "Float", f"{meaning}; {how}", lambda variant, entry: _finite(entry.error))
        )
    if percentiles is not None:
        meaning = (
            "Per cent of random changes of the same kind (trinucleotide, or length of an indel) that have a "
            f"lower {llr}"
        )
        rank = percentiles.of
        found.append(
            Column(
                "PCT", "pct", "Float", f"{meaning}; {how}", lambda variant, entry: rank(variant, entry.llr)
            )
        )
    return found


def write_vcf(
    request: ScoreRequest, reader: VcfReader, rows: Iterable[RecordedRow], wanted: Sequence[Column]
) -> None:
    """Write every record, with the columns in INFO; those outside the regions as they came."""
    wanted = [column for column in wanted if column.info]
    fields = [
        (CsqField if column.info == "CSQ" else InfoField)(
            request.field(column.info), column.kind, column.meaning
        )
        for column in wanted
    ]
    own = {request.field(name) for name in FIELDS}
    drop = [field for field in reader.info_fields if field in own] if request.overwrite else []
    writer = VcfWriter(request.output, reader, fields, command_line(), drop=drop)
    with writer:
        for record, entries in rows:
            values: dict[str, Sequence[float | str | None]] = {
                request.field(column.info): [
                    column.value(variant, entry)
                    for variant, entry in zip(record.variants, entries, strict=False)
                ]
                for column in wanted
            }
            writer.write(record, values if entries else None)
    if writer.index_note:
        note(writer.index_note)


def write_table(
    request: ScoreRequest, rows: Iterable[RecordedRow], wanted: Sequence[Column], identity: Mapping[str, Any]
) -> None:
    """Write a row for every allele that was to be scored."""
    kinds: dict[str, type[str] | type[float]] = {"Float": float, "String": str}
    schema: dict[str, type[str] | type[int] | type[float]] = {"chrom": str, "pos": int, "id": str}
    schema |= {"ref": str, "alt": str, **{column.name: kinds[column.kind] for column in wanted}}
    metadata = {f"cistron.{key}": str(value) for key, value in identity.items()}
    with TableWriter(request.output, schema, metadata) as table:
        for record, entries in rows:
            table.write_rows(
                (v.chrom, v.pos, record.id, v.ref, v.alt, *(column.value(v, entry) for column in wanted))
                for v, entry in zip(record.variants, entries, strict=False)
            )


def windows(identity: Mapping[str, Any]) -> str:
    """Where windows lie, in words without a comma."""
    slack = identity["window_slack"]
    return f"grid of {2 * slack} bp" if slack else "centred"


def _finite(error: float | None) -> float | None:
    """An estimate, or None where nothing was read that it could be made from."""
    return None if error is None or math.isinf(error) else error
