from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cistron.errors import InputError
from cistron.evals.catalogue import tasks_of
from cistron.evals.outcome import Outcome
from cistron.evals.requests import ScoreRequest
from cistron.evals.task import Answers, Plan, Setting, Task
from cistron.genome import Variant

Planned = Callable[..., Plan]
Judged = Callable[[Plan, Callable[[Variant], float]], Outcome]


def own(file: str) -> Task:
    return next(task for task in tasks_of(file) if task.name.endswith("/genome"))


def scores(plan: Plan, name: str) -> ScoreRequest:
    request = plan.requests[name]
    assert isinstance(request, ScoreRequest)
    return request


def test_the_start_profile_asks_each_strand_for_every_substitution_of_its_genes(planned: Planned) -> None:
    plan = planned(own("zeroshot-start"))
    assert {name: len(scores(plan, name).variants) for name in plan.requests} == {
        "forward": 3 * 41 * 3,
        "reverse": 3 * 41 * 3,
    }
    assert scores(plan, "reverse").strands == "reverse"
    assert set(planned(own("zeroshot-start"), strands="both").requests) == {"both"}


@pytest.mark.parametrize("strands", ["gene", "both"])
def test_a_model_that_minds_the_start_codon_alone_has_a_start_dip_of_its_size(
    planned: Planned, outcome: Judged, strands: str
) -> None:
    plan = planned(own("zeroshot-start"), strands=strands, bacterial=1)
    starts = {640 * n + 400 + (0 if n % 2 == 0 else 239) for n in range(6)}
    codons = {at + step for at in starts for step in ((0, 1, 2) if at % 640 == 400 else (0, -1, -2))}
    row = outcome(plan, lambda v: -2.0 if v.start in codons else 0.0)
    found = {metric.name: round(metric.value, 9) for metric in row.metrics}
    assert found == {"start dip": 2, "third base": 0, "coding dip": 0, "ribosome-binding site": 0}
    assert row.main.n == 6


def test_a_model_that_spares_the_third_base_shows_the_period_of_codons(
    planned: Planned, outcome: Judged
) -> None:
    def by_place(plan: Plan) -> dict[Variant, int]:
        columns = outcome(plan, nothing).items
        keys = zip(columns["chrom"], columns["pos"], columns["ref"], columns["alt"], strict=True)
        variants = [Variant(str(c), int(p), str(r), str(a)) for c, p, r, a in keys]
        return dict(zip(variants, np.asarray(columns["place"]).tolist(), strict=True))

    for file, third in (("zeroshot-start", 2), ("zeroshot-stop", 0)):
        plan = planned(own(file))
        places = by_place(plan)
        row = outcome(plan, lambda v, places=places, third=third: float(places[v] % 3 == third))  # type: ignore[misc]
        assert row.metric("third base").value == pytest.approx(1)


def test_the_stop_dip_is_that_of_the_three_bases_of_the_stop_codon(planned: Planned, outcome: Judged) -> None:
    plan = planned(own("zeroshot-stop"))
    ends = {640 * n + 400 + (239 if n % 2 == 0 else 0): (-1 if n % 2 == 0 else 1) for n in range(6)}
    codons = {end + step * k for end, step in ends.items() for k in range(3)}
    row = outcome(plan, lambda v: -3.0 if v.start in codons else 0.0)
    assert row.metric("stop dip").value == pytest.approx(3)


def test_coding_classes_are_what_they_are_called(planned: Planned, outcome: Judged) -> None:
    plan = planned(own("zeroshot-classes"), codons=5)
    row = outcome(plan, lambda v: -1.0 if len(v.ref) != len(v.alt) else 0.0)
    lengths = {
        kind: {len(alt) - len(ref)}
        for kind, ref, alt in zip(row.items["kind"], row.items["ref"], row.items["alt"], strict=True)
    }
    assert lengths == {
        "synonymous": {0},
        "non-synonymous": {0},
        "stop codon": {0},
        "sense codon": {0},
        "deletion of 3": {-3},
        "deletion of 1": {-1},
        "insertion of 1": {1},
    }
    assert row.metric("deletion of 1 below synonymous").value == 1
    assert row.metric("stop below sense codon").value == 0.5


def test_sense_codons_change_as_many_bases_as_the_stops_they_stand_beside(
    planned: Planned, outcome: Judged
) -> None:
    plan = planned(own("zeroshot-classes"), codons=8)
    items = outcome(plan, nothing).items
    stops, senses = [], []
    for group, kind, place, change in zip(
        items["group"], items["kind"], items["place"], items["change"], strict=True
    ):
        old, new = change.split(">")
        if kind == "stop codon":
            stops.append((group, place, tuple(a != b for a, b in zip(old, new, strict=True))))
        if kind == "sense codon":
            senses.append((group, place, tuple(a != b for a, b in zip(old, new, strict=True))))
    assert senses
    assert set(senses) <= set(stops)


