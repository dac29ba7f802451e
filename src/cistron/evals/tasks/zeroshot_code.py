"""Genetic codes: does the model read the code of a gene from the gene itself?

Codons are replaced by TAA, TAG and TGA in genes as they are, and in the same genes recoded: with every other
TGG as TGA, which means the same in code 4, or with every other CAA and CAG as TAA and TAG, as in code 6.
(Codes 1 and 11 differ in their start codons alone and read the genes as they are.) A model that takes the
code from its context minds a reassigned codon less in the recoded gene, more so the more of it it sees.
Source: Brixi et al. 2025 (Evo 2), figure 2 and extended figure 3f; there genes of species with these codes
are used, as here wherever an annotation has some (yeast's mitochondrion); recoding the context is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

import numpy as np

from cistron.errors import InputError
from cistron.evals.answers import Scores
from cistron.evals.outcome import Metric, Outcome
from cistron.evals.requests import Contigs
from cistron.evals.task import Answers, Plan, Setting
from cistron.evals.zeroshot.asking import Table, own_request
from cistron.evals.zeroshot.drawing import line_figure
from cistron.evals.zeroshot.experiment import judged, markov_rule, sampled, shuffled_control, variants_of
from cistron.evals.zeroshot.genomes import Genome
from cistron.evals.zeroshot.measuring import Rows, contrast, mean_metric, unit_means
from cistron.evals.zeroshot.recoding import NATIVE, RECODED, STOPS, kind_of, native_context, original, recoded
from cistron.genome.coding import CodingGene

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_REASSIGNED: Final = (("code 4", ("TGA",)), ("code 6", ("TAA", "TAG")))
_SHORTEST: Final = 150


def plan(genome: Genome, setting: Setting) -> Plan:
    """The experiment on one genome."""
    widths = _widths(setting)
    random = np.random.default_rng(setting.seed + 3)
    chosen = _sampled([gene for gene in genome.genes if len(gene) >= _SHORTEST], setting)
    made = [recoded(genome, gene, max(widths), int(setting.options["codons"]), random) for gene in chosen]
    contigs = Contigs(tuple(pair for texts, _ in made for pair in texts), "recoded genes")
    edits = [edit for _, found in made for edit in found]
    if not edits:
        raise InputError(f"no gene of {genome.source.title} has {_SHORTEST} bases and a codon to replace")

    def table(answers: Answers) -> Table:
        parts = [cast(Scores, answers[str(width)]) for width in widths]
        spread = [edit._replace(place=width) for width in widths for edit in edits]
        return Table.of(
            spread, np.concatenate([part.llr for part in parts]), np.concatenate([p.flank for p in parts])
        )

    def judge(whole: Table) -> Outcome:
        return judged(whole, lambda rows: measured(rows, widths))

    def draw(rows: Mapping[str, Outcome]) -> Mapping[str, Figure]:
        return {"genetic code": _figure(rows, widths, genome.source.title)}

    return Plan(
        {str(width): own_request(contigs, edits, width) for width in widths},
        lambda answers: judge(table(answers)),
        markov=markov_rule(genome, [original(edit) for edit in edits], 2 * max(widths)),
        controls=(shuffled_control(table, judge),),
        notes=(
            f"{len(chosen)} genes sampled with seed {setting.seed}; spliced, read on their strand",
            *genome.notes,
        ),
        draw=draw,
    )


def measured(table: Table, widths: list[int]) -> tuple[Metric, ...]:
    """What a recoded context takes from the penalty of its codons, beyond what it takes from true stops."""
    found = []
    for width in reversed(widths):
        at = _at(width, widths)
        found += [_relief(table, context, codons, width, at) for context, codons in _REASSIGNED]
        found += [_preference(table, context, width, at) for context in _native(table)]
    return tuple(found)


def _at(width: int, widths: list[int]) -> str:
    """What a metric's name says of its window; nothing for the widest, which the task is judged by."""
    return "" if width == max(widths) else f", {width} bp"


def _native(table: Table) -> list[str]:
    """Names of the spellings of genes as they are, usual codes first."""
    contexts = {kind.partition(" in ")[2] for kind in table.kind.tolist()}
    return sorted(context for context in contexts if context.startswith(NATIVE))


def _preference(table: Table, context: str, width: int, at: str) -> Metric:
    code = context.removeprefix(NATIVE)
    return contrast(
        table,
        f"TGA against TAA and TAG{code}{at}",
        _rows(table, ("TGA",), context, width),
        _rows(table, ("TAA", "TAG"), context, width),
        "mean llr in genes as they are; 0: all three alike, positive: TGA is known to be no stop",
    )


def _relief(table: Table, context: str, reassigned: tuple[str, ...], width: int, at: str) -> Metric:
    true = tuple(stop for stop in STOPS if stop not in reassigned)
    means = [
        unit_means(table, _rows(table, stops, where, width))
        for stops in (reassigned, true)
        for where in (context, NATIVE)
    ]
    note = (
        "rise of mean llr in recoded genes minus that of codons that stay stops; positive: the code is read"
    )
    return mean_metric(f"{context} relief{at}", means[0] - means[1] - (means[2] - means[3]), note)


def _rows(table: Table, stops: tuple[str, ...], context: str, width: int) -> Rows:
    kinds = [kind_of(stop, context) for stop in stops]
    rows: Rows = np.isin(table.kind, kinds) & (table.place == width)
    return rows


def _sampled(genes: list[CodingGene], setting: Setting) -> list[CodingGene]:
    """As many genes of each code; codes 1 and 11 are one."""
    contexts = dict.fromkeys(map(native_context, genes))
    return [g for c in contexts for g in sampled([g for g in genes if native_context(g) == c], setting)]


def _widths(setting: Setting) -> list[int]:
    try:
        return sorted({int(width) for width in str(setting.options["widths"]).split(",")})
    except ValueError:
        raise InputError(f"widths={setting.options['widths']} is no list such as 512,1024") from None


def _figure(rows: Mapping[str, Outcome], widths: list[int], title: str) -> Figure:
    lines = {
        f"{name}, {context}": (
            [float(width) for width in widths],
            [outcome.metric(f"{context} relief{_at(width, widths)}").value for width in widths],
        )
        for name, outcome in rows.items()
        for context in RECODED
        if context != NATIVE
    }
    return line_figure(lines, ("window (bp)", "relief of reassigned codons (nats)"), title)


TASK = variants_of(
    "zeroshot-code",
    plan,
    options={"genes": 32, "codons": 2, "widths": "512,1024,2048"},
    summary="Stop codons in genes recoded to other genetic codes",
    metric="code 4 relief",
)
