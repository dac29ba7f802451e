from __future__ import annotations

import pytest
import torch

from cistron.errors import UnknownNameError
from cistron.layers.capture import Capture

NAMES = ["embed", "layers.0", "layers.0.attention", "norm"]
INDEXED = ["embed", "layers.0", "norm"]


def test_what_was_asked_for_is_kept_under_the_name_it_was_asked_by():
    capture = Capture(["layers.0.attention", 0, -1, "norm"], NAMES, INDEXED)
    values = {name: torch.full((1,), float(i)) for i, name in enumerate(NAMES)}
    for name, value in values.items():
        capture.record(name, value)
    expected = {"layers.0.attention": "layers.0.attention", "0": "embed", "-1": "norm", "norm": "norm"}
    assert capture.found.keys() == expected.keys()
    assert all(capture.found[asked] is values[name] for asked, name in expected.items())


def test_nothing_is_kept_that_nobody_asked_for():
    capture = Capture([], NAMES, INDEXED)
    capture.record("norm", torch.zeros(1))
    assert capture.found == {}


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match=r"no layer is called 'layer\.0'; did you mean layers\.0"):
        Capture(["layer.0"], NAMES, INDEXED)


@pytest.mark.parametrize("index", [3, -4, 99])
def test_an_index_beyond_the_layers_is_refused_with_the_last_one(index):
    with pytest.raises(UnknownNameError, match=rf"no layer has index {index}; .* 0 \(embedding\) to 2"):
        Capture([index], NAMES, INDEXED)
