"""Bases of five taxa that `evo2_training.py` kept from its models, and what a model says to them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from cistron.formats.fasta_stream import stream_fasta
from cistron.inference.load import LoadedModel
from cistron.metrics.bootstrap import ratio_interval

DATA = Path(os.environ.get("CISTRON_DATA", Path(__file__).parents[2] / "shared/data"))
GENOMES = DATA / "genomes"
PIECE, CONTEXT, MOST = 4096, 512, 48
"""Bases of a piece, those of them that are context only, and pieces of a taxon."""


@dataclass(frozen=True)
class Taxon:
    """Where a taxon's held-out bases are: of `contig`, or of all contigs when None, from `start` to `end`."""

    told: str
    trained: bool
    fasta: Path
    contig: str | None = None
    start: int = 0
    end: int | None = None


QUESTIONS = {
    "human": Taxon("GRCh37 chr20:1-20,000,000", True, DATA / "human/chr20.fa.gz", "chr20", 0, 20_000_000),
    "E. coli": Taxon(
        "the last tenth of K-12 MG1655",
        True,
        GENOMES / "ecoli_k12/GCF_000005845.2_ASM584v2_genomic.fna.gz",
        "NC_000913.3",
        4_177_487,
    ),
    "yeast": Taxon(
        "chromosome XIV of R64",
        True,
        GENOMES / "yeast_R64/Saccharomyces_cerevisiae.R64-1-1.dna.toplevel.fa.gz",
        "XIV",
    ),
    "fruit fly": Taxon(
        "Drosophila melanogaster chromosome 4",
        False,
        GENOMES / "drosophila_chr4/DmelanDM6_4_GCF_000001215.4_Release_6_plus_ISO1_MT_genomic.fna.gz",
    ),
    "phages": Taxon("47 phages like φX174", False, GENOMES / "phix174/rokyta2006_phix174like_genomes.fasta"),
}
TAXA = {name: {"bases": taxon.told, "trained": taxon.trained} for name, taxon in QUESTIONS.items()}

Nats = NDArray[np.float64]


def pieces(taxon: Taxon) -> list[str]:
    """Evenly spaced pieces without N, at most `MOST`."""
    contigs: dict[str, bytes] = {}
    for name, text in stream_fasta(taxon.fasta):
        contigs[name] = contigs.get(name, b"") + text
    found = []
    for name, text in contigs.items():
        if taxon.contig in (None, name):
            bases = text[taxon.start : taxon.end].decode().upper()
            found += [bases[start : start + PIECE] for start in range(0, len(bases) - PIECE + 1, PIECE)]
    clean = [piece for piece in found if not set(piece) - set("ACGT")]
    chosen = np.linspace(0, len(clean) - 1, min(MOST, len(clean))).astype(int)
    return [clean[number] for number in chosen]


@torch.inference_mode()
def nats_of(model: LoadedModel, text: str) -> Nats:
    """−log P of each base behind the context, among A, C, G and T alone."""
    letters = torch.from_numpy(model.tokenizer.encode("ACGT")).long()
    ids = torch.from_numpy(model.tokenizer.encode(text)).long()
    output = model.model(ids.unsqueeze(0))
    assert output.logits is not None
    logits = output.logits[0, CONTEXT - 1 : -1, letters].double()
    which = (ids[CONTEXT:, None] == letters).int().argmax(1)
    return -logits.log_softmax(-1).gather(1, which.unsqueeze(1)).squeeze(1).numpy()


def asked(model: LoadedModel) -> dict[str, Nats]:
    """Summed nats of every piece, by taxon."""
    return {
        name: np.array([nats_of(model, piece).sum() for piece in pieces(taxon)])
        for name, taxon in QUESTIONS.items()
    }


def intervals(nats: dict[str, Nats], others: dict[str, Nats] | None = None) -> dict[str, Any]:
    """Nats per base by taxon, or the paired difference from others, with an interval over pieces."""
    found = {}
    for name, sums in nats.items():
        sums = sums if others is None else sums - others[name]
        bases = np.full(len(sums), float(PIECE - CONTEXT))
        found[name] = ratio_interval(sums, bases)._asdict() | {"pieces": len(sums)}
    return found
