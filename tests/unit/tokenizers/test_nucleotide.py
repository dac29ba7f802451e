import json
import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cistron.errors import SequenceError, WeightsError
from cistron.tokenizers import TOKENIZERS
from cistron.tokenizers.nucleotide import NucleotideTokenizer

ACCEPTED = "ACGTNRYSWKMBDHV"
ACCEPTED += ACCEPTED.lower()


def test_bases_have_the_published_ids():
    assert NucleotideTokenizer().encode("CGTAN").tolist() == [5, 6, 7, 8, 9]


def test_the_registry_knows_it_by_its_file_name():
    assert TOKENIZERS.get("nucleotide")().name == "nucleotide"


def test_the_published_start_and_end_of_a_known_sequence():
    ids = NucleotideTokenizer().encode("GCTTAC")
    assert ids.tolist() == [6, 5, 7, 7, 8, 5]
    assert ids.dtype == np.int64


@given(st.text(ACCEPTED, max_size=200))
def test_length_is_kept_and_decoding_gives_the_folded_text(sequence):
    tokenizer = NucleotideTokenizer()
    ids = tokenizer.encode(sequence)
    folded = "".join(letter if letter in "ACGT" else "N" for letter in sequence.upper())
    assert len(ids) == len(sequence)
    assert tokenizer.decode(ids) == folded


@pytest.mark.parametrize("bad", [*"UuXZ-.* \n\t\0?", *"EFIJLOPQ", "é", "Α", "\U0001f9ec", "\ud800"])
def test_anything_else_is_refused_with_its_position_and_character(bad):
    with pytest.raises(SequenceError, match=r"position 4 \(0-based\)") as caught:
        NucleotideTokenizer().encode("ACNA" + bad + "ACGT" + bad)
    assert repr(bad) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_printable_character_is_either_read_or_refused():
    for character in string.printable:
        if character in ACCEPTED:
            assert len(NucleotideTokenizer().encode(character)) == 1
        else:
            with pytest.raises(SequenceError):
                NucleotideTokenizer().encode(character)


def test_only_n_is_unscored():
    tokenizer = NucleotideTokenizer()
    assert tokenizer.unscored_ids == {9}
    assert tokenizer.nucleotide_ids == {"A": 8, "C": 5, "G": 6, "T": 7}
    assert list(tokenizer.nucleotide_ids) == list("ACGT")
    assert tokenizer.special_ids["<EOD>"] == 12
    assert (tokenizer.pad_id, tokenizer.vocab_size) == (0, 16)


def test_decoding_names_an_id_outside_the_vocabulary():
    assert NucleotideTokenizer().decode([8, 12]) == "A<EOD>"
    with pytest.raises(SequenceError, match=r"77 at position 1 \(0-based\)"):
        NucleotideTokenizer().decode([8, 77])


def test_a_folder_without_tokenizer_files_has_the_default_vocabulary(tmp_path):
    assert NucleotideTokenizer.load(tmp_path) == NucleotideTokenizer()


def test_saving_and_loading_keeps_specials_and_roles(tmp_path):
    vocabulary = dict(NucleotideTokenizer().vocabulary) | {"<LUNG>": 16, "<BIN_2>": 17}
    tokenizer = NucleotideTokenizer(vocabulary, {"pad_token": "<BOS>", "eos_token": "<EOD>"})
    tokenizer.save(tmp_path)
    again = NucleotideTokenizer.load(tmp_path)
    assert again == tokenizer
    assert (again.pad_id, again.vocab_size) == (14, 18)


def test_a_checkpoint_with_only_a_config_moves_its_specials(tmp_path):
    decoder = {"10": {"content": "<EOD>"}, "14": {"content": "<PAD>"}}
    config = {"added_tokens_decoder": decoder, "pad_token": {"content": "<PAD>"}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    tokenizer = NucleotideTokenizer.load(tmp_path)
    assert tokenizer.special_ids["<EOD>"] == 10
    assert "<BOS>" not in tokenizer.special_ids
    assert tokenizer.pad_id == 14
    assert tokenizer.encode("CGTAN").tolist() == [5, 6, 7, 8, 9]


def test_a_unigram_vocabulary_is_read_in_its_order(tmp_path):
    pieces = [["[PAD]", 0.0], ["A", -1.0], ["C", -1.0], ["G", -1.0], ["T", -1.0], ["N", -1.0]]
    content = {"model": {"type": "Unigram", "vocab": pieces}, "added_tokens": [{"id": 6, "content": "<EOD>"}]}
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    tokenizer = NucleotideTokenizer.load(tmp_path)
    assert tokenizer.encode("ACGTN").tolist() == [1, 2, 3, 4, 5]
    assert tokenizer.vocab_size == 7


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{"model": {"vo', "not JSON"),
        ("[]", "no JSON object"),
        ('{"model": {"vocab": {"A": 1, "C": 2, "G": 3}}}', "no token for T, N"),
        ('{"model": {"vocab": {"A": 1, "C": 1, "G": 3, "T": 4, "N": 5}}}', "one id to two tokens"),
        ('{"model": {"vocab": [1, 2]}}', "do not hold a vocabulary"),
        ('{"model": 3}', "do not hold a vocabulary"),
    ],
)
def test_damaged_files_are_refused_in_one_line(tmp_path, content, says):
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(WeightsError, match=says) as caught:
        NucleotideTokenizer.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_transformers_reads_the_saved_files_and_agrees(tmp_path):
    transformers = pytest.importorskip("transformers")
    ours = NucleotideTokenizer()
    ours.save(tmp_path)
    theirs = transformers.PreTrainedTokenizerFast.from_pretrained(tmp_path)
    for sequence in ("ACGTN", "NNNACGTTTGCANN", "acgtnRYKM", "TTTTGACAvn" * 50):
        assert theirs(sequence)["input_ids"] == ours.encode(sequence).tolist()
        assert theirs.decode(ours.encode(sequence).tolist()) == ours.decode(ours.encode(sequence))
    assert theirs("ACxxG\nT")["input_ids"] == [8, 5, 1, 1, 6, 1, 7]
    assert theirs("AC<EOD>GT")["input_ids"] == [8, 5, 12, 6, 7]
    assert (theirs.pad_token_id, len(theirs)) == (ours.pad_id, ours.vocab_size)
