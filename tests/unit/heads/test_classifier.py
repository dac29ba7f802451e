"""The classifier: losses as PyTorch has them, pooling that ignores padding, calibrated probabilities."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from cistron.errors import WeightsError
from cistron.heads import Hidden
from cistron.heads.classifier import Classifier, ClassifierConfig
from cistron.layers.pool import Pool, span_mean


@pytest.mark.parametrize("rule", ["mean", "max", "last", "attention"])
def test_padding_does_not_change_a_pooled_vector(rule):
    torch.manual_seed(0)
    pool, x = Pool(6, rule).double(), torch.randn(1, 5, 6, dtype=torch.float64)
    padded = torch.cat([x, torch.full((1, 4, 6), 7.0, dtype=torch.float64)], dim=1)
    assert torch.allclose(pool(x), pool(padded, torch.tensor([5])), atol=1e-12)


@pytest.mark.parametrize(("rule", "expected"), [("mean", [2.0]), ("max", [3.0]), ("last", [2.0])])
def test_pooling_is_what_its_name_says(rule, expected):
    assert Pool(1, rule)(torch.tensor([[[1.0], [3.0], [2.0]]])).tolist() == [expected]


def test_a_span_is_half_open_and_an_empty_one_means_the_token_before():
    x = torch.tensor([[[0.0], [1.0], [2.0], [3.0]]] * 3)
    found = span_mean(x, torch.tensor([[1, 3], [2, 2], [0, 0]]))
    assert found.flatten().tolist() == [1.5, 1.0, 0.0]


def test_class_weights_and_unknown_classes_act_as_in_cross_entropy():
    torch.manual_seed(0)
    head = Classifier(ClassifierConfig(4, "multiclass", ("a", "b", "c"), weights=(1.0, 2.0, 5.0)))
    logits, classes = torch.randn(6, 3), torch.tensor([0, 2, -1, 1, -1, 2])
    expected = F.cross_entropy(logits, classes, weight=torch.tensor([1.0, 2.0, 5.0]), ignore_index=-1)
    assert head.loss(logits, classes).item() == pytest.approx(expected.item())


def test_unknown_labels_do_not_count():
    head = Classifier(ClassifierConfig(4, "multilabel", ("a", "b")))
    logits = torch.tensor([[0.3, -1.0], [2.0, 0.5]])
    targets = torch.tensor([[1.0, torch.nan], [torch.nan, 0.0]])
    expected = F.binary_cross_entropy_with_logits(torch.tensor([0.3, 0.5]), torch.tensor([1.0, 0.0]))
    assert head.loss(logits, targets).item() == pytest.approx(expected.item())


def test_a_regression_answers_on_the_scale_of_its_targets():
    head = Classifier(ClassifierConfig(4, "regression", ("tpm",), centre=(50.0,), scale=(10.0,)))
    assert head.answer(torch.tensor([[0.0], [1.5]])).flatten().tolist() == [50.0, 65.0]
    assert head.loss(torch.tensor([[1.5]]), torch.tensor([[65.0]])).item() == 0


@pytest.mark.parametrize(("kind", "labels"), [("binary", "ab"), ("multiclass", "abc")])
def test_probabilities_of_classes_sum_to_one(kind, labels):
    head = Classifier(ClassifierConfig(4, kind, tuple(labels)))
    answer = head.answer(torch.randn(5, head.config.outputs))
    assert answer.shape == (5, len(labels))
    assert torch.allclose(answer.sum(-1), torch.ones(5))


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_calibration_finds_how_overconfident_logits_are(kind):
    generator = torch.Generator().manual_seed(0)
    labels = ("a", "b") if kind == "binary" else ("a", "b", "c")
    head = Classifier(ClassifierConfig(4, kind, labels))
    honest = torch.randn(20_000, head.config.outputs, generator=generator) * 2
    if kind == "binary":
        drawn = torch.bernoulli(honest.sigmoid(), generator=generator)
    else:
        drawn = torch.multinomial(honest.softmax(-1), 1, generator=generator).squeeze(1)
    assert head.calibrate(honest * 3, drawn) == pytest.approx(3, rel=0.05)
    expected = honest.sigmoid() if kind == "binary" else honest.softmax(-1)
    assert torch.allclose(head.answer(honest * 3)[:, -1], expected[:, -1], atol=0.02)


def test_a_head_for_tokens_answers_for_each():
    head = Classifier(ClassifierConfig(4, "multiclass", ("exon", "intron"), pooling="none")).eval()
    assert not head.keeps
    assert head.decide(head.summarise(Hidden(torch.randn(2, 7, 4)))).shape == (2, 7, 2)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"labels": ("one",)}, "1 labels do not make a binary head"),
        ({"labels": ("a", "b", "c")}, "3 labels do not make a binary head"),
        ({"labels": ("a", "a")}, "a label stands twice"),
        ({"kind": "ranking"}, "kind is 'ranking'"),
        ({"pooling": "median"}, "pooling is 'median'"),
        ({"dropout": 1.5}, "dropout 1.5; 0 or more"),
        ({"inner_size": -1}, "inner_size -1"),
        ({"weights": (1.0, 2.0)}, "2 numbers in weights; the head has 1 outputs"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, said):
    with pytest.raises(WeightsError, match=said):
        ClassifierConfig(4, **settings)


@pytest.mark.parametrize(("kind", "unknown"), [("multiclass", -1), ("multilabel", torch.nan)])
def test_unknown_labels_do_not_count_in_calibration(kind, unknown):
    torch.manual_seed(0)
    head = Classifier(ClassifierConfig(4, kind, ("a", "b", "c")))
    logits = torch.randn(40, 3)
    wanted = logits.argmax(1) if kind == "multiclass" else (torch.rand(40, 3) < logits.sigmoid()).float()
    known = head.calibrate(logits[:30], wanted[:30])
    wanted[30:] = unknown
    assert head.calibrate(logits, wanted) == pytest.approx(known)


def test_outputs_of_tokens_are_turned_within_their_rows():
    head = Classifier(ClassifierConfig(4, pooling="none"))
    outputs = torch.arange(10.0).view(2, 5, 1)
    found = head.forward_order(outputs, torch.tensor([False, True]), torch.tensor([5, 3]))
    assert found[0].flatten().tolist() == [0, 1, 2, 3, 4]
    assert found[1, :3].flatten().tolist() == [7, 6, 5]
    whole = head.forward_order(outputs, torch.tensor([True, True]))
    assert torch.equal(whole, outputs.flip(1))


def test_outputs_of_whole_items_have_no_direction():
    outputs = torch.randn(2, 1)
    assert Classifier(ClassifierConfig(4)).forward_order(outputs, torch.tensor([True, False])) is outputs


def test_a_regression_cannot_be_calibrated():
    head = Classifier(ClassifierConfig(4, "regression", ("tpm",)))
    with pytest.raises(WeightsError, match="no probabilities"):
        head.calibrate(torch.zeros(3, 1), torch.zeros(3, 1))
