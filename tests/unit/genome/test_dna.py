from __future__ import annotations

import pytest

from cistron.errors import SequenceError
from cistron.genome.dna import require_dna


@pytest.mark.parametrize("text", ["", "ACGTN", "acgtn", "RYSWKMBDHV", "NNNN"])
def test_codes_of_dna_pass_in_either_case(text):
    require_dna(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("ACUG", "here has U at position 13, so it is RNA; write T for U"),
        ("acug", "here has U at position 13"),
        ("ACGE", "here has 'E' at position 14"),
        ("A-CU", "here has '-' at position 12"),
        ("ÄC", "here has 'Ä' at position 11"),
    ],
)
def test_anything_else_is_named_with_its_position(text, told):
    with pytest.raises(SequenceError, match=told):
        require_dna(text, "here", 10)