def test_controls_of_rna_deletions_lie_between_genes_and_are_as_long(
    planned: Planned, outcome: Judged
) -> None:
    plan = planned(own("zeroshot-noncoding"))
    items = outcome(plan, nothing).items
    kinds = np.asarray(items["kind"])
    assert set(kinds.tolist()) == {"tRNA", "between genes, as tRNA"}
    positions = np.asarray(items["pos"])[kinds == "between genes, as tRNA"]
    inside = (positions % 640)[positions < 6 * 640]
    assert ((inside > 95 + 40) & (inside < 400)).all()
    assert {len(ref) for ref in items["ref"]} == {61}


def test_stops_in_recoded_genes_are_judged_against_stops_that_stay_stops(
    planned: Planned, outcome: Judged
) -> None:
    plan = planned(own("zeroshot-code"), widths="64,128", codons=3)
    row = outcome(plan, lambda v: 1.5 if v.alt == "TGA" and v.chrom.endswith("code 4") else 0.0)
    assert row.metric("code 4 relief").value == pytest.approx(1.5)
    assert row.metric("code 6 relief").value == 0
    uniform = outcome(plan, lambda v: 1.0 if v.chrom.endswith("code 4") else 0.0)
    assert uniform.metric("code 4 relief, 64 bp").value == pytest.approx(0)


def test_a_recoded_gene_differs_from_its_native_spelling_at_the_reassigned_codons_alone(
    planned: Planned,
) -> None:
    contigs = scores(planned(own("zeroshot-code"), widths="64"), "64").reference.sequences  # type: ignore[union-attr]
    native, four, six = (text for _, text in contigs[:3])
    changed = [
        (native[at : at + 3], four[at : at + 3], six[at : at + 3])
        for at in range(64, len(native) - 64, 3)
        if not native[at : at + 3] == four[at : at + 3] == six[at : at + 3]
    ]
    assert changed
    assert set(changed) <= {("TGG", "TGA", "TGG"), ("CAA", "CAA", "TAA"), ("CAG", "CAG", "TAG")}


def test_shuffling_the_scores_keeps_their_values_and_takes_the_contrast(
    planned: Planned, answers: Callable[[Plan, Callable[[Variant], float]], Answers]
) -> None:
    plan = planned(own("zeroshot-start"))
    starts = {640 * n + 400 + k for n in (0, 2, 4) for k in range(3)}
    found = answers(plan, lambda v: -2.0 if v.start in starts else 0.0)
    whole, control = plan.judge(found), plan.controls[0].judge(found)
    assert np.sort(control.items["llr"]).tolist() == np.sort(whole.items["llr"]).tolist()
    assert abs(control.main.value) < whole.main.value / 2


def test_edits_without_a_score_are_counted_and_left_out(planned: Planned, outcome: Judged) -> None:
    plan = planned(own("zeroshot-start"))
    row = outcome(plan, lambda v: math.nan if v.start < 640 else 0.0)
    assert row.notes == ("123 of 738 edits have no score",)
    assert row.main.n == 5


def test_the_baseline_is_fitted_outside_the_windows_that_are_read(planned: Planned) -> None:
    plan = planned(own("zeroshot-start"), limit=1, width=200)
    assert plan.markov is not None
    (text,) = plan.markov.sequences()
    (request,) = plan.requests.values()
    assert isinstance(request, ScoreRequest)
    hidden = {at for v in request.variants for at in range(v.start - 200, v.start + 200)}
    assert {at for at, base in enumerate(text) if base == "N"} == {at for at in hidden if 0 <= at < len(text)}


def test_the_same_seed_samples_the_same_genes_and_another_one_others(planned: Planned) -> None:
    task = own("zeroshot-start")
    first, again, other = (planned(task, limit=3, seed=seed).requests for seed in (0, 0, 4))
    assert first == again != other


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fasta": ""}, "name your genome: --set fasta="),
        ({"strands": "forward"}, "strands=forward is not one of gene, both"),
        ({"first": 0}, "no gene of .* reads cleanly"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(
    planned: Planned, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        planned(own("zeroshot-start"), **options)


def test_every_task_of_the_suite_says_what_it_needs_when_there_is_no_data() -> None:
    files = ("start", "stop", "classes", "noncoding", "code", "ramp", "dms", "brca1", "essential", "taxa")
    for file in files:
        for task in tasks_of(f"zeroshot-{file}"):
            reason = task.missing(Setting())
            assert (reason is None) == task.name.endswith("/genome"), task.name


def nothing(_: Variant) -> float:
    return 0.0
