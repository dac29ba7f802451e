"""`cistron models`: what models there are, and how to get more."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from cistron.cli.progress import note

COMMAND = typer.Typer(help="List, show, download and convert models.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@COMMAND.command("list")
def list_(as_json: Json = False) -> None:
    """List shipped models, downloaded ones, and sizes that can be trained."""
    from cistron.weights.named import list_models

    models = list_models()
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
    source: Annotated[Path, typer.Argument(metavar="SRC", help="Hugging Face Mixtral folder.")],
    output: Annotated[Path, typer.Argument(metavar="OUT_FOLDER", help="The model folder to write.")],
    dtype: Annotated[
        Literal["same", "float32", "bfloat16"], typer.Option(help="Arithmetic to store.")
    ] = "same",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT_FOLDER.")] = False,
) -> None:
    """Check a checkpoint and write it as a model folder with checksums, which transformers reads as well."""
    import torch

    from cistron.weights.convert.huggingface import convert as convert_folder

    wanted = None if dtype == "same" else getattr(torch, dtype)
    note(
        f"wrote {output}, weights sha256 {convert_folder(source, output, dtype=wanted, overwrite=overwrite)}"
    )
