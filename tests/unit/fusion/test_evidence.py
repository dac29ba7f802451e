"""On a model that reads one planted base, that base stands out, and signs mean what is said."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cistron.errors import InputError, OutputError
from cistron.fusion.evidence import BaseEvidence, by_gradient, by_occlusion
from cistron.fusion.evidence_files import write_evidence
from cistron.fusion.parts import Example, read_parts
from cistron.fusion.rows import runner_up
from cistron.fusion.run import FusionRun
from cistron.fusion.saved import FusedModel, build

PLANTED = 32
"""Where the records of `conftest.planted` differ."""


@pytest.fixture(scope="module")
def examples(planted_run: FusionRun) -> list[Example]:
    return read_parts(planted_run.records, planted_run.dna.width, planted_run.seed)["test"]


@pytest.fixture(scope="module")
def occluded(trained: FusedModel, examples: list[Example]) -> BaseEvidence:
    return by_occlusion(trained, examples[1], examples[1].label, windows=64)


def test_the_planted_base_stands_out_by_gradient(trained: FusedModel, examples: list[Example]) -> None:
    for example in examples[:8]:
        found = by_gradient(trained, example, example.label, runner_up(trained, example, example.label))
        others = np.delete(np.abs(found.variant), PLANTED)
        assert len(found.variant) == len(example.pair.variant)
        assert found.variant[PLANTED] > 20 * others.max()


def test_hiding_the_planted_base_costs_the_right_answer_and_no_other_base_does(
    occluded: BaseEvidence, examples: list[Example]
) -> None:
    assert occluded.variant[PLANTED] > 0.5
    assert np.abs(np.delete(occluded.variant, PLANTED)).max() < 0.05
    assert np.abs(occluded.reference).max() < occluded.variant[PLANTED]
    assert occluded.exchanged is not None
    assert occluded.exchanged[1] > 0.5


def test_what_speaks_against_an_answer_is_negative(trained: FusedModel, examples: list[Example]) -> None:
    wrong = next(label for label in trained.labels if label != examples[1].label)
    found = by_occlusion(trained, examples[1], wrong, windows=4)
    assert found.log_likelihood < -1
    assert found.variant[PLANTED] < -0.5


def test_both_methods_explain_the_likelihood_that_ranks_the_answer(
    trained: FusedModel, examples: list[Example], occluded: BaseEvidence
) -> None:
    example = examples[1]
    ranked = float(trained.answerer.scores([example], [example.label])[0, 0])
    assert by_gradient(trained, example, example.label).log_likelihood == pytest.approx(ranked, abs=1e-4)
    assert occluded.log_likelihood == pytest.approx(ranked, abs=1e-4)


def test_alleles_of_unequal_length_have_a_value_for_each_of_their_bases(
    trained: FusedModel, examples: list[Example]
) -> None:
    pair = examples[0].pair
    shorter = replace(
        pair, variant=pair.variant[:PLANTED] + pair.variant[PLANTED + 3 :], variant_site=(PLANTED, PLANTED)
    )
    shorter = replace(shorter, reference_site=(PLANTED, PLANTED + 3))
    for found in (
        by_gradient(trained, replace(examples[0], pair=shorter), "gout"),
        by_occlusion(trained, replace(examples[0], pair=shorter), "gout", windows=3),
    ):
        assert (len(found.reference), len(found.variant)) == (65, 62)
        assert np.isfinite(found.variant).all()


def test_a_classifier_of_dna_is_explained_for_answers_that_it_knows(
    planted_run: FusionRun, examples: list[Example]
) -> None:
    model = build(replace(planted_run, mode="dna"), ["ague", "gout"])
    model.answerer.module.eval()
    found = by_gradient(model, examples[0], "gout")
    score = model.answerer.scores(examples[:1], ["gout"])
    assert found.log_likelihood == pytest.approx(float(score[0, 0]), abs=1e-5)
    with pytest.raises(InputError, match="knows the answers of its training"):
        by_occlusion(model, examples[0], "never heard of")


def test_a_model_of_text_alone_has_no_evidence(planted_run: FusionRun, examples: list[Example]) -> None:
    model = build(replace(planted_run, mode="text"), ["ague", "gout"])
    with pytest.raises(InputError, match="text alone reads no DNA"):
        by_gradient(model, examples[0], "gout")


def test_evidence_is_written_as_figure_table_and_json(occluded: BaseEvidence, tmp_path: Path) -> None:
    for ending in ("png", "svg", "tsv", "json"):
        write_evidence(tmp_path / f"e.{ending}", occluded, {"model": "m"})
    assert (tmp_path / "e.png").read_bytes().startswith(b"\x89PNG")
    rows = [line.split("\t") for line in (tmp_path / "e.tsv").read_text().splitlines() if line[0] != "#"]
    assert rows[0] == ["sequence", "offset", "base", "differs", "value"]
    assert len(rows) == 1 + 2 * 65
    assert [row[:2] for row in rows if row[3] == "True"] == [["reference", "32"], ["variant", "32"]]
    told = json.loads((tmp_path / "e.json").read_text())
    assert told["variant"]["values"][PLANTED] == pytest.approx(occluded.variant[PLANTED])
    assert (told["model"], told["unit"]) == ("m", "nats")
    with pytest.raises(OutputError, match=r"should end in \.png"):
        write_evidence(tmp_path / "e.doc", occluded, {})
