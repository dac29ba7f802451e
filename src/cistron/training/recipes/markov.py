"""An interpolated Markov model: the baseline that every language model must beat."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cistron.data.corpus import Source, read_source
from cistron.errors import InputError, OutputError, ResumeError
from cistron.formats.fasta import Fasta
from cistron.models import MODELS
from cistron.models.markov import fit
from cistron.tokenizers import TOKENIZERS
from cistron.training import ProgressFn
from cistron.training.settings import to_json
from cistron.weights.folder import save_folder


@dataclass(frozen=True)
class MarkovFit:
    """Count words of `order` + 1 bases and interpolate all orders up to it.

    Attributes:
        fasta: Files to fit on.
        order: Bases of context, 0 to 12.
        both_strands: Count the reverse complement too.
        held_out: Chromosomes that must not be in the files.
    """

    fasta: tuple[Source, ...] = ()
    order: int = 11
    both_strands: bool = True
    held_out: tuple[str, ...] = ()

    def execute(self, folder: Path, *, resume: bool, progress: ProgressFn) -> None:
        """Fit and write `folder/model`; see `cistron.training.Run`."""
        if resume:
            raise ResumeError("fitting a Markov model takes minutes and is not resumed; leave out --resume")
        if not self.fasta:
            raise InputError("nothing to fit on: give FASTA files, such as --set fasta=a.fa,b.fa")
        if (folder / "model").exists():
            raise OutputError(f"{folder} already holds a model; choose another folder")
        total = sum(map(_bases, self.fasta))
        model = fit(
            self._sequences(),
            self.order,
            both_strands=self.both_strands,
            progress=lambda done: progress(done, total, "bases"),
        )
        card = {
            "name": f"markov-{self.order}",
            "order": self.order,
            "fitted_on": [Path(source.fasta).name for source in self.fasta],
            "text": f"Interpolated Markov model of order {self.order}, fitted by `cistron train markov`.",
        }
        spec = MODELS.get("markov")
        folder.mkdir(parents=True, exist_ok=True)
        save_folder(folder / "model", model, TOKENIZERS.get(spec.tokenizer)(), spec, card)
        (folder / "run.json").write_text(to_json(self))

    def _sequences(self) -> Iterator[str]:
        for source in self.fasta:
            for _, bases in read_source(source, self.held_out):
                yield bases


def _bases(source: Source) -> int:
    with Fasta(Path(os.path.expandvars(source.fasta))) as fasta:
        return sum(fasta.contigs.values())


RECIPE = MarkovFit
