"""Is this position in an exon? The set of Evo 2's exon classifier, as a probe across species.

Evo 2's own classifier was trained on other, unpublished positions. Here a linear probe is fitted to seven of
the eight species and tells the eighth, so that no number rests on a species that was seen.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cistron.errors import InputError
from cistron.evals.answers import Vectors
from cistron.evals.probing.audit import audit
from cistron.evals.probing.examples import cross_validation
from cistron.evals.probing.plan import OPTIONS, embedding_request, probe_plan
from cistron.evals.task import Answers, Plan, Setting, Task
from cistron.formats.labelled_sequences import Labelled, read_rows
from cistron.genome.sequence import reverse_complement

FILE = "benchmarks/evo2_exon/samplePositions.tsv.gz"
COLUMNS = ("organism", "gene_name", "position", "label", "forward_seq", "reverse_seq")
AROUND = 250
"""Bases on either side of a position that baselines without a model see."""


def prepare(setting: Setting) -> Plan:
    """Read the positions and make the plan: both windows embedded, their vectors side by side.

    Raises:
        InputError: The file is missing or damaged, or the width exceeds its windows.
    """
    rows = read_rows(setting.path(FILE), COLUMNS, delimiter="\t")
    width = int(setting.options["width"])
    longest = min(len(row["forward_seq"]) for row in rows)
    if not 1 <= width <= longest:
        raise InputError(f"evo2-exon: width {width} is not between 1 and {longest:,} bp")
    records = [Labelled(_name(row), _around(row), str(int(float(row["label"])))) for row in rows]
    species = len({row["organism"] for row in rows})
    examples = cross_validation(
        records,
        folds=species,
        limit=setting.limit,
        seed=setting.seed,
        groups=[row["organism"] for row in rows],
    )
    known = {_name(row): row for row in rows}
    windows = {
        side: tuple(known[name][f"{side}_seq"][-width:].upper() for name in examples.names)
        for side in ("forward", "reverse")
    }
    return probe_plan(
        examples,
        setting,
        "auroc",
        badges=audit(examples),
        requests={side: embedding_request(texts, setting) for side, texts in windows.items()},
        represent=_side_by_side,
        notes=(
            f"Each position is told by a probe fitted to the other species; {width:,} bp are read towards it"
            " on either strand.",
            f"Baselines without a model see {AROUND} bp on either side of the position.",
        ),
    )


def _side_by_side(answers: Answers) -> Float[np.ndarray, "N D2"]:
    sides = [answers[side] for side in ("forward", "reverse")]
    return np.concatenate([side.vectors for side in sides if isinstance(side, Vectors)], axis=1).astype(float)


def _name(row: dict[str, str]) -> str:
    return f"{row['organism']}:{row['gene_name']}:{int(float(row['position']))}"


def _around(row: dict[str, str]) -> str:
    """Bases around the position; both windows end at it, so one of them gives it away."""
    behind = reverse_complement(row["reverse_seq"][-AROUND:])[1:]
    return (row["forward_seq"][-AROUND:] + behind).upper()


TASK = Task(
    name="evo2-exon",
    version=1,
    summary="Positions in exons against positions in introns and between genes, across 8 species",
    metric="auroc",
    source="Brixi et al. 2025, Evo 2: positions of its exon classifier notebook",
    licence="Apache-2.0",
    prepare=prepare,
    needs=(FILE,),
    suites=("probe", "evo2"),
    options={**OPTIONS, "layer": "middle", "pooling": "last", "width": 8192},
)
