"""Generation against its definition: whole passes, no state, no batch, plain Python sampling."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch

from cistron.errors import InputError, SequenceError, WeightsError
from cistron.inference import chunks
from cistron.inference.generate import Generated, Refusal, generate, letters_of, require_prompt
from cistron.inference.generation import decode
from cistron.inference.generation.attempts import Job, batches_of
from cistron.inference.generation.constraints import ConstraintError, Constraints, GCRange
from cistron.inference.generation.sampling import uniforms
from cistron.inference.generation.screening import Screen, ScreeningError
from cistron.inference.likelihood import log_likelihood

PROMPTS = ["A", "GATTACAGATTACA", "T", "ACGTNNACGT", "CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCGA", "GT"]


def defined(model, tokenizer, prompt, stream, tokens, temperature=1.0):
    """The continuation and its log-probabilities, from whole passes over everything so far."""
    bases, found = "", []
    ids = dict(tokenizer.nucleotide_ids)
    for number in uniforms(stream[0], (*stream[1:], 0), tokens):
        with torch.no_grad():
            logits = model(torch.from_numpy(tokenizer.encode(prompt + bases)).unsqueeze(0)).logits[0, -1]
        log_p = {base: float(logits.log_softmax(-1)[i]) for base, i in ids.items()}
        weights = [math.exp(log_p[base] / temperature) for base in "ACGT"]
        line = np.cumsum(weights) / sum(weights)
        bases += "ACGT"[int(np.searchsorted(line, number, side="right"))]
        found.append(log_p[bases[-1]])
    return bases, found


def texts(made) -> list[str]:
    return [each.continuation for each in made]


def test_generation_is_drawing_from_whole_passes(model, tokenizer):
    made = list(generate(model, tokenizer, PROMPTS, tokens=12, samples=2, seed=9, temperature=0.8))
    assert [(each.prompt_index, each.sample_index) for each in made] == [
        (i, j) for i in range(6) for j in range(2)
    ]
    for each in made:
        stream = (9, each.prompt_index, each.sample_index)
        bases, log_p = defined(model, tokenizer, each.prompt, stream, 12, 0.8)
        assert each.continuation == bases
        assert each.log_probabilities.tolist() == pytest.approx(log_p, abs=1e-9)


@pytest.mark.parametrize("batch_tokens", [1, 70, 200, 100_000])
def test_a_sequence_is_the_same_in_any_batch(model, tokenizer, batch_tokens):
    options = {"tokens": 12, "samples": 2, "seed": 4, "top_k": 3}
    expected = list(generate(model, tokenizer, PROMPTS, **options, batch_tokens=1))
    found = list(generate(model, tokenizer, iter(PROMPTS), **options, batch_tokens=batch_tokens))
    assert texts(found) == texts(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.log_probabilities.tolist() == pytest.approx(other.log_probabilities.tolist(), abs=1e-8)


def test_a_prompt_of_one_base_among_long_ones_is_continued_as_alone(model, tokenizer):
    alone = next(iter(generate(model, tokenizer, ["A"], tokens=30, seed=2)))
    beside = next(iter(generate(model, tokenizer, ["A", "ACGT" * 40, "TT"], tokens=30, seed=2)))
    assert beside.continuation == alone.continuation


def test_prompts_longer_than_a_chunk_are_read_chunk_by_chunk(genos, tokenizer, monkeypatch):
    prompts = ["ACGTT" * 9, "G", "TAC" * 7, "C" * 32]
    expected = texts(generate(genos, tokenizer, prompts, tokens=15, seed=1))
    original = chunks.read_chunks
    monkeypatch.setattr(decode, "read_chunks", lambda *args, **options: original(*args, **options, size=16))
    assert texts(generate(genos, tokenizer, prompts, tokens=15, seed=1)) == expected
    assert texts(generate(genos, tokenizer, prompts[:1], tokens=15, seed=1)) == expected[:1]


def test_log_likelihoods_are_those_of_the_likelihood_verb(genos, tokenizer):
    for each in generate(genos, tokenizer, ["GATTACA"], tokens=25, samples=2, temperature=0.5, top_p=0.9):
        whole, begun = log_likelihood(genos, tokenizer, [each.sequence, each.prompt])
        assert each.log_likelihood == pytest.approx(whole.total - begun.total, abs=1e-8)
        assert each.sampling_log_likelihood > each.log_likelihood


def test_drawing_freely_is_drawing_with_the_models_own_probabilities_but_for_other_letters(genos, tokenizer):
    (made,) = generate(genos, tokenizer, ["GATTACA"], tokens=25)
    lost = made.sampling_log_probabilities - made.log_probabilities
    assert (lost >= -1e-12).all()  # what the other letters had is shared out
    assert lost.max() < 2


def test_other_seeds_prompts_and_samples_draw_otherwise(genos, tokenizer):
    def run(seed):
        return texts(generate(genos, tokenizer, ["ACGT", "ACGT"], tokens=30, samples=2, seed=seed))

    assert len({*run(0), *run(1)}) == 8
    assert run(0) == run(0)


def test_more_samples_begin_with_the_same_ones(genos, tokenizer):
    few = texts(generate(genos, tokenizer, ["ACGT"], tokens=10, samples=2))
    many = texts(generate(genos, tokenizer, ["ACGT"], tokens=10, samples=5))
    assert many[:2] == few


def test_temperature_zero_takes_the_likeliest_base_every_time(model, tokenizer):
    made = list(generate(model, tokenizer, ["GATTACA"], tokens=10, samples=2, temperature=0))
    assert made[0].continuation == made[1].continuation
    assert made[0].sampling_log_likelihood == 0
    ids = torch.from_numpy(tokenizer.encode(made[0].sequence)).unsqueeze(0)
    bases = list(tokenizer.nucleotide_ids.values())
    with torch.no_grad():
        best = model(ids).logits[0, 6:-1, bases].argmax(-1)
    assert made[0].continuation == "".join("ACGT"[i] for i in best.tolist())


def test_bases_are_as_frequent_as_the_model_says(tokenizer, make_markov):
    model = make_markov("AAAAAAACCG" * 300, 0)
    (made,) = generate(model, tokenizer, ["A"], tokens=4000, seed=3)
    counts = Counter(made.continuation)
    with torch.no_grad():
        expected = (
            model(torch.tensor([[5]]))
            .logits[0, -1, list(tokenizer.nucleotide_ids.values())]
            .softmax(-1)
            .tolist()
        )
    for base, share in zip("ACGT", expected, strict=True):
        assert counts[base] / 4000 == pytest.approx(share, abs=0.03)


@pytest.fixture
def make_markov():
    from cistron.models.markov import fit

    return lambda text, order: fit([text], order, both_strands=False).double()


def test_the_alphabet_is_dna_unless_asked(genos, tokenizer):
    assert list(letters_of(tokenizer, "dna")) == ["A", "C", "G", "T"]
    assert sorted(letters_of(tokenizer, "any")) == ["A", "C", "G", "N", "T"]
    drawn = "".join(texts(generate(genos, tokenizer, ["A"], tokens=40, samples=10, alphabet="any")))
    assert set(drawn) == set("ACGTN")


def test_samples_of_one_prompt_count_it_once_and_other_prompts_each():
    one = [Job(0, sample, "A" * 100) for sample in range(25)]
    assert [len(batch) for batch in batches_of(one, 10, 200)] == [10, 10, 5]
    mixed = [Job(index, 0, "A" * length) for index, length in enumerate([10, 10, 40, 40, 500, 1])]
    assert [len(batch) for batch in batches_of(mixed, 10, 110)] == [2, 2, 1, 1]


class Cramped:
    """A model on a machine with memory for a few rows at a time."""

    def __init__(self, model, rows, error):
        self.inner, self.config, self.rows, self.error = model, model.config, rows, error

    def empty_state(self, batch):
        return self.inner.empty_state(batch)

    def __call__(self, input_ids, *args, **options):
        if len(input_ids) > self.rows:
            raise self.error
        return self.inner(input_ids, *args, **options)


@pytest.mark.parametrize("error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory")])
def test_a_batch_that_is_too_large_is_made_smaller(genos, tokenizer, error):
    prompts = ["A", "T", "GT", "C", "GA", "AC", "A", "TT"]
    expected = texts(generate(genos, tokenizer, prompts, tokens=40))
    cramped = Cramped(genos, 6, error)
    assert texts(generate(cramped, tokenizer, prompts, tokens=40, batch_tokens=512)) == expected


def test_progress_counts_every_base_once(genos, tokenizer):
    counts: list[int] = []
    constraints = Constraints(("WW", "CG"), GCRange(0.4, 0.6, 10), 2)
    list(
        generate(
            genos,
            tokenizer,
            ["ACT"],
            tokens=40,
            samples=5,
            constraints=constraints,
            attempts=99,
            progress=counts.append,
        )
    )
    assert sum(counts) == 5 * 40


def test_only_the_batch_at_hand_is_in_memory(genos, tokenizer):
    taken = []

    def prompts():
        for number in range(1000):
            taken.append(number)
            yield "ACGT"

    made = generate(genos, tokenizer, prompts(), tokens=6, batch_tokens=50)
    next(made)
    assert len(taken) <= 6


@pytest.mark.parametrize(
    "constraints",
    [
        Constraints(("CG", "TA", "AA"), GCRange(0.4, 0.6, 10), 2),
        Constraints(("GATC",), GCRange(0.48, 0.52), 3),
        Constraints(("2x3mer", "BsaI"), scope="continuation"),
    ],
    ids=str,
)
def test_what_comes_keeps_the_constraints_whatever_the_batch(model, tokenizer, constraints):
    options = {"tokens": 40, "samples": 2, "seed": 6, "constraints": constraints, "attempts": 200}
    prompts = ["ACTG", "T", "GTCACTGCATG"]
    made = list(generate(model, tokenizer, prompts, **options))
    assert len(made) == 6
    for each in made:
        judged = each.continuation if constraints.scope == "continuation" else each.sequence
        assert constraints.breaches(judged) == []
    assert texts(generate(model, tokenizer, prompts, **options, batch_tokens=1)) == texts(made)


def test_a_sequence_that_gets_stuck_is_begun_again_from_another_stream(genos, tokenizer):
    constraints = Constraints(("CG", "TA", "GC"), GCRange(0.45, 0.55, 20), 2)
    made = list(
        generate(genos, tokenizer, ["A"], tokens=100, samples=20, constraints=constraints, attempts=500)
    )
    assert max(each.attempts for each in made) > 1
    assert all(constraints.breaches(each.sequence) == [] for each in made)


def test_constraints_that_no_attempt_keeps_are_refused_with_the_reason(genos, tokenizer):
    impossible = Constraints(("CG", "GC", "SW", "WS"), GCRange(0.5, 0.5, 8))
    with pytest.raises(
        ConstraintError, match=r"sample 1 of prompt 1: after \d+ bases none could follow \(avoid CG"
    ):
        list(generate(genos, tokenizer, ["A"], tokens=40, constraints=impossible, attempts=3))


def test_refusals_are_told_in_order_and_the_others_come_all_the_same(genos, tokenizer):
    told: list[Refusal] = []
    screen = Screen("picky", lambda sequence: "begins with A" if sequence.startswith("A") else None)
    made = list(
        generate(genos, tokenizer, ["A", "C", "AC", "T"], tokens=5, screens=[screen], on_refusal=told.append)
    )
    assert [each.prompt for each in made] == ["C", "T"]
    assert {each.screened_by for each in made} == {("picky",)}
    assert [(each.prompt_index, each.reason, each.by) for each in told] == [
        (0, "refused by picky: begins with A", "screen"),
        (2, "refused by picky: begins with A", "screen"),
    ]


def test_without_anybody_to_tell_a_refusal_is_an_error(genos, tokenizer):
    screen = Screen("never", lambda sequence: "no")
    with pytest.raises(ScreeningError, match="sample 1 of prompt 1: refused by never: no"):
        list(generate(genos, tokenizer, ["A"], tokens=5, screens=[screen]))


def test_a_screen_sees_prompt_and_continuation_and_what_it_raises_ends_the_run(genos, tokenizer):
    seen: list[str] = []
    (made,) = generate(
        genos, tokenizer, ["GATT"], tokens=5, screens=[Screen("all", lambda s: seen.append(s))]
    )
    assert seen == [made.sequence]

    def broken(sequence: str) -> str | None:
        raise ScreeningError("the database is gone")

    with pytest.raises(ScreeningError, match="the database is gone"):
        list(
            generate(genos, tokenizer, ["A"], tokens=5, screens=[Screen("broken", broken)], on_refusal=print)
        )


def test_nothing_is_screened_unless_somebody_screens(genos, tokenizer):
    (made,) = generate(genos, tokenizer, ["A"], tokens=5)
    assert made.screened_by == ()
    with pytest.raises(ScreeningError, match="screening is required"):
        generate(genos, tokenizer, ["A"], tokens=5, require_screening=True)


@pytest.mark.parametrize(
    ("prompts", "options", "error", "named"),
    [
        (["ACGT", ""], {}, InputError, "prompt 2 is empty; a model needs at least one base"),
        (
            ["A" * 4090],
            {},
            InputError,
            "prompt 1 has 4,090 bases and 10 more make 4,100, but .* 4,096 .* at most 6",
        ),
        (["A" * 5000], {}, InputError, "shorten the prompt"),
        (["A"], {"tokens": 0}, InputError, "tokens to generate: 0; it must be 1 or more"),
        (["A"], {"samples": 0}, InputError, "samples for each prompt: 0"),
        (["A"], {"seed": -1}, InputError, "seed: -1; it must be 0 or more"),
        (["A"], {"attempts": 0}, InputError, "attempts: 0"),
        (["A"], {"temperature": -1}, InputError, "temperature is -1"),
        (["A", "ACGU"], {}, SequenceError, "prompt 2: character 'U' at position 3"),
        (
            ["A"],
            {"alphabet": "any", "constraints": Constraints(("EcoRI",))},
            InputError,
            "leave the alphabet",
        ),
        (["C", "GAATTC"], {"constraints": Constraints(("EcoRI",))}, ConstraintError, "prompt 2 itself holds"),
    ],
)
def test_what_cannot_be_generated_is_refused_with_the_reason(
    genos, tokenizer, prompts, options, error, named
):
    with pytest.raises(error, match=named):
        list(generate(genos, tokenizer, prompts, **{"tokens": 10, "batch_tokens": 10**6, **options}))


def test_options_are_refused_before_the_first_prompt_is_asked_for(genos, tokenizer):
    def prompts():
        raise AssertionError("asked for a prompt")
        yield "A"

    with pytest.raises(InputError, match="top-k is 0"):
        generate(genos, tokenizer, prompts(), tokens=5, top_k=0)


def test_a_context_is_filled_to_its_last_token(genos, tokenizer):
    require_prompt(genos, tokenizer, "A" * 4086, 10)
    (made,) = generate(genos, tokenizer, ["A" * 4095], tokens=1)
    assert len(made.sequence) == 4096


def test_no_prompts_give_no_sequences(genos, tokenizer):
    assert list(generate(genos, tokenizer, [], tokens=5)) == []


def test_a_model_whose_probabilities_are_not_numbers_is_refused(tokenizer):
    from cistron.models import MODELS

    spec = MODELS.get("genos")
    broken = spec.build(spec.sizes["genos-tiny"]).eval()
    with torch.no_grad():
        broken.lm_head.weight.fill_(torch.nan)
    with pytest.raises(WeightsError, match="not numbers"):
        list(generate(broken, tokenizer, ["A"], tokens=3))


def test_results_are_plain_values(genos, tokenizer):
    (made,) = generate(genos, tokenizer, ["acgt"], tokens=6)
    assert isinstance(made, Generated)
    assert made.prompt == "acgt"
    assert made.sequence == "acgt" + made.continuation
    assert made.log_probabilities.shape == made.sampling_log_probabilities.shape == (6,)
    assert made.attempts == 1
