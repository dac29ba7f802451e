"""Put a trained run into the package as the model `default`, with a card made from result files.

First `cistron train default -o runs/default`, then this script with `--weights-only`, then `bench/nats.py`
and `bench/brca1.py` (which need the weights), then this script again, which writes their tables into the card.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from tables import ROOT, results, table

from cistron.cli.commands.doctor import PROBE
from cistron.inference.load import load
from cistron.training.folder import saved_run
from cistron.training.pretrain import DataSettings, Pretraining, Stage
from cistron.training.recipes import default
from cistron.training.settings import differences
from cistron.weights.folder import load_folder, save_folder

TARGET = ROOT / "src/cistron/resources/models/default"
CURVE = ROOT / "docs/figures/default_loss.png"
LIMIT = 40e6
"""Bytes of a model that a wheel can carry."""

Log = Sequence[Mapping[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of the run, such as runs/default")
    parser.add_argument("--weights-only", action="store_true", help="leave the tables out of the card")
    options = parser.parse_args()
    log = [json.loads(line) for line in (options.run / "log.jsonl").read_text().splitlines()]
    run, built = saved_run(options.run), load_folder(options.run / "model")
    size = (options.run / "model/model.safetensors").stat().st_size
    if size > LIMIT:
        sys.exit(f"the weights have {size / 1e6:.1f} MB, more than the {LIMIT / 1e6:.0f} MB that ship")
    golden = next(load(options.run / "model", device="cpu").log_likelihood([PROBE])).total
    facts = {
        "parameters": sum(weights.numel() for weights in built.model.parameters()),
        "megabytes": size / 1e6,
        **built.card,
    }
    tables = "" if options.weights_only else measured(built.sha256)
    card = {
        "name": "default",
        "license": "mit",
        "tags": ["biology", "genomics", "dna"],
        **{key: value for key, value in built.card.items() if key not in ("text", "name")},
        "golden_log_likelihood": golden,
        "trained_on": ["Homo sapiens (chrX:1-70 Mb, chr22 and LRG loci of GRCh37, without chromosome 20)"],
        "text": card_text(run, log, facts, command(run, default.RECIPE()), tables),
    }
    save_folder(TARGET, built.model, built.tokenizer, built.spec, card, dtype=torch.bfloat16, overwrite=True)
    loss_curve(run, log, CURVE)
    print(f"wrote {TARGET.relative_to(ROOT)} ({size / 1e6:.1f} MB) and {CURVE.relative_to(ROOT)}")


def measured(sha256: str) -> str:
    """The tables of results, which must be about these weights."""
    for name in ("nats", "brca1"):
        found = results(name)["model"]["sha256"]
        if found != sha256:
            sys.exit(
                f"bench/results/{name}.json is about the weights {found[:12]}, not {sha256[:12]}: "
                f"run this script with --weights-only, then bench/{name}.py"
            )
    return f"""
## Nats per base

{table("nats")}
## BRCA1, zero-shot

{table("brca1")}"""


def card_text(run: Pretraining, log: Log, facts: Mapping[str, Any], repeat: str, tables: str) -> str:
    """The card's Markdown."""
    validation = [line for line in log if "validation_nats_per_base" in line]
    return f"""# The shipped model

{architecture(run.architecture, run.model)}
{facts["parameters"]:,} learned parameters, {facts["megabytes"]:.1f} MB. It ships so that everything works at once on a
laptop; it is no substitute for Genos or Evo 2.

**Data.** {data(run.data)}
{facts["data_bases"]:,} positions in all, N included, sha256 `{facts["data_sha256"]}`.

**Training.** {" Then ".join(map(described, run.stages))}
{facts["tokens_seen"]:,} bases in all, {facts["tokens_seen"] / facts["data_bases"]:.2f} times the data, in {hours(log)}; {arithmetic(run)}; seed {run.seed}.
Repeat it with

    {repeat}

Validation loss at the end: {validation[-1]["validation_nats_per_base"]:.4f} nats per base; the curve is `docs/figures/default_loss.png`.
{tables}
## Limits

It is small and has seen a small part of the genome, no personal genomes and no labels. Use its scores to learn
the tool and to compare methods. Research use only: no score is a diagnosis.

**Licence.** MIT, as the rest of the project.
"""


