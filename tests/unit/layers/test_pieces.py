from __future__ import annotations

import pytest
import torch

from cistron.layers import pieces as module
from cistron.layers.pieces import pays, pieces


@pytest.mark.parametrize(("rows", "width"), [(0, 4), (1, 4), (7, 3), (1000, 1), (5, 10**9), (3, 0)])
def test_pieces_cover_every_row_once_and_in_order(rows, width):
    covered = [row for piece in pieces(rows, width) for row in range(rows)[piece]]
    assert covered == list(range(rows))


def test_no_piece_holds_more_numbers_than_fit_the_cache(monkeypatch):
    monkeypatch.setattr(module, "_PIECE", 100)
    sizes = [piece.stop - piece.start for piece in pieces(95, 7)]
    assert max(sizes) * 7 <= 100
    assert sum(sizes) == 95


def test_gradients_and_compilers_get_the_whole():
    x = torch.zeros(1 << 13)
    with torch.no_grad():
        assert pays(x)
        assert not pays(torch.empty(1 << 13, device="meta"))
        assert not pays(torch.nn.Parameter(x))
    assert not pays(x)


def test_what_is_too_small_to_be_cut_is_left_whole():
    with torch.no_grad():
        assert not pays(torch.zeros((1 << 13) - 1))
