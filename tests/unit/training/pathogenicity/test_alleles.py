"""Readings of alleles: what the verbs say, whatever is read together."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from cistron.formats.fasta import Fasta
from cistron.formats.journal import Journal
from cistron.genome import Variant
from cistron.genome.alleles import AlleleStatus
from cistron.heads.allele_pair import AllelePair, AllelePairConfig
from cistron.inference.load import LoadedModel, load
from cistron.inference.predict import Text, hidden_of
from cistron.models.genos import MODEL
from cistron.tokenizers.nucleotide import NucleotideTokenizer
from cistron.training.pathogenicity.alleles import AlleleReader
from cistron.training.pathogenicity.kept import all_readings, read_into
from cistron.weights.folder import save_folder

WIDTH = 32


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> LoadedModel:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    with torch.random.fork_rng():
        torch.manual_seed(11)
        built = MODEL.build(MODEL.sizes["genos-tiny"]).eval()
    save_folder(folder, built, NucleotideTokenizer(), MODEL, {"license": "mit"})
    return load(str(folder))


@pytest.fixture(scope="module")
def genome(tmp_path_factory) -> Iterator[Fasta]:
    path: Path = tmp_path_factory.mktemp("genome") / "g.fa"
    path.write_text(">1\n" + "".join(random.Random(1).choices("ACGT", k=400)) + "\n")
    with Fasta(path) as fasta:
        yield fasta


@pytest.fixture(scope="module")
def reader(model: LoadedModel, genome: Fasta) -> AlleleReader:
    size = model.built.model.config.hidden_size
    return AlleleReader(model, AllelePair(AllelePairConfig(size)), genome, width=WIDTH, around=3)


@pytest.fixture(scope="module")
def variants(genome: Fasta) -> list[Variant]:
    found = []
    for pos in (100, 150, 200):
        ref = genome.fetch("1", pos - 1, pos)
        found += [Variant("1", pos, ref, alt) for alt in "ACGT" if alt != ref]
    return [*found, Variant("1", 250, genome.fetch("1", 249, 250), "<DUP>")]


def test_vectors_are_the_heads_summaries_of_both_windows(reader: AlleleReader, variants, genome: Fasta):
    first = variants[0]
    window = genome.fetch("1", first.start - WIDTH // 2, first.start + WIDTH // 2)
    at = WIDTH // 2
    texts = [Text(window[:at] + base + window[at + 1 :], (at, at + 4)) for base in (first.ref, first.alt)]
    with torch.inference_mode():
        hidden = hidden_of(reader.loaded.model, reader.loaded.tokenizer, texts)
        wanted = reader.head.summarise(hidden).numpy()
    found = next(reader.read([first]))
    assert found.vectors is not None
    assert np.allclose(found.vectors[0], wanted, atol=1e-4)


def test_the_llr_is_that_of_the_verb(reader: AlleleReader, variants, genome: Fasta):
    scores = reader.loaded.score_variants(variants[:-1], genome, width=WIDTH)
    assert [one.llr for one in reader.read(variants[:-1])] == [score.llr for score in scores]


def test_what_stands_beside_an_allele_changes_nothing(reader: AlleleReader, variants):
    together = list(reader.read(variants))
    alone = next(reader.read(variants[4:5]))
    assert together[4].vectors is not None
    assert np.allclose(together[4].vectors, alone.vectors, atol=1e-4)
    assert together[-1] == (None, None, AlleleStatus.SYMBOLIC)


def test_a_journal_keeps_readings_and_marks_those_there_are_not(
    reader: AlleleReader, variants, tmp_path: Path
):
    path = tmp_path / "journal"
    with Journal(path, {}, resume=False) as journal:
        read_into(journal, reader, variants)
        vectors, llr = all_readings(journal, reader)
        before = journal.done
        read_into(journal, reader, variants)
        assert journal.done == before
    assert vectors.shape == (10, 2, 2, 2 * reader.loaded.built.model.config.hidden_size)
    assert np.isfinite(llr).tolist() == [True] * 9 + [False]
    assert np.isnan(vectors[-1]).all()
