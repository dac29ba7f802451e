"""The job behind `cistron fusion evaluate`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cistron import __version__
from cistron.cli.command_line import command_line
from cistron.cli.fusing.outputs import read_said, write_answers
from cistron.cli.progress import note, progress_bar
from cistron.errors import InputError, ResumeError
from cistron.formats.atomic import atomic_output, output_error, sha256_file
from cistron.fusion.run import RIVALS, FusionRun, rivals
from cistron.training.folder import MODEL, read_run

if TYPE_CHECKING:
    from cistron.fusion.judging import Row
    from cistron.fusion.parts import Example
    from cistron.fusion.saved import FusedModel

RESULTS, IDENTITY = "results.json", "evaluation.json"


@dataclass(frozen=True)
class EvaluateRequest:
    """What the user asked for; see `cistron fusion evaluate --help`."""

    run: Path
    output: Path
    records: tuple[Path, ...]
    free: int
    max_new_tokens: int
    compat: bool
    language: str | None
    dna: str | None
    device: str
    threads: int | None
    resume: bool


def run_evaluate(request: EvaluateRequest) -> None:
    """Judge a run, its rivals, their controls and the baselines, and print the table.

    Raises:
        CistronError: Something that the caller can fix.
    """
    if request.threads is not None:
        import torch

        torch.set_num_threads(request.threads)
    run = read_run(request.run, FusionRun)
    _claim(request, _models(request.run))
    results = _Evaluation(request, run).results()
    with atomic_output(request.output / RESULTS) as fresh:
        fresh.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    _show(results)
    note(f"wrote {request.output / RESULTS}")


def _models(run: Path) -> dict[str, Path]:
    """Name of the rows → folder of the model: the run's own, and those of its rivals that are there."""
    found = {"fused": run / MODEL}
    if not found["fused"].is_dir():
        raise InputError(f"{run} holds no trained model; finish the run with --resume")
    for name in sorted(path.name for path in (run / RIVALS).glob("*") if (path / MODEL).is_dir()):
        found[name] = run / RIVALS / name / MODEL
    return found


def _claim(request: EvaluateRequest, models: dict[str, Path]) -> None:
    """Make the folder, or see that it holds this very evaluation.

    Raises:
        ResumeError: It holds results, and --resume is not given or they are of something else.
    """
    identity = {
        "version": __version__,
        "models": {name: sha256_file(path / "fusion.json") for name, path in models.items()},
        "records": [sha256_file(path) for path in request.records],
    }
    path = request.output / IDENTITY
    if path.is_file():
        if not request.resume:
            raise ResumeError(f"{request.output} holds an evaluation; add --resume or name another folder")
        if json.loads(path.read_text(encoding="utf-8")) != identity:
            raise ResumeError(f"{request.output} holds an evaluation of other models or records")
    try:
        request.output.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise output_error(request.output, problem) from None
    with atomic_output(path) as fresh:
        fresh.write_text(json.dumps(identity, indent=1) + "\n", encoding="utf-8")