def architecture(name: str, config: Mapping[str, Any]) -> str:
    """One or two sentences about what the model is."""
    network: Mapping[str, Any] = config.get("base", config)
    sizes = (
        f"{network['num_hidden_layers']} layers, hidden size {network['hidden_size']}, "
        f"{network['num_local_experts']} experts of which each base uses {network['num_experts_per_tok']}, "
        f"context {network['max_position_embeddings']:,} bases, recommended window {network['width']:,} bases."
    )
    if name == "genos":
        return f"A mixture-of-experts language model of human DNA in the Genos architecture: {sizes}"
    if name == "ngram":
        orders = ", ".join(map(str, config["orders"]))
        long = f" and, hashed, {config['long_order']}" if config.get("long_order") else ""
        return (
            f"A language model of human DNA: an n-gram memory beside a Genos decoder. The memory holds counts of "
            f"the bases behind every context of {orders}{long} bases in the training data; the decoder, which "
            f"decides how far to trust them, has {sizes}"
        )
    sys.exit(f"nothing is known about the architecture '{name}'; describe it in {Path(__file__).name}")


def data(settings: DataSettings) -> str:
    """Where the training bases come from, and what was kept out."""
    names = [Path(source.fasta).name for source in settings.sources]
    names += [Path(corpus).name for corpus in settings.corpora]
    listed = [
        f"`{name}`" + ("" if weight is None else f" (weight {weight:g})")
        for name, weight in zip(names, settings.weights or [None] * len(names), strict=True)
    ]
    once = "; what an earlier file holds too is left out of a later one" if settings.deduplicate else ""
    return (
        f"{', '.join(listed)}{once}; {settings.reverse_share:.0%} of the windows are reverse-complemented. Held out: "
        f"{', '.join(settings.held_out) or 'nothing'}. Validation on {validated(settings)}."
    )


def validated(settings: DataSettings) -> str:
    """The stretch that the validation loss is measured on."""
    file = Path(settings.validation.fasta).name if settings.validation else "no file"
    return f"{file}:{settings.validation_start + 1:,}-{settings.validation_bases:,}"


def described(stage: Stage) -> str:
    """One stage of the training."""
    lengths = ", ".join(f"{window.length:,}" for window in stage.lengths)
    weights = {window.weight for window in stage.lengths}
    mixed = "" if len(weights) == 1 else f" (weights {', '.join(f'{w.weight:g}' for w in stage.lengths)})"
    return f"{stage.num_steps:,} steps of {stage.tokens:,} bases in windows of {lengths}{mixed}."


def hours(log: Log) -> str:
    """How long the training took."""
    seconds = max(line["seconds"] for line in log if "seconds" in line)
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.0f} minutes"


def arithmetic(run: Pretraining) -> str:
    """Precision of products and weights."""
    return f"bfloat16 products with {run.dtype} weights" if run.autocast else f"{run.dtype} throughout"


def command(run: Pretraining, recipe: Pretraining) -> str:
    """The command that repeats the run: the recipe, and every setting in which the run differs from it."""
    parts = ["cistron train default -o runs/default"]
    for name, _, now in differences(recipe, run):
        value = json.loads(now)
        plain = value if isinstance(value, str) else "none" if value is None else now
        parts.append(f"--set '{name}={plain}'" if " " in plain or "$" in plain else f"--set {name}={plain}")
    return " ".join(parts)


def loss_curve(run: Pretraining, log: Log, path: Path) -> None:
    """Training and validation loss over bases read, with a line where a stage begins."""
    steps = [line for line in log if "nats_per_base" in line]
    numbers, bases = [line["step"] for line in steps], [line["tokens"] / 1e6 for line in steps]
    checks = [line for line in log if "validation_nats_per_base" in line]
    checked = np.interp([line["step"] for line in checks], numbers, bases)
    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot(bases, [line["nats_per_base"] for line in steps], lw=0.8, alpha=0.5, label="batch")
    losses = [line["validation_nats_per_base"] for line in checks]
    axes.plot(checked, losses, "o-", ms=3, label=f"validation, {validated(run.data)}")
    begins = np.cumsum([stage.num_steps for stage in run.stages])[:-1]
    for number, place in enumerate(np.interp(begins, numbers, bases)):
        axes.axvline(place, color="0.7", lw=0.8, zorder=0, label="_" if number else "next stage")
    axes.set(xlabel="million bases read", ylabel="nats per base", title="Training of the shipped model")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130, metadata={"Software": None})


if __name__ == "__main__":
    main()
