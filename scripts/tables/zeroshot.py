"""Zero-shot experiments of Evo 2."""

from __future__ import annotations

import re
from typing import Any

GENOMES = {
    "ecoli": "E. coli",
    "phix174": "φX174",
    "yeast": "yeast",
    "drosophila": "fly chr4",
    "human": "human chr20",
}
WORDS = {
    "start": "Start codon: substitutions −20 to +20; differences of mean llr in nats, positive as expected",
    "stop": "Stop codon: likewise around its last base",
    "classes": "Coding classes: chance that an edit of the first class scores below one of the second",
    "noncoding": "Deletions of 60 bp in RNA genes: chance of scoring below one between genes, same GC content",
    "essential": "Essential genes: chance that premature stops in one score below those in another gene",
    "ramp": "Codon usage: llr of changes to better served codons minus to worse served ones, in nats",
    "dms": "TEM-1 β-lactamase: Spearman correlation with measured fitness",
    "code": "Genetic code: how much less a reassigned codon costs in a gene recoded to that code, in nats",
    "brca1": "BRCA1: AUROC of loss of function",
    "taxa": "Likelihood by taxon, nats a base; a model that knows nothing has −1.386",
}
HEADLINES = 4
"""First metrics of an experiment, which are shown where no others are chosen; the results file has all."""

CLASSES = (
    "stop below sense codon",
    "non-synonymous below synonymous",
    "stop codon below synonymous",
    "deletion of 1 below synonymous",
    "frameshift below in-frame deletion, flank",
)
SPECIES = {
    "human chr20, test part": "omo sapiens|human",
    "D. melanogaster chr4": "Drosophila",
    "phage φX174": "phage",
    "S. cerevisiae": "Saccharomyces",
    "E. coli K-12": "Escherichia|E. coli",
}
"""Taxon → words that say that a model was trained on it."""

ABSENT = "†"


def TABLE(found: Any) -> str:
    """The main metrics of each zero-shot experiment by genome, for models, baseline and control."""
    by_file: dict[str, list[Any]] = {}
    for name, task in found["tasks"].items():
        by_file.setdefault(name.partition("/")[0].removeprefix("zeroshot-"), []).append((name, task))
    lines = [_models(found), ""]
    for file, words in WORDS.items():
        if file in by_file:
            lines += [f"**{words}.**", "", *_experiment(by_file[file], found), ""]
    lines.append(
        f"Windows of {found['width']} bp unless the name says otherwise, each gene read on its own strand; "
        f"brackets: {found['interval']}; bold: the interval leaves out what chance gives. `markov-5` is fitted "
        f"to the same genome outside the windows, to E. coli for φX174 and for TEM-1, to human chr22 for human "
        f"sequence and for the taxa. {ABSENT}: the model was not trained on this taxon. Held-out parts are those that "
        "`evo2-small` was not trained on. Shuffled: the model's scores dealt out anew, once, within each gene. "
        "Script: `bench/zeroshot.py`."
    )
    return "\n".join(lines) + "\n"


def _models(found: Any) -> str:
    told = []
    for name, model in found["models"].items():
        trained = ", ".join(model["card"].get("trained_on", ["unknown"]))
        told.append(f"`{name}` ({model['parameters']} parameters) was trained on {trained}")
    return "; ".join(told) + "."


def _experiment(tasks: list[Any], found: Any) -> list[str]:
    """One table: genomes and metrics down, rows of models across."""
    names: list[str] = []
    for _, task in tasks:
        names += [row["name"] for row in task["rows"] if _shown(row) and row["name"] not in names]
    lines = [f"| | n | {' | '.join(map(_short, names))} |", "|---" * (len(names) + 2) + "|"]
    for full, task in tasks:
        rows = {row["name"]: row for row in task["rows"] if "metrics" in row and _shown(row)}
        lines += [_line(full, metric, rows, names, found) for metric in _chosen(full, rows)]
    return lines


def _chosen(full: str, rows: dict[str, Any]) -> list[str]:
    """Names of the metrics that are shown."""
    names = [metric["name"] for metric in next(iter(rows.values()))["metrics"]]
    if "classes" in full:
        return [name for name in names if name in CLASSES]
    return names if "taxa" in full else names[:HEADLINES]


def _line(full: str, metric: str, rows: dict[str, Any], names: list[str], found: Any) -> str:
    metrics = {name: {m["name"]: m for m in row["metrics"]}.get(metric) for name, row in rows.items()}
    genome, _, part = full.partition("/")[2].partition(", ")
    where = ", ".join(filter(None, [GENOMES.get(genome), part]))
    label = f"{where}: {metric}" if where else metric
    if "taxa" in full:
        cells = [_likelihood(metrics[n], metric, rows[n], found) if n in rows else "–" for n in names]
    else:
        cells = [_cell(metrics.get(name), full) for name in names]
    count = next((m["n"] for m in metrics.values() if m), "")
    return f"| {label} | {count} | {' | '.join(cells)} |"


def _cell(metric: Any, full: str) -> str:
    if metric is None or metric["value"] is None:
        return "–"
    if metric["low"] is None:
        return _signed(f"{metric['value']:.2f}")
    text = _signed(f"{metric['value']:.2f} [{metric['low']:.2f}, {metric['high']:.2f}]")
    return text if metric["low"] <= _chance(full) <= metric["high"] else f"**{text}**"


def _likelihood(metric: Any, taxon: str, row: Any, found: Any) -> str:
    """Nats a base with its interval, marked where the model was not trained on the taxon."""
    model = found["models"].get(row["name"].partition(",")[0], {"card": {}})
    trained = " ".join([*model["card"].get("trained_on", []), row["statement"]])
    absent = not re.search(SPECIES[taxon], trained)
    text = f"{metric['value']:.3f} [{metric['low']:.3f}, {metric['high']:.3f}]"
    return _signed(text) + (ABSENT if absent else "")


def _signed(text: str) -> str:
    return text.replace("-", "−")


def _chance(full: str) -> float:
    """What a score without information gives."""
    return 0.5 if any(file in full for file in ("classes", "noncoding", "essential", "brca1")) else 0.0


def _shown(row: Any) -> bool:
    return row["kind"] != "control" or not row["name"].startswith("markov")


def _short(name: str) -> str:
    return name.replace("scores shuffled", "shuffled").replace("labels shuffled", "shuffled")
