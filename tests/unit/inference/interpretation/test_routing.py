"""Expert routing by class of base."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch

from cistron.errors import InputError
from cistron.genome import Interval
from cistron.inference.interpretation.router_watch import moe_layers, watched_routers
from cistron.inference.interpretation.routing import MOST_BLOCKS, blocks_of, route
from cistron.inference.interpretation.routing_counts import RoutingCounts
from cistron.models.markov import fit

WIDTH = 64


def bases(length: int, seed: int) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


@pytest.fixture(scope="module")
def long(make_genome):
    return make_genome(c=bases(150, 1) + "NNNNN" + bases(145, 2))


def halves(stretch: Interval) -> dict[str, np.ndarray]:
    """Bases before and from the position 120."""
    left = np.arange(stretch.start, stretch.end) < 120
    return {"left": left, "right": ~left}


def chosen_experts(model, tokenizer, text: str) -> list[np.ndarray]:
    """Experts of every token of a text in each layer, found by the layers' own routing."""
    found = []
    handles = [
        layer.register_forward_pre_hook(
            lambda module, args: found.append(module.route(args[0].flatten(0, 1)).experts.numpy())
        )
        for layer in moe_layers(model).values()
    ]
    with torch.no_grad():
        model(torch.from_numpy(tokenizer.encode(text)).unsqueeze(0))
    for handle in handles:
        handle.remove()
    return found


def test_counts_are_those_of_whole_passes_with_half_a_window_before(genos, tokenizer, long):
    region = Interval("c", 100, 164)
    found = route(genos, tokenizer, long, region, halves, width=WIDTH, strands="forward")
    expected = np.zeros(found.chosen.shape[1:], dtype=int)
    for start in (100, 132):
        text = long.texts["c"][start - 32 : start + 32]
        for layer, experts in enumerate(chosen_experts(genos, tokenizer, text)):
            for offset in range(32, 64):
                if text[offset] == "N":
                    continue
                place = start - 32 + offset
                for name in ("all", text[offset], "left" if place < 120 else "right"):
                    expected[layer, experts[offset], found.classes.index(name)] += 1
    np.testing.assert_array_equal(found.chosen.sum(axis=0), expected)
    assert found.bases.tolist()[0] == 64 - 5


def test_the_minus_strand_is_the_plus_strand_of_the_opposite_genome(genos, tokenizer, long):
    opposite, length = long.reverse_complemented(), len(long.texts["c"])
    both = route(genos, tokenizer, long, Interval("c", 96, 160), width=WIDTH)
    forward = route(genos, tokenizer, long, Interval("c", 96, 160), width=WIDTH, strands="forward")
    mirrored = Interval("c", length - 160, length - 96)
    minus = route(genos, tokenizer, opposite, mirrored, width=WIDTH, strands="forward")
    np.testing.assert_array_equal(both.chosen.sum(0), forward.chosen.sum(0) + minus.chosen.sum(0))


def test_batches_do_not_change_counts(genos, tokenizer, long):
    region = Interval("c", 0, 300)
    one = route(genos, tokenizer, long, region, halves, width=WIDTH, batch_tokens=1)
    many = route(genos, tokenizer, long, region, halves, width=WIDTH)
    np.testing.assert_array_equal(one.chosen, many.chosen)
    np.testing.assert_array_equal(one.composition, many.composition)


def test_every_base_makes_as_many_choices_as_a_token_uses_experts(genos, tokenizer, long):
    found = route(genos, tokenizer, long, Interval("c", 0, 300), halves, width=WIDTH)
    np.testing.assert_array_equal(found.chosen.sum(axis=(0, 2)), np.outer(found.top_k, found.bases))
    np.testing.assert_allclose(found.shares.sum(axis=1), 1)
    np.testing.assert_allclose(found.expected.sum(axis=1), 1)


def test_near_ties_are_choices_closer_than_the_tolerance(genos, tokenizer, long):
    region = Interval("c", 32, 64)
    none, every = (
        route(genos, tokenizer, long, region, width=WIDTH, strands="forward", tolerance=tolerance).near_ties
        for tolerance in (0.0, np.inf)
    )
    assert none.sum() == 0
    assert every.tolist() == [[32] * 2]
    with watched_routers(genos) as seen, torch.no_grad():
        genos(torch.from_numpy(tokenizer.encode(long.texts["c"][:64])).unsqueeze(0))
    gaps = [np.sort(choice.gap.numpy()[32:]) for choice in seen.values()]
    tolerance = float(gaps[0][9])
    some = route(genos, tokenizer, long, region, width=WIDTH, strands="forward", tolerance=tolerance)
    assert some.near_ties.tolist() == [[9, int((gaps[1] < tolerance).sum())]]


