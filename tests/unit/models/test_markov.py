import itertools
import json
import math
from collections import Counter
from collections.abc import Iterable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cistron.errors import InputError, UnknownNameError, WeightsError
from cistron.layers import words
from cistron.layers.recent import RecentBases
from cistron.models import MODELS
from cistron.models.markov import MODEL, Markov, MarkovConfig, fit
from cistron.tokenizers.nucleotide import NucleotideTokenizer

TOKENS = NucleotideTokenizer()
COMPLEMENT = str.maketrans("ACGT", "TGCA")


def ids(text: str) -> torch.Tensor:
    return torch.from_numpy(TOKENS.encode(text)).unsqueeze(0)


def random_text(length: int, seed: int, letters: str = "ACGT") -> str:
    return "".join(np.random.default_rng(seed).choice(list(letters), length))


def structured_text(length: int, seed: int) -> str:
    """Bases that depend on the three before them, so that context is worth something."""
    rng = np.random.default_rng(seed)
    table = rng.dirichlet([0.4] * 4, 64)
    codes = [0, 1, 2]
    draws = rng.random(length)
    for draw in draws:
        row = table[codes[-3] * 16 + codes[-2] * 4 + codes[-1]]
        codes.append(min(int(np.searchsorted(np.cumsum(row), draw)), 3))
    return "".join("ACGT"[code] for code in codes[3:])


class DictionaryModel:
    """The same definition with dictionaries and Python floats, one base at a time."""

    def __init__(self, texts: Iterable[str], order: int, alphas: tuple[float, ...], both: bool) -> None:
        texts = list(texts)
        if both:
            texts += [text.translate(COMPLEMENT)[::-1] for text in texts]
        self.order, self.alphas = order, alphas
        self.counts: Counter[str] = Counter()
        for text in texts:
            for start in range(len(text) - order):
                word = text[start : start + order + 1]
                if set(word) <= set("ACGT"):
                    self.counts.update(word[begin:] for begin in range(order + 1))

    def probability(self, context: str, base: str) -> float:
        for interruption in set(context) - set("ACGT"):
            context = context.rpartition(interruption)[2]
        context = context[max(0, len(context) - self.order) :]
        p = 0.25
        for length in range(len(context) + 1):
            seen = context[len(context) - length :]
            total = sum(self.counts[seen + letter] for letter in "ACGT")
            alpha = self.alphas[length]
            p = (self.counts[seen + base] + alpha * p) / (total + alpha)
        return p


@pytest.fixture(scope="module")
def model() -> Markov:
    return fit([structured_text(3000, 1)], 4).double()


@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize("order", [0, 1, 2, 4])
def test_agrees_with_a_dictionary_counted_base_by_base(order, both):
    texts = [random_text(300, 1, "ACGTN"), "AC", "", structured_text(500, 2)]
    fitted = fit(texts, order, both_strands=both).double()
    oracle = DictionaryModel(texts, order, fitted.config.alphas, both)
    text = random_text(200, 3, "AACCGGTTN")
    found = fitted(ids(text)).logits[0]
    for position, base in itertools.product(range(len(text)), "ACGT"):
        expected = math.log(oracle.probability(text[: position + 1], base))
        assert float(found[position, TOKENS.nucleotide_ids[base]]) == pytest.approx(expected, abs=1e-12)


def test_interpolation_follows_alphas_other_than_the_default():
    text = structured_text(400, 5)
    alphas = (0.5, 3.0, 17.0)
    fitted = fit([text], 2)
    again = Markov(MarkovConfig(2, alphas)).double()
    again.load_state_dict(fitted.state_dict())
    oracle = DictionaryModel([text], 2, alphas, True)
    found = again(ids("GATTACA")).logits[0, -1, TOKENS.nucleotide_ids["G"]]
    assert float(found) == pytest.approx(math.log(oracle.probability("GATTACA", "G")), abs=1e-12)


def test_order_zero_is_the_composition():
    text = "A" * 500 + "C" * 300 + "G" * 150 + "T" * 50
    fitted = fit([text], 0, both_strands=False).double()
    probabilities = fitted(ids("A")).logits[0, 0].exp()
    expected = [(n + 1) / 1004 for n in (500, 300, 150, 50)]
    assert probabilities[list(TOKENS.nucleotide_ids.values())].tolist() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_probabilities_sum_to_one_and_log_softmax_changes_nothing(model, dtype):
    logits = fit([structured_text(3000, 1)], 4).to(dtype)(ids(random_text(500, 4, "ACGTN"))).logits
    assert logits.dtype == dtype
    eps = torch.finfo(dtype).eps
    torch.testing.assert_close(logits.log_softmax(-1), logits, rtol=4 * eps, atol=8 * eps)
    assert (logits.exp().sum(-1) - 1).abs().max() < 8 * eps
    assert torch.isfinite(logits).all()


