from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cistron.data.letters import CODES, Lookup, codes_of, pack
from cistron.tokenizers.nucleotide import NucleotideTokenizer


def test_letters_become_codes_in_either_case():
    assert codes_of(b"ACGTacgtNnRU-*").tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 4, 4, 4, 4, 4, 4]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=50))
def test_bases_come_back_from_their_bytes_along_both_strands(listed):
    codes = np.array(listed, dtype=np.uint8)
    packed = pack(codes)
    assert len(packed) == -(-len(codes) // 4)
    assert CODES.forward[packed].ravel()[: len(codes)].tolist() == listed
    filling = 4 * len(packed) - len(codes)
    assert CODES.reverse[packed[::-1]].ravel()[filling:].tolist() == [3 - code for code in reversed(listed)]


def test_a_tokenizers_lookup_gives_its_ids():
    tokenizer = NucleotideTokenizer()
    lookup = Lookup.for_tokenizer(tokenizer)
    assert tokenizer.decode(lookup.forward[pack(codes_of(b"GATT"))[0]]) == "GATT"
    assert tokenizer.decode(lookup.reverse[pack(codes_of(b"GATT"))[0]]) == "AATC"
    assert lookup.other == tokenizer.encode("N")[0]
