"""What DNA adds to a language model on the KEGG disease records: training runs and rows, step by step.

    python bench/fusion.py --language SmolLM2-135M-Instruct.Q4_1.gguf

Every step (a training run, a row of answers) is kept below --work when it is done, and a killed run goes on
behind the last one; a training run goes on inside. The table is written to bench/results/fusion.json after
every step, with `complete` saying whether steps are missing.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from machine import machine_facts

from cistron import __version__
from cistron.formats.atomic import atomic_output
from cistron.fusion.answering import Dna
from cistron.fusion.baselines import covered_by_gene
from cistron.fusion.judging import Row, compare, measure
from cistron.fusion.parts import Example, leak_report, read_parts
from cistron.fusion.rows import answered, baseline_rows, controls, spoken
from cistron.fusion.run import (
    DnaSettings,
    FusionOptim,
    FusionRun,
    LanguageSettings,
    ProjectorSettings,
    RecordSettings,
)
from cistron.fusion.saved import load_fused
from cistron.fusion.session import train
from cistron.training import Stopped
from cistron.training.folder import SETTINGS

ROOT = Path(__file__).resolve().parents[1]
MODELS = {
    "DNA alone": ("dna", "nameless"),
    "text, gene not named": ("text", "nameless"),
    "text, gene named": ("text", "short"),
    "DNA + text, gene named": ("fused", "short"),
    "DNA + text, gene not named": ("fused", "nameless"),
}
"""Rows that are trained: mode, and how records are asked about; cheap ones first."""
ADDED = (
    ("DNA + text, gene named", "text, gene named"),
    ("DNA + text, gene named", "DNA + text, gene named, DNA shuffled"),
    ("DNA + text, gene named", "DNA + text, gene named, DNA zeroed"),
    ("DNA + text, gene not named", "text, gene not named"),
    ("DNA + text, gene not named", "DNA + text, gene not named, DNA shuffled"),
    ("DNA + text, gene not named", "DNA + text, gene not named, DNA zeroed"),
    ("DNA alone", "DNA alone, DNA shuffled"),
    ("DNA + text, gene named", "gene look-up"),
    ("DNA + text, gene not named", "nearest sequence"),
)
FREE = 20
"""Records that are also answered freely."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--language", required=True, help="folder or GGUF file")
    parser.add_argument("--data", type=Path, required=True, help="folder with val.json.gz and test.json.gz")
    parser.add_argument("--work", type=Path, default=ROOT / "runs/fusion")
    parser.add_argument("--output", type=Path, default=ROOT / "bench/results/fusion.json")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    try:
        Table(given.language, given.data, given.work, given.output).fill()
    except Stopped as stopped:
        sys.exit(f"{stopped}: the same command goes on")


