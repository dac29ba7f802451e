"""One line of gene-benchmark's report, its columns in its order, ours behind them."""

from __future__ import annotations

from collections import Counter

from cistron import __version__
from cistron.evals.genes.encoders import Encoded
from cistron.evals.genes.protocol import Scores, mean_and_deviation
from cistron.evals.genes.selection import Scoring
from cistron.formats.gene_model_file import ModelFile


def report_line(
    model: ModelFile,
    found: Encoded,
    scores: Scores,
    *,
    scoring: Scoring,
    column: str,
    excluded: int,
    fraction: float,
    seed: int,
    compat: bool,
) -> dict[str, object]:
    """Column → value.

    Args:
        model: What was encoded with.
        found: The task's rows.
        scores: Of the folds.
        scoring: Kind of the task.
        column: The one outcome that was taken of several; empty where all were.
        excluded: Entities in the exclude list.
        fraction: Share of the rows that was drawn.
        seed: Of folds, draw and noise.
        compat: Whether gene-benchmark's flaws were kept.
    """
    task = found.task
    line: dict[str, object] = {"task_name": task.name}
    if column:
        line["sub_task"] = column
    line |= {"base_prediction_model": scores.estimator, "sample_size": len(task)}
    if scoring == "binary":
        sizes = Counter(row[0] for row in task.outcomes).most_common()
        line |= {
            "class_sizes": ",".join(str(size) for _, size in sizes),
            "classes_names": ",".join(name for name, _ in sizes),
        }
    if model.descriptor is not None:
        line["description class"] = model.descriptor.class_name
    line |= {
        "encoder class": model.encoder.class_name,
        "encoder_model_name": model.encoder.class_args.get("encoder_model_name", ""),
    }
    if found.missing:
        line |= {
            "num_of_missing_entities": len(found.missing),
            "allow_missing": True,
            "randomize_missing": compat,
        }
    for name, values in scores.folds.items():
        mean, deviation = mean_and_deviation(values)
        line |= {f"test_{name}": ",".join(map(str, values)), f"mean_{name}": mean, f"sd_{name}": deviation}
    return line | {
        "exclude_symbols_num": excluded,
        "model_name": model.model_name or "",
        "post_processing": model.post_processing,
        "frac": fraction,
        "scoring": scoring,
        "positive_class": min(row[0] for row in task.outcomes) if scoring == "binary" else "",
        "rows_without_vector": found.left_out,
        "notes": "; ".join(scores.notes),
        "seed": seed,
        "compat": compat,
        "cistron": __version__,
    }
