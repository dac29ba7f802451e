from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from cistron.data.sampling import Sampler, WindowLength
from cistron.errors import InputError
from cistron.genome.sequence import reverse_complement
from cistron.models import MODELS
from cistron.tokenizers.nucleotide import NucleotideTokenizer

TOKENIZER = NucleotideTokenizer()
END = "<EOD>"


def packed(corpus, length=10, **options) -> Sampler:
    known = {"tokens": length * 200, "seed": 3, "pack_documents": True} | options
    return Sampler([corpus], TOKENIZER, [WindowLength(length)], **known)


def test_windows_cut_the_stream_of_documents_at_exact_lengths_and_drop_the_tail(corpus_of, random_bases):
    texts = [random_bases(length, length) for length in (23, 3, 31, 12)]
    stream = "".join(text + "." for text in texts)
    windows = {stream[at : at + 10] for at in range(0, len(stream) - 9, 10)}
    draw = packed(corpus_of(*texts), reverse_share=0.0)
    found = {TOKENIZER.decode(ids).replace(END, ".") for ids in draw(0).input_ids}
    assert found == windows
    assert len(stream) % 10 != 0


def test_on_the_reverse_strand_every_document_is_turned_in_its_place(corpus_of, random_bases):
    texts = [random_bases(length, length) for length in (23, 3, 31, 12)]
    stream = "".join(reverse_complement(text) + "." for text in texts)
    draw = packed(corpus_of(*texts), reverse_share=1.0)
    found = {TOKENIZER.decode(ids).replace(END, ".") for ids in draw(0).input_ids}
    assert found == {stream[at : at + 10] for at in range(0, len(stream) - 9, 10)}


def test_documents_change_behind_each_end_and_nowhere_else(corpus_of, random_bases):
    draw = packed(corpus_of(*(random_bases(length, length) for length in (23, 3, 31, 12))))
    batch = draw(0)
    end = TOKENIZER.special_ids[END]
    for ids, documents in zip(batch.input_ids, batch.document_ids, strict=True):
        changes = np.flatnonzero(np.diff(documents))
        assert np.array_equal(changes, np.flatnonzero(ids[:-1] == end))
        assert documents[0] == 0


def test_a_gap_ends_a_document(corpus_of):
    draw = packed(corpus_of("ACGT" * 5 + "N" * 30 + "ACGT" * 5, longest_gap=8), length=21, reverse_share=0.0)
    assert {TOKENIZER.decode(ids) for ids in draw(0).input_ids} == {"ACGT" * 5 + END}


def test_resetting_can_be_switched_off_as_in_the_original(corpus_of, random_bases):
    corpus = corpus_of(random_bases(23, 1), random_bases(31, 2))
    batch = packed(corpus, reset_documents=False)(0)
    assert batch.document_ids is None
    assert np.array_equal(batch.input_ids, packed(corpus)(0).input_ids)


def test_places_spell_the_window_without_its_ends(corpus_of, random_bases):
    texts = [random_bases(length, length) for length in (23, 3, 31, 12)]
    draw = packed(corpus_of(*texts))
    for ids, places in zip(draw(0).input_ids, draw.places(0), strict=True):
        bases = [texts[int(place.chrom[1:])][place.start : place.end] for place in places]
        turned = [
            text if place.strand == "+" else reverse_complement(text)
            for text, place in zip(bases, places, strict=True)
        ]
        assert "".join(turned) == re.sub(END, "", TOKENIZER.decode(ids))


def test_a_tokenizer_without_an_end_of_documents_is_refused(corpus_of):
    pieces = {"A": 0, "C": 1, "G": 2, "T": 3, "N": 4}
    with pytest.raises(InputError, match="has no <EOD>"):
        Sampler(
            [corpus_of("ACGT" * 9)],
            NucleotideTokenizer(pieces, {}),
            [WindowLength(8)],
            tokens=8,
            seed=0,
            pack_documents=True,
        )


def test_changing_one_document_changes_the_predictions_of_no_other(corpus_of, random_bases):
    spec = MODELS.get("genos")
    torch.manual_seed(0)
    model = spec.build(replace(spec.sizes["genos-tiny"], max_position_embeddings=64)).double().eval()
    texts = [random_bases(length, length) for length in (19, 3, 27, 40)]
    swapped = texts[2].translate(str.maketrans("ACGT", "CGTA"))
    some = packed(corpus_of(*texts, folder="some"), length=64, reverse_share=0.0)(0, slice(0, 1))
    others = packed(corpus_of(*texts[:2], swapped, texts[3], folder="others"), length=64, reverse_share=0.0)
    other = others(0, slice(0, 1))
    documents = torch.from_numpy(some.document_ids)
    assert len(documents.unique()) == 4

    def logits(batch, reset: bool) -> torch.Tensor:
        with torch.no_grad():
            ids = torch.from_numpy(batch.input_ids)
            return model(ids, document_ids=documents if reset else None).logits

    changed = torch.from_numpy(some.input_ids != other.input_ids)
    assert documents[changed].unique().tolist() == [2]
    apart = documents != 2
    difference = (logits(some, True) - logits(other, True)).abs().amax(-1)
    assert difference[apart].max() <= 1e-12
    assert difference[~apart].max() > 1e-3
    leaked = (logits(some, False) - logits(other, False)).abs().amax(-1)
    assert leaked[documents == 3].max() > 1e-6, "without the reset, later documents see earlier ones"
