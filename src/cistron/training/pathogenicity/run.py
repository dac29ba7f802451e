"""A run of `cistron pathogenicity train`: read, judge by held-out genes and chromosomes, fit, write."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float

from cistron import __version__
from cistron.data.labelled.clinvar import LABELS, Clinvar, read_clinvar
from cistron.formats.atomic import atomic_output
from cistron.formats.fasta import Fasta
from cistron.formats.journal import Journal
from cistron.formats.table import TableWriter
from cistron.heads import HEADS
from cistron.heads.allele_pair import AllelePair, AllelePairConfig
from cistron.inference.load import LoadedModel, load
from cistron.inference.score import checked_width
from cistron.reports.pathogenicity import write_report
from cistron.training import ProgressFn
from cistron.training.folder import HEAD, claimed
from cistron.training.pathogenicity import Fitting, Pathogenicity
from cistron.training.pathogenicity.columns import CONSEQUENCES, LLR, WORDS, column_values
from cistron.training.pathogenicity.fit import fitted
from cistron.training.pathogenicity.held_out import FEWEST_FOLDS, Contestant, by_columns, folds_of, held_out
from cistron.training.pathogenicity.labelled import Labelled, head_config, identity_of, labelled
from cistron.training.pathogenicity.measure import measured
from cistron.weights.heads import Backbone, SavedHead, save_head

JOURNAL: Final = "readings.journal"
METRICS: Final = "metrics.json"
PREDICTIONS: Final = "held_out_predictions.tsv"
REPORT: Final = "report.html"
THE_HEAD: Final = "head"


def train(run: Pathogenicity, folder: Path, *, resume: bool, progress: ProgressFn) -> None:
    """Train `run` in `folder` to its end; see `Pathogenicity.execute`."""
    with claimed(run, folder, resume=resume), Fasta(run.reference) as reference:
        clinvar = read_clinvar(
            run.clinvar, reference, min_stars=run.min_stars, limit=run.limit, seed=run.seed
        )
        # Whether genes make folds is said now, and not after hours of reading.
        folds_of([allele.group for allele in clinvar.alleles], run.folds)
        loaded = load(run.model, device=run.device)
        identity = identity_of(run, loaded, clinvar.alleles)
        with Journal(folder / JOURNAL, identity, resume=resume, protect=True) as journal:
            examples = labelled(run, journal, clinvar.alleles, loaded, reference, progress)
        config = head_config(run, loaded)
        judged, probabilities = _judged(run, examples, config)
        head = _final(run, examples, config)
        _write(run, folder, loaded, head, clinvar, judged)
        _write_predictions(folder / PREDICTIONS, examples, probabilities)
        write_report(folder / REPORT, run.name, judged, _facts(run, loaded), clinvar.dropped)
        (folder / JOURNAL).unlink()


def contestants_of(examples: Labelled, config: AllelePairConfig, how: Fitting) -> dict[str, Contestant]:
    """The head, and beside it logistic regressions on what needs no states."""

    def alone(names: Sequence[str], values: Float[np.ndarray, "N F"]) -> Contestant:
        return by_columns(names, examples.examples.with_columns(torch.from_numpy(values)))

    found = {THE_HEAD: Contestant(config, examples.examples, how)}
    found["llr alone"] = alone((LLR,), column_values((LLR,), examples.llr, None))
    if any(examples.terms):
        values = column_values(CONSEQUENCES, examples.llr, examples.terms)
        found["consequence alone"] = alone(CONSEQUENCES, values)
    found["words of 3 bases"] = alone(WORDS, examples.words)
    return found


def _judged(
    run: Pathogenicity, examples: Labelled, config: AllelePairConfig
) -> tuple[dict[str, Any], dict[str, Float[np.ndarray, "N"]]]:
    """Metrics by what was held out, and the probabilities under held-out genes."""
    contestants = contestants_of(examples, config, run.fitting)
    positive = np.array([allele.pathogenic for allele in examples.alleles])
    genes = [allele.group for allele in examples.alleles]
    chromosomes = [allele.variant.chrom for allele in examples.alleles]
    judged: dict[str, Any] = {}
    kept: dict[str, Float[np.ndarray, "N"]] = {}
    for name, groups in (("gene", genes), ("chromosome", chromosomes)):
        if name == "chromosome" and len(set(groups)) < FEWEST_FOLDS:
            continue
        count = min(run.folds, len(set(groups)))
        folds = folds_of(groups, count)
        found = held_out(contestants, folds, run.seed)
        judged[name] = measured(found, positive, genes, folds, head=THE_HEAD)
        kept = kept or found
    return judged, kept


def _final(run: Pathogenicity, examples: Labelled, config: AllelePairConfig) -> AllelePair:
    """The head that is saved: one fold of genes stops and calibrates it, the others teach it."""
    genes = [allele.group for allele in examples.alleles]
    stopped = folds_of(genes, run.folds) == 0
    rows = [torch.from_numpy(np.flatnonzero(part)) for part in (~stopped, stopped)]
    return fitted(config, examples.examples, rows[0], rows[1], run.fitting, run.seed)


def _facts(run: Pathogenicity, loaded: LoadedModel) -> dict[str, Any]:
    return {
        "version": __version__,
        "model": loaded.name,
        "width": checked_width(loaded.model, run.width),
        "around": run.around,
        "annotation": None if run.annotation is None else Path(run.annotation).name,
        "clinvar": Path(run.clinvar).name,
        "min_stars": run.min_stars,
        "seed": run.seed,
    }


def _write(
    run: Pathogenicity,
    folder: Path,
    loaded: LoadedModel,
    head: AllelePair,
    clinvar: Clinvar,
    judged: Mapping[str, Any],
) -> None:
    facts = {**_facts(run, loaded), "labels": LABELS, "dropped": clinvar.dropped, "held_out": judged}
    backbone = Backbone(loaded.name, loaded.sha256, run.layers, "both")
    save_head(folder / HEAD, SavedHead(head, HEADS.get("allele-pair"), backbone, None, facts))
    with atomic_output(folder / METRICS) as fresh:
        fresh.write_text(json.dumps({"head": run.name, **facts}, indent=2) + "\n")


def _write_predictions(
    path: Path, examples: Labelled, probabilities: Mapping[str, Float[np.ndarray, "N"]]
) -> None:
    schema: dict[str, type[str] | type[int] | type[float]] = {
        **dict.fromkeys(("chrom", "pos", "ref", "alt", "group", "label"), str),
        "pos": int,
        **dict.fromkeys(probabilities, float),
    }
    with TableWriter(path, schema, {}) as table:
        table.write_rows(
            (
                a.variant.chrom,
                a.variant.pos,
                a.variant.ref,
                a.variant.alt,
                a.group,
                LABELS[a.pathogenic],
                *row,
            )
            for a, *row in zip(examples.alleles, *(p.tolist() for p in probabilities.values()), strict=True)
        )
