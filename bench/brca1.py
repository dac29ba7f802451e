"""Zero-shot effect of BRCA1 variants: does the shipped model's score tell loss of function from the rest?

Saturation genome editing measured 3,893 single-nucleotide variants of BRCA1 (Findlay et al. 2018, Nature
562:217). As Evo 2 does, loss of function (LOF) stands against functional and intermediate (FUNC and INT), and
−llr ranks. Nothing is tuned on it: window, strands and sign are the defaults of `cistron score`. Intervals
draw positions, because the variants of one position share their window. Writes `bench/results/brca1.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

import numpy as np
from baselines import fitted, training_corpora
from machine import machine_facts
from numpy.typing import NDArray

import cistron
from cistron.cli.progress import progress_bar
from cistron.formats.fasta import Fasta
from cistron.formats.table import TableWriter
from cistron.formats.xlsx import read_xlsx
from cistron.genome import Variant
from cistron.genome.sequence import reverse_complement
from cistron.inference.load import LoadedModel
from cistron.inference.score import ScoreOptions, VariantScore, checked_width
from cistron.metrics.ranking import auroc_difference, auroc_interval
from cistron.training.corpora import sequences
from cistron.training.recipes import default

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("CISTRON_DATA", ROOT / "../shared/data")) / "variants/brca1_sge"
TABLE = "41586_2018_461_MOESM3_ESM.xlsx"
LOCUS = "brca1_locus_grch37.fa.gz"
RESULTS = ROOT / "bench/results/brca1.json"
ORDERS = (6, 12)
GROUPS: dict[str, tuple[str, Callable[[dict[str, str]], bool]]] = {
    "all": ("every variant", lambda row: True),
    "coding": ("inside a codon", lambda row: row["aa_pos"] != "NA"),
    "missense": ("consequence Missense", lambda row: row["consequence"] == "Missense"),
    "non-coding": ("outside codons: introns and 5' UTR", lambda row: row["aa_pos"] == "NA"),
    "splice": ("consequence Canonical splice or Splice region", lambda row: "plice" in row["consequence"]),
}

Scores = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Measured:
    """The variants in order of position, what was measured of each, and where the locus begins.

    Attributes:
        rows: Of the published table.
        variants: The same, in the coordinates of the locus file.
        lof: Which lose their function.
        positions: On GRCh37 chr17, 1-based.
    """

    rows: list[dict[str, str]]
    variants: list[Variant]
    lof: Flags
    positions: NDArray[np.int64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="default")
    parser.add_argument("--width", type=int, default=None, help="window in bp; default: the recommended one")
    parser.add_argument(
        "--positions", type=int, default=None, help="only so many, evenly spread, for a trial"
    )
    parser.add_argument("--run", type=Path, default=Path("runs/default"), help="has or gets the corpus")
    parser.add_argument("--markov", type=Path, default=Path("runs/markov"), help="keeps fitted models")
    parser.add_argument("--batch-tokens", type=int, default=16_384, help="more keeps a GPU busy")
    parser.add_argument("--orders", type=int, nargs="*", default=ORDERS)
    parser.add_argument("--scores", type=Path, default=None, help="also write all scores to this table")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    model = cistron.load(options.model)
    width = checked_width(model.model, options.width)
    started = time.perf_counter()
    with Fasta(DATA / LOCUS) as locus:
        measured = read(locus, options.positions)
        shipped = f"{model.name} (shipped)"
        scores = {
            shipped: loss(model, locus, measured, shipped, width=width, batch_tokens=options.batch_tokens)
        }
        corpora = training_corpora(default.RECIPE().data, options.run, model)
        for order in options.orders:
            markov = fitted(corpora, order, options.markov)
            scores[f"Markov, order {order}"] = loss(markov, locus, measured, f"order {order}", width=width)
        seen = read_before(measured, locus, sequences(corpora))
    seconds = round(time.perf_counter() - started, 1)
    scores |= baselines(measured)
    if options.scores:
        save_scores(options.scores, measured, scores)
    result = {
        "what": "AUROC of LOF against FUNC and INT by −llr, zero-shot; BRCA1 saturation genome editing",
        "width": width,
        "strands": "both",
        "interval": "95 %, 2,000 bootstrap draws of positions",
        "positions": len(np.unique(measured.positions)),
        "locus_was_in_training_data": seen,
        "groups": report(measured, scores, shipped),
        "model": {"name": model.name, "sha256": model.sha256, "device": str(model.device)},
        "seconds": seconds,
        "machine": machine_facts("torch", "numpy"),
    }
    options.output.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def read(locus: Fasta, count: int | None) -> Measured:
    """The published variants, all or those of `count` evenly spread positions."""
    contig = next(iter(locus.contigs))
    first = int(contig.partition(":")[2].partition("-")[0])
    rows = sorted(read_xlsx(DATA / TABLE, header=3), key=lambda row: int(row["position (hg19)"]))
    positions = np.array([int(row["position (hg19)"]) for row in rows])
    distinct = np.unique(positions)
    if count is not None:
        kept = distinct[np.linspace(0, len(distinct) - 1, min(count, len(distinct))).astype(int)]
        rows = [row for row, inside in zip(rows, np.isin(positions, kept), strict=True) if inside]
        positions = positions[np.isin(positions, kept)]
    variants = [
        Variant(contig, int(position) - first + 1, row["reference"], row["alt"])
        for row, position in zip(rows, positions, strict=True)
    ]
    lof = np.array([row["func.class"] == "LOF" for row in rows])
    return Measured(rows, variants, lof, positions)


def read_before(measured: Measured, locus: Fasta, sequences: Iterable[str]) -> bool:
    """Whether the training data holds the bases around the first or last variant, on either strand."""
    places = [measured.variants[number] for number in (0, -1)]
    around = [locus.fetch(place.chrom, place.start - 100, place.start + 100) for place in places]
    wanted = around + [reverse_complement(bases) for bases in around]
    return any(bases in text for text in sequences for bases in wanted)


def loss(
    model: LoadedModel, locus: Fasta, measured: Measured, title: str, **options: Unpack[ScoreOptions]
) -> Scores:
    """−llr of every variant: higher means less plausible than the reference."""
    with progress_bar(title, len(measured.variants), "variants") as advance:
        found = list(_counted(model.score_variants(measured.variants, locus, **options), advance))
    return np.array([-score.llr if score.llr is not None else np.nan for score in found])


def _counted(scores: Iterator[VariantScore], advance: Any) -> Iterator[VariantScore]:
    for score in scores:
        advance(1)
        yield score


def baselines(measured: Measured) -> dict[str, Scores]:
    """Scores that no model is needed for, and one that reads an alignment of mammals."""
    gc = [(v.ref in "GC") - float(v.alt in "GC") for v in measured.variants]
    conservation = [float(row["phyloP (mammalian)"]) for row in measured.rows]
    return {
        "loss of G or C": np.array(gc, dtype=float),
        "random": np.random.default_rng(0).random(len(gc)),
        "phyloP, mammals": np.array(conservation),
    }


def report(measured: Measured, scores: dict[str, Scores], shipped: str) -> dict[str, Any]:
    """By group of variants: how many, AUROCs, and what the shipped model has more."""
    found = {}
    for name, (definition, belongs) in GROUPS.items():
        inside = np.array([belongs(row) for row in measured.rows])
        if len(set(measured.lof[inside])) < 2:
            continue
        lof, positions = measured.lof[inside], measured.positions[inside]
        part = {key: values[inside] for key, values in scores.items()}
        found[name] = {
            "definition": definition,
            "variants": int(inside.sum()),
            "lof": int(lof.sum()),
            "auroc": {key: auroc_interval(values, lof, positions)._asdict() for key, values in part.items()},
            "model_minus": {
                key: auroc_difference(part[shipped], values, lof, positions)._asdict()
                for key, values in part.items()
                if key != shipped
            },
        }
    return found


def save_scores(path: Path, measured: Measured, scores: dict[str, Scores]) -> None:
    """One row a variant, with GRCh37 coordinates."""
    schema: dict[str, Any] = {"pos": int, "ref": str, "alt": str, "consequence": str, "class": str}
    rows: Sequence[Any] = [
        (int(pos), row["reference"], row["alt"], row["consequence"], row["func.class"], *map(float, values))
        for pos, row, *values in zip(measured.positions, measured.rows, *scores.values(), strict=True)
    ]
    with TableWriter(path, schema | dict.fromkeys(scores, float), {"assembly": "GRCh37 chr17"}) as table:
        table.write_rows(rows)


if __name__ == "__main__":
    main()
