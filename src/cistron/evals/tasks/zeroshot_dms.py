"""Deep mutational scans of TEM-1 β-lactamase: does the score rank proteins by their fitness?

The scans tell amino acids; each becomes the codon that differs in the fewest bases, in the plasmid pBAD30.
Source: Brixi et al. 2025 (Evo 2), section on deep mutational scans; ProteinGym's copies of Deng et al. 2012,
Firnberg et al. 2014 and Stiffler et al. 2015.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, cast

import numpy as np
from jaxtyping import Float

from cistron.evals.answers import Scores
from cistron.evals.outcome import Outcome, column
from cistron.evals.requests import Contigs, ScoreRequest
from cistron.evals.task import Answers, Baseline, Control, MarkovRule, Plan, Setting, Task
from cistron.evals.zeroshot.asking import Table, table_of
from cistron.evals.zeroshot.drawing import scatter_figure
from cistron.evals.zeroshot.experiment import MARKOV_ORDER
from cistron.evals.zeroshot.genomes import sequences_of
from cistron.evals.zeroshot.measuring import rank_correlation
from cistron.evals.zeroshot.mutants import mutant_edit, read_mutants
from cistron.formats.genbank import read_genbank
from cistron.genome.edits import Edit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SCANS: Final = ("Deng_2012", "Firnberg_2014", "Stiffler_2015")
_FOLDER: Final = "variants/tem1_dms"
_PLASMID: Final = f"{_FOLDER}/pBAD30.gb.gz"
_GENE: Final = "AP(R)"
_ECOLI: Final = "genomes/ecoli_k12/GCF_000005845.2_ASM584v2_genomic.fna.gz"


@dataclass(frozen=True)
class _Scan:
    """Mutants of one scan as edits of the plasmid.

    Attributes:
        edits: One a mutant.
        fitness: Of each.
        request: What is asked.
        told: What was sampled and left out.
    """

    edits: list[Edit]
    fitness: Float[np.ndarray, "N"]
    request: ScoreRequest
    told: str

    def judge(self, answers: Answers) -> Outcome:
        return _outcome(self._table(answers), self.fitness)

    def shuffled(self, answers: Answers) -> Outcome:
        table = self._table(answers)
        llr = np.random.default_rng(0).permutation(table.llr)
        return _outcome(Table.of(self.edits, llr, table.flank), self.fitness)

    def bases_changed(self) -> Outcome:
        """The row of a score that knows nothing but how many bases differ."""
        pairs = ((edit.variant.ref, edit.variant.alt) for edit in self.edits)
        changed = [float(sum(a != b for a, b in zip(*pair, strict=True))) for pair in pairs]
        score = -np.array(changed)
        return _outcome(Table.of(self.edits, score, score), self.fitness)

    def _table(self, answers: Answers) -> Table:
        return table_of(self.edits, cast(Scores, answers["scores"]))


def prepare(scan: str, setting: Setting) -> Plan:
    """The task on one scan."""
    found = _read(scan, setting)
    shuffled = Control("scores shuffled", "scores dealt out anew among all mutants", found.shuffled)
    changed = Baseline("bases changed", "minus the number of bases that differ", found.bases_changed)
    ecoli = setting.path(_ECOLI)
    return Plan(
        {"scores": found.request},
        found.judge,
        markov=MarkovRule(MARKOV_ORDER, lambda: (bases for _, bases in sequences_of(ecoli)), "E. coli K-12"),
        controls=(shuffled,),
        baselines=(changed,),
        notes=(found.told,),
        draw=_drawn,
    )


def _read(scan: str, setting: Setting) -> _Scan:
    annotation, sequences = read_genbank(setting.path(_PLASMID), table=11)
    plasmid = Contigs(tuple(sequences.items()), "pBAD30")
    gene = next(gene for gene in annotation.coding if gene.name == _GENE)
    cds = gene.sequence(plasmid)
    mutants = list(read_mutants(setting.path(_file(scan))))
    made = [(mutant.fitness, mutant_edit(mutant, gene, cds, plasmid)) for mutant in mutants]
    pairs = [(fitness, edit) for fitness, edit in made if edit is not None]
    lost = len(made) - len(pairs)
    order = np.random.default_rng(setting.seed).permutation(len(pairs))[: setting.limit]
    pairs = [pairs[number] for number in sorted(order.tolist())]
    edits = [edit for _, edit in pairs]
    width = int(setting.options["width"])
    request = ScoreRequest(
        tuple(edit.variant for edit in edits),
        plasmid,
        width=width,
        strands="forward",
        circular=tuple(annotation.circular),
        window_slack=min(int(setting.options["slack"]), width // 4),
    )
    told = (
        f"{len(edits):,} mutants in windows of {width:,} bp; {lost} left out, where the plasmid encodes"
        " another amino acid than the scan's wild type"
    )
    return _Scan(edits, np.array([fitness for fitness, _ in pairs]), request, told)


def _outcome(table: Table, fitness: Float[np.ndarray, "N"]) -> Outcome:
    known = np.isfinite(table.llr)
    groups = np.array([edit.unit for edit in table.edits])
    note = "positive when fitter mutants score higher; resampled by residue"
    found = rank_correlation("spearman", table.llr[known], fitness[known], groups[known], note)
    rows = {name: np.asarray(values)[known] for name, values in table.columns().items()}
    return Outcome((found,), rows | {"score": table.llr[known], "label": fitness[known]})


def _drawn(rows: Mapping[str, Outcome]) -> Mapping[str, Figure]:
    panels = {name: (column(row, "score"), column(row, "label")) for name, row in rows.items()}
    return {"fitness": scatter_figure(panels, ("score (nats)", "fitness"), "TEM-1 mutants")}


def _file(scan: str) -> str:
    return f"{_FOLDER}/BLAT_ECOLX_{scan}.csv.gz"


TASK = tuple(
    Task(
        f"zeroshot-dms/{scan.lower().replace('_', '-')}",
        1,
        f"Fitness of TEM-1 β-lactamase mutants, {scan.replace('_', ' ')}",
        "spearman",
        "ProteinGym; Brixi et al. 2025 (protocol)",
        "as published with the article",
        partial(prepare, scan),
        needs=(_file(scan), _PLASMID, _ECOLI),
        suites=("zeroshot", "evo2"),
        options={"width": 1024, "slack": 128},
    )
    for scan in _SCANS
)
