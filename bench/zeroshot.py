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
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from machine import machine_facts

import cistron
from cistron.cli.progress import progress_of
from cistron.evals import Setting, Task
from cistron.evals.catalogue import find_tasks
from cistron.evals.loaded import LoadedRespondent
from cistron.evals.outcome import Outcome
from cistron.evals.rows import Row
from cistron.evals.run import Runner
from cistron.evals.store import AnswerStore
from cistron.evals.zeroshot.drawing import interval_figure, place_bands, profile_panels
from cistron.formats.atomic import atomic_output
from cistron.reports.figures import theme

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench/results/zeroshot.json"
FIGURES = ROOT / "docs/figures"
WIDTH = 512
HUMAN = "Homo sapiens (chrX:1-70 Mb, chr22 and LRG loci of GRCh37, without chromosome 20)"


@dataclass(frozen=True)
class Job:
    """A task at the size it is run here: genes, mutants or stretches, and options of its own."""

    task: str
    limit: int
    options: dict[str, str] = field(default_factory=dict)


JOBS = (
    *(Job(f"zeroshot-start/{genome}", 8) for genome in ("ecoli", "phix174", "yeast", "human")),
    *(
        Job(f"zeroshot-classes/{genome}", 16, {"codons": "2"})
        for genome in ("ecoli", "phix174", "yeast", "human")
    ),
    Job("zeroshot-taxa", 16, {"length": "1024"}),
    *(Job(f"zeroshot-noncoding/{genome}", 12) for genome in ("ecoli", "yeast", "human")),
    *(Job(f"zeroshot-stop/{genome}", 8) for genome in ("ecoli", "phix174", "yeast", "human")),
    Job("zeroshot-essential/ecoli", 64, {"codons": "2"}),
    *(Job(f"zeroshot-ramp/{genome}", 12, {"codons": "8"}) for genome in ("ecoli", "yeast")),
    Job("zeroshot-dms/stiffler-2015", 400),
    *(Job(f"zeroshot-code/{genome}", 8, {"widths": "256,512,1024"}) for genome in ("ecoli", "yeast")),
    Job("zeroshot-brca1", 600),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", nargs="*", default=["default", "models-local/evo2-small"])
    parser.add_argument("--tasks", nargs="*", default=["zeroshot"], help="names or globs, as cistron eval")
    parser.add_argument("--scale", type=float, default=1.0, help="times as many genes; 0.25 for a trial")
    parser.add_argument("--width", type=int, default=WIDTH)
    parser.add_argument("--run", type=Path, default=ROOT / "runs/zeroshot", help="keeps rows and answers")
    parser.add_argument("--output", type=Path, default=RESULTS)
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
            runner = Runner(models, store, options.run / "rows", resume=True, progress=progress)
            done.append((job, task, runner.run(task, setting)))
        write(options.output, models, done, options.width)
    draw(done)


def present(name: str) -> bool:
    return "/" not in name or (ROOT / name).exists() or Path(name).exists()


def loaded(name: str) -> LoadedRespondent:
    folder = ROOT / name
    return LoadedRespondent(cistron.load(folder if folder.exists() else name), Path(name).name)


def write(
    output: Path, models: Sequence[LoadedRespondent], done: Sequence[tuple[Job, Task, list[Row]]], width: int
) -> None:
    """All rows so far, as aggregates: metrics, and profiles by place."""
    content = {
        "what": "zero-shot experiments of Evo 2 at the size of a laptop's processor",
        "width": width,
        "interval": "95 %, bootstrap over genes",
        "models": {model.name: {**model.facts, "card": card_facts(model)} for model in models},
        "tasks": {task.name: described(job, task, rows) for job, task, rows in done},
        "machine": machine_facts("torch", "numpy"),
    }
    with atomic_output(output) as temporary:
        temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def card_facts(model: LoadedRespondent) -> dict[str, Any]:
    """What the card says of the training data; that of the shipped model says it in its text."""
    card = {"trained_on": [HUMAN]} if model.name == "default" else {}
    card |= model.loaded.card
    return {key: card[key] for key in ("trained_on", "never_trained_on", "tokens_seen") if key in card}


def described(job: Job, task: Task, rows: Sequence[Row]) -> dict[str, Any]:
    return {
        "summary": task.summary,
        "metric": task.metric,
        "limit": job.limit,
        "options": job.options,
        "rows": [row_facts(task, row) for row in rows],
    }


def row_facts(task: Task, row: Row) -> dict[str, Any]:
    facts: dict[str, Any] = {"name": row.name, "kind": row.kind, "statement": row.statement}
    if row.outcome is None:
        return {**facts, "skipped": row.skipped}
    facts["metrics"] = [
        {"name": m.name, "value": rounded(m.value), "low": rounded(m.low), "high": rounded(m.high), "n": m.n}
        for m in row.outcome.metrics
    ]
    if task.name.startswith(("zeroshot-start", "zeroshot-stop")) and row.kind != "control":
        facts["profile"] = profile(row.outcome)
    return facts


def profile(outcome: Outcome) -> dict[str, list[float | None]]:
    """Mean llr by place, with the ends of its band."""
    places, *lines = place_bands(outcome)
    named = dict(zip(("mean", "low", "high"), lines, strict=True))
    return {"place": places.tolist()} | {
        name: [rounded(float(value)) for value in values] for name, values in named.items()
    }


def rounded(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else round(value, 4)


def draw(done: Sequence[tuple[Job, Task, list[Row]]]) -> None:
    """One figure an experiment, all genomes in it."""
    known = {
        task.name: {
            row.name: row.outcome for row in rows if row.outcome is not None and row.kind != "control"
        }
        for _, task, rows in done
    }
    with theme():
        for name, landmark in (
            ("start", "the first base of the start codon"),
            ("stop", "the last base of the stop codon"),
        ):
            panels = {task.partition("/")[2]: rows for task, rows in known.items() if f"-{name}/" in task}
            if panels:
                save(profile_panels(panels, landmark), f"zeroshot-{name}")
        for name in ("classes", "noncoding"):
            for task, rows in known.items():
                if f"-{name}/" in task:
                    metrics = {row: outcome.metrics for row, outcome in rows.items()}
                    figure = interval_figure(metrics, "chance of ranking below", task, 0.5)
                    save(figure, task.replace("/", "-"))
        if "zeroshot-taxa" in known:
            metrics = {row: outcome.metrics for row, outcome in known["zeroshot-taxa"].items()}
            save(
                interval_figure(metrics, "nats a base", "likelihood by taxon", -math.log(4)), "zeroshot-taxa"
            )


def save(figure: Any, name: str) -> None:
    with atomic_output(FIGURES / f"{name}.png") as temporary:
        figure.savefig(temporary, dpi=130, bbox_inches="tight")


if __name__ == "__main__":
    main()
