"""Judge the predictions that `bench/tracks.py` leaves, beside baselines without a model.

Uses `cistron tracks evaluate` and `cistron tracks plot` as a user does. Writes
`bench/results/tracks_evaluation.json`, aggregate numbers alone, and `docs/figures/tracks-*.png`.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tracks import DATA, PLANS, ROOT, RUNS

import cistron
from cistron.formats.atomic import atomic_output
from cistron.formats.bed import read_bed, write_bed
from cistron.formats.feature_table import read_features
from cistron.genome import Interval
from cistron.genome.annotation import covered
from cistron.genome.contigs import BUILDS

RESULTS = ROOT / "bench/results/tracks_evaluation.json"
FIGURES = ROOT / "docs/figures"
REPEATS = DATA / "human/gencode_v19/hg19_repeats_chr20_22_X.parquet"
BLOCK = 16_384


@dataclass(frozen=True)
class Case:
    """One track that was predicted.

    Attributes:
        run: Name in `bench/tracks.py`.
        track: Name of the track.
        prediction: File in the folder of the run.
        replicate: Another track of the run, measured in other tissue of the same donors; None without.
        gene_part: What is summed of a gene.
        shown: Region of the figure; empty without.
        repeats: Whether repeats are judged too. Reads that fit several places are often thrown away, so
            repeats have less signal, and a model that knows repeats is right for that reason.
    """

    run: str
    track: str
    prediction: str
    replicate: str | None
    gene_part: str
    shown: str
    repeats: bool = True

    @property
    def name(self) -> str:
        """What the results call it."""
        return f"{self.run}/{self.track}" + ("" if self.repeats else ", outside repeats")

    @property
    def folder(self) -> Path:
        """Where the evaluation lies."""
        return RUNS / self.run / f"evaluated-{self.track}{'' if self.repeats else '-unique'}"


CASES = (
    Case("encode", "signal", "predicted.bw", None, "body", "chr22:40,600,001-40,950,000"),
    Case("encode", "signal", "predicted.bw", None, "body", "", repeats=False),
    Case("brainspan", "A1C", "predicted.A1C.bw", "AMY", "exons", "chr21:47,396,664-47,426,963"),
    Case("brainspan", "AMY", "predicted.AMY.bw", "A1C", "exons", ""),
)


def main() -> None:
    """Evaluate and draw what is there, and write the results."""
    cases = {}
    for case in CASES:
        if (RUNS / case.run / case.prediction).is_file():
            cases[case.name] = evaluated(case)
            if case.shown:
                draw(case)
    content = {"version": cistron.__version__, "model": "default", "block": BLOCK, "cases": cases}
    with atomic_output(RESULTS) as fresh:
        fresh.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def evaluated(case: Case) -> dict[str, Any]:
    """The numbers of a case."""
    run = RUNS / case.run
    words = ["--truth", run / f"data/{case.track}.bw", "--prediction", f"model={run / case.prediction}"]
    words += ["--regions", regions(case), "--train-regions", run / "data/train.bed"]
    words += ["--annotation", genes(case), "--gene-part", case.gene_part, "-r", genome(case)]
    if case.replicate is not None:
        words += ["--replicate", f"{case.replicate}={run / f'data/{case.replicate}.bw'}"]
    command("evaluate", *words, "--block", BLOCK, "-o", case.folder)
    found: dict[str, Any] = json.loads((case.folder / "evaluation.json").read_text())
    return {"about": PLANS[case.run].about, "gene_part": case.gene_part, **found}


def regions(case: Case) -> Path:
    """BED of what is judged."""
    held_out = RUNS / case.run / "data/test.bed"
    if case.repeats:
        return held_out
    length = BUILDS["GRCh37"]["22"]
    repeats = read_features(REPEATS, one_based=False, chrom="chr22")
    kept = covered(read_bed(held_out), length) & ~covered(repeats, length)
    edges = np.flatnonzero(np.diff(np.concatenate(([False], kept, [False])).astype(np.int8)))
    case.folder.mkdir(exist_ok=True)
    path = case.folder / "regions.bed"
    write_bed(path, (Interval("chr22", int(start), int(end)) for start, end in edges.reshape(-1, 2)))
    return path


def draw(case: Case) -> None:
    """The figure of a case."""
    run = RUNS / case.run
    words = ["--truth", run / f"data/{case.track}.bw", "--prediction", f"predicted={run / case.prediction}"]
    output = FIGURES / f"tracks-{case.run}-{case.track}.png"
    command("plot", case.shown, *words, "--annotation", genes(case), "--own-scales", "-o", output)


def genome(case: Case) -> Path:
    """The FASTA that the run was made with."""
    return DATA / "human/chr22_partial.fa.gz" if case.run == "encode" else RUNS / "chr21.fa"


def genes(case: Case) -> Path:
    """Genes of the contig: GENCODE's tables, or one transcript a gene where these do not have the contig."""
    if case.run == "encode":
        return DATA / "human/gencode_v19"
    path = RUNS / "genes_chr21.gff3"
    with (
        gzip.open(DATA / "human/gencode_canonical_exons_grch37.txt.gz", "rt") as table,
        atomic_output(path) as fresh,
        fresh.open("w") as out,
    ):
        out.write("##gff-version 3\n")
        for name, chrom, strand, start, end, starts, ends in (line.split() for line in table):
            if chrom == "21":
                exons = zip(starts.strip(",").split(","), ends.strip(",").split(","), strict=True)
                for kind, low, high in [("gene", start, end), *(("exon", *exon) for exon in exons)]:
                    out.write(f"21\t.\t{kind}\t{int(low) + 1}\t{high}\t.\t{strand}\t.\tName={name}\n")
    return path


def command(*words: object) -> None:
    """Run `cistron tracks`."""
    subprocess.run([sys.executable, "-m", "cistron", "tracks", *map(str, words)], check=True)


if __name__ == "__main__":
    main()