def test_the_model_is_left_as_it_was(genos):
    with pytest.raises(RuntimeError), watched_routers(genos):
        raise RuntimeError
    assert not any(layer.gate._forward_hooks for layer in moe_layers(genos).values())


def test_a_model_without_experts_is_refused(tokenizer, long):
    with pytest.raises(InputError, match="no experts, so nothing is routed"):
        route(fit([bases(200, 3)], 2), tokenizer, long, Interval("c", 0, 10), width=WIDTH)


@pytest.mark.parametrize(("length", "half"), [(10, 32), (32_000, 32), (10**7, 1024), (10**9, 1024)])
def test_blocks_cover_the_region_and_never_become_many(length, half):
    found = blocks_of(Interval("c", 5, 5 + length), half)
    assert found[0].start == 5
    assert found[-1].end == 5 + length
    assert all(before.end == after.start for before, after in pairwise(found))
    assert len(found) <= MOST_BLOCKS
    assert all(len(block) % half == 0 for block in found[:-1])


def counts(chosen, composition) -> RoutingCounts:
    """Blocks of one layer with two experts; classes all, A, C, G, T and one more."""
    chosen, composition = np.array(chosen), np.array(composition)
    classes = ("all", "A", "C", "G", "T", "x")
    return RoutingCounts(("l",), (1,), classes, chosen, composition, np.zeros((len(chosen), 1), int), 1e-4)


def block(a: tuple[int, int], c: tuple[int, int], x: tuple[int, int], x_bases: tuple[int, int]):
    """Choices of A, of C and of class x; x is made of so many A and C."""
    every = a[0] + c[0], a[1] + c[1]
    chosen = [[[every[e], a[e], c[e], 0, 0, x[e]] for e in (0, 1)]]
    composition = [
        [sum(a), sum(c), 0, 0],
        [sum(a), 0, 0, 0],
        [0, sum(c), 0, 0],
        [0] * 4,
        [0] * 4,
        [*x_bases, 0, 0],
    ]
    return chosen, composition


def test_a_class_is_compared_with_bases_of_its_own_composition():
    chosen, composition = block(a=(80, 20), c=(20, 80), x=(8, 2), x_bases=(10, 0))
    found = counts([chosen], [composition])
    assert found.shares[0, :, 5].tolist() == [0.8, 0.2]
    assert found.enrichment[0, :, 5] == pytest.approx([0, 0])
    assert found.enrichment[0, :, 1] == pytest.approx(np.log2([0.8 / 0.5, 0.2 / 0.5]))
    assert found.specialisation[0, [0, 1, 5]] == pytest.approx([0, 0.3, 0])


def test_a_class_without_bases_has_no_share():
    chosen, composition = block(a=(8, 2), c=(2, 8), x=(0, 0), x_bases=(0, 0))
    assert np.isnan(counts([chosen], [composition]).enrichment[0, :, 5]).all()


def test_intervals_hold_the_estimate_and_repeat_with_the_seed():
    random = np.random.default_rng(1)
    parts = [block(tuple(random.multinomial(50, [0.6, 0.4])), (25, 25), (9, 1), (10, 0)) for _ in range(20)]
    found = counts(*(list(part) for part in zip(*parts, strict=True)))
    low, high = found.bounds(resamples=200)
    assert (low[0, :, 1] < found.enrichment[0, :, 1]).all()
    assert (found.enrichment[0, :, 1] < high[0, :, 1]).all()
    np.testing.assert_array_equal(low, found.bounds(resamples=200).low)
    assert low[0, 0, 5] > 0  # always 0.9 where about 0.6 is expected


def test_one_block_has_no_interval():
    chosen, composition = block(a=(8, 2), c=(2, 8), x=(1, 1), x_bases=(1, 1))
    assert np.isnan(counts([chosen], [composition]).bounds().low).all()
