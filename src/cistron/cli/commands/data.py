"""`cistron data`: build training corpora, show what is in them, and check them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cistron.cli.progress import note, progress_of
from cistron.errors import InputError, OutputError

if TYPE_CHECKING:
    from cistron.data.corpus import Source
    from cistron.data.packed import PackedCorpus

COMMAND = typer.Typer(help="Build, show and check training corpora.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="A corpus.")]

_CONTIGS_SHOWN = 20


@COMMAND.command()
def build(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Folder of the corpus.")],
    fasta: Annotated[
        list[Path] | None, typer.Argument(metavar="FASTA...", help="Plain or gzip of any kind.")
    ] = None,
    sources: Annotated[
        Path | None,
        typer.Option(
            metavar="TSV",
            help="Table of sources; columns fasta, and any of name, assembly, include, exclude, annotation,"
            " locations.",
        ),
    ] = None,
    held_out: Annotated[
        list[str] | None,
        typer.Option(
            metavar="REGION", help="What must not be learned from: chr20 or 20:1-20,000,000; repeatable."
        ),
    ] = None,
    drop_held_out: Annotated[
        bool, typer.Option("--drop-held-out", help="Leave held-out bases out instead of refusing them.")
    ] = False,
    allow_held_out: Annotated[
        bool, typer.Option("--allow-held-out", help="Learn from held-out bases all the same.")
    ] = False,
    include: Annotated[Path | None, typer.Option(metavar="BED", help="Learn only from bases inside.")] = None,
    exclude: Annotated[
        Path | None, typer.Option(metavar="BED", help="Do not learn from bases inside.")
    ] = None,
    annotation: Annotated[
        Path | None, typer.Option(metavar="GFF", help="Genes, as GFF3, GTF or BED, to sample near them.")
    ] = None,
    locations: Annotated[
        Path | None,
        typer.Option(
            metavar="TSV", help="Chromosome of each locus, where contigs are loci: columns lrg, chrom."
        ),
    ] = None,
    deduplicate: Annotated[
        bool, typer.Option("--deduplicate", help="Leave out what an earlier FASTA has, from 1,024 bp on.")
    ] = False,
    longest_gap: Annotated[
        int, typer.Option(min=0, help="Longer runs of N and the like end a stretch, in bp.")
    ] = 1000,
    shard_mib: Annotated[int, typer.Option("--shard-mib", min=1, help="Size of a shard in MiB.")] = 64,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a build that was stopped.")] = False,
    as_json: Json = False,
) -> None:
    """Pack FASTA files into a corpus folder that training samples from.

    Four bases a byte; N and other letters are masked. The filters apply to every FASTA; give --sources where
    they differ. The same files and options give the same bytes.

    Example: cistron data build chrX.fa.gz chr22.fa.gz -o corpus --held-out 20
    """
    from cistron.data.build import build_corpus

    filters = {"include": include, "exclude": exclude, "annotation": annotation, "locations": locations}
    listed = _sources(fasta or [], sources, {key: str(path) for key, path in filters.items() if path})
    with _resumable(output), progress_of("Packing bases") as progress:
        corpus = build_corpus(
            listed,
            output,
            held_out=held_out or (),
            allow_held_out=allow_held_out,
            drop_held_out=drop_held_out,
            deduplicate=deduplicate,
            longest_gap=longest_gap,
            shard_bytes=shard_mib << 20,
            resume=resume,
            progress=lambda done, total: progress(done, total, ""),
        )
    _write_manifest(corpus, listed)
    _print(corpus, as_json)


@COMMAND.command()
def show(folder: Folder, as_json: Json = False) -> None:
    """Show the sources and contigs of a corpus, and its identity."""
    from cistron.data.packed import PackedCorpus

    _print(PackedCorpus.open(folder), as_json)


@COMMAND.command()
def verify(folder: Folder) -> None:
    """Read a whole corpus and compare every file with its SHA-256; names the first that is damaged."""
    from cistron.data.packed import PackedCorpus

    corpus = PackedCorpus.open(folder)
    with progress_of("Checking") as progress:
        corpus.verify(lambda done, total: progress(done, total, ""))
    print(f"{folder} is whole: {corpus.num_bases:,} bases, sha256 {corpus.sha256}")


def _sources(fasta: list[Path], table: Path | None, filters: dict[str, str]) -> list[Source]:
    from cistron.data.corpus import Source, read_source_table

    if bool(fasta) == (table is not None):
        raise InputError("give FASTA files, or a table of them with --sources")
    if table is not None:
        if filters:
            raise InputError(f"--{next(iter(filters))} is a column of the table where --sources is given")
        return read_source_table(table)
    return [Source(str(path), **filters) for path in fasta]


@contextmanager
def _resumable(folder: Path) -> Iterator[None]:
    """Say that a build which stopped halfway can be continued."""
    from cistron.data.index import BUILDING

    try:
        yield
    except OutputError as error:
        if (folder / BUILDING).exists() and "--resume" not in str(error):
            raise OutputError(f"{error}; then --resume continues where this build stopped") from error
        raise
    except (KeyboardInterrupt, SystemExit):
        if (folder / BUILDING).exists():
            note("stopped; the same command with --resume continues where it was")
        raise


def _write_manifest(corpus: PackedCorpus, sources: list[Source]) -> None:
    from cistron import __version__
    from cistron.cli.command_line import command_line
    from cistron.formats.manifest import write_manifest

    content = {
        "cistron": __version__,
        "command": command_line(),
        "sha256": corpus.sha256,
        "inputs": [source.fasta for source in sources],
        "request": corpus.index.request,
        "seed": None,
    }
    write_manifest(corpus.folder, content)


def _print(corpus: PackedCorpus, as_json: bool) -> None:
    facts = _facts(corpus)
    if as_json:
        print(json.dumps(facts, indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for title, keys in (
        ("sources", ("name", "bases", "usable", "unknown", "not_dna", "duplicates", "left_out")),
        ("contigs", ("name", "source", "length", "usable", "unknown", "stretches", "genes")),
    ):
        rows = facts[title]
        table = Table(*(key.replace("_", " ") for key in keys), box=None, pad_edge=False)
        for row in rows[:_CONTIGS_SHOWN] if title == "contigs" else rows:
            table.add_row(*(f"{row[key]:,}" if isinstance(row[key], int) else row[key] for key in keys))
        console.print(f"{len(rows):,} {title}")
        console.print(table)
        if title == "contigs" and len(rows) > _CONTIGS_SHOWN:
            console.print(f"… and {len(rows) - _CONTIGS_SHOWN:,} more; --json lists all")
    print(f"{facts['bases']:,} bases, {facts['usable']:,} usable")
    print(f"held out: {', '.join(corpus.index.held_out) or 'nothing'}")
    print(f"sha256 {facts['sha256']}")


def _facts(corpus: PackedCorpus) -> dict[str, Any]:
    from dataclasses import asdict

    from cistron.data.letters import AMBIGUOUS
    from cistron.data.spans import total

    sources = []
    for source in corpus.sources:
        counts = {"unknown": 0, "not_dna": 0}
        for letter, count in source.letters.items():
            counts["unknown" if letter in AMBIGUOUS else "not_dna"] += count
        sources.append(asdict(source) | counts)
    contigs = [
        {
            "name": contig.name,
            "source": corpus.sources[contig.source].name,
            "length": contig.length,
            "usable": total(contig.stretches),
            "unknown": corpus.num_unknown(contig.offset, contig.length),
            "stretches": len(contig.stretches),
            "genes": len(contig.genes),
        }
        for contig in corpus.contigs
    ]
    return {
        "folder": str(corpus.folder),
        "sha256": corpus.sha256,
        "bases": corpus.num_bases,
        "usable": sum(source.usable for source in corpus.sources),
        "held_out": list(corpus.index.held_out),
        "held_out_kept": corpus.index.held_out_kept,
        "sources": sources,
        "contigs": contigs,
    }
