"""Saturation genome editing of BRCA1: do variants that lose function score lower than others?

3,893 substitutions in and around 13 exons, each with its measured function. Loss of function (LOF) stands
against functional and intermediate. The published protocol reads the plus strand of chromosome 17 in windows
of 8,192 bp: `strands=forward width=8192`.
Source: Findlay et al. 2018, Nature 562:217; Brixi et al. 2025 (Evo 2), figure 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

import numpy as np
from jaxtyping import Bool, Float

from cistron.errors import InputError
from cistron.evals.answers import Scores
from cistron.evals.outcome import Column, Metric, Outcome, column
from cistron.evals.requests import Reading, ScoreRequest
from cistron.evals.task import Answers, Baseline, Control, MarkovRule, Plan, Published, Setting, Task
from cistron.evals.zeroshot.drawing import class_figure
from cistron.evals.zeroshot.experiment import MARKOV_ORDER
from cistron.evals.zeroshot.genomes import sequences_of
from cistron.formats.fasta import Fasta
from cistron.formats.xlsx import read_xlsx
from cistron.genome import Variant
from cistron.metrics.ranking import auroc_interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TABLE: Final = "variants/brca1_sge/41586_2018_461_MOESM3_ESM.xlsx"
_LOCUS: Final = "variants/brca1_sge/brca1_locus_grch37.fa.gz"
_MARKOV: Final = "human/chr22_partial.fa.gz"
_READINGS: Final = ("both", "forward", "reverse")

_Row = dict[str, str]
GROUPS: Final[Mapping[str, Callable[[_Row], bool]]] = {
    "coding": lambda row: row["aa_pos"] != "NA",
    "missense": lambda row: row["consequence"] == "Missense",
    "non-coding": lambda row: row["aa_pos"] == "NA",
    "splice": lambda row: "plice" in row["consequence"],
}

SEVERITY: Final = (
    "Intronic", "5' UTR", "Synonymous", "Splice region", "Missense", "Nonsense", "Canonical splice",
)  # fmt: skip
"""Consequences, the mildest first. Source: order of Ensembl's variant effect predictor."""


@dataclass(frozen=True)
class _Measured:
    """Rows of the published table, by place."""

    rows: list[_Row]

    def judge(self, answers: Answers) -> Outcome:
        return _outcome(self.rows, _loss(answers))

    def shuffled(self, answers: Answers) -> Outcome:
        return _outcome(self.rows, np.random.default_rng(0).permutation(_loss(answers)))

    def gc(self) -> Outcome:
        """The row of a score that knows nothing but G and C."""
        lost = [(row["reference"] in "GC") - float(row["alt"] in "GC") for row in self.rows]
        return _outcome(self.rows, np.array(lost))

    def consequence(self) -> Outcome:
        """The row of a score that knows the kind of change alone."""
        return _outcome(self.rows, np.array([float(SEVERITY.index(row["consequence"])) for row in self.rows]))

    def conservation(self) -> Outcome:
        return _outcome(self.rows, np.array([float(row["phyloP (mammalian)"]) for row in self.rows]))


def prepare(setting: Setting) -> Plan:
    """Requests and judge.

    Raises:
        InputError: `strands` is none of its values, or data are missing or damaged.
    """
    if setting.options["strands"] not in _READINGS:
        raise InputError(f"strands={setting.options['strands']} is not one of {', '.join(_READINGS)}")
    measured = _Measured(_sampled(list(read_xlsx(setting.path(_TABLE), header=3)), setting))
    locus, chr22 = setting.path(_LOCUS), setting.path(_MARKOV)
    request = ScoreRequest(
        _variants(measured.rows, Fasta(locus)),
        locus,
        width=int(setting.options["width"]) or None,
        strands=cast(Reading, setting.options["strands"]),
    )
    return Plan(
        {"scores": request},
        measured.judge,
        markov=MarkovRule(MARKOV_ORDER, lambda: (bases for _, bases in sequences_of(chr22)), "human chr22"),
        controls=(Control("scores shuffled", "dealt out anew among all variants", measured.shuffled),),
        baselines=(
            Baseline("loss of G or C", "1 for a G or C that is lost, −1 for one gained", measured.gc),
            Baseline(
                "consequence", "how severe the kind of change is by a fixed order", measured.consequence
            ),
            Baseline("phyloP, mammals", "conservation, from an alignment", measured.conservation),
        ),
        notes=(f"{len(measured.rows):,} variants, intervals from resampling positions",),
        draw=_drawn,
    )


