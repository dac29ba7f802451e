"""The zero-shot experiments on E. coli, yeast, φX174 and human chr20, small enough for a laptop's processor.

Every task runs as `cistron eval run` would run it: the models, a Markov model of order 5 and controls answer
the same questions. Answers are kept under `runs/zeroshot`, so a run that was stopped goes on where it was,
and `bench/results/zeroshot.json` is written anew after each task; figures go to `docs/figures`. Models whose
folder is missing are passed over.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from machine import machine_facts

import cistron
from cistron.cli.progress import progress_of
from cistron.evals import Setting, Task
from cistron.evals.catalogue import find_tasks
from cistron.evals.loaded import LoadedRespondent
from cistron.evals.outcome import Metric, Outcome
from cistron.evals.rows import Row
from cistron.evals.run import Runner
from cistron.evals.store import AnswerStore
from cistron.evals.zeroshot.drawing import (
    interval_figure,
    profile_heat_map,
    profile_panels,
)
from cistron.formats.atomic import atomic_output
from cistron.reports.figures import theme

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench/results/zeroshot.json"
FIGURES = ROOT / "docs/figures"
WIDTH = 512
SHOWN = {
    "classes": (
        "stop below sense codon",
        "deletion of 1 below synonymous",
        "frameshift below in-frame deletion, flank",
    ),
    "noncoding": ("RNA genes below intergenic", "RNA genes below intergenic, flank", "tRNA below intergenic"),
}


@dataclass(frozen=True)
class Job:
    """A task at the size it is run here.

    Attributes:
        task: Its name.
        limit: Genes, mutants or stretches.
        options: Of its own.
        part: What part of the genome it is run on; empty for all of it.
    """

    task: str
    limit: int
    options: dict[str, str] = field(default_factory=dict)
    part: str = ""

    @property
    def name(self) -> str:
        """Name in the results."""
        return f"{self.task}, {self.part}" if self.part else self.task


GENOMES = ("ecoli", "phix174", "yeast", "human")
JOBS = (
    *(Job(f"zeroshot-start/{genome}", 64, {"alternatives": "1"}) for genome in GENOMES),
    *(Job(f"zeroshot-classes/{genome}", 16, {"codons": "2"}) for genome in GENOMES),
    Job("zeroshot-taxa", 32, {"length": "1024"}),
    *(Job(f"zeroshot-noncoding/{genome}", 12) for genome in ("ecoli", "yeast", "human")),
    *(Job(f"zeroshot-stop/{genome}", 24, {"alternatives": "1"}) for genome in GENOMES),
    Job("zeroshot-dms/stiffler-2015", 400),
    Job("zeroshot-essential/ecoli", 64, {"codons": "2"}),
    *(Job(f"zeroshot-code/{genome}", 8, {"widths": "256,512,1024"}) for genome in ("ecoli", "yeast")),
    *(Job(f"zeroshot-ramp/{genome}", 12, {"codons": "8"}) for genome in ("ecoli", "yeast")),
    Job("zeroshot-brca1", 600),
    Job("zeroshot-classes/ecoli", 16, {"codons": "4", "begin": "4180000"}, "held-out end"),
    Job("zeroshot-classes/yeast", 16, {"codons": "4", "contig": "XIV"}, "held-out chr XIV"),
    Job("zeroshot-classes/drosophila", 16, {"codons": "4"}),
)
"""The held-out parts are those that `bench/evo2_training.py` keeps from its model."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", nargs="*", default=["default", "models/evo2-small"])
    parser.add_argument("--tasks", nargs="*", default=["zeroshot"], help="names or globs, as cistron eval")
    parser.add_argument("--scale", type=float, default=1.0, help="times as many genes; 0.25 for a trial")
    parser.add_argument("--width", type=int, default=WIDTH)
    parser.add_argument("--run", type=Path, default=ROOT / "runs/zeroshot", help="keeps rows and answers")
    parser.add_argument("--output", type=Path, default=RESULTS)
    parser.add_argument("--figures", type=Path, default=FIGURES)
    options = parser.parse_args()
    models = [loaded(name) for name in options.model if present(name)]
    store = AnswerStore(options.run / "answers", keep=True)
    wanted = {task.name: task for task in find_tasks(options.tasks)}
    done: list[tuple[Job, Task, list[Row]]] = []
    for job in JOBS:
        if job.task not in wanted:
            continue
        task = wanted[job.task]
        given = {"width": str(options.width), **job.options}
        limit = max(2, round(job.limit * options.scale))
        setting = task.with_options(Setting.usual(limit=limit), given)
        with progress_of(job.task) as progress:
            rows = options.run / f"rows {job.part}".strip().replace(" ", "-")
            runner = Runner(models, store, rows, resume=True, progress=progress)
            done.append((job, task, runner.run(task, setting)))
        write(options.output, models, done, options.width)
    draw(done, options.figures)


