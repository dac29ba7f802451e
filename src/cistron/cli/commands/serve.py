"""`cistron serve`: the verbs over HTTP, for a group of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cistron.cli.options import Device, Dtype, Threads
from cistron.cli.serving.options import memory_bytes, named, named_paths, require_server

HOME = Path("cistron-home")


def serve(
    home: Annotated[
        Path, typer.Option(metavar="DIR", help="Everything that is kept: keys, jobs, their files.")
    ] = HOME,
    host: Annotated[str, typer.Option(help="Address to listen on; a public one needs a key.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8080,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            metavar="NAME=MODEL",
            help="Shipped name, folder or hub id under a name; repeatable, the first one is the default.",
        ),
    ] = None,
    genome: Annotated[
        list[str] | None, typer.Option(metavar="hg38=FASTA", help="Genome under a name; repeatable.")
    ] = None,
    annotation: Annotated[
        list[str] | None, typer.Option(metavar="hg38=GFF", help="Genes of a genome; repeatable.")
    ] = None,
    head: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FOLDER", help="Head for pathogenicity or tracks; repeatable."),
    ] = None,
    fusion: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FOLDER", help="Fused model that answers questions; repeatable."),
    ] = None,
    language: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=MODEL", help="Language model of a fused one, where it has moved."),
    ] = None,
    database: Annotated[
        str | None, typer.Option(metavar="URL", help="SQLAlchemy URL; default: SQLite in the home.")
    ] = None,
    memory: Annotated[
        str | None, typer.Option(metavar="8G", help="Most bytes of weights that stay loaded.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Jobs that run at a time.")] = 1,
    keep_hours: Annotated[float, typer.Option(min=0.1, help="Hours until a finished job is deleted.")] = 72.0,
    screening: Annotated[
        Literal["mark", "require"],
        typer.Option(help="Say what no screen has seen, or refuse to generate without one."),
    ] = "mark",
    origin: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Web origin whose pages may ask; repeatable. Default: none."),
    ] = None,
    device: Device = "auto",
    dtype: Dtype = "auto",
    threads: Threads = None,
) -> None:
    """Serve models to a group: a private service with keys and jobs that `genos-client` speaks to.

    Listens to this machine alone unless told otherwise. SIGTERM finishes what was asked and puts running jobs
    back; the next start with the same home continues them. Logs never hold sequences or positions.

    Example: cistron serve --home lab --genome hg19=hg19.fa --genome hg38=hg38.fa
    """
    require_server()
    from cistron.cli.serving.worker import work
    from cistron.server.run import serve as run
    from cistron.server.settings import Settings

    run(
        Settings(
            home=home.expanduser().resolve(),
            host=host,
            port=port,
            models=named("--model", model or ["default=default"]),
            genomes=named_paths("--genome", genome or ()),
            annotations=named_paths("--annotation", annotation or ()),
            heads=named_paths("--head", head or ()),
            fusions=named_paths("--fusion", fusion or ()),
            languages=named("--language", language or ()),
            database=database,
            device=device,
            dtype=dtype,
            threads=threads,
            memory=None if memory is None else memory_bytes(memory),
            workers=workers,
            keep_hours=keep_hours,
            screening=screening,
            origins=tuple(origin or ()),
            worker=work,
        )
    )


COMMAND = serve
