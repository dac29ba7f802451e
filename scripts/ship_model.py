"""Put a trained run into the package as the model `default`, with a card made from result files.

First `cistron train default -o runs/default`, then this script with `--weights-only`, then `bench/nats.py`
(which needs the weights), then this script again, which writes the numbers into the card.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from generate_docs import nats_table
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cistron.cli.commands.doctor import PROBE
from cistron.inference.load import load
from cistron.weights.folder import load_folder, save_folder

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "src/cistron/resources/models/default"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of the run, such as runs/default")
    parser.add_argument("--weights-only", action="store_true", help="leave the table out of the card")
    options = parser.parse_args()
    log = [json.loads(line) for line in (options.run / "log.jsonl").read_text().splitlines()]
    run = json.loads((options.run / "run.json").read_text())
    built = load_folder(options.run / "model")
    golden = next(load(options.run / "model", device="cpu").log_likelihood([PROBE])).total
    table = "" if options.weights_only else nats_table()
    card = {
        "name": "default",
        "license": "mit",
        "tags": ["biology", "genomics", "dna"],
        **{key: value for key, value in built.card.items() if key not in ("text", "name")},
        "golden_log_likelihood": golden,
        "text": text(run, log, built.card, table, sum(p.numel() for p in built.model.parameters())),
    }
    save_folder(TARGET, built.model, built.tokenizer, built.spec, card, dtype=torch.bfloat16, overwrite=True)
    loss_curve(log, ROOT / "docs/figures/default_loss.png")
    size = sum(path.stat().st_size for path in TARGET.iterdir()) / 1e6
    print(f"wrote {TARGET.relative_to(ROOT)} ({size:.1f} MB) and docs/figures/default_loss.png")


def text(
    run: dict[str, Any], log: list[dict[str, Any]], card: dict[str, Any], table: str, parameters: int
) -> str:
    """The card's Markdown."""
    model, stages = run["model"], run["stages"]
    validation = [line["validation_nats_per_base"] for line in log if "validation_nats_per_base" in line]
    described = " then ".join(
        f"{stage['steps']:,} steps of {stage['batch']} × {stage['length']:,} bases" for stage in stages
    )
    passes = card["tokens_seen"] / card["data_bases"]
    return f"""# The shipped model

A small mixture-of-experts language model of human DNA in the Genos architecture: {parameters:,} parameters,
{model["num_hidden_layers"]} layers, hidden size {model["hidden_size"]}, {model["num_local_experts"]} experts of which each base uses {model["num_experts_per_tok"]}, context
{model["max_position_embeddings"]:,} bases. It ships so that everything works at once on a laptop; it is no substitute for Genos or Evo 2.

**Data.** GRCh37 chrX:1-70 Mb, the part of chr22 in the Ensembl EPO alignment, and the LRG disease-gene loci
that do not lie on chromosome 20: {card["data_bases"]:,} positions, N included, sha256 `{card["data_sha256"]}`.
Half of all windows are reverse-complemented. Nothing from chromosome 20 was trained on: chr20:1-20,000,000
is for validation, chr20:20,000,001-end for the test below.

**Training.** {described}; {card["tokens_seen"]:,} bases in all, seed {card["seed"]}, bfloat16 products with
float32 weights on two CPU cores. Repeat it with `cistron train default -o runs/default`. Validation loss at the
end: {validation[-1]:.4f} nats per base; the curve is `docs/figures/default_loss.png`.

**Numbers.**

{table}
**Limits.** It has read {passes:.2f} times as many bases as its data holds. It knows composition, short motifs and
common repeats, and little about genes. Use its scores to learn the tool and to compare methods. Research use
only: no score is a diagnosis. It has seen the human reference alone, no other species and no personal genomes.

**Licence.** MIT, as the rest of the project.
"""


def loss_curve(log: list[dict[str, Any]], path: Path) -> None:
    """Training and validation loss over bases read."""
    steps = [line for line in log if "nats_per_base" in line]
    bases = [line["tokens"] / 1e6 for line in steps]
    checks = [line for line in log if "validation_nats_per_base" in line]
    checked = np.interp([line["step"] for line in checks], [line["step"] for line in steps], bases)
    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.plot(bases, [line["nats_per_base"] for line in steps], lw=0.8, alpha=0.5, label="batch")
    axes.plot(
        checked,
        [line["validation_nats_per_base"] for line in checks],
        "o-",
        ms=3,
        label="validation, chr20:1-20 Mb",
    )
    axes.set(xlabel="million bases read", ylabel="nats per base", title="Training of the shipped model")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130, metadata={"Software": None})


if __name__ == "__main__":
    main()
