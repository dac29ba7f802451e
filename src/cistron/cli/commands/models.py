"""`cistron models`: what models there are, and how to get more."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from cistron.cli.progress import note
from cistron.errors import InputError

COMMAND = typer.Typer(help="List, show, download and convert models.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@COMMAND.command("ls", hidden=True)
@COMMAND.command("list")
def list_(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FOLDER]...", help="Also models in or below these folders."),
    ] = None,
    as_json: Json = False,
) -> None:
    """List shipped models, downloaded ones, those in folders, and sizes that can be trained.

    Folders for transformers are listed like others; none of their code is run for that.
    """
    from cistron.weights.named import list_models

    for folder in folders or []:
        if not folder.is_dir():
            raise InputError(f"{folder} is not a folder; give one that holds model folders")
    models = list_models(folders=folders or [])
    if as_json:
        print(json.dumps([asdict(model) for model in models], indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "kind", "parameters", "context", "where", box=None, pad_edge=False)
    for model in models:
        table.add_row(
            model.name, model.kind, f"{model.parameters:,}", f"{model.context_length:,}", model.where
        )
    Console().print(table)


@COMMAND.command()
def show(
    model: Annotated[str, typer.Argument(help="Shipped name, folder, or hub id.")] = "default",
    as_json: Json = False,
) -> None:
    """Show a model's card and settings, after checking its files."""
    from cistron.inference.load import load

    loaded = load(model, device="cpu")
    card = {key: value for key, value in loaded.card.items() if key != "text"}
    facts = {
        "name": loaded.name,
        "sha256": loaded.sha256,
        "parameters": sum(p.numel() for p in loaded.built.model.parameters()),
        "config": loaded.model.config.to_dict(),
        "card": card,
    }
    if as_json:
        print(json.dumps(facts, indent=2))
        return
    print(f"{facts['name']}: {facts['parameters']:,} parameters, sha256 {facts['sha256']}")
    print(json.dumps(facts["config"], indent=2))
    print(loaded.card.get("text", "no model card"))


@COMMAND.command()
def download(
    hub_id: Annotated[str, typer.Argument(metavar="OWNER/NAME[@REVISION]", help="On the hub.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help="Folder; default: the hub's cache."),
    ] = None,
) -> None:
    """Download a model from a Hugging Face hub (HF_ENDPOINT names another one) and print its folder."""
    from cistron.weights.hub import download as fetch

    name, _, revision = hub_id.partition("@")
    print(fetch(name, revision or None, output))


@COMMAND.command()
def convert(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SRC",
            help="Hugging Face Mixtral folder, or Evo 2 checkpoint: .pt, one of its parts, or safetensors.",
        ),
    ],
    output: Annotated[Path, typer.Argument(metavar="OUT_FOLDER", help="The model folder to write.")],
    config: Annotated[
        str | None,
        typer.Option(metavar="SIZE|FILE", help="Evo 2: size or published YAML/JSON; default: by file name."),
    ] = None,
    dtype: Annotated[
        Literal["same", "float32", "bfloat16"], typer.Option(help="Arithmetic to store.")
    ] = "same",
    fp8: Annotated[
        Literal["auto", "emulate", "off"],
        typer.Option(help="Evo 2: emulate eight-bit input projections; auto: where that helps."),
    ] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT_FOLDER.")] = False,
) -> None:
    """Check a checkpoint and write it as a model folder with checksums.

    Works offline and runs nothing that a checkpoint holds. A folder made of a Mixtral checkpoint is read by
    transformers as well.
    """
    import torch

    from cistron.weights.convert import huggingface, vortex
    from cistron.weights.convert.archive import holds_archive

    wanted = None if dtype == "same" else getattr(torch, dtype)
    if config is None and not holds_archive(source):
        if fp8 != "auto":
            raise InputError(f"--fp8 concerns checkpoints of Evo 2, and '{source}' is none")
        sha256 = huggingface.convert(source, output, dtype=wanted, overwrite=overwrite)
        note(f"wrote {output}, weights sha256 {sha256}")
        return
    done = vortex.convert(source, output, config=config, dtype=wanted, fp8=fp8, overwrite=overwrite)
    note(f"wrote {output} ({done.size or 'own size'}, fp8 {done.fp8}), weights sha256 {done.sha256}")
    if done.warning:
        note(f"warning: {done.warning}")
