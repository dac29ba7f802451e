"""What every verb promises with every architecture: an answer depends on its question and on nothing else.

Alone or in any batch, in any order, in chunks of any size, from a shared prefix or from whole passes, on one
thread or two, whichever strand the input was written on when both are read.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch

from cistron.genome import Interval, Variant
from cistron.genome.alleles import trim
from cistron.genome.sequence import reverse_complement
from cistron.genome.windows import AlleleWindow, allele_window
from cistron.inference.embed import embed
from cistron.inference.generate import generate
from cistron.inference.likelihood import log_likelihood
from cistron.inference.scan import scan
from cistron.inference.score import score_variants
from cistron.inference.scoring.strand_scores import strand_score
from cistron.tokenizers import TOKENIZERS

EXACT = 1e-8
WIDTH = 48


class Genome:
    """A reference held in memory."""

    name = "text.fa"

    def __init__(self, **texts: str) -> None:
        self.texts = texts
        self.contigs = {name: len(text) for name, text in texts.items()}

    def fetch(self, chrom: str, start: int, end: int) -> str:
        return self.texts[chrom][start:end]


def random_bases(length: int, seed: int) -> str:
    return "".join(random.Random(seed).choices("ACGT", k=length))


@pytest.fixture(scope="module")
def genome() -> Genome:
    return Genome(a=random_bases(150, 1) + "NNNN" + random_bases(146, 2), b=random_bases(70, 3))


@pytest.fixture(scope="module")
def variants(genome: Genome) -> list[Variant]:
    """SNVs, neighbours, all three alleles of a site, insertions, deletions, and one at a contig's end."""
    found = []
    for chrom, pos in (("a", 60), ("a", 61), ("a", 64), ("a", 200), ("b", 3), ("b", 35), ("b", 69)):
        ref = genome.fetch(chrom, pos - 1, pos)
        found += [Variant(chrom, pos, ref, alt) for alt in "ACGT" if alt != ref]
    for pos, length in ((90, 1), (91, 5), (220, 3)):
        ref = genome.fetch("a", pos - 1, pos + length)
        found += [Variant("a", pos, ref, ref[0]), Variant("a", pos, ref[0], ref[0] + "GATTA"[:length])]
    return found


@pytest.fixture(scope="module")
def sequences() -> list[str]:
    return [random_bases(length, length) for length in (1, 40, 7, 40, 23, 90)] + ["ACGTNNNNACGTACGT"]


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def tokenizer_of(example):
    return TOKENIZERS.get(example.spec.tokenizer)()


def scores(example, genome: Genome, variants: Sequence[Variant], **options) -> list[float]:
    options = {"width": WIDTH, **options}
    found = score_variants(example.model, tokenizer_of(example), genome, variants, **options)
    return [score.llr for score in found]


def likelihoods(example, sequences: Sequence[str], **options) -> list[float]:
    return [
        found.total for found in log_likelihood(example.model, tokenizer_of(example), sequences, **options)
    ]


def embeddings(example, sequences: Sequence[str], **options) -> list[np.ndarray]:
    found = embed(example.model, tokenizer_of(example), sequences, **options)
    return [embedding.vector for embedding in found]


def scanned(example, genome: Genome, intervals: Sequence[Interval] | None = None, **options) -> np.ndarray:
    options = {"width": WIDTH, **options}
    found = list(scan(example.model, tokenizer_of(example), genome, intervals, **options))
    return np.concatenate([block.log_p for block in found])


def generated(example, prompts: Sequence[str], **options) -> list[tuple[str, float]]:
    options = {"tokens": 12, "seed": 5, **options}
    found = generate(example.model, tokenizer_of(example), prompts, **options)
    return [(one.sequence, float(one.log_probabilities.sum())) for one in found]


def assert_same(found: Sequence[float], expected: Sequence[float]) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=EXACT)


