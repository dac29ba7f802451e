"""Nats per base of the shipped model beside interpolated Markov models, on chromosome 20, which nobody read.

Fits Markov models on exactly the shipped model's training bases and asks all of them for the same bases:
blocks spread evenly over GRCh37 chr20:20,000,001-end, each after the same bases of context. Every base
belongs to regions (exons, introns, intergenic; repeats or not), and in each of them the difference between
the model and every Markov model gets an interval from drawing whole blocks. Writes
`bench/results/nats.json`; the model card quotes that file.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from baselines import fitted, training_corpora
from machine import machine_facts
from numpy.typing import NDArray

import cistron
from cistron.cli.progress import progress_bar
from cistron.formats.fasta import Fasta
from cistron.formats.feature_table import read_features
from cistron.genome.annotation import covered, gene_partition
from cistron.inference.likelihood import ref_log_p
from cistron.inference.load import LoadedModel
from cistron.inference.next_base import Block
from cistron.metrics.bootstrap import ratio_interval
from cistron.training.recipes import default

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("CISTRON_DATA", ROOT / "../shared/data"))
RESULTS = ROOT / "bench/results/nats.json"
CHROM = "chr20"
START = 20_000_000
ORDERS = (0, 3, 6, 9, 11, 12)
PART = 64
DEFINITIONS = {
    "all": "every scored base",
    "exons": "in an exon of any transcript of any GENCODE v19 gene",
    "coding": "in a coding sequence of GENCODE v19",
    "introns": "in a GENCODE v19 gene, in none of its exons",
    "intergenic": "in no GENCODE v19 gene",
    "repeats": "in an interval of RepeatMasker",
    "not repeats": "in none",
}

Flags = NDArray[np.bool_]
Nats = NDArray[np.float64]


@dataclass(frozen=True)
class Question:
    """What every model is asked: `jobs[i]` scores the bases from `starts[i]`."""

    jobs: list[Block]
    starts: NDArray[np.int64]
    regions: dict[str, Flags]


@dataclass(frozen=True)
class Answer:
    """Nats of every scored base `(blocks, bases)`, and who gave them."""

    name: str
    order: int | None
    parameters: int
    seconds: float
    nats: Nats


def main() -> None:
    options = arguments()
    model = cistron.load(options.model)
    context = options.context or model.model.config.width // 2
    question = ask(context, options.block or model.model.config.width // 2, options.blocks)
    answers = [uniform(question)]
    corpora = training_corpora(default.RECIPE().data, options.run, model)
    for order in options.orders:
        name = "GC content only" if order == 0 else f"Markov, order {order}"
        answers.append(answered(fitted(corpora, order, options.markov), question, name, order))
    shipped = f"{model.name} (shipped)"
    answers.append(answered(model, question, shipped, batch_tokens=options.batch_tokens))
    if options.per_base:
        save_per_base(options.per_base, question, answers)
    result = report(question, answers) | {
        "context_bases": context,
        "model": {
            "name": model.name,
            "sha256": model.sha256,
            "data_sha256": model.card["data_sha256"],
            "device": str(model.device),
        },
        "machine": machine_facts("torch", "numpy"),
    }
    options.output.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="default")
    parser.add_argument("--context", type=int, default=None, help="default: half the recommended width")
    parser.add_argument("--block", type=int, default=None, help="scored bases of a block; default: the same")
    parser.add_argument("--blocks", type=int, default=2400)
    parser.add_argument("--run", type=Path, default=Path("runs/default"), help="has or gets the corpus")
    parser.add_argument("--markov", type=Path, default=Path("runs/markov"), help="keeps fitted models")
    parser.add_argument("--batch-tokens", type=int, default=16_384, help="more keeps a GPU busy")
    parser.add_argument("--orders", type=int, nargs="*", default=ORDERS)
    parser.add_argument("--per-base", type=Path, default=None, help="also write all nats to this .npz file")
    parser.add_argument("--output", type=Path, default=RESULTS)
    return parser.parse_args()


def ask(context: int, block: int, count: int) -> Question:
    """Evenly spaced blocks with their context, without those that touch N, and the regions of their bases."""
    with Fasta(DATA / "human/chr20.fa.gz") as fasta:
        length = fasta.contigs[CHROM]
        bases = fasta.fetch(CHROM, 0, length)
    spread = np.linspace(START, length - block, count).astype(np.int64)
    starts = np.array([start for start in spread if "N" not in bases[start - context : start + block]])
    jobs = [Block(bases[start - context : start + block], context, context + block) for start in starts]
    places = starts[:, None] + np.arange(block)
    inside = {name: flags[places] for name, flags in regions(length).items()}
    return Question(jobs, starts, {name: flags for name, flags in inside.items() if flags.any()})


def regions(length: int) -> dict[str, Flags]:
    """Flags of all bases of the chromosome, by the names of `DEFINITIONS`."""
    tables = DATA / "human/gencode_v19"

    def features(name: str, *, one_based: bool) -> Any:
        return read_features(tables / f"{name}.parquet", one_based=one_based, chrom=CHROM)

    parts = gene_partition(features("genes", one_based=True), features("exons", one_based=True), length)
    repeats = covered(features("hg19_repeats_chr20_22_X", one_based=False), length)
    found = parts | {
        "all": np.ones(length, dtype=bool),
        "coding": covered(features("CDSs", one_based=True), length),
        "repeats": repeats,
        "not repeats": ~repeats,
    }
    return {name: found[name] for name in DEFINITIONS}


def answered(
    model: LoadedModel, question: Question, name: str, order: int | None = None, *, batch_tokens: int = 16_384
) -> Answer:
    """What a model says to the question."""
    started = time.perf_counter()
    rows: list[Nats] = []
    with progress_bar(name, len(question.jobs), "blocks") as advance:
        for begin in range(0, len(question.jobs), PART):
            part = question.jobs[begin : begin + PART]
            rows += [
                -found
                for found in ref_log_p(
                    model.model, model.tokenizer, part, strands="forward", batch_tokens=batch_tokens
                )
            ]
            advance(len(part))
    nats = np.stack(rows)
    assert np.isfinite(nats).all()
    parameters = sum(parameter.numel() for parameter in model.built.model.parameters())
    return Answer(name, order, parameters, round(time.perf_counter() - started, 1), nats)


def uniform(question: Question) -> Answer:
    """Every base equally likely."""
    return Answer("uniform", None, 0, 0.0, np.full_like(question.regions["all"], math.log(4), dtype=float))


def save_per_base(path: Path, question: Question, answers: Sequence[Answer]) -> None:
    """Every answer as `(blocks, bases)` nats under its name, and the 0-based starts of the blocks."""
    arrays: dict[str, Any] = {answer.name: answer.nats.astype(np.float32) for answer in answers}
    np.savez_compressed(path, starts=question.starts, **arrays)


def report(question: Question, answers: Sequence[Answer]) -> dict[str, Any]:
    """The result file but for context, model and machine; the model's answer is the last."""
    markov, model = [answer for answer in answers if answer.order is not None], answers[-1]
    differences = {
        region: {other.name: interval(model.nats - other.nats, flags) for other in markov}
        for region, flags in question.regions.items()
    }
    return {
        "what": "nats per base, forward strand; evenly spaced blocks of GRCh37 chr20:20,000,001-end",
        "blocks": len(question.jobs),
        "block_bases": question.regions["all"].shape[1],
        "interval": "95 %, 2,000 bootstrap draws of whole blocks",
        "regions": {
            name: {"definition": DEFINITIONS[name], "bases": int(flags.sum())}
            for name, flags in question.regions.items()
        },
        "rows": [row(answer, question.regions) for answer in answers],
        "model_minus": differences,
        "beats_every_markov_model": {
            region: all(found["high"] < 0 for found in by_name.values())
            for region, by_name in differences.items()
        },
    }


def row(answer: Answer, flags: Mapping[str, Flags]) -> dict[str, Any]:
    """One model's nats per base by region."""
    return {
        "name": answer.name,
        "order": answer.order,
        "parameters": answer.parameters,
        "seconds": answer.seconds,
        "nats_per_base": {region: interval(answer.nats, inside) for region, inside in flags.items()},
    }


def interval(nats: Nats, inside: Flags) -> dict[str, float]:
    """Nats per base inside a region, with an interval over blocks."""
    return ratio_interval((nats * inside).sum(axis=1), inside.sum(axis=1).astype(float))._asdict()


if __name__ == "__main__":
    main()
