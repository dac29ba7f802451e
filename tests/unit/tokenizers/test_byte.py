from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cistron.errors import SequenceError, WeightsError
from cistron.tokenizers.byte import ByteTokenizer
from cistron.tokenizers.nucleotide import NucleotideTokenizer

TAG = "|D__BACTERIA;P__PSEUDOMONADOTA;C__GAMMAPROTEOBACTERIA;O__;F__;G__;S__ESCHERICHIA COLI|"


def test_bases_are_their_bytes():
    assert ByteTokenizer().encode("ACGTN").tolist() == [65, 67, 71, 84, 78]


def test_a_document_ends_with_0_and_batches_are_filled_with_1():
    tokenizer = ByteTokenizer()
    assert tokenizer.special_ids == {"<EOD>": 0, "<PAD>": 1}
    assert tokenizer.pad_id == 1
    assert tokenizer.decode([65, 0, 1]) == "A<EOD><PAD>"


@given(st.text("ACGTRYSWKMBDHVNacgtryswkmbdhvn", max_size=60))
def test_case_is_kept_when_asked_for_as_the_published_tokenizer_does(text):
    assert bytes(ByteTokenizer(keep_case=True).encode(text).tolist()).decode() == text
    assert bytes(ByteTokenizer().encode(text).tolist()).decode() == text.upper()


def test_kept_lower_case_ambiguity_is_unscored_too():
    tokenizer = ByteTokenizer(keep_case=True)
    assert set(tokenizer.encode("nNry").tolist()) <= tokenizer.unscored_ids
    assert not set(tokenizer.encode("acgtACGT").tolist()) & tokenizer.unscored_ids


@pytest.mark.parametrize("text", [TAG + "acgt", "ACGT" + TAG, TAG, TAG + "N" + TAG])
def test_a_phylogenetic_tag_is_read_as_it_stands(text):
    ids = ByteTokenizer().encode(text)
    assert len(ids) == len(text)
    assert bytes(ids.tolist()).decode() == text.replace("acgt", "ACGT")
    assert ByteTokenizer().decode(ids) == text.replace("acgt", "ACGT")


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("ACG|T", 3),
        ("|ACGT|", 0),
        ("||", 0),
        ("|D__BACTERIA;P__X", 0),
        ("AC|d__bacteria|", 2),
        ("|D__É|", 0),
        ("AC GT", 2),
        ("ACU", 2),
        ("AC\x00", 2),
        ("ACé", 2),
    ],
)
def test_anything_else_is_refused_at_its_place(text, position):
    with pytest.raises(SequenceError, match=rf"position {position} \(0-based\)"):
        ByteTokenizer().encode(text)


def test_an_empty_sequence_has_no_tokens():
    assert ByteTokenizer().encode("").shape == (0,)


def test_tokens_that_print_as_nothing_are_shown_by_number():
    assert ByteTokenizer().decode([10, 65, 300]) == "<10>A<300>"


@pytest.mark.parametrize("ids", [[512], [-1]])
def test_tokens_outside_the_vocabulary_are_refused(ids):
    with pytest.raises(SequenceError, match="not in the vocabulary"):
        ByteTokenizer().decode(ids)


@pytest.mark.parametrize("keep_case", [False, True])
def test_transformers_reads_the_same_ids(tmp_path, keep_case):
    transformers = pytest.importorskip("transformers")
    ByteTokenizer(keep_case).save(tmp_path)
    theirs = transformers.PreTrainedTokenizerFast.from_pretrained(tmp_path)
    ours = ByteTokenizer.load(tmp_path)
    assert ours.keep_case is keep_case
    text = "ACGTNacgtnRy" + TAG.upper()
    assert theirs(text, add_special_tokens=False)["input_ids"] == ours.encode(text).tolist()
    assert (theirs.eos_token_id, theirs.pad_token_id) == (0, 1)


def test_a_folder_with_another_tokenizer_is_refused(tmp_path):
    NucleotideTokenizer().save(tmp_path)
    with pytest.raises(WeightsError, match="do not belong together"):
        ByteTokenizer.load(tmp_path)


def test_damaged_files_are_refused(tmp_path):
    (tmp_path / "tokenizer_config.json").write_text("[")
    with pytest.raises(WeightsError, match="not JSON"):
        ByteTokenizer.load(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text("[]")
    with pytest.raises(WeightsError, match="no JSON object"):
        ByteTokenizer.load(tmp_path)
