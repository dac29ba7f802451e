from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cistron.data.letters import CODES
from cistron.data.packed import PackedCorpus
from cistron.errors import InputError, OutOfBoundsError
from cistron.genome import Interval
from cistron.genome.sequence import reverse_complement

texts = st.lists(st.text("ACGTNR", max_size=60), min_size=1, max_size=4).filter(
    lambda found: re.search("[ACGT]", "".join(found))
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(texts=texts, shard_bytes=st.integers(1, 9))
def test_every_base_comes_back_whatever_the_shards(corpus_of, text_of, tmp_path, texts, shard_bytes):
    folder = f"corpus{len(list(tmp_path.iterdir()))}"
    corpus = corpus_of(*texts, folder=folder, shard_bytes=shard_bytes)
    for number, text in enumerate(texts):
        expected = text.replace("R", "N")
        assert text_of(corpus, number) == expected
        assert corpus.num_unknown(corpus.contigs[number].offset, len(text)) == expected.count("N")
        for start, end in ((1, 2), (3, 30), (len(text) // 2, len(text))):
            if start <= end <= len(text):
                assert text_of(corpus, number, start, end) == expected[start:end]
    assert corpus.num_bases == sum(map(len, texts))


def test_a_stretch_reads_as_its_reverse_complement_on_the_other_strand(corpus_of, random_bases):
    text = random_bases(200, 1)[:100] + "NNN" + random_bases(97, 2)
    corpus = corpus_of("A" * 7, text, shard_bytes=11)
    for start, end in ((0, 200), (1, 2), (97, 104), (5, 131)):
        out = np.empty(end - start, dtype=np.uint8)
        corpus.read(corpus.contigs[1].offset + start, CODES, out, reverse=True)
        assert "".join("ACGTN"[code] for code in out) == reverse_complement(text[start:end])


def test_positions_lead_back_to_source_and_coordinates(corpus_of):
    corpus = corpus_of("A" * 7, "C" * 9, "G" * 5)
    place = corpus.locate(corpus.contigs[1].offset + 3, 4, "-")
    assert place == Interval("c1", 3, 7, "-", "corpus")


def test_a_stretch_beyond_the_contig_is_refused(corpus_of):
    with pytest.raises(OutOfBoundsError, match="c0:2-9 is not in its 8 bp"):
        corpus_of("ACGTACGT").codes(0, 1, 9)


def test_a_shard_that_was_cut_short_is_named_when_the_corpus_is_opened(corpus_of):
    corpus = corpus_of("ACGT" * 100, shard_bytes=16)
    shard = corpus.folder / "bases-00003.bin"
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"bases-00003\.bin has 15 bytes where the index expects 16"):
        PackedCorpus.open(corpus.folder)
    shard.unlink()
    with pytest.raises(InputError, match=r"bases-00003\.bin is missing"):
        PackedCorpus.open(corpus.folder)


@pytest.mark.parametrize("name", ["bases-00001.bin", "runs.npy", "stretches.npy"])
def test_a_changed_byte_is_found_by_its_hash_and_the_file_named(corpus_of, name):
    corpus = corpus_of("ACGT" * 10 + "N" + "ACGT" * 10, shard_bytes=16)
    content = bytearray((corpus.folder / name).read_bytes())
    content[-1] ^= 1
    (corpus.folder / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name} is damaged: its SHA-256"):
        PackedCorpus.open(corpus.folder, verify=True)


def test_a_whole_corpus_passes_its_check(corpus_of):
    corpus = corpus_of("ACGT" * 10, shard_bytes=3)
    seen = []
    corpus.verify(lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1] > 0


def test_other_versions_and_other_folders_are_refused(corpus_of, tmp_path):
    corpus = corpus_of("ACGT" * 10)
    path = corpus.folder / "corpus.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"version": 2}))
    with pytest.raises(InputError, match=r"version 2; this program reads 'cistron-corpus' version 1"):
        PackedCorpus.open(corpus.folder)
    path.write_text(json.dumps(content | {"format": "other"}))
    with pytest.raises(InputError, match="is 'other' version 1"):
        PackedCorpus.open(corpus.folder)
    (tmp_path / "other").mkdir()
    with pytest.raises(InputError, match=r"is not a corpus: it has no corpus\.json"):
        PackedCorpus.open(tmp_path / "other")


def test_an_index_that_was_changed_is_refused(corpus_of):
    corpus = corpus_of("ACGT" * 10)
    path = corpus.folder / "corpus.json"
    for old, new in (('"length": 40', '"length": 39'), ('"offset"', '"ofset"'), ("{", "[")):
        text = path.read_text()
        path.write_text(text.replace(old, new, 1))
        with pytest.raises(InputError, match=r"corpus\.json is (damaged|not readable JSON)"):
            PackedCorpus.open(corpus.folder)
        path.write_text(text)