def test_half_precision_does_not_cost_accuracy():
    single, half = (fit([structured_text(3000, 1)], 3).to(d) for d in (torch.float32, torch.bfloat16))
    text = ids(random_text(100, 5))
    assert torch.equal(single(text).logits, half(text).logits)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_chunks_of_any_size_give_exactly_the_whole(model, data):
    text = data.draw(st.text("ACGTN", max_size=40))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    whole = model(ids(text)).logits
    state, parts = model.empty_state(1), []
    for start, end in itertools.pairwise([0, *cuts, len(text)]):
        out = model(ids(text)[:, start:end], state)
        state = out.state
        parts.append(out.logits)
    assert torch.equal(torch.cat(parts, 1), whole)
    assert state.lengths.tolist() == [len(text)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text("ACGTN", max_size=12), min_size=2, max_size=6), st.integers(1, 4))
def test_ragged_rows_continue_as_if_alone(model, texts, pieces):
    state = model.empty_state(len(texts))
    parts: list[list[torch.Tensor]] = [[] for _ in texts]
    for piece in range(pieces):
        cut = [text[len(text) * piece // pieces : len(text) * (piece + 1) // pieces] for text in texts]
        width = max(map(len, cut))
        batch = torch.cat([ids(part.ljust(width, "T")) for part in cut])
        out = model(batch, state, lengths=torch.tensor([len(part) for part in cut]))
        state = out.state
        for row, part in enumerate(cut):
            parts[row].append(out.logits[row, : len(part)])
    for text, found in zip(texts, parts, strict=True):
        assert torch.equal(torch.cat(found), model(ids(text)).logits[0])
    assert state.lengths.tolist() == [len(text) for text in texts]


def test_n_and_specials_interrupt_the_context(model):
    alone = model(ids("GATC")).logits
    assert torch.equal(model(ids("TTACAANGATC")).logits[:, -4:], alone)
    special = torch.cat((ids("TTACAA"), torch.tensor([[12]]), ids("GATC")), 1)
    assert torch.equal(model(special).logits[:, -4:], alone)
    assert not torch.equal(model(ids("TTACAAGATC")).logits[:, -4:], alone)


def test_documents_do_not_see_one_another_within_a_chunk_or_across_chunks(model):
    texts = ["ACGTA", "CC", "GATTACA"]
    joined = ids("".join(texts))
    documents = torch.tensor([[3] * 5 + [1] * 2 + [3] * 7])
    expected = torch.cat([model(ids(text)).logits for text in texts], 1)
    assert torch.equal(model(joined, document_ids=documents).logits, expected)
    for cut in range(15):
        first = model(joined[:, :cut], model.empty_state(1), document_ids=documents[:, :cut])
        second = model(joined[:, cut:], first.state, document_ids=documents[:, cut:])
        assert torch.equal(torch.cat((first.logits, second.logits), 1), expected)


def test_a_forked_state_continues_each_row_from_its_own_past(model):
    batch = torch.cat([ids("ACGTACG"), ids("TTTTTTT")])
    state = model(batch, model.empty_state(2)).state
    forked = state.fork(torch.tensor([1, 0, 1]))
    found = model(torch.cat([ids("GA")] * 3), forked.to("cpu", torch.float64)).logits
    for row, past in enumerate(["TTTTTTT", "ACGTACG", "TTTTTTT"]):
        assert torch.equal(found[row], model(ids(past + "GA")).logits[0, -2:])
    assert state.lengths.tolist() == [7, 7]
    assert isinstance(state, RecentBases)


def test_both_strands_count_a_word_and_its_reverse_complement_alike():
    fitted = fit([structured_text(2000, 6)], 3)
    words = ["".join(word) for word in itertools.product("ACGT", repeat=4)]
    counts = dict(zip(words, fitted.counts.tolist(), strict=True))
    assert len(set(counts.values())) > 20
    assert all(counts[word] == counts[word.translate(COMPLEMENT)[::-1]] for word in words)
    assert sum(counts.values()) == 2 * (2000 - 3)


def test_both_strands_equal_the_reverse_complement_given_as_a_sequence():
    text = random_text(500, 7, "ACGTN")
    joined = fit([text], 3, both_strands=True).counts
    listed = fit([text, text.translate(COMPLEMENT)[::-1]], 3, both_strands=False).counts
    assert torch.equal(joined, listed)


def test_counting_in_blocks_changes_nothing(monkeypatch):
    texts = [random_text(1000, 8, "ACGTN"), "ACG", random_text(77, 9)]
    whole = fit(texts, 3)
    calls = []
    monkeypatch.setattr(words, "_BLOCK", 64)
    blocks = fit(iter(texts), 3, progress=calls.append)
    assert torch.equal(whole.counts, blocks.counts)
    assert calls == sorted(calls)
    assert calls[-1] == 1080
    assert len(calls) > 10


def test_lower_case_counts_like_upper_case():
    text = random_text(200, 10)
    assert torch.equal(fit([text], 2).counts, fit([text.lower()], 2).counts)


def test_held_out_bases_choose_alphas_that_generalise():
    text = structured_text(400_000, 11)
    fitted = fit([text[:300_000]], 6).double()
    test = ids(text[300_000:])

    def loss(model: Markov) -> float:
        logits = model(test).logits[0, :-1]
        return -float(logits.gather(1, test[0, 1:, None]).mean())

    def with_top_alpha(alpha: float) -> Markov:
        other = Markov(MarkovConfig(6, (*fitted.config.alphas[:-1], alpha))).double()
        other.load_state_dict(fitted.state_dict())
        return other

    chosen = fitted.config.alphas[-1]
    assert loss(fitted) < loss(with_top_alpha(chosen / 64))
    assert loss(fitted) < loss(with_top_alpha(0.0625))
    # The text has three bases of memory: higher orders must be trusted little, so nothing is lost by them.
    assert loss(fitted) < loss(fit([text[:300_000]], 3).double()) + 2e-3
    assert loss(fitted) < loss(fit([text[:300_000]], 2).double()) - 0.05


def test_high_orders_count_in_32_bits_and_agree_with_the_dictionary():
    text = structured_text(2000, 12)
    fitted = fit([text], 10).double()
    assert fitted.counts.dtype == torch.int32
    oracle = DictionaryModel([text], 10, fitted.config.alphas, True)
    found = fitted(ids(text[:300])).logits[0, -1, TOKENS.nucleotide_ids["C"]]
    assert float(found) == pytest.approx(math.log(oracle.probability(text[:300], "C")), abs=1e-12)


def test_new_counts_replace_the_old_table():
    first, second = fit(["ACGT" * 50], 2), fit(["AATT" * 50], 2)
    expected = second(ids("ACGTAA")).logits
    assert not torch.equal(first(ids("ACGTAA")).logits, expected)
    first.load_state_dict(second.state_dict())
    assert torch.equal(first(ids("ACGTAA")).logits, expected)


def test_hidden_states_are_the_log_probabilities_and_can_be_captured(model):
    out = model(ids("ACGTN"), capture=["log_probabilities", 0, -1])
    assert torch.equal(out.hidden_states, out.logits)
    assert list(out.captured) == ["log_probabilities", "0", "-1"]
    assert all(torch.equal(value, out.logits) for value in out.captured.values())
    without = model(ids("ACGTN"), logits=False)
    assert without.logits is None
    assert without.state is None
    assert torch.equal(without.hidden_states, out.hidden_states)
    with pytest.raises(UnknownNameError):
        model(ids("A"), capture=["blocks.0"])


def test_config_survives_json():
    config = MarkovConfig(2, (0.5, 8.0, 2.0**20), both_strands=False, width=512)
    assert MODEL.config(json.loads(json.dumps(config.to_dict())) | {"transformers_version": "5"}) == config
    assert MODELS.get("markov") is MODEL
    assert all(name == f"markov-{size.order}" for name, size in MODEL.sizes.items())


@pytest.mark.parametrize(
    "values", [{"order": 13}, {"order": "3"}, {"order": 1, "alphas": [1.0]}, {"alphas": 3}]
)
def test_a_config_that_cannot_be_is_refused(values):
    with pytest.raises(WeightsError, match=r"config\.json"):
        MODEL.config(values)


@pytest.mark.parametrize(
    ("texts", "order"), [([], 2), (["AC", "NNNNNNN", ""], 2), (["ACGT"], 13), (["ACGT"], -1)]
)
def test_nothing_to_fit_is_refused(texts, order):
    with pytest.raises(InputError):
        fit(texts, order)


def test_a_state_of_another_model_is_refused(model):
    with pytest.raises(InputError, match="RecentBases"):
        model(ids("A"), object())
