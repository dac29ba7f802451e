"""StripedHyena 2 beside Genos' mixture of experts, with equal active parameters, tokens, data and optimiser.

Both small models read the same windows of human, *E. coli* and yeast DNA in the same order and are asked for
bases that neither has read: held-out parts of these three, and two taxa that training never saw. Each model
has the tokenizer of its own architecture, one token a base in both, so the vocabularies differ (512 and 16).
So that they do not decide: parameters are counted without the embedding and the head, and nats per base are
those of the softmax over A, C, G and T alone.

Training is resumable and needs about an hour on two cores. Writes `bench/results/evo2_training.json`, and the
trained StripedHyena 2 as a model folder.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from baselines import fitted
from evo2_questions import TAXA, Nats, asked, intervals
from machine import machine_facts

import cistron
from cistron.cli.progress import progress_of
from cistron.data.build import Source, build_corpus
from cistron.data.packed import PackedCorpus
from cistron.data.sampling import WindowLength
from cistron.inference.load import LoadedModel
from cistron.models import MODELS, Config
from cistron.models.genos import GenosConfig
from cistron.models.stripedhyena2 import StripedHyena2Config
from cistron.training.export import export_run
from cistron.training.optim import adamw, set_rate, take_logarithms
from cistron.training.planning import count_parameters
from cistron.training.pretrain import DataSettings, OptimSettings, Pretraining, Stage
from cistron.weights.card import read_card, write_card

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench/results/evo2_training.json"
HUMAN, GENOMES = "$CISTRON_DATA/human", "$CISTRON_DATA/genomes"
SOURCES = (
    Source(f"{HUMAN}/lrg_loci.fa.gz", locations=f"{HUMAN}/lrg_index.tsv"),
    Source(f"{HUMAN}/chrX_1_70M.fa.gz"),
    Source(f"{GENOMES}/ecoli_k12/GCF_000005845.2_ASM584v2_genomic.fna.gz"),
    Source(f"{GENOMES}/yeast_R64/Saccharomyces_cerevisiae.R64-1-1.dna.toplevel.fa.gz"),
)
WEIGHTS = (0.3, 0.2, 0.25, 0.25)
HELD_OUT = ("20", "NC_000913.3:4177488-4641652", "XIV")
"""Human chromosome 20, the last tenth of *E. coli*, yeast chromosome XIV."""

ORDER = 11
"""Of the Markov model that counted every training base once."""

LENGTHS = (WindowLength(1024, 32.0), WindowLength(2048, 7.0), WindowLength(8192, 1.0))
STEP_TOKENS = 8192

EVO2 = StripedHyena2Config(
    hidden_size=112,
    intermediate_size=288,
    num_hidden_layers=7,
    num_attention_heads=4,
    hybrid_override_pattern="SDH*SDH",
    hcs_filter_groups=16,
    hcm_filter_groups=16,
    max_position_embeddings=8192,
    width=4096,
)
GENOS = GenosConfig(
    vocab_size=16,
    hidden_size=112,
    intermediate_size=168,
    num_hidden_layers=7,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=28,
    num_local_experts=8,
    num_experts_per_tok=2,
    rope_theta=1e4,
    max_position_embeddings=8192,
    initializer_range=0.02,
    width=4096,
)
ARCHITECTURES: dict[str, tuple[str, Config]] = {
    "evo2-small": ("stripedhyena2", EVO2),
    "genos-small": ("genos", GENOS),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=360, help=f"of {STEP_TOKENS:,} tokens")
    parser.add_argument("--folder", type=Path, default=ROOT / "models-local/evo2-training")
    parser.add_argument("--model", type=Path, default=ROOT / "models/evo2-small")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--train-only", action="store_true", help="leave out the questions")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    corpus = options.folder / "corpus"
    with progress_of("Packing bases") as progress:
        build_corpus(
            SOURCES,
            corpus,
            held_out=HELD_OUT,
            drop_held_out=True,
            resume=True,
            progress=lambda done, total: progress(done, total, ""),
        )
    runs = {name: run_of(name, corpus, options.steps) for name in ARCHITECTURES}
    for name, run in runs.items():
        trained(run, options.folder / name)
        if name == "evo2-small":
            published(options.folder / name, options.model)
    if not options.train_only:
        result = report(runs, options.folder)
        options.output.write_text(json.dumps(result, indent=2) + "\n")
        print(json.dumps(result, indent=2))


def run_of(name: str, corpus: Path, steps: int) -> Pretraining:
    """The run of one architecture; only `architecture` and `model` differ."""
    architecture, config = ARCHITECTURES[name]
    return Pretraining(
        name=name,
        architecture=architecture,
        model=config.to_dict(),
        data=DataSettings(
            corpora=(str(corpus),),
            weights=WEIGHTS,
            validation=Source(f"{HUMAN}/chr20.fa.gz"),
            validation_bases=20_000_000,
            validation_windows=48,
        ),
        stages=(Stage(LENGTHS, tokens=STEP_TOKENS, steps=steps),),
        optim=OptimSettings(lr=2e-3, warmup=min(100, steps // 5)),
        seed=2,
        loggers=(),
        log_every=10,
        validate_every=120,
        checkpoint_every=60,
    )


def trained(run: Pretraining, folder: Path) -> None:
    """Train, or go on, until `folder/model` is there."""
    if not (folder / "model").exists():
        with progress_of(run.name) as progress:
            run.execute(folder, resume=(folder / "run.json").exists(), progress=progress)


def published(folder: Path, model: Path) -> None:
    """Export with a card that says which taxa the model has read and which it has not."""
    export_run(folder, model, dtype=None, overwrite=True)
    card = read_card(model / "README.md")
    card |= {
        "trained_on": [
            "Homo sapiens (LRG loci and chrX:1-70 Mb of GRCh37, without chromosome 20)",
            "Escherichia coli K-12 MG1655 (first 90 %)",
            "Saccharomyces cerevisiae R64 (without chromosome XIV)",
        ],
        "never_trained_on": ["human chromosome 20", "viruses and phages", "Drosophila melanogaster"],
        "text": "A small StripedHyena 2 (the architecture of Evo 2, none of its weights), trained by "
        "`bench/evo2_training.py` from nothing on a few million bases. It is there to try the platform with; "
        "what it says about variants is not to be relied on.",
    }
    write_card(model / "README.md", card)


def report(runs: dict[str, Pretraining], folder: Path) -> dict[str, Any]:
    """The result file."""
    corpus = PackedCorpus.open(folder / "corpus")
    nats = {name: answers(name, cistron.load(folder / name / "model"), folder) for name in runs}
    markov = answers("markov", fitted([corpus], ORDER, folder / "markov"), folder)
    return {
        "what": "nats per base over A, C, G and T of bases that no model was trained on",
        "taxa": TAXA,
        "held_out": HELD_OUT,
        "steps": runs["evo2-small"].num_steps,
        "step_tokens": STEP_TOKENS,
        "lengths": [asdict(length) for length in LENGTHS],
        "weights": WEIGHTS,
        "optim": asdict(runs["evo2-small"].optim),
        "rows": [row(run, folder / name, nats[name]) for name, run in runs.items()],
        "markov": {"order": ORDER, "bases": corpus.num_bases, "nats_per_base": intervals(markov)},
        "evo2_minus_genos": intervals(nats["evo2-small"], nats["genos-small"]),
        "speed": speed(runs),
        "machine": machine_facts("torch", "numpy") | {"threads": torch.get_num_threads()},
    }


def answers(name: str, model: LoadedModel, folder: Path) -> dict[str, Nats]:
    """What a model says to the questions; kept in `folder` by its weights, so that it is asked once."""
    path = folder / f"{name}-{model.sha256[:12]}.npz"
    if not path.exists():
        np.savez(path, allow_pickle=False, **asked(model))
    with np.load(path) as kept:
        return {taxon: kept[taxon] for taxon in TAXA}


def row(run: Pretraining, folder: Path, nats: dict[str, Any]) -> dict[str, Any]:
    """What one model is and says."""
    total, active = count_parameters(run)
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return {
        "name": run.name,
        "parameters": total,
        "active": active,
        "vocabulary": vocabulary_parameters(run),
        "nats_per_base": intervals(nats),
        "curve": [[line["tokens"], line["nats_per_base"]] for line in log if "nats_per_base" in line],
        "tokens_per_second_while_training": statistics.median(
            line["tokens_per_second"] for line in log if "tokens_per_second" in line
        ),
    }


def vocabulary_parameters(run: Pretraining) -> int:
    """Parameters of embedding and head."""
    spec = MODELS.get(run.architecture)
    with torch.device("meta"):
        model = spec.build(spec.config(run.model))
    names = ("embedding_layer", "embed_tokens", "lm_head")
    return sum(tensor.numel() for name, tensor in model.named_parameters() if any(n in name for n in names))


def speed(runs: dict[str, Pretraining], rounds: int = 3) -> dict[str, Any]:
    """Tokens per second of processor time of a step, by window length; models take turns."""
    found: dict[str, dict[str, list[float]]] = {}
    for _ in range(rounds):
        for length in sorted(window.length for window in LENGTHS):
            for name, run in runs.items():
                rates = found.setdefault(name, {}).setdefault(str(length), [])
                rates.append(step_rate(run, length))
    return {
        name: {
            length: [min(rates), statistics.median(rates), max(rates)] for length, rates in lengths.items()
        }
        for name, lengths in found.items()
    }


def step_rate(run: Pretraining, length: int) -> float:
    """Tokens per second of processor time of one training step, the second of two."""
    spec = MODELS.get(run.architecture)
    torch.manual_seed(0)
    model = spec.build(spec.config(run.model)).train()
    optimizer = adamw(model, run.optim)
    set_rate(optimizer, 1e-4)
    ids = torch.randint(4, 9, (max(STEP_TOKENS // length, 1), length))
    begun = 0.0
    for _ in range(2):
        begun = time.process_time()
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(ids).logits
        torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), ids.flatten()).backward()  # type: ignore[no-untyped-call]
        take_logarithms(model)
        optimizer.step()
        optimizer.zero_grad()
    return ids.numel() / (time.process_time() - begun)


if __name__ == "__main__":
    main()