def present(name: str) -> bool:
    return "/" not in name or (ROOT / name).exists() or Path(name).exists()


def loaded(name: str) -> LoadedRespondent:
    folder = ROOT / name
    return LoadedRespondent(cistron.load(folder if folder.exists() else name), Path(name).name)


def write(
    output: Path, models: Sequence[LoadedRespondent], done: Sequence[tuple[Job, Task, list[Row]]], width: int
) -> None:
    """The metrics of all rows so far."""
    content = {
        "what": "zero-shot experiments of Evo 2 at the size of a laptop's processor",
        "width": width,
        "interval": "95 %, bootstrap over genes",
        "models": {model.name: {**model.facts, "card": card_facts(model)} for model in models},
        "tasks": {job.name: described(job, task, rows) for job, task, rows in done},
        "machine": machine_facts("torch", "numpy"),
    }
    with atomic_output(output) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def card_facts(model: LoadedRespondent) -> dict[str, Any]:
    """What the card says of the training data."""
    card = model.loaded.card
    return {key: card[key] for key in ("trained_on", "never_trained_on", "tokens_seen") if key in card}


def described(job: Job, task: Task, rows: Sequence[Row]) -> dict[str, Any]:
    return {
        "summary": task.summary,
        "metric": task.metric,
        "limit": job.limit,
        "options": job.options,
        "rows": [row_facts(row) for row in rows],
    }


def row_facts(row: Row) -> dict[str, Any]:
    facts: dict[str, Any] = {"name": row.name, "kind": row.kind, "statement": row.statement}
    if row.outcome is None:
        return {**facts, "skipped": row.skipped}
    facts["metrics"] = [
        {"name": m.name, "value": rounded(m.value), "low": rounded(m.low), "high": rounded(m.high), "n": m.n}
        for m in row.outcome.metrics
    ]
    return facts


def rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 4)


def draw(done: Sequence[tuple[Job, Task, list[Row]]], folder: Path) -> None:
    """One figure an experiment, all genomes in it."""
    known = {
        job.name: {row.name: row.outcome for row in rows if row.outcome is not None and row.kind != "control"}
        for job, _, rows in done
    }
    with theme():
        for name, landmark in (
            ("start", "the first base of the start codon"),
            ("stop", "the last base of the stop codon"),
        ):
            panels = {task.partition("/")[2]: rows for task, rows in known.items() if f"-{name}/" in task}
            if panels:
                save(profile_panels(panels, landmark), folder / f"zeroshot-{name}.png")
                save(profile_heat_map(panels, landmark), folder / f"zeroshot-{name}-map.png")
        for name, shown in SHOWN.items():
            panels = {task.partition("/")[2]: rows for task, rows in known.items() if f"-{name}/" in task}
            if panels:
                figure = interval_figure(chances(panels, shown), "chance of ranking below", name, 0.5)
                save(figure, folder / f"zeroshot-{name}.png")
        if "zeroshot-taxa" in known:
            metrics = {row: outcome.metrics for row, outcome in known["zeroshot-taxa"].items()}
            figure = interval_figure(metrics, "nats a base", "likelihood by taxon", -math.log(4))
            save(figure, folder / "zeroshot-taxa.png")


def chances(panels: Mapping[str, Mapping[str, Outcome]], shown: Sequence[str]) -> dict[str, list[Metric]]:
    """The shown metrics of every genome, by row, each named with its genome; rows that all genomes have."""
    shared = [row for row in next(iter(panels.values())) if all(row in rows for rows in panels.values())]
    return {
        row: [
            replace(metric, name=f"{genome}: {metric.name}")
            for genome, rows in panels.items()
            for metric in rows[row].metrics
            if metric.name in shown
        ]
        for row in shared
    }


def save(figure: Any, path: Path) -> None:
    with atomic_output(path) as temporary:
        figure.savefig(temporary, dpi=100, bbox_inches="tight")


if __name__ == "__main__":
    main()
