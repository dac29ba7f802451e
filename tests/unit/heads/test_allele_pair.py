"""The pair head: what it makes of two alleles, and that it learns what differs between them."""

from __future__ import annotations

import pytest
import torch

from cistron.errors import WeightsError
from cistron.heads import Hidden
from cistron.heads.allele_pair import AllelePair, AllelePairConfig


def test_summaries_hold_the_window_and_the_allele():
    head = AllelePair(AllelePairConfig(1, columns=()))
    states = torch.tensor([[[1.0], [2.0], [6.0], [3.0]]])
    assert head.summarise(Hidden(states, sites=torch.tensor([[2, 3]]))).tolist() == [[3.0, 6.0]]


def test_features_are_what_their_names_say():
    head = AllelePair(
        AllelePairConfig(
            1, centred=False, parts=("reference", "alternative", "difference", "product"), columns=("llr",)
        )
    )
    found = head.features(torch.tensor([[2.0]]), torch.tensor([[5.0]]), torch.tensor([[-1.5]]))
    assert found.tolist() == [[2.0, 5.0, 3.0, 10.0, -1.5]]


def test_equal_alleles_differ_in_nothing():
    head = AllelePair(AllelePairConfig(3, parts=("difference",), columns=())).eval()
    one, other = torch.randn(2, 6), torch.randn(2, 6)
    assert torch.equal(head.decide(one, one), head.decide(other, other))


def test_an_unknown_column_counts_as_its_mean():
    head = AllelePair(AllelePairConfig(2, centred=False, parts=(), columns=("llr", "distance"))).eval()
    columns = torch.tensor([[-2.0, 10.0], [0.0, torch.nan], [2.0, 30.0]])
    empty = torch.zeros(3, 2)
    head.standardise(empty, empty, extra=columns)
    filled = columns.clone()
    filled[1, 1] = 20.0
    assert torch.allclose(
        head.decide(empty, empty, extra=columns), head.decide(empty, empty, extra=filled), atol=1e-6
    )


def test_the_head_learns_which_alleles_break_something():
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    reference = torch.randn(400, 16, generator=generator)
    labels = (torch.rand(400, 1, generator=generator) < 0.5).float()
    alternative = reference + torch.randn(400, 16, generator=generator) * 0.3
    alternative[:, 3] += 2 * labels[:, 0]
    head = AllelePair(AllelePairConfig(8, parts=("difference",), columns=(), inner_size=8, dropout=0.0))
    head.standardise(reference[:300], alternative[:300])
    optim = torch.optim.Adam(head.parameters(), 0.02)
    for _ in range(40):
        optim.zero_grad()
        head.loss(head.decide(reference[:300], alternative[:300]), labels[:300]).backward()
        optim.step()
    answer = head.eval().answer(head.decide(reference[300:], alternative[300:]))[:, 1:]
    assert ((answer > 0.5) == (labels[300:] > 0.5)).float().mean() > 0.9
    shuffled = head.answer(head.decide(reference[300:], reference[300:]))[:, 1:]
    assert ((shuffled > 0.5) == (labels[300:] > 0.5)).float().mean() < 0.7


def test_columns_that_the_head_does_not_read_are_refused():
    head = AllelePair(AllelePairConfig(2))
    with pytest.raises(ValueError, match="2 columns; the head reads llr"):
        head.decide(torch.zeros(1, 4), torch.zeros(1, 4), extra=torch.zeros(1, 2))


def test_an_allele_that_is_nowhere_cannot_be_summarised():
    with pytest.raises(ValueError, match="where the alleles are"):
        AllelePair(AllelePairConfig(2)).summarise(Hidden(torch.zeros(1, 3, 2)))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"parts": ("sum",)}, "'sum' is no part of a comparison"),
        ({"parts": (), "columns": ()}, "the head would read nothing"),
        ({"labels": ("a", "b", "c")}, "3 labels"),
        ({"pooling": "none"}, "pooling is 'none'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, said):
    with pytest.raises(WeightsError, match=said):
        AllelePairConfig(2, **settings)
