"""Predicted signal: each track from its strand, and windows stitched so that no place asked for matters."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cistron.errors import WeightsError, WindowError
from cistron.genome import Interval
from cistron.genome.sequence import reverse_complement
from cistron.heads import HEADS, Hidden
from cistron.inference.predict import Text, hidden_of
from cistron.inference.tracks import grid_windows, predict_regions, predict_tracks, stitched, window_of
from cistron.models.genos import MODEL
from cistron.tokenizers.nucleotide import NucleotideTokenizer
from cistron.weights.heads import Backbone, SavedHead

TRACKS = {
    "tracks": ("both", "plus", "minus"),
    "means": (1.0, 2.0, 3.0),
    "plus": ("plus",),
    "minus": ("minus",),
}


class Genome:
    """A reference in memory."""

    name = "memory"

    def __init__(self, **bases: str) -> None:
        self.bases = bases
        self.contigs = {chrom: len(text) for chrom, text in bases.items()}

    def fetch(self, chrom: str, start: int, end: int) -> str:
        return self.bases[chrom][start:end]


def bases(length: int, seed: int = 0) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


@pytest.fixture(scope="module")
def model():
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return MODEL.build(MODEL.sizes["genos-tiny"]).eval()


def saved(model, name: str = "coverage-track", strands: str = "both", width: int = 64) -> SavedHead:
    spec = HEADS.get(name)
    torch.manual_seed(5)
    settings = TRACKS if name != "classifier" else {}
    head = spec.build(spec.config({"hidden_size": model.config.hidden_size, **settings})).eval()
    return SavedHead(head, spec, Backbone("tiny", "0", (), strands), None, {"width": width})


def one_way(model, head, text: str) -> np.ndarray:
    """Outputs of a sequence in reading direction."""
    states = hidden_of(model, NucleotideTokenizer(), [Text(text)]).states
    return head.decide(head.summarise(Hidden(states)))


@pytest.mark.parametrize("strands", ["both", "forward"])
def test_each_track_comes_from_its_own_strand(model, strands):
    text, head = bases(100), saved(model, strands=strands)
    (found,) = predict_tracks(model, NucleotideTokenizer(), head, [text])
    with torch.inference_mode():
        forward = one_way(model, head.head, text)
        reverse = one_way(model, head.head, reverse_complement(text)).flip(-1)
        unstranded = (forward + reverse) / 2 if strands == "both" else forward
        outputs = torch.stack([unstranded[:, 0], forward[:, 1], reverse[:, 2]], dim=1)
        expected = head.head.answer(outputs)[0].numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_answers_do_not_depend_on_what_is_read_together(model):
    texts = [bases(60, 1), bases(60, 2), bases(40, 3), bases(60, 4)]
    each = [
        list(predict_tracks(model, NucleotideTokenizer(), saved(model), texts, rows=rows)) for rows in (1, 3)
    ]
    for one, other in zip(*each, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@given(st.integers(1, 80), st.integers(1, 30), st.data())
def test_every_base_asked_for_lies_in_windows_of_the_contigs_own_grid(length, width, data):
    stride = data.draw(st.integers(1, width))
    start = data.draw(st.integers(0, length - 1))
    end = data.draw(st.integers(start + 1, length))
    genome = Genome(x="A" * length)
    whole = list(grid_windows(genome, [Interval("x", 0, length)], width, stride))
    some = list(grid_windows(genome, [Interval("x", start, end)], width, stride))
    touching = [window for window in whole if window.start < end and window.end > start]
    assert some == touching
    assert {base for window in some for base in range(window.start, window.end)} >= set(range(start, end))
    assert all(len(window) == min(width, length) for window in some)


def test_stitching_weighs_by_the_distance_to_the_nearer_end_of_a_window():
    genome = Genome(x="ACGTACGTAC")
    windows = [Interval("x", 0, 4), Interval("x", 2, 6)]
    answers = [(window, np.full((1, 4), value)) for window, value in zip(windows, (0.0, 3.0), strict=True)]
    (first, second) = stitched(genome, [Interval("x", 1, 6)], answers)
    assert (first.start, first.end, second.start, second.end) == (1, 2, 2, 6)
    values = np.concatenate([first.values[0], second.values[0]])
    # Weights of four bases are 1, 2, 2, 1: bases 2 and 3 are 3·1/(2+1) and 3·2/(1+2).
    np.testing.assert_allclose(values, [0, 1, 2, 3, 3])


def test_bases_that_are_unknown_have_no_value_and_windows_of_them_are_not_read(model):
    text = bases(100, 6)[:100] + "N" * 200 + bases(30, 7)
    genome = Genome(x=text)
    windows = list(grid_windows(genome, [Interval("x", 0, 330)], 64, 32))
    assert all(window.start < 100 or window.end > 300 for window in windows)
    found = np.full(330, np.inf)
    for signal in predict_regions(
        model, NucleotideTokenizer(), saved(model), genome, [Interval("x", 0, 330)]
    ):
        found[signal.start : signal.end] = signal.values[0]
    assert np.isfinite(found[:100]).all()
    assert np.isfinite(found[300:]).all()
    assert not np.isfinite(found[100:300]).any()


def test_a_stretch_has_the_signal_that_it_has_in_the_whole_contig(model):
    genome = Genome(x=bases(300, 8), y=bases(50, 9))
    whole = np.zeros((3, 300), dtype=np.float32)
    read = (model, NucleotideTokenizer(), saved(model), genome)
    for signal in predict_regions(*read, [Interval("x", 0, 300)]):
        whole[:, signal.start : signal.end] = signal.values
    asked = [Interval("x", 40, 90), Interval("x", 95, 97), Interval("x", 280, 300), Interval("y", 0, 50)]
    seen = []
    for signal in predict_regions(*read, asked):
        seen += [(signal.chrom, at) for at in range(signal.start, signal.end)]
        if signal.chrom == "x":
            np.testing.assert_allclose(signal.values, whole[:, signal.start : signal.end], rtol=1e-6)
    assert seen == [(each.chrom, at) for each in asked for at in range(each.start, each.end)]


def test_what_cannot_be_read_is_refused(model):
    tokenizer, head = NucleotideTokenizer(), saved(model)
    with pytest.raises(WindowError, match="4,097 bp; the model reads 4,096"):
        list(predict_tracks(model, tokenizer, head, ["A" * 4_097]))
    with pytest.raises(WeightsError, match="predicts items and not tracks"):
        list(predict_tracks(model, tokenizer, saved(model, "classifier"), ["A"]))
    with pytest.raises(WindowError, match="a stride of 99 bp does not suit windows of 64 bp"):
        window_of(head, None, 99)
