"""A genome in memory, two small models in float64, and the variant score written down a second time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

from cistron.genome import Variant
from cistron.models import MODELS, Model
from cistron.models.markov import fit
from cistron.tokenizers.nucleotide import NucleotideTokenizer

TOKENIZER = NucleotideTokenizer()
PAIRS = str.maketrans("ACGTN", "TGCAN")


class TextGenome:
    """A reference held in memory."""

    name = "text.fa"

    def __init__(self, **contigs: str) -> None:
        self.texts = contigs
        self.contigs: Mapping[str, int] = {name: len(text) for name, text in contigs.items()}

    def fetch(self, chrom: str, start: int, end: int) -> str:
        assert 0 <= start <= end <= self.contigs[chrom]
        return self.texts[chrom][start:end]

    def reverse_complemented(self) -> TextGenome:
        return TextGenome(**{name: opposite(text) for name, text in self.texts.items()})


def opposite(text: str) -> str:
    return text.translate(PAIRS)[::-1]


class Expected(NamedTuple):
    llr: float
    flank: float


@dataclass(frozen=True)
class Oracle:
    """The score straight from its definition: two whole windows a strand, no state, no batch, plain sums."""

    model: Model
    width: int
    strands: str = "both"
    indel: str = "neutral"

    def score(self, genome: TextGenome, variant: Variant, *, circular: bool = False) -> Expected:
        text, start = genome.texts[variant.chrom], variant.pos - 1
        ref, alt = variant.ref, variant.alt
        found = []
        for strand in ("+", "-") if self.strands == "both" else ("+",):
            if strand == "-":
                text, start = opposite(text), len(text) - start - len(ref)
                ref, alt = opposite(ref), opposite(alt)
            rotation = (start - len(text) // 2) % len(text) if circular else 0
            turned = text[rotation:] + text[:rotation]
            at = (start - rotation) % len(text) if circular else start
            found.append(self._strand(turned, at, ref, alt))
        found = [score for score in found if score is not None]
        return Expected(*(sum(values) / len(found) for values in zip(*found, strict=True)))

    def _strand(self, text: str, start: int, ref: str, alt: str) -> tuple[float, float] | None:
        """Score on the strand that `text` is; None where both haplotypes have nothing behind the upstream."""
        old = text[:start] + ref + text[start + len(ref) :]
        new = text[:start] + alt + text[start + len(ref) :]
        start, ref, alt = difference(old, new)
        half, behind = self.width // 2, start + len(ref)
        upstream = old[max(0, start - half) : start]
        if self.indel == "neutral":
            down = old[behind : behind + self.width - half - max(len(ref), len(alt))]
            old_end, new_end = ref + down, alt + down
        else:
            left = len(old) - behind + min(len(ref), len(alt))
            old_end = (ref + old[behind:])[: min(self.width - half, left)]
            new_end = (alt + old[behind:])[: min(self.width - half, left)]
        if not old_end and not new_end:
            return None
        old_scores, new_scores = self.scores(upstream + old_end), self.scores(upstream + new_end)
        llr = math.fsum(scored(new_scores[len(upstream) :])) - math.fsum(scored(old_scores[len(upstream) :]))
        if self.indel == "neutral":
            whole = scored(old_scores)
            llr -= (len(alt) - len(ref)) * math.fsum(whole) / len(whole)
        old_down = old_scores[len(upstream) + len(ref) :]
        new_down = new_scores[len(upstream) + len(alt) :]
        pairs = [(a, b) for a, b in zip(new_down, old_down, strict=False) if scored([a]) and scored([b])]
        return llr, math.fsum(a - b for a, b in pairs)

    def scores(self, text: str) -> list[float]:
        """Natural-log probability of every base; NaN for the first and for N."""
        ids = torch.from_numpy(TOKENIZER.encode(text)).unsqueeze(0)
        with torch.no_grad():
            logits = self.model(ids).logits
        assert logits is not None
        picked = logits.log_softmax(-1)[0, :-1].gather(1, ids[0, 1:, None]).squeeze(1)
        values = [math.nan, *picked.tolist()]
        return [math.nan if base == "N" else value for base, value in zip(text, values, strict=True)]


def difference(old: str, new: str) -> tuple[int, str, str]:
    """Where and how two whole sequences differ, leftmost: the end they share first, then the beginning."""
    shortest, tail, head = min(len(old), len(new)), 0, 0
    while tail < shortest and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    while head < shortest - tail and old[head] == new[head]:
        head += 1
    return head, old[head : len(old) - tail], new[head : len(new) - tail]


def scored(values: list[float]) -> list[float]:
    return [value for value in values if not math.isnan(value)]


def random_text(length: int, seed: int, letters: str = "ACGT") -> str:
    return "".join(np.random.default_rng(seed).choice(list(letters), length))


def random_variants(genome: TextGenome, chrom: str, number: int, seed: int) -> list[Variant]:
    """SNVs, MNVs, insertions, deletions and replacements with and without anchors, all over a contig."""
    rng, text, found = np.random.default_rng(seed), genome.texts[chrom], []
    while len(found) < number:
        start = int(rng.integers(len(text)))
        ref = text[start : start + int(rng.choice([1, 1, 1, 2, 3, 7]))]
        alt = "".join(rng.choice(list("ACGT"), int(rng.choice([1, 1, 2, 3, 6]))))
        if rng.random() < 0.4:
            alt = ref[0] + alt if rng.random() < 0.5 else ref[0]
        if "N" not in ref and alt != ref:
            found.append(Variant(chrom, start + 1, ref, alt))
    return found


def tiny_genos() -> Any:
    spec = MODELS.get("genos")
    torch.manual_seed(3)
    model = spec.build(spec.sizes["genos-tiny"]).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.15 * torch.randn_like(parameter)
    return model


@pytest.fixture(scope="session", params=["genos", "markov"])
def model(request: pytest.FixtureRequest) -> Any:
    """A tiny Genos with random weights, and a Markov model of random bases, in float64."""
    if request.param == "genos":
        return tiny_genos()
    return fit([random_text(5000, 8, "AACGTTT")], 4).double()


@pytest.fixture(scope="session")
def genos() -> Any:
    return tiny_genos()


@pytest.fixture(scope="session")
def tokenizer() -> NucleotideTokenizer:
    return TOKENIZER


@pytest.fixture(scope="session")
def make_genome() -> type[TextGenome]:
    return TextGenome


@pytest.fixture(scope="session")
def make_oracle() -> type[Oracle]:
    return Oracle


@pytest.fixture(scope="session")
def genome() -> TextGenome:
    """`1`: random with repeats and Ns; `2`: random; `tiny`: 40 bases; `MT` and `ring`: to be read round."""
    repeats = random_text(120, 1) + "CAG" * 12 + random_text(50, 2) + "A" * 15 + random_text(60, 3)
    return TextGenome(
        **{
            "1": repeats + "N" * 23 + random_text(150, 4) + "TA" * 10 + random_text(40, 5),
            "2": random_text(400, 6),
            "tiny": random_text(40, 7),
            "ring": random_text(97, 9),
        }
    )


@pytest.fixture(scope="session")
def variants_of(genome: TextGenome) -> Any:
    """Makes random variants: `variants_of(chrom, number, seed)`."""
    return lambda chrom, number, seed=0: random_variants(genome, chrom, number, seed)
