from __future__ import annotations

import importlib
import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from cistron.data.held_out import HeldOut
from cistron.inference.load import LoadedModel, load
from cistron.models import MODELS
from cistron.tokenizers import TOKENIZERS
from cistron.training.planning import count_parameters
from cistron.training.pretrain import check
from cistron.weights.folder import save_folder


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> tuple[ModuleType, ModuleType]:
    """`evo2_training` and `evo2_questions`."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "bench"))
    return importlib.import_module("evo2_training"), importlib.import_module("evo2_questions")


@pytest.fixture
def tiny(tmp_path: Path) -> LoadedModel:
    spec = MODELS.get("stripedhyena2")
    torch.manual_seed(0)
    save_folder(tmp_path / "m", spec.build(spec.sizes["evo2-tiny"]), TOKENIZERS.get("byte")(), spec, {})
    return load(tmp_path / "m")


def test_runs_differ_in_the_architecture_alone_and_have_equal_active_parameters(
    scripts: tuple[ModuleType, ModuleType],
) -> None:
    training, _ = scripts
    runs = [training.run_of(name, Path("corpus"), 100) for name in training.ARCHITECTURES]
    for run in runs:
        check(run)
    one, other = ({**vars(run), "name": "", "architecture": "", "model": {}} for run in runs)
    assert one == other
    active = [count_parameters(run)[1] - training.vocabulary_parameters(run) for run in runs]
    assert active[0] == pytest.approx(active[1], rel=0.02)


def test_every_question_about_a_trained_taxon_lies_in_what_was_held_out(
    scripts: tuple[ModuleType, ModuleType],
) -> None:
    training, questions = scripts
    held_out = HeldOut(training.HELD_OUT)
    sources = {Path(source.fasta).name for source in training.SOURCES}
    for taxon in questions.QUESTIONS.values():
        if taxon.contig is not None:
            start, end = held_out.on(taxon.contig)[0]
            assert start <= taxon.start
            assert end >= (taxon.end or taxon.start)
        else:
            assert not taxon.trained
            assert taxon.fasta.name not in sources


def test_nats_are_those_among_four_bases_whatever_else_the_vocabulary_holds(
    scripts: tuple[ModuleType, ModuleType], tiny: LoadedModel
) -> None:
    _, questions = scripts
    text = "".join(np.random.default_rng(0).choice(list("ACGT"), questions.CONTEXT + 30))
    found = questions.nats_of(tiny, text)
    with torch.inference_mode():
        logits = tiny.model(torch.from_numpy(tiny.tokenizer.encode(text)).unsqueeze(0)).logits[0].double()
    for offset, nats in enumerate(found):
        place = questions.CONTEXT + offset
        of_bases = logits[place - 1, [65, 67, 71, 84]]
        expected = float(of_bases.exp().sum().log() - logits[place - 1, ord(text[place])])
        assert nats == pytest.approx(expected, abs=1e-4)
    assert found.mean() < math.log(512) / 2


def test_pieces_have_no_n_and_do_not_overlap(scripts: tuple[ModuleType, ModuleType], tmp_path: Path) -> None:
    _, questions = scripts
    bases = np.random.default_rng(0).choice(list("ACGT"), 3 * questions.PIECE + 7)
    bases[questions.PIECE + 5] = "N"
    (tmp_path / "a.fa").write_text(">1\n" + "".join(bases) + "\n>2\n" + "A" * questions.PIECE + "\n")
    found = questions.pieces(questions.Taxon("", True, tmp_path / "a.fa", "1"))
    text = "".join(bases)
    assert found == [text[: questions.PIECE], text[2 * questions.PIECE : 3 * questions.PIECE]]
