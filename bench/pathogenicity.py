"""Supervised pathogenicity on BRCA1: does a head on the model's states beat what needs no model?

Saturation genome editing measured 3,893 substitutions in and around 13 exons (Findlay et al. 2018, Nature
562:217). Exons with their surroundings are blocks; five folds hold whole blocks, so no head sees a neighbour
of what it is judged on. Window and pooling were fixed beforehand;
`docs/design/pathogenicity.md` says what was decided after a first look. Each head is
stopped and calibrated on the fold after the one it is judged on. Writes `bench/results/pathogenicity.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from brca1 import GROUPS, Measured, read
from machine import machine_facts
from numpy.typing import NDArray

import cistron
from cistron.cli.progress import progress_bar
from cistron.formats.atomic import sha256_file
from cistron.formats.fasta import Fasta
from cistron.formats.journal import Journal
from cistron.heads.allele_pair import AllelePair, AllelePairConfig
from cistron.inference.load import LoadedModel
from cistron.inference.predict import hidden_size
from cistron.metrics.blocks import difference_of, interval_of, value_of
from cistron.training.pathogenicity import Fitting
from cistron.training.pathogenicity.alleles import AlleleReader
from cistron.training.pathogenicity.columns import CONSEQUENCES, LLR, WORDS, column_values, word_values
from cistron.training.pathogenicity.fit import Examples
from cistron.training.pathogenicity.held_out import Contestant, by_columns, folds_of, held_out
from cistron.training.pathogenicity.kept import all_readings, read_into
from cistron.training.pathogenicity.measure import auroc_within, brier_of, calibration_error, reliability

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("CISTRON_DATA", ROOT / "../shared/data")) / "variants/brca1_sge"
LOCUS = "brca1_locus_grch37.fa.gz"
RESULTS = ROOT / "bench/results/pathogenicity.json"
FOLDS = 5
SEEDS = (0, 1, 2)
BUMPS = 12
FULL = "states, llr and consequence"
TERMS = {
    "Missense": "missense_variant",
    "Synonymous": "synonymous_variant",
    "Nonsense": "stop_gained",
    "Intronic": "intron_variant",
    "Splice region": "splice_region_variant",
    "Canonical splice": "splice_donor_variant",
    "5' UTR": "5_prime_UTR_variant",
}
"""Consequences as the published table calls them → terms; of canonical sites it does not say which."""


Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Study:
    """The variants with everything that is read of them.

    Attributes:
        measured: The published table.
        blocks: Of each variant, the exon with its surroundings.
        examples: States of both alleles; no columns.
        llr: Of each variant.
        words: Words of the sequence around each.
    """

    measured: Measured
    blocks: list[str]
    examples: Examples
    llr: list[float]
    words: NDArray[np.float32]

    @property
    def size(self) -> int:
        """Width of the states."""
        return self.examples.vectors.shape[-1] // 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="default")
    parser.add_argument("--width", type=int, default=512, help="window in bp")
    parser.add_argument("--kept", type=Path, default=Path("runs/pathogenicity"), help="keeps readings")
    parser.add_argument(
        "--so-far", action="store_true", help="judge the variants that were read, and read no more"
    )
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    options.kept.mkdir(parents=True, exist_ok=True)
    model = cistron.load(options.model)
    with Fasta(DATA / LOCUS) as locus:
        known = read(locus, None)
        study = studied(model, locus, known, options.width, options.kept, more=not options.so_far)
    folds = folds_of(study.blocks, FOLDS)
    contestants = contestants_of(study)
    started = time.perf_counter()
    with progress_bar("Fitting", FOLDS * len(contestants) * len(SEEDS), "heads") as advance:
        found = [held_out(contestants, folds, seed, advance) for seed in SEEDS]
    scores = found[0] | {"zero-shot llr": -np.array(study.llr)}
    result = {
        "what": "BRCA1 saturation genome editing: loss of function by heads that saw no variant of its exon",
        "variants": {"all": len(known.rows), "judged": len(study.llr)},
        "width": options.width,
        "folds": [
            sorted({b for b, f in zip(study.blocks, folds, strict=True) if f == k}) for k in range(FOLDS)
        ],
        "seeds": {
            name: [value_of(auroc_within(one[name], study.measured.lof, folds), len(folds)) for one in found]
            for name in contestants
        },
        "questions": {name: asked(study, scores, folds, inside) for name, inside in questions(study).items()},
        "full_minus": differences(study, scores, folds),
        "calibration": calibrated(study, found[0]),
        "model": {"name": model.name, "sha256": model.sha256, "device": str(model.device)},
        "seconds": {"fitting": round(time.perf_counter() - started)},
        "machine": machine_facts("torch", "numpy"),
    }
    options.output.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def studied(
    model: LoadedModel, locus: Fasta, known: Measured, width: int, folder: Path, *, more: bool
) -> Study:
    """What the model says of every variant, or only of those that an earlier start has read."""
    size = hidden_size(model.model, model.tokenizer)
    reader = AlleleReader(model, AllelePair(AllelePairConfig(size)), locus, width=width)
    identity = {"model": model.sha256, "locus": sha256_file(locus.path), "width": width}
    with (
        Journal(folder / f"brca1-{width}.journal", identity, resume=True) as journal,
        progress_bar("Reading", len(known.variants), "alleles") as advance,
    ):
        if more:
            read_into(journal, reader, known.variants, advance)
        vectors, llr = all_readings(journal, reader)
    measured = first(known, len(llr))
    lof = torch.from_numpy(measured.lof).float()[:, None]
    examples = Examples(torch.from_numpy(vectors), torch.zeros(len(llr), 0), lof)
    blocks = [row["experiment"] for row in measured.rows]
    return Study(measured, blocks, examples, llr.tolist(), word_values(measured.variants, locus))


def first(known: Measured, count: int) -> Measured:
    """So many variants in order of position."""
    return Measured(known.rows[:count], known.variants[:count], known.lof[:count], known.positions[:count])


def contestants_of(study: Study) -> dict[str, Contestant]:
    """Heads on states with and without what stands beside them, and logistic regressions without states."""
    terms = [(TERMS[row["consequence"]],) for row in study.measured.rows]
    values = {
        names: column_values(names, study.llr, terms)
        for names in ((LLR,), CONSEQUENCES, (LLR, *CONSEQUENCES))
    }
    values[WORDS] = study.words
    places = tuple(f"place {number}" for number in range(BUMPS))
    values[places] = in_exon(study)
    heads = {"states": (), "states and llr": (LLR,), FULL: (LLR, *CONSEQUENCES)}
    alone = {
        "llr and consequence": (LLR, *CONSEQUENCES),
        "consequence alone": CONSEQUENCES,
        "llr alone": (LLR,),
        "place in the exon": places,
        "words of 3 bases": WORDS,
    }
    found = {name: on_states(study, names, values.get(names)) for name, names in heads.items()}
    for name, names in alone.items():
        found[name] = by_columns(names, study.examples.with_columns(torch.from_numpy(values[names])))
    return found


def on_states(study: Study, names: tuple[str, ...], values: NDArray[np.float32] | None) -> Contestant:
    """A head as `cistron pathogenicity train` makes it."""
    how = Fitting()
    config = AllelePairConfig(study.size, columns=names, inner_size=how.inner_size, dropout=how.dropout)
    columns = study.examples.columns if values is None else torch.from_numpy(values)
    return Contestant(config, replace(study.examples, columns=columns), how)


def in_exon(study: Study) -> NDArray[np.float32]:
    """Where in its block each variant lies, as Gaussian bumps over the block's length."""
    positions, blocks = study.measured.positions, np.array(study.blocks)
    ends = {
        name: (positions[blocks == name].min(), positions[blocks == name].max()) for name in set(study.blocks)
    }
    share = np.array(
        [(p - ends[b][0]) / (ends[b][1] - ends[b][0]) for p, b in zip(positions, blocks, strict=True)]
    )
    centres = np.linspace(0, 1, BUMPS)
    return np.exp(-0.5 * np.square((share[:, None] - centres) * BUMPS)).astype(np.float32)