class Table:
    """All splits and rows, with what is done kept on disk."""

    def __init__(self, language: str, data: Path, work: Path, output: Path) -> None:
        self.language, self.work, self.output = language, work, output
        val, test = (str(data / f"{name}.json.gz") for name in ("val", "test"))
        self.splits = {
            "published": RecordSettings(train=(val,), test=(test,), by="random"),
            "gene-disjoint": RecordSettings(train=(val, test), by="gene", shares=(0.65, 0.1, 0.25)),
        }
        work.mkdir(parents=True, exist_ok=True)

    def fill(self) -> None:
        """Do every step that is missing."""
        for split in self.splits:
            self.step(f"{split}/baselines", lambda split=split: self.baselines(split))
        for split in self.splits:
            for name, (mode, question) in MODELS.items():
                self.model(split, name, self.run(split, mode, question))
        self.free()

    def run(self, split: str, mode: str, question: str) -> FusionRun:
        """The training run of one row; a classifier of DNA takes more and cheaper passes."""
        alone = mode == "dna"
        return FusionRun(
            name=f"kegg-{mode}-{question}",
            mode=mode,
            records=replace(self.splits[split], question=question),
            dna=DnaSettings(width=1024),
            projector=ProjectorSettings(positions=24, inner=256, depth=2),
            language=LanguageSettings(model=self.language),
            optim=FusionOptim(lr=3e-4, projector_lr=3e-4 if alone else 1e-3),
            epochs=30 if alone else 4,
            batch=8 if alone else 4,
            accumulate=1 if alone else 2,
            patience=8 if alone else 2,
            checkpoint_every=8,
            device="cpu",
        )

    def parts(self, split: str, question: str = "short") -> dict[str, list[Example]]:
        """Examples of the three parts."""
        run = self.run(split, "text", question)
        return read_parts(run.records, run.dna.width, run.seed)

    def baselines(self, split: str) -> dict[str, Any]:
        """Answers without a model, and what the split gives away."""
        parts = self.parts(split)
        rows = baseline_rows(parts["train"], parts["test"])
        return {
            "rows": {row.name: {"what": row.what, "said": list(row.said)} for row in rows},
            "covered": sum(covered_by_gene(parts["train"], parts["test"])),
            "records": {name: len(examples) for name, examples in parts.items()},
            "shared": {name: [str(one) for one in found] for name, found in leak_report(parts).items()},
        }

    def model(self, split: str, name: str, run: FusionRun) -> None:
        """Train, then answer as each control asks; a model is loaded only if something is missing."""
        folder = self.work / f"{split}-{run.name}"
        self.step(f"{split}/{name}/training", lambda: self.train(run, folder))
        test = self.parts(split, run.records.question)["test"]
        names = ["", ", DNA shuffled", ", DNA zeroed"] if run.mode != "text" else [""]
        if all(self.kept(f"{split}/{name}{suffix}") for suffix in names):
            return
        model = load_fused(folder / "model", device="cpu", cache=self.work / "states")
        for suffix, what, asked, dna in controls(model, test, run.seed):
            row = f"{name}{suffix}"

            def answer(
                row: str = row, what: str = what, asked: Sequence[Example] = asked, dna: Dna = dna
            ) -> dict[str, Any]:
                said = [answer.label for answer in answered(model, asked, dna=dna)]
                return {"rows": {row: {"what": what, "said": said}}}

            self.step(f"{split}/{row}", answer)

    def train(self, run: FusionRun, folder: Path) -> dict[str, Any]:
        """One training run, from its newest checkpoint where there is one."""
        resume = (folder / SETTINGS).is_file()
        train(run, folder, resume=resume, progress=shown, cache=self.work / "states")
        facts = json.loads((folder / "model/fusion.json").read_text())["facts"]
        return {"steps": facts["steps"], "validation": facts["validation"]}

    def free(self) -> None:
        """Free generation of the fused model on the first records of the published test part."""
        name = "DNA + text, gene named"
        run = self.run("published", *MODELS[name])

        def answer() -> dict[str, Any]:
            model = load_fused(
                self.work / f"published-{run.name}/model", device="cpu", cache=self.work / "states"
            )
            test = self.parts("published")["test"][:FREE]
            said = [answer.label for answer in spoken(model, test, max_new_tokens=24)]
            return {"said": said, "truths": [example.label for example in test]}

        self.step("published/free", answer)

    def step(self, name: str, work: Callable[[], dict[str, Any]]) -> None:
        """Do one step unless it is done, and write the table."""
        if self.kept(name) is None:
            begun = time.time()
            content = {**work(), "seconds": round(time.time() - begun, 1)}
            with atomic_output(self.place(name)) as fresh:
                fresh.write_text(json.dumps(content))
            print(f"{time.strftime('%H:%M:%S')} {name}: {content['seconds']} s", flush=True)
        self.write()

    def kept(self, name: str) -> dict[str, Any] | None:
        """What a step left; None where it is not done."""
        path = self.place(name)
        return json.loads(path.read_text()) if path.is_file() else None

    def place(self, name: str) -> Path:
        """Where a step's result is kept."""
        return self.work / f"{name.replace('/', '--').replace(' ', '_').replace(',', '')}.json"

    def write(self) -> None:
        """The table of what is there: measures and differences, no sequences and no single answers."""
        splits = {split: self.measured(split) for split in self.splits}
        missing = [name for name in self.names() if self.kept(name) is None]
        found: dict[str, Any] = {
            "machine": machine_facts("torch", "transformers", "peft"),
            "version": __version__,
            "language": Path(self.language).name,
            "complete": not missing,
            "missing": missing,
            "splits": splits,
        }
        if (free := self.kept("published/free")) is not None:
            pairs = list(zip(free["said"], free["truths"], strict=True))
            found["free"] = {
                "count": len(pairs),
                "right": sum(one == truth for one, truth in pairs),
                "missed": sum(one is None for one, _ in pairs),
                "seconds": free["seconds"],
            }
        with atomic_output(self.output) as fresh:
            fresh.write_text(json.dumps(found, indent=1) + "\n")

    def names(self) -> list[str]:
        """Every step."""
        names = ["published/free"]
        for split in self.splits:
            names.append(f"{split}/baselines")
            for name, (mode, _) in MODELS.items():
                suffixes = ["/training", ""] + ([", DNA shuffled", ", DNA zeroed"] if mode != "text" else [])
                names += [f"{split}/{name}{suffix}" for suffix in suffixes]
        return names

    def measured(self, split: str) -> dict[str, Any]:
        """Measures of one split's rows."""
        test = self.parts(split)["test"]
        truths, genes = [e.label for e in test], [e.record.gene for e in test]
        rows = {row.name: row for row in self.rows(split)}
        first = self.kept(f"{split}/baselines") or {}
        return {
            **{key: first.get(key) for key in ("records", "covered", "shared")},
            "unseen": self.unseen(split),
            "rows": [
                {"name": row.name, "what": row.what, **measure(row, truths, genes).to_dict()}
                for row in rows.values()
            ],
            "added": [
                vars(compare(rows[one], rows[other], truths, genes))
                for one, other in ADDED
                if one in rows and other in rows
            ],
            "training": {
                name: {key: kept[key] for key in ("steps", "validation", "seconds")}
                for name in MODELS
                if (kept := self.kept(f"{split}/{name}/training")) is not None
            },
        }

    def unseen(self, split: str) -> int:
        """Test records whose answer is none of the training part: nobody can get them right."""
        parts = self.parts(split)
        known = {example.label for example in parts["train"]}
        return sum(example.label not in known for example in parts["test"])

    def rows(self, split: str) -> Sequence[Row]:
        """All rows of a split that are there."""
        kept = [self.kept(name) for name in self.names() if name.startswith(f"{split}/")]
        return [
            Row(name, row["what"], row["said"])
            for content in kept
            if content is not None
            for name, row in content.get("rows", {}).items()
        ]


def shown(done: int, total: int, text: str) -> None:
    print(f"  {time.strftime('%H:%M:%S')} {done}/{total} {text}", flush=True)


if __name__ == "__main__":
    main()
