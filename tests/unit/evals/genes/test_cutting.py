from __future__ import annotations

import numpy as np

from cistron.evals.genes.cutting import Pieces, combined

PIECES = Pieces({"A": (("AAAA", "CC"),), "B": (("GG",), ("AAAA",)), "C": (("TT",),)})


def test_a_vector_is_the_mean_over_windows_by_their_lengths_with_parts_side_by_side() -> None:
    asked = PIECES.asked(["A", "B"])
    assert asked == ("AAAA", "CC", "GG")
    found = PIECES.vectors(asked, np.array([[3.0], [6.0], [1.0]], dtype=np.float32))
    np.testing.assert_allclose(found["A"], [4.0])
    np.testing.assert_allclose(found["B"], [1.0, 3.0])
    assert "C" not in found


def test_the_vectors_of_a_pair_are_averaged_put_side_by_side_or_multiplied() -> None:
    vectors = {"A": np.array([1.0, 2.0]), "B": np.array([3.0, 5.0])}
    rows = [("A", "B")]
    np.testing.assert_array_equal(combined(rows, vectors, "average"), [[2, 3.5]])
    np.testing.assert_array_equal(combined(rows, vectors, "concat"), [[1, 2, 3, 5]])
    np.testing.assert_array_equal(combined(rows, vectors, "product"), [[3, 10]])
