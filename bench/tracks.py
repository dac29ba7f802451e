"""Train heads for tracks on measured signal with the shipped model, and predict what was held out.

Two runs, each by the commands that a user types: `cistron tracks prepare`, `train` and `predict`.

- `encode`: ENCFF826FLP over chr22, a chromatin-like signal whose assay is not known.
- `brainspan`: RNA-seq coverage of two brain regions, two donors each, over the LRG loci of chr21; whole loci
  are held out. Loci are laid into a chr21 of N in GRCh37 coordinates first.

Everything lies in `runs/tracks/NAME`; a run that was stopped goes on where it was. Writes
`bench/results/tracks.json`; how good the predictions are is told by `cistron tracks evaluate`.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from machine import machine_facts

import cistron
from cistron.formats.atomic import atomic_output
from cistron.formats.fasta import Fasta
from cistron.genome.contigs import BUILDS
from cistron.genome.sequence import reverse_complement

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("CISTRON_DATA", ROOT / "../shared/data"))
RUNS = ROOT / "runs/tracks"
RESULTS = ROOT / "bench/results/tracks.json"
WIDTH = 2048
SETTINGS = ("settings.loss=mse", "settings.levels=6", "settings.inner_size=64", "batch=4", "keep_gb=4")
BRAINSPAN = DATA / "tracks/brainspan_chr21"


@dataclass(frozen=True)
class Plan:
    """A run.

    Attributes:
        about: What the signal is.
        tracks: NAME=FILE, replicates under one name.
        parts: Part → regions, 1-based.
        settings: Of the training, beside those of all runs.
    """

    about: str
    tracks: tuple[str, ...]
    parts: dict[str, tuple[str, ...]]
    settings: tuple[str, ...]


PLANS = {
    "encode": Plan(
        "ENCFF826FLP over GRCh37 chr22: assay not identified, chromatin-like",
        (f"signal={DATA / 'tracks/encode_chr22/ENCFF826FLP.bw'}",),
        {
            "train": (
                "22:24,200,001-24,300,000",
                "22:29,000,001-29,100,000",
                "22:31,100,001-31,200,000",
                "22:36,000,001-36,100,000",
                "22:37,400,001-37,500,000",
                "22:43,200,001-43,300,000",
                "22:46,300,001-46,400,000",
                "22:50,200,001-50,300,000",
            ),
            "validation": (
                "22:30,000,001-30,040,000",
                "22:38,200,001-38,240,000",
                "22:45,000,001-45,040,000",
            ),
            "test": ("22:40,600,001-40,950,000",),
        },
        ("epochs=16",),
    ),
    "brainspan": Plan(
        "BrainSpan RNA-seq coverage over GRCh37 chr21: regions A1C and AMY, the same two donors each",
        tuple(
            f"{region}={BRAINSPAN / f'{region}_{donor}.bw'}"
            for region in ("A1C", "AMY")
            for donor in ("HSB123", "HSB126")
        ),
        {
            # SOD1, KCNE2, KCNE1, the 3' end of RUNX1, AIRE, ITGB2, COL6A2.
            "train": (
                "21:33,026,935-33,043,244",
                "21:35,731,323-35,745,440",
                "21:35,816,988-35,888,613",
                "21:36,158,098-36,208,000",
                "21:45,700,763-45,720,110",
                "21:46,303,868-46,353,753",
                "21:47,513,033-47,554,763",
            ),
            # IL10RB, CBS.
            "validation": ("21:34,633,672-34,671,520", "21:44,471,301-44,501,040"),
            # IFNGR2, U2AF1, CSTB, COL6A1.
            "test": (
                "21:34,752,299-34,853,655",
                "21:44,511,066-44,532,688",
                "21:45,191,831-45,201,259",
                "21:47,396,663-47,426,963",
            ),
        },
        ("optim.lr=0.001", "epochs=8", "patience=8"),
    ),
}


def main() -> None:
    """Do what is not done yet of the runs named, and write the results of all that are finished."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", default=list(PLANS), help=f"of {', '.join(PLANS)}; default: all")
    for name in parser.parse_args().names:
        RUNS.joinpath(name).mkdir(parents=True, exist_ok=True)
        carry_out(name, PLANS[name])
    finished = {name: facts for name in PLANS if (facts := facts_of(name)) is not None}
    content = {
        "version": cistron.__version__,
        "machine": machine_facts("torch", "numpy"),
        "model": "default",
        "runs": finished,
    }
    with atomic_output(RESULTS) as fresh:
        fresh.write_text(json.dumps(content, indent=1) + "\n")


