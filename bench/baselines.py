"""Baselines for the shipped model: interpolated Markov models fitted on exactly its training bases."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import cistron
from cistron.cli.progress import progress_bar, progress_of
from cistron.data.packed import PackedCorpus
from cistron.inference.load import LoadedModel
from cistron.models import MODELS
from cistron.models.markov import fit
from cistron.tokenizers import TOKENIZERS
from cistron.training.corpora import identity, opened_corpora, sequences
from cistron.training.pretrain import DataSettings
from cistron.weights.folder import save_folder


def training_corpora(data: DataSettings, run: Path, model: LoadedModel) -> list[PackedCorpus]:
    """What a recipe trains on, from the folder of its run or built there; it must be what the model learned.

    A baseline that was fitted on other bases than the model would prove nothing.
    """
    with progress_of("Training bases") as progress:
        corpora = opened_corpora(data, run, resume=True, progress=progress)
    found, wanted = identity(corpora), model.card.get("data_sha256")
    if found != wanted:
        sys.exit(
            f"the model's card says data_sha256 {wanted}, but the recipe trains on {found}; "
            "use the recipe and the data that the model was trained with"
        )
    return corpora


def fitted(corpora: Sequence[PackedCorpus], order: int, folder: Path) -> LoadedModel:
    """The Markov model of an order, fitted on all training bases unless that was done before."""
    target = folder / f"{order}-{identity(corpora)[:12]}"
    if not target.exists():
        bases = sum(corpus.num_bases for corpus in corpora)
        with progress_bar(f"Fitting order {order}", bases, "bases") as advance:
            model = fit(sequences(corpora), order, progress=_steps(advance))
        spec = MODELS.get("markov")
        card = {"name": f"markov-{order}", "data_sha256": identity(corpora)}
        target.parent.mkdir(parents=True, exist_ok=True)
        save_folder(target, model, TOKENIZERS.get(spec.tokenizer)(), spec, card)
    return cistron.load(target)


def _steps(advance: Callable[[int], None]) -> Callable[[int], None]:
    """From a count of all that is done to what was done since the last call."""
    done = 0

    def show(now: int) -> None:
        nonlocal done
        advance(now - done)
        done = now

    return show