def _loss(answers: Answers) -> Float[np.ndarray, "N"]:
    return -cast(Scores, answers["scores"]).llr


def _sampled(rows: list[_Row], setting: Setting) -> list[_Row]:
    """All variants, or those of as many positions as make about `limit` of them, by place."""
    rows = sorted(rows, key=lambda row: (int(row["position (hg19)"]), row["alt"]))
    if setting.limit is None or setting.limit >= len(rows):
        return rows
    positions = sorted({row["position (hg19)"] for row in rows})
    most = max(1, round(setting.limit * len(positions) / len(rows)))
    kept = set(np.random.default_rng(setting.seed).permutation(positions)[:most].tolist())
    return [row for row in rows if row["position (hg19)"] in kept]


def _variants(rows: list[_Row], locus: Fasta) -> tuple[Variant, ...]:
    """The variants in the coordinates of the locus, whose contig is named by its place on chromosome 17."""
    contig = next(iter(locus.contigs))
    first = int(contig.partition(":")[2].partition("-")[0])
    return tuple(
        Variant(contig, int(row["position (hg19)"]) - first + 1, row["reference"], row["alt"]) for row in rows
    )


def _outcome(rows: list[_Row], loss: Float[np.ndarray, "N"]) -> Outcome:
    """AUROC of a score that is higher for variants thought to lose function."""
    lof = np.array([row["func.class"] == "LOF" for row in rows])
    positions = np.array([int(row["position (hg19)"]) for row in rows])
    known = np.isfinite(loss)
    metrics = [_auroc("auroc", loss, lof, positions, known)]
    for name, belongs in GROUPS.items():
        inside = np.array([belongs(row) for row in rows]) & known
        metrics.append(_auroc(f"auroc:{name}", loss, lof, positions, inside))
    columns: dict[str, Column] = {
        "item": [f"chr17:{row['position (hg19)']} {row['reference']}>{row['alt']}" for row in rows],
        "group": positions,
        "kind": [row["func.class"] for row in rows],
        "consequence": [row["consequence"] for row in rows],
        "label": lof,
        "score": loss,
        "llr": -loss,
    }
    return Outcome(tuple(metrics), columns)


def _auroc(
    name: str,
    loss: Float[np.ndarray, "N"],
    lof: Bool[np.ndarray, "N"],
    positions: np.ndarray,
    rows: Bool[np.ndarray, "N"],
) -> Metric:
    if len(set(lof[rows].tolist())) < 2:
        return Metric(name, float("nan"), n=int(rows.sum()), note="of one class alone")
    found = auroc_interval(loss[rows], lof[rows], positions[rows])
    return Metric.of(name, found, len(np.unique(positions[rows])))


def _drawn(rows: Mapping[str, Outcome]) -> Mapping[str, Figure]:
    models = {name: row for name, row in rows.items() if column(row, "llr").dtype == float}
    return {"function": class_figure(models, ("FUNC", "INT", "LOF"), "BRCA1")}


TASK = Task(
    "zeroshot-brca1",
    1,
    "Loss of function among 3,893 substitutions of BRCA1",
    "auroc",
    "Findlay et al. 2018; Brixi et al. 2025 (protocol)",
    "supplementary material of the article",
    prepare,
    needs=(_TABLE, _LOCUS, _MARKOV),
    suites=("zeroshot", "evo2"),
    options={"width": 0, "strands": "both"},
    published=(
        Published("evo2_1b_base", 0.73, "AUROC", "notebook of the evo2 repository", "8,192 bp, plus strand"),
        Published("evo2_7b", 0.87, "AUROC", "BioNeMo documentation (0.87 to 0.88)", "8,192 bp"),
        Published("evo2_40b", 0.87, "AUROC", "BioNeMo documentation", "8,192 bp"),
    ),
)
