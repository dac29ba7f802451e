"""What every tokenizer promises: one token a base, there and back, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cistron.errors import SequenceError
from cistron.tokenizers import TOKENIZERS

every_tokenizer = pytest.mark.parametrize(
    "tokenizer", [TOKENIZERS.get(n)() for n in TOKENIZERS.names()], ids=TOKENIZERS.names()
)
CODES = "ACGTRYSWKMBDHVNacgtryswkmbdhvn"


@every_tokenizer
@given(text=st.text(CODES, max_size=80))
def test_token_i_is_base_i(tokenizer, text):
    ids = tokenizer.encode(text)
    assert ids.dtype == np.int64
    assert ids.shape == (len(text),)
    assert ids.tolist() == [int(tokenizer.encode(letter)[0]) for letter in text]
    assert tokenizer.encode(text.lower()).tolist() == tokenizer.encode(text.upper()).tolist()


@every_tokenizer
@given(text=st.text("ACGTN", max_size=80))
def test_bases_and_n_come_back(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text


@every_tokenizer
@given(
    before=st.text("ACGT", max_size=9),
    character=st.characters(exclude_characters=CODES),
    after=st.text("ACGT"),
)
def test_anything_else_is_refused_with_the_character_and_its_position(tokenizer, before, character, after):
    with pytest.raises(SequenceError) as caught:
        tokenizer.encode(before + character + after)
    assert repr(character) in str(caught.value)
    assert f"position {len(before)} " in str(caught.value)


@every_tokenizer
def test_an_unknown_id_is_refused(tokenizer):
    with pytest.raises(SequenceError, match="100000"):
        tokenizer.decode([100_000])


@every_tokenizer
def test_ids_are_distinct_within_the_vocabulary_and_told_apart(tokenizer):
    bases, special = tokenizer.nucleotide_ids, tokenizer.special_ids
    assert list(bases) == list("ACGT")
    assert [bases[base] for base in "ACGT"] == tokenizer.encode("ACGT").tolist()
    used = [*bases.values(), *tokenizer.unscored_ids, *special.values()]
    assert len(set(used)) == len(used)
    assert all(0 <= token < tokenizer.vocab_size for token in [*used, tokenizer.pad_id])
    assert set(tokenizer.encode(CODES).tolist()) <= set(bases.values()) | tokenizer.unscored_ids


@every_tokenizer
def test_only_n_and_ambiguity_codes_are_unscored(tokenizer):
    assert set(tokenizer.encode("NRYSWKMBDHV").tolist()) <= tokenizer.unscored_ids
    assert not set(tokenizer.encode("ACGT").tolist()) & tokenizer.unscored_ids


@every_tokenizer
def test_a_saved_tokenizer_is_the_same_again(tokenizer, tmp_path):
    tokenizer.save(tmp_path)
    again = type(tokenizer).load(tmp_path)
    assert again.encode(CODES).tolist() == tokenizer.encode(CODES).tolist()
    assert (again.vocab_size, again.pad_id) == (tokenizer.vocab_size, tokenizer.pad_id)
    assert again.special_ids == tokenizer.special_ids


@every_tokenizer
def test_its_name_is_the_one_it_is_registered_by(tokenizer):
    assert isinstance(tokenizer, TOKENIZERS.get(tokenizer.name))