def questions(study: Study) -> dict[str, Flags]:
    """Which variants are asked about: groups, LOF against the rest; and without intermediate ones."""
    rows = study.measured.rows
    found = {name: np.array([belongs(row) for row in rows]) for name, (_, belongs) in GROUPS.items()}
    functional = np.array([row["func.class"] != "INT" for row in rows])
    return found | {"all, without intermediate": functional}


def asked(
    study: Study, scores: dict[str, NDArray[np.float64]], folds: NDArray[np.int64], inside: Flags
) -> dict[str, Any]:
    """AUROC of every score on some of the variants, within folds."""
    lof, positions = study.measured.lof[inside], study.measured.positions[inside]
    return {
        "variants": int(inside.sum()),
        "lof": int(lof.sum()),
        "auroc": {
            name: interval_of(auroc_within(values[inside], lof, folds[inside]), positions)._asdict()
            for name, values in scores.items()
        },
    }


def differences(
    study: Study, scores: dict[str, NDArray[np.float64]], folds: NDArray[np.int64]
) -> dict[str, Any]:
    """What the full head's AUROC has more, by drawing positions and by drawing exons."""
    lof = study.measured.lof
    of_full = auroc_within(scores[FULL], lof, folds)
    return {
        by: {
            name: difference_of(of_full, auroc_within(values, lof, folds), groups)[0]._asdict()
            for name, values in scores.items()
            if name != FULL
        }
        for by, groups in (("positions", study.measured.positions), ("exons", study.blocks))
    }


def calibrated(study: Study, scores: dict[str, NDArray[np.float64]]) -> dict[str, Any]:
    """Brier score, calibration error and reliability of what are probabilities."""
    lof, found = study.measured.lof, {}
    for name, values in scores.items():
        bins = reliability(values, lof)
        brier = interval_of(brier_of(values, lof), study.measured.positions)._asdict()
        found[name] = {"brier": brier, "error": calibration_error(bins), "reliability": bins}
    return found


if __name__ == "__main__":
    main()