def carry_out(name: str, plan: Plan) -> None:
    """Prepare, train and predict, each unless it is done."""
    folder = RUNS / name
    genome = DATA / "human/chr22_partial.fa.gz" if name == "encode" else loci_as_chr21(RUNS / "chr21.fa")
    regions = [word for part, given in plan.parts.items() for one in given for word in (f"--{part}", one)]
    sizes = ["--width", str(WIDTH), "--stride", str(WIDTH)]
    settings = [word for one in (*SETTINGS, *plan.settings) for word in ("--set", one)]
    steps: dict[str, tuple[Path, Sequence[object]]] = {
        "prepare": (
            folder / "data/tracks.json",
            ["prepare", *plan.tracks, "-r", genome, "-o", folder / "data", *sizes, *regions],
        ),
        "train": (
            folder / "run/head/head.json",
            ["train", folder / "data", "-o", folder / "run", "--threads", 1, *settings],
        ),
        "predict": (
            folder / "predicted.done",
            [
                *("predict", folder / "run/head", folder / "data/test.bed", "-r", genome),
                *("-o", folder / "predicted.bw", "--threads", 1),
            ],
        ),
    }
    for step, (output, words) in steps.items():
        if output.exists():
            continue
        began = folder / ("run/checkpoints" if step == "train" else "predicted.bw.journal")
        resume = ["--resume"] if step != "prepare" and began.exists() else []
        subprocess.run([sys.executable, "-m", "cistron", "tracks", *map(str, words), *resume], check=True)
        output.touch()


def loci_as_chr21(path: Path) -> Path:
    """A FASTA of chr21 in GRCh37 coordinates, N but for the LRG loci along the plus strand."""
    if path.is_file():
        return path
    bases = bytearray(b"N" * BUILDS["GRCh37"]["21"])
    with Fasta(DATA / "human/lrg_loci.fa.gz") as loci, (DATA / "human/lrg_index.tsv").open() as table:
        for row in csv.DictReader(table, delimiter="\t"):
            if row["chrom"] != "21" or not row["assembly"].startswith("GRCh37"):
                continue
            start, end = int(row["start1"]) - 1, int(row["end"])
            locus = loci.fetch(row["lrg"], 0, end - start)
            bases[start:end] = (locus if row["strand"] == "1" else reverse_complement(locus)).encode()
    with atomic_output(path) as fresh:
        fresh.write_bytes(b">chr21\n" + bytes(bases) + b"\n")
    return path


def facts_of(name: str) -> dict[str, Any] | None:
    """What is worth keeping of a run; None while it is not finished."""
    folder = RUNS / name
    if not (folder / "predicted.done").is_file():
        return None
    index = json.loads((folder / "data/tracks.json").read_text())
    settings = json.loads((folder / "run/run.json").read_text())
    log = [json.loads(line) for line in (folder / "run/log.jsonl").read_text().splitlines()]
    return {
        "about": PLANS[name].about,
        "regions": PLANS[name].parts,
        "width": index["width"],
        "stride": index["stride"],
        "tracks": [{key: track[key] for key in ("name", "strand", "mean")} for track in index["tracks"]],
        "parts": index["parts"],
        "settings": {key: value for key, value in settings.items() if key != "data"},
        "log": [{key: row[key] for key in ("step", "loss", "validation") if key in row} for row in log],
        "metrics": json.loads((folder / "run/metrics.json").read_text()),
    }


if __name__ == "__main__":
    main()
