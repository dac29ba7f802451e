from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cistron.fusion.answering import Speaker
from cistron.fusion.answers import completion
from cistron.fusion.parts import Example, read_parts
from cistron.fusion.run import FusionRun, ProjectorSettings
from cistron.fusion.saved import build

KINDS = ["linear", "mlp", "resampler"]


@pytest.fixture
def examples(planted_run: FusionRun) -> list[Example]:
    """Two examples of unequal length."""
    parts = read_parts(planted_run.records, 65, planted_run.seed)
    shorter = read_parts(planted_run.records, 33, planted_run.seed)
    return [parts["test"][0], replace(shorter["test"][1], question="Which one is it, and why?")]


def speaker_of(run: FusionRun, kind: str = "resampler") -> Speaker:
    settings = ProjectorSettings(kind=kind, positions=2, inner=32, depth=1)
    model = build(replace(run, projector=settings), ["gout", "ague"])
    assert isinstance(model.answerer, Speaker)
    speaker = model.answerer
    with torch.no_grad():  # adapters begin at zero; these do something
        for parameter in speaker.module.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    speaker.module.eval()
    return speaker


@pytest.mark.parametrize("kind", KINDS)
def test_the_score_of_an_answer_is_the_loss_of_saying_it_whatever_stands_beside(
    planted_run: FusionRun, examples: list[Example], kind: str
) -> None:
    speaker = speaker_of(planted_run, kind)
    together = speaker.scores(examples, ["gout", "thrush"])
    for row, example in zip(together, examples, strict=True):
        for score, label in zip(row, ("gout", "thrush"), strict=True):
            loss = speaker.loss([replace(example, label=label)]).detach()
            assert float(score) == pytest.approx(-float(loss), abs=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_padded_on_the_left_has_the_sum_of_its_losses(
    planted_run: FusionRun, examples: list[Example], kind: str
) -> None:
    speaker = speaker_of(planted_run, kind)
    alone = sum(float(speaker.loss([example]).detach()) for example in examples)
    assert float(speaker.loss(examples).detach()) == pytest.approx(alone, rel=1e-5)


def test_a_linear_projector_gives_every_base_a_place(planted_run: FusionRun, examples: list[Example]) -> None:
    prompt = speaker_of(planted_run, "linear").asked(examples[1])
    pair = examples[1].pair
    assert sum(token == -2 for token in prompt.ids) == len(pair.reference) + len(pair.variant)


def test_places_that_do_not_fit_the_dna_are_refused(planted_run: FusionRun, examples: list[Example]) -> None:
    speaker = speaker_of(planted_run)
    prompt = speaker.writer.write("which?", (3, 2), completion("gout"))
    from cistron.fusion.answering import both_sequences

    assert speaker.encoder is not None
    with pytest.raises(ValueError, match="5 places for 4 positions"):
        speaker.fused.loss([prompt], both_sequences(speaker.encoder, examples[:1]))


def test_zeroed_dna_is_the_same_for_all(planted_run: FusionRun, examples: list[Example]) -> None:
    speaker = speaker_of(planted_run)
    same = [examples[0], replace(examples[0], pair=examples[1].pair)]
    zeroed = speaker.scores(same, ["gout", "ague"], dna="zeroed")
    own = speaker.scores(same, ["gout", "ague"])
    assert torch.allclose(zeroed[0], zeroed[1])
    assert not torch.allclose(own[0], own[1])


def test_greedy_texts_do_not_depend_on_the_batch(planted_run: FusionRun, examples: list[Example]) -> None:
    speaker = speaker_of(planted_run)
    alone = [speaker.texts([example], max_new_tokens=8)[0] for example in examples]
    assert speaker.texts(examples, max_new_tokens=8) == alone


def test_states_come_from_the_disk_as_they_were_computed(planted_run: FusionRun, tmp_path: Path) -> None:
    from cistron.fusion.encoder import DnaEncoder
    from cistron.inference.load import load

    loaded = load(planted_run.dna.model, device="cpu")
    encoder = DnaEncoder(loaded, planted_run.dna, tmp_path)
    first = next(encoder.states(["ACGTTGCA"]))
    (kept,) = tmp_path.rglob("*.safetensors")
    written = kept.stat().st_mtime_ns
    assert torch.equal(next(encoder.states(["ACGTTGCA"])), first)
    assert kept.stat().st_mtime_ns == written
    kept.write_bytes(b"cut")
    assert torch.equal(next(encoder.states(["ACGTTGCA"])), first)
    other = DnaEncoder(loaded, replace(planted_run.dna, strands="forward"), tmp_path)
    assert next(other.states(["ACGTTGCA"])).shape[1] * 2 == first.shape[1]
