"""Tokens per second that a corpus gives from a warm cache, beside plain slicing of one byte a base.

Builds a seeded random corpus in a temporary folder and, in one run and interleaved, draws batches from it:
windows inside contigs and packed documents, half of them reverse-complemented, as int64 token ids. The
comparison is what many trainers do: a memory-mapped uint8 array of ids, sliced at random starts and cast; it
knows one strand, no documents and no masks. All on one thread, counted in CPU seconds, so that other work on
the machine does not count. Writes `bench/results/corpus.json`.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from machine import machine_facts

from cistron.data.build import Source, build_corpus
from cistron.data.packed import PackedCorpus
from cistron.data.sampling import Sampler, WindowLength
from cistron.tokenizers.nucleotide import NucleotideTokenizer

CONTIGS, BASES = 40, 5_000_000
LENGTHS = (1024, 8192, 131_072)
TOKENS = 1 << 19
ROUNDS = 15
TARGET = 20_000_000
RESULT = Path(__file__).parent / "results" / "corpus.json"

Draw = Callable[[int], object]


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        corpus, seconds = build(folder)
        ways = {length: draws(folder, corpus, length) for length in LENGTHS}
        rates = measure(ways)
    result = {
        "what": "int64 token ids per CPU second, one thread, warm cache; median and quartiles",
        "bases": corpus.num_bases,
        "build_bases_per_second": round(corpus.num_bases / seconds),
        "tokens_per_batch": TOKENS,
        "rounds": ROUNDS,
        "target_tokens_per_second": TARGET,
        "tokens_per_second": rates,
        "machine": machine_facts("numpy"),
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


def build(folder: Path, seed: int = 20) -> tuple[PackedCorpus, float]:
    """The corpus, beside a file `plain.bin` of its ids, and the CPU seconds that packing took."""
    random = np.random.default_rng(seed)
    letters, ids = np.frombuffer(b"ACGT", dtype=np.uint8), np.arange(5, 9, dtype=np.uint8)
    with (folder / "genome.fa").open("wb") as fasta, (folder / "plain.bin").open("wb") as plain:
        for number in range(CONTIGS):
            codes = random.integers(4, size=BASES, dtype=np.uint8)
            fasta.write(f">c{number}\n".encode() + letters[codes].tobytes() + b"\n")
            plain.write(ids[codes].tobytes())
    started = time.process_time()
    corpus = build_corpus([Source(str(folder / "genome.fa"))], folder / "corpus")
    return corpus, time.process_time() - started


def draws(folder: Path, corpus: PackedCorpus, length: int) -> dict[str, Draw]:
    """Ways to draw a batch of windows of one length."""
    tokenizer, windows = NucleotideTokenizer(), [WindowLength(length)]
    return {
        "plain slicing": plain_slicing(folder / "plain.bin", length),
        "windows": Sampler([corpus], tokenizer, windows, tokens=TOKENS, seed=1),
        "packed documents": Sampler([corpus], tokenizer, windows, tokens=TOKENS, seed=1, pack_documents=True),
    }


def plain_slicing(path: Path, length: int) -> Draw:
    ids = np.memmap(path, dtype=np.uint8, mode="r")

    def draw(step: int) -> np.ndarray:
        random = np.random.default_rng([1, step])
        starts = random.integers(len(ids) - length, size=TOKENS // length)
        return np.stack([ids[start : start + length] for start in starts]).astype(np.int64)

    return draw


def measure(ways: dict[int, dict[str, Draw]]) -> dict[str, dict[str, dict[str, object]]]:
    """Window length → way → tokens per CPU second."""
    rates: dict[tuple[int, str], list[float]] = {(n, way): [] for n, found in ways.items() for way in found}
    for step in range(-3, ROUNDS):
        for (length, way), listed in rates.items():
            draw = ways[length][way]
            started = time.process_time()
            draw(step + 3)
            if step >= 0:
                listed.append(TOKENS / (time.process_time() - started))
    return {
        str(length): {way: summary(rates[length, way]) for way in found} for length, found in ways.items()
    }


def summary(rates: list[float]) -> dict[str, object]:
    quartiles = statistics.quantiles(rates, n=4)
    return {
        "median": round(statistics.median(rates)),
        "quartiles": [round(quartiles[0]), round(quartiles[2])],
    }


if __name__ == "__main__":
    main()
