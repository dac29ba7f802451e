from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from cistron.layers.cache import Block, KeyValueCache
from cistron.layers.documents import runs_of, stacked

LENGTH = 12
ROWS = st.lists(
    st.lists(st.integers(0, 2), min_size=LENGTH, max_size=LENGTH), min_size=1, max_size=3
).flatmap(
    lambda rows: st.tuples(
        st.just(rows), st.lists(st.integers(0, LENGTH), min_size=len(rows), max_size=len(rows))
    )
)


@given(ROWS, st.integers(0, 2))
def test_runs_are_the_documents_of_each_row_and_nothing_else(rows, previous):
    ids, lengths = torch.tensor(rows[0]), torch.tensor(rows[1])
    tokens = torch.arange(ids.numel()).view(*ids.shape, 1).double()
    runs = runs_of(ids, lengths, torch.full((len(ids),), previous))
    back = torch.full_like(tokens, -1)
    ends = []
    for group in runs:
        taken = group.taken(tokens)
        back = group.put(back, taken)
        for place, row in enumerate(group.rows.tolist()):
            columns = group.columns[place, : group.lengths[place]]
            assert len(set(ids[row, columns].tolist())) <= 1
            assert group.continued == bool(len(columns) == 0 or (columns[0] == 0 and ids[row, 0] == previous))
            ends += [row] if group.final[place] else []
        assert 2 * int(group.lengths.min()) >= int(group.lengths.max())
    if runs:
        real = torch.arange(LENGTH) < lengths.unsqueeze(1)
        assert torch.equal(back[real], tokens[real])
        assert bool((back[~real] == -1).all())
        assert sorted(ends) == list(range(len(ids)))
    else:
        assert all((row[:n] == previous).all() for row, n in zip(ids, lengths.tolist(), strict=True))


def test_caches_of_different_length_become_one_with_marks(randn):
    short, long = (
        KeyValueCache([Block(*(randn(rows, 2, columns, 4) for _ in range(2)), None)])
        for rows, columns in ((1, 3), (2, 5))
    )
    (block,) = stacked([short, long], [1, 2]).blocks()
    assert block.keys.shape == (3, 2, 5, 4)
    assert block.valid.tolist() == [[True] * 3 + [False] * 2, [True] * 5, [True] * 5]
    assert torch.equal(block.keys[:1, :, :3], short.joined()[0])
    assert torch.equal(block.values[1:], long.joined()[1])


def test_equal_rows_need_no_marks(randn):
    cache = KeyValueCache([Block(randn(1, 2, 3, 4), randn(1, 2, 3, 4), None)])
    assert stacked([cache, cache], [1, 1]).blocks()[0].valid is None