class TestScores:
    def test_a_score_is_that_of_two_whole_passes(self, example, genome, variants):
        tokenizer = tokenizer_of(example)

        def whole(window: AlleleWindow, sequence: str) -> np.ndarray:
            ids = torch.from_numpy(tokenizer.encode(sequence)).unsqueeze(0)
            logits = example.logits(ids)[0, :-1].log_softmax(-1)
            found = np.full(len(sequence), np.nan)
            found[1:] = logits.gather(1, ids[0, 1:, None]).squeeze(1)
            found[np.isin(ids[0], list(tokenizer.unscored_ids))] = np.nan
            return found

        def expected(variant: Variant) -> float:
            llr = []
            for strand in "+-":
                window = allele_window(genome, trim(variant), WIDTH, strand)
                assert isinstance(window, AlleleWindow)
                head = len(window.upstream)
                ref, alt = (whole(window, text) for text in (window.ref_sequence, window.alt_sequence))
                score = strand_score(window, ref, alt[head:], neutral=True)
                assert score is not None
                llr.append(score.llr)
            return sum(llr) / 2

        assert_same(scores(example, genome, variants), [expected(variant) for variant in variants])

    def test_alone_in_any_batch_and_in_any_order(self, example, genome, variants):
        alone = [scores(example, genome, [variant])[0] for variant in variants]
        assert np.ptp(alone) > 0.01 or example.name == "markov/markov-0"
        for batch_tokens in (1, 150, 100_000):
            assert_same(scores(example, genome, variants, batch_tokens=batch_tokens), alone)
        order = random.Random(1).sample(range(len(variants)), len(variants))
        assert_same(scores(example, genome, [variants[i] for i in order]), [alone[i] for i in order])

    def test_in_chunks_of_any_size(self, example, genome, variants, monkeypatch):
        expected = scores(example, genome, variants)
        for size in (1, 5, 17):
            monkeypatch.setattr("cistron.inference.chunks.CHUNK_TOKENS", size)
            assert_same(scores(example, genome, variants), expected)

    def test_on_one_thread_or_two(self, example, genome, variants, two_threads):
        together = scores(example, genome, variants)
        torch.set_num_threads(1)
        assert_same(together, scores(example, genome, variants))

    def test_on_either_strand(self, example, genome, variants):
        turned = Genome(**{name: reverse_complement(text) for name, text in genome.texts.items()})
        mirrored = [
            Variant(
                v.chrom,
                genome.contigs[v.chrom] - v.pos - len(v.ref) + 2,
                reverse_complement(v.ref),
                reverse_complement(v.alt),
            )
            for v in variants
        ]
        assert_same(scores(example, turned, mirrored), scores(example, genome, variants))


class TestLikelihoods:
    def test_alone_in_any_batch_and_in_any_order(self, example, sequences):
        alone = [likelihoods(example, [sequence])[0] for sequence in sequences]
        assert alone[0] == 0  # the first base of a sequence has no score
        for batch_tokens in (1, 100, 100_000):
            assert_same(likelihoods(example, sequences, batch_tokens=batch_tokens), alone)
        assert_same(likelihoods(example, sequences[::-1]), alone[::-1])

    def test_in_chunks_of_any_size(self, example, sequences, monkeypatch):
        expected = likelihoods(example, sequences)
        for size in (1, 8, 33):
            monkeypatch.setattr("cistron.inference.chunks.CHUNK_TOKENS", size)
            assert_same(likelihoods(example, sequences), expected)


class TestEmbeddings:
    @pytest.mark.parametrize("pooling", ["mean", "max", "last"])
    def test_alone_in_any_batch_and_in_any_order(self, example, sequences, pooling):
        alone = [embeddings(example, [sequence], pooling=pooling)[0] for sequence in sequences]
        for batch_tokens in (1, 100, 100_000):
            assert_same(embeddings(example, sequences, pooling=pooling, batch_tokens=batch_tokens), alone)
        assert_same(embeddings(example, sequences[::-1], pooling=pooling), alone[::-1])

    @pytest.mark.parametrize("pooling", ["mean", "max"])
    def test_of_either_strand_when_both_are_read(self, example, sequences, pooling):
        turned = [reverse_complement(sequence) for sequence in sequences]
        expected = embeddings(example, sequences, pooling=pooling, strands="both")
        assert_same(embeddings(example, turned, pooling=pooling, strands="both"), expected)


class TestScans:
    def test_in_any_batch_and_of_any_part(self, example, genome):
        whole = scanned(example, genome)
        assert len(whole) == sum(genome.contigs.values())
        for batch_tokens in (1, 200):
            assert_same(scanned(example, genome, batch_tokens=batch_tokens), whole)
        assert_same(scanned(example, genome, [Interval("a", 37, 115)]), whole[37:115])

    def test_of_either_strand(self, example):
        # Windows lie on a grid that begins where the contig does, so it must end where the contig does.
        genome = Genome(a=random_bases(6 * WIDTH, 4))
        turned = Genome(a=reverse_complement(genome.texts["a"]))
        # The complement of A, C, G, T is T, G, C, A: the columns backwards.
        there = scanned(example, turned)[::-1, ::-1]
        np.testing.assert_allclose(there, scanned(example, genome), rtol=0, atol=EXACT)


class TestGeneration:
    def test_alone_and_in_any_batch(self, example, sequences):
        prompts = [sequence for sequence in sequences if len(sequence) < 60]
        together = generated(example, prompts, samples=2)
        assert len({text for text, _ in together}) > len(prompts)
        for batch_tokens in (1, 60):
            found = generated(example, prompts, samples=2, batch_tokens=batch_tokens)
            assert [text for text, _ in found] == [text for text, _ in together]
            assert_same([total for _, total in found], [total for _, total in together])

    def test_each_step_is_what_a_whole_pass_says(self, example, sequences):
        tokenizer = tokenizer_of(example)
        for prompt, (text, total) in zip(sequences[:4], generated(example, sequences[:4]), strict=True):
            assert text.startswith(prompt)
            assert len(text) == len(prompt) + 12
            ids = torch.from_numpy(tokenizer.encode(text)).unsqueeze(0)
            rows = example.logits(ids)[0, len(prompt) - 1 : -1].log_softmax(-1)
            assert_same([total], [float(rows.gather(1, ids[0, len(prompt) :, None]).sum())])