class _Evaluation:
    """All rows on one test part."""

    def __init__(self, request: EvaluateRequest, run: FusionRun) -> None:
        from cistron.fusion.parts import read_examples, read_parts

        self.request, self.run, self.run_rivals = request, run, rivals(run)
        self.parts = read_parts(run.records, run.dna.width, run.seed)
        if request.records:
            files = tuple(map(str, request.records))
            self.parts["test"] = read_examples(files, run.records, run.dna.width)
        self.test = self.parts["test"]
        if not all(example.label for example in self.test):
            raise InputError("records to judge by need answers; use `cistron fusion predict` without them")

    def results(self) -> dict[str, Any]:
        """Measures of every row, differences, and what parts share."""
        from cistron.fusion.baselines import covered_by_gene
        from cistron.fusion.judging import compare, measure, measure_compatibly
        from cistron.fusion.parts import leak_report

        rows = {row.name: row for row in self.rows()}
        truths = [example.label for example in self.test]
        genes = [example.record.gene or example.record.name for example in self.test]
        known = {example.label for example in self.parts["train"]}
        pairs = [
            ("fused", other) for other in rows if other != "fused" and len(rows[other].said) == len(truths)
        ]
        results = {
            "version": __version__,
            "command": command_line(),
            "records": {split: len(examples) for split, examples in self.parts.items()},
            "gene in training": sum(covered_by_gene(self.parts["train"], self.test)),
            "answer not in training": sum(truth not in known for truth in truths),
            "shared": {s: [str(one) for one in found] for s, found in leak_report(self.parts).items()},
            "rows": [
                {
                    "name": row.name,
                    "what": row.what,
                    # A row of free answers may be of the first records alone.
                    **measure(row, truths[: len(row.said)], genes[: len(row.said)]).to_dict(),
                }
                for row in rows.values()
            ],
            "added": [asdict(compare(rows[one], rows[other], truths, genes)) for one, other in pairs],
        }
        if self.request.compat:
            results["compat"] = [
                {"name": row.name, **measure_compatibly(row, truths[: len(row.said)]).to_dict()}
                for row in rows.values()
            ]
        return results

    def rows(self) -> Iterator[Row]:
        """Baselines, then every model with its controls, then free answers; each is kept when it is done."""
        from cistron.fusion.rows import baseline_rows, controls
        from cistron.fusion.saved import load_fused

        for row in baseline_rows(self.parts["train"], self.test):
            self._write(row, [""] * len(row.said))
            yield row
        for name, folder in _models(self.request.run).items():
            cache = self.request.run / "states"
            model = load_fused(
                folder,
                dna=self.request.dna,
                language=self.request.language,
                device=self.request.device,
                cache=cache,
            )
            asked = self._asked(name)
            for suffix, what, examples, dna in controls(model, asked, self.run.seed):
                yield self._kept(f"{name}{suffix}", what, model, examples, dna)
            if name == "fused" and self.request.free:
                yield self._kept(f"{name}, free", "the last answer line of a free text", model, asked, None)

    def _asked(self, name: str) -> Sequence[Example]:
        """The test part with the questions that a model was trained on."""
        from cistron.fusion.parts import question_of

        run = self.run if name == "fused" else self.run_rivals[name]
        kind = run.records.question
        return [replace(example, question=question_of(example.record, kind)) for example in self.test]

    def _kept(self, name: str, what: str, model: FusedModel, examples: Sequence[Example], dna: Any) -> Row:
        """A row from its file, or answered now; free where `dna` is None."""
        from cistron.fusion.judging import Row
        from cistron.fusion.rows import answered, spoken

        chosen = examples if dna is not None else examples[: self.request.free]
        path = self._path(name)
        if path.is_file():
            return Row(name, what, *read_said(path))
        with progress_bar(name, len(chosen), "records") as advance:
            tokens = self.request.max_new_tokens
            found = list(
                answered(model, chosen, dna=dna, progress=advance)
                if dna is not None
                else spoken(model, chosen, max_new_tokens=tokens, progress=advance)
            )
        row = Row(name, what, [answer.label for answer in found], [answer.text for answer in found])
        self._write(row, [answer.probability or "" for answer in found])
        return row

    def _write(self, row: Row, probabilities: Sequence[object]) -> None:
        texts = row.texts or [""] * len(row.said)
        write_answers(
            self._path(row.name),
            (
                (example.record.name, example.label, said or "", probability, text)
                for example, said, probability, text in zip(
                    self.test, row.said, probabilities, texts, strict=False
                )
            ),
        )

    def _path(self, name: str) -> Path:
        return self.request.output / f"{name.replace(', ', '-').replace(' ', '-')}.csv"


def _show(results: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("row", "records", "accuracy (95 %)", "macro P", "macro R", "macro F1", "missed", box=None)
    for row in results["rows"]:
        span = "" if row["low"] is None else f" ({row['low']:.3f} to {row['high']:.3f})"
        means = (f"{row[kind]:.3f}" for kind in ("precision", "recall", "f1"))
        table.add_row(
            row["name"], str(row["count"]), f"{row['accuracy']:.3f}{span}", *means, str(row["missed"])
        )
    console = Console()
    console.print(table)
    for one in results["added"]:
        span = "" if one["low"] is None else f" ({one['low']:+.3f} to {one['high']:+.3f})"
        console.print(f"{one['first']} − {one['second']}: {one['estimate']:+.3f}{span}, p = {one['p']:.3g}")
