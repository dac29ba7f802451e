"""Branches against whole passes, and what runs together."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cistron.inference.scoring.branches import _batches, score_branches
from cistron.inference.scoring.trunks import Branch, Trunk, members, row_length, shape

EXACT = 1e-8


def text(length, seed):
    return "".join(np.random.default_rng(seed).choice(list("ACGTN"), length, p=[0.24] * 4 + [0.04]))


def branched(length, starts, seed, whole=False):
    """A trunk with branches of one to four own bases behind each start, which then end like the trunk."""
    rng, trunk = np.random.default_rng(seed), text(length, seed)
    branches = []
    for start in sorted(starts):
        own, gone = int(rng.integers(0, 5)), int(rng.integers(0, 3))
        back = min(start + gone, length)
        branches.append(Branch(start, text(own, seed + start) + trunk[back:], own, back))
    return Trunk(trunk, tuple(branches), whole)


@st.composite
def trunks(draw):
    """Trunks of which many have a common shape."""
    made = []
    for seed in range(draw(st.integers(1, 4))):
        length = draw(st.sampled_from([30, 31, 60]))
        starts = draw(st.lists(st.sampled_from([0, 1, 7, 8, 15, length]), min_size=1, max_size=6))
        made.append(branched(length, starts, seed, draw(st.booleans())))
    return made


@settings(max_examples=15, deadline=None)
@given(trunks(), st.sampled_from([1, 90, 10_000]))
def test_branches_and_trunks_score_as_whole_sequences_do(model, tokenizer, make_oracle, trunks, batch_tokens):
    oracle = make_oracle(model, 0)
    seen = set()
    for found in score_branches(model, tokenizer, trunks, batch_tokens=batch_tokens):
        trunk = trunks[found.trunk]
        branch = trunk.branches[found.branch]
        seen.add((found.trunk, found.branch))
        expected = oracle.scores(trunk.text[: branch.start] + branch.text)[branch.start :]
        assert found.scores == pytest.approx(expected, abs=EXACT, nan_ok=True)
        known = 0 if trunk.whole else trunk.branches[0].start
        reference = oracle.scores(trunk.text)
        assert found.reference[known:] == pytest.approx(reference[known:], abs=EXACT, nan_ok=True)
    assert seen == {(i, j) for i, trunk in enumerate(trunks) for j in range(len(trunk.branches))}


@settings(max_examples=100, deadline=None)
@given(trunks(), st.integers(1, 300))
def test_forks_hold_every_branch_once_and_no_more_than_fits(trunks, batch_tokens):
    for trunk in trunks:
        forks = shape(trunk, batch_tokens).forks
        assert [branch for fork in forks for branch in members(fork, trunk)] == list(trunk.branches)
        for fork in forks:
            lengths = [row_length(fork, branch) for branch in members(fork, trunk)]
            assert fork.start == members(fork, trunk)[0].start
            assert fork.rows == 1 or fork.rows * max(lengths) <= batch_tokens


def test_a_branch_is_read_from_an_earlier_fork_only_where_little_is_read_twice():
    trunk = branched(1600, [800, 840, 850, 851, 1200], 3)
    assert [(fork.start, fork.rows) for fork in shape(trunk, 10**6).forks] == [(800, 3), (851, 1), (1200, 1)]


def test_trunks_run_together_only_where_their_forks_are_alike():
    alike = [branched(64, [32], seed) for seed in range(5)]
    other = [branched(64, [33], 9), branched(64, [32, 32], 8), branched(64, [32], 7, whole=True)]
    batches = [sorted(batch.numbers) for batch in _batches([*alike, *other], 2000)]
    assert sorted(map(len, batches)) == [1, 1, 1, 5]
    assert [0, 1, 2, 3, 4] in batches


def test_the_same_texts_form_the_same_batches_wherever_they_stand():
    some = [branched(64, [32], seed) for seed in range(7)]
    one, two = (list(_batches(trunks, 150)) for trunks in (some, some[::-1]))
    assert [len(batch.numbers) for batch in one] == [len(batch.numbers) for batch in two]
    assert max(len(batch.numbers) for batch in one) > 1


class Counting(torch.nn.Module):
    """The same model, counting the tokens that it reads."""

    def __init__(self, model):
        super().__init__()
        self.inner, self.config, self.empty_state, self.tokens = model, model.config, model.empty_state, 0

    def forward(self, input_ids, *args, **options):
        self.tokens += input_ids.numel()
        return self.inner(input_ids, *args, **options)


def test_common_bases_are_read_once(model, tokenizer):
    counting = Counting(model)
    many = branched(400, [200] * 8, 2)
    list(score_branches(counting, tokenizer, [many], batch_tokens=10_000))
    own = sum(len(branch.text) - 1 for branch in many.branches)
    # Rows of one batch are as long as the longest, which is two to six bases more than the shortest.
    assert 399 + own <= counting.tokens <= 399 + own + 6 * 8
