"""An n-gram memory beside a network: what it recalls, what training leaves out, how it starts."""

from __future__ import annotations

import dataclasses
import random

import pytest
import torch

from cistron.errors import InputError, WeightsError
from cistron.models import ngram
from cistron.models.ngram import MODEL, TINY, Ngram, NgramConfig, prepare
from cistron.tokenizers.nucleotide import TOKENIZER
from cistron.training.loss import next_base_labels, pretraining_loss

TOKENS = TOKENIZER()


def text(length: int, seed: int) -> str:
    return "".join(random.Random(seed).choices("AAACGT", k=length))


def ids(sequence: str) -> torch.Tensor:
    return torch.from_numpy(TOKENS.encode(sequence)).unsqueeze(0)


def built(config: NgramConfig = TINY, seed: int = 0) -> Ngram:
    torch.manual_seed(seed)
    return Ngram(config).double().eval()


def nats(model: Ngram, sequence: str) -> torch.Tensor:
    """Of each base but the first."""
    with torch.no_grad():
        logits = model(ids(sequence)).logits
    return -logits.log_softmax(-1)[0, :-1].gather(1, ids(sequence)[0, 1:, None]).squeeze(1)


def test_untrained_it_predicts_as_the_interpolated_counts_do():
    model, sequence = built(), text(3000, 1)
    prepare(model, [sequence])
    with torch.no_grad():
        model.network.lm_head.weight.zero_()
        logits = model(ids(sequence)).logits
        recent = model.empty_state(1).recent.read(ids(sequence), ngram._IDS)
        expected = model.memory(recent).log_probabilities[..., -1]
    found = logits[..., list(ngram._IDS)].log_softmax(-1)
    torch.testing.assert_close(found, expected.log_softmax(-1), rtol=0, atol=1e-3)


def test_counting_makes_a_text_it_knows_much_likelier():
    model, sequence = built(), text(400, 2)
    before = nats(model, sequence).mean()
    prepare(model, [sequence] * 9)
    assert nats(model, sequence).mean() < before - 0.5


def test_the_reverse_complement_is_known_as_well_as_the_text():
    model, sequence = built(), text(400, 2)
    prepare(model, [sequence] * 9)
    reverse = sequence.translate(str.maketrans("ACGT", "TGCA"))[::-1]
    assert nats(model, reverse).mean() < 0.8


def test_training_on_what_was_counted_sees_no_trace_of_what_it_predicts():
    """Random bases cannot be predicted: a training loss below that of new bases would be a leak."""
    model = built(dataclasses.replace(TINY, long_least=2, long_slots=4000))
    seen, new = ("".join(random.Random(seed).choices("ACGT", k=20_000)) for seed in (3, 4))
    prepare(model, [seen])
    unseen = float(nats(model, new[:4000]).mean())
    with_itself = float(nats(model, seen[:4000]).mean())
    model.train()
    left_out = float(nats(model, seen[:4000]).mean())
    assert with_itself < unseen - 0.05
    assert left_out == pytest.approx(unseen, abs=0.02)


def test_without_counting_training_and_evaluation_agree():
    model, sequence = built(), text(200, 5)
    evaluated = nats(model, sequence)
    model.train()
    torch.testing.assert_close(nats(model, sequence), evaluated)


def test_counts_are_looked_up_again_after_loading_without_their_exact_form():
    model = built()
    prepare(model, [text(2000, 6)])
    again = built(seed=1)
    again.load_state_dict(model.state_dict())
    sequence = text(300, 7)
    torch.testing.assert_close(nats(again, sequence), nats(model, sequence))
    again.train()
    torch.testing.assert_close(nats(again, sequence), nats(model, sequence))


def test_gradients_reach_the_network_the_memory_and_the_vote():
    model, sequence = built().train(), text(256, 8)
    prepare(model, [sequence])
    torch.nn.init.normal_(model.vote.out.weight, std=0.1)
    output = model(ids(sequence))
    labels = next_base_labels(ids(sequence), TOKENS.unscored_ids)
    pretraining_loss(output.logits, labels, output.aux, balance_weight=1e-3, z_weight=1e-3).total.backward()
    missing = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert missing == []


def test_a_token_that_is_no_base_starts_improbable():
    with torch.no_grad():
        probability = built()(ids(text(50, 9))).logits.softmax(-1)
    assert probability[..., list(ngram._IDS)].sum(-1).min() > 0.99


@pytest.mark.parametrize("orders", [(3,), (4, 2), (14,), ()])
def test_orders_that_have_no_table_are_refused(orders):
    with pytest.raises(InputError, match="orders of an n-gram memory"):
        NgramConfig(base=TINY.base, orders=orders)


def test_a_config_without_its_network_is_refused():
    with pytest.raises(WeightsError, match="'base' must hold"):
        MODEL.config({"architectures": ["CistronNgram"]})


def test_another_models_state_is_refused():
    with pytest.raises(InputError, match="continues an NgramState"):
        built()(ids("ACGT"), built().network.empty_state(1))
