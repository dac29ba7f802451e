"""A loaded model as a respondent, asked everything a task can ask."""

from __future__ import annotations

import random

import numpy as np
import pytest

import cistron
from cistron.evals import (
    Contigs,
    Continuations,
    EmbedRequest,
    GenerateRequest,
    LikelihoodRequest,
    Likelihoods,
    MarkovRule,
    ScoreRequest,
    Scores,
    Vectors,
)
from cistron.evals.loaded import LoadedRespondent
from cistron.evals.local import fitted_markov, random_twin
from cistron.genome import Variant
from cistron.genome.sequence import reverse_complement

BASES = "".join(random.Random(3).choices("ACGT", k=900))
GENOME = Contigs((("c", BASES),))
VARIANTS = (
    Variant("c", 400, BASES[399], "ACGT".replace(BASES[399], "")[0]),
    Variant("c", 500, BASES[499:502], BASES[499]),
    Variant("c", 450, "ACGT".replace(BASES[449], "")[0], "N"),
)


@pytest.fixture(scope="module")
def markov() -> LoadedRespondent:
    return fitted_markov(MarkovRule(2, lambda: [BASES], "itself"))


def _llr(model: LoadedRespondent, reading: str, genome: Contigs = GENOME) -> np.ndarray:
    found = model.answer(ScoreRequest(VARIANTS, genome, width=128, strands=reading))  # type: ignore[arg-type]
    assert isinstance(found, Scores)
    return found.llr


def test_both_strands_are_the_mean_of_either(markov: LoadedRespondent) -> None:
    both, forward, reverse = (_llr(markov, reading) for reading in ("both", "forward", "reverse"))
    np.testing.assert_allclose(both[:2], (forward[:2] + reverse[:2]) / 2, atol=1e-5)
    assert not np.allclose(forward[:2], reverse[:2], atol=1e-3)


def test_reverse_is_forward_on_the_reverse_complement(markov: LoadedRespondent) -> None:
    other = Contigs((("c", reverse_complement(BASES)),))
    mirrored = tuple(
        Variant(
            "c",
            len(BASES) - (each.pos - 1 + len(each.ref)) + 1,
            reverse_complement(each.ref),
            reverse_complement(each.alt),
        )
        for each in VARIANTS
    )
    found = markov.answer(ScoreRequest(mirrored, other, width=128, strands="forward"))
    assert isinstance(found, Scores)
    np.testing.assert_allclose(found.llr[:2], _llr(markov, "reverse")[:2], atol=1e-6)


def test_a_variant_without_a_score_says_why(markov: LoadedRespondent) -> None:
    found = markov.answer(ScoreRequest(VARIANTS, GENOME, width=128))
    assert isinstance(found, Scores)
    assert found.status.tolist() == ["", "", "REF_MISMATCH"]
    assert np.isnan(found.llr[2])


def test_answers_are_those_of_the_verbs(markov: LoadedRespondent) -> None:
    sequences = (BASES[:200], BASES[200:500])
    likelihoods = markov.answer(LikelihoodRequest(sequences))
    vectors = markov.answer(EmbedRequest(sequences, pooling="max"))
    assert isinstance(likelihoods, Likelihoods)
    assert isinstance(vectors, Vectors)
    expected = list(markov.loaded.log_likelihood(sequences))
    assert likelihoods.total.tolist() == [each.total for each in expected]
    assert likelihoods.bases.tolist() == [199, 299]
    (first, _) = markov.loaded.embed(sequences, pooling="max")
    np.testing.assert_array_equal(vectors.vectors[0], first.vector)


def test_a_continuation_depends_on_its_prompt_and_not_on_its_neighbours(markov: LoadedRespondent) -> None:
    together = markov.answer(GenerateRequest((BASES[:9], BASES[9:20]), tokens=12, samples=2))
    alone = markov.answer(GenerateRequest((BASES[9:20],), tokens=12, samples=2))
    assert isinstance(together, Continuations)
    assert isinstance(alone, Continuations)
    assert together.texts.shape == (2, 2)
    assert together.texts[1].tolist() == alone.texts[0].tolist()
    assert together.texts[0].tolist() != together.texts[1].tolist()


def test_what_does_not_fit_into_the_context_is_refused() -> None:
    model = LoadedRespondent(cistron.load(), "default")
    assert model.refuses(ScoreRequest(VARIANTS, GENOME, width=9000)) == (
        "needs 9,000 tokens; the model's context is 8,192"
    )
    assert model.refuses(EmbedRequest(("A" * 8193,))) is not None
    assert model.refuses(GenerateRequest(("A" * 8000,), tokens=193)) is not None
    assert model.refuses(LikelihoodRequest(("A" * 100_000,))) is None


def test_a_symbolic_allele_is_not_read_on_the_reverse_strand_alone(markov: LoadedRespondent) -> None:
    symbolic = (Variant("c", 400, BASES[399], "<DEL>", end=410),)
    assert "<DEL>" in str(markov.refuses(ScoreRequest(symbolic, GENOME, strands="reverse")))
    assert markov.refuses(ScoreRequest(symbolic, GENOME)) is None


def test_a_twin_is_the_same_network_with_other_weights_and_always_the_same_one() -> None:
    model = LoadedRespondent(cistron.load(), "default")
    one, same, other = random_twin(model), random_twin(model), random_twin(model, seed=1)
    request = EmbedRequest((BASES[:100],))
    vectors = [each.answer(request) for each in (model, one, same, other)]
    values = [each.vectors for each in vectors if isinstance(each, Vectors)]
    assert values[0].shape == values[1].shape
    assert not np.allclose(values[0], values[1])
    np.testing.assert_array_equal(values[1], values[2])
    assert not np.allclose(values[1], values[3])
    assert len({each.sha256 for each in (model, one, other)}) == 3
