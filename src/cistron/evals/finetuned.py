"""What a model says of sequences once it has been trained on others: a request answered by a whole run."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from cistron.data.labelled import LabelledData
from cistron.evals.answers import Vectors
from cistron.evals.requests import TrainRequest
from cistron.formats.labelled_sequences import read_rows
from cistron.formats.table import TableWriter
from cistron.training.finetune import Finetuning

_PREDICTIONS = "test_predictions.tsv"
_COLUMNS: dict[str, type[str] | type[int] | type[float]] = {"sequence": str, "label": str, "group": str}


def told_after_training(source: str, device: str, request: TrainRequest) -> Vectors:
    """Probabilities of the classes of each sequence, in the order of the labels' names.

    The run takes what it stops by from the training part, with groups kept together.

    Args:
        source: Name or folder of the model.
        device: Where to train.
        request: What to train on, and what to tell.

    Raises:
        CistronError: The model or the data cannot be used for training.
    """
    with TemporaryDirectory(prefix="cistron-eval-") as name:
        folder = Path(name)
        _write(folder / "train.tsv", request.known, request.labels, request.groups)
        # The test part must have labels; they are nobody's, and its metrics are not looked at.
        nobody = (request.labels[0],) * len(request.sequences)
        _write(folder / "test.tsv", request.sequences, nobody, ("",) * len(request.sequences))
        data = LabelledData(
            train=(str(folder / "train.tsv"),),
            test=(str(folder / "test.tsv"),),
            group="group",
            on_leak="warn",
        )
        run = Finetuning(
            data=data, model=source, mode=request.mode, seed=request.seed, device=device, loggers=()
        )
        run.execute(folder / "run", resume=False, progress=_ignore)
        return Vectors(_probabilities(folder / "run" / _PREDICTIONS, request.labels))


def _write(path: Path, sequences: tuple[str, ...], labels: tuple[str, ...], groups: tuple[str, ...]) -> None:
    with TableWriter(path, _COLUMNS, {}) as table:
        table.write_rows(zip(sequences, labels, groups, strict=True))


def _probabilities(path: Path, labels: tuple[str, ...]) -> np.ndarray:
    columns = [f"p_{label}" for label in sorted(set(labels))]
    rows = read_rows(path, columns, delimiter="\t")
    return np.array([[float(row[column]) for column in columns] for row in rows], dtype=np.float32)


def _ignore(done: int, total: int, text: str) -> None:
    del done, total, text
