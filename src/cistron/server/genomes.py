"""The genomes that are served: each thread reads through files of its own."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cistron.formats.consequences import Consequences
from cistron.formats.fasta import Fasta
from cistron.formats.gene_models import GeneFile
from cistron.formats.transcripts import may_have_transcripts
from cistron.genome import Interval
from cistron.server.problems import RefusedError, not_served


class Genomes:
    """References and their genes by name, such as `hg19`.

    Args:
        paths: Name → FASTA.
        annotations: Name → genes, for some of them.

    Raises:
        InputError: A file is missing or damaged.
        RefusedError: There are genes of a genome that is not served.
    """

    def __init__(self, paths: Mapping[str, Path], annotations: Mapping[str, Path]) -> None:
        self._paths: Final = dict(paths)
        self._annotations: Final = dict(annotations)
        self._files: Final = threading.local()
        self.contigs: Final = {name: dict(self.of(name).contigs) for name in self._paths}
        self.genes: Final = {name: self._genes(name, path) for name, path in annotations.items()}
        self.with_transcripts: Final = {n for n, path in annotations.items() if may_have_transcripts(path)}

    @property
    def names(self) -> list[str]:
        """Names of the genomes, as the operator gave them."""
        return list(self._paths)

    def path(self, name: str) -> Path:
        """The FASTA of a genome.

        Raises:
            RefusedError: It is not served.
        """
        if name not in self._paths:
            raise not_served("genome", name, self._paths)
        return self._paths[name]

    def of(self, name: str) -> Fasta:
        """A genome, for this thread alone.

        Raises:
            RefusedError: It is not served.
        """
        opened: dict[str, Fasta] = self._files.__dict__.setdefault("opened", {})
        if name not in opened:
            opened[name] = Fasta(self.path(name))
        return opened[name]

    def genes_of(self, name: str) -> list[Interval]:
        """All genes of a genome, in file order.

        Raises:
            RefusedError: The genome or its genes are not served.
        """
        self.path(name)
        if name not in self.genes:
            raise RefusedError(
                404, f"no genes are installed for '{name}'; start with --annotation {name}=GFF"
            )
        return self.genes[name]

    def consequences_of(self, name: str) -> Consequences:
        """What variants of a genome do to its genes, for this thread alone; slow when first asked.

        Raises:
            RefusedError: The genome or its genes are not served.
        """
        made: dict[str, Consequences] = self._files.__dict__.setdefault("consequences", {})
        if name not in made:
            self.genes_of(name)
            made[name] = Consequences(self._annotations[name], self.of(name), self.contigs[name])
        return made[name]

    def _genes(self, name: str, path: Path) -> list[Interval]:
        return list(GeneFile(path, self.of(name)).features("gene"))
