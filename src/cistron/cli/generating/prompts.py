"""Where prompts come from: text on the command line, FASTA, and regions of a genome."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from cistron.errors import InputError
from cistron.formats.atomic import STREAM
from cistron.formats.fasta import Fasta
from cistron.formats.fasta_stream import stream_records
from cistron.formats.spool import seekable
from cistron.genome import Strand
from cistron.genome.sequence import reverse_complement
from cistron.genome.splits import parse_region


class Prompt(NamedTuple):
    """What to continue, and what outputs call it."""

    name: str
    sequence: str


@dataclass(frozen=True)
class PromptSource:
    """Prompts that can be gone through again and again, one in memory at a time.

    Attributes:
        texts: Sequences.
        fasta: A file of sequences; None for none.
        regions: Stretches of the reference, 1-based as samtools writes them.
        reference: Where the regions lie.
        strand: In which direction regions are read.
    """

    texts: tuple[str, ...] = ()
    fasta: Path | None = None
    regions: tuple[str, ...] = ()
    reference: Fasta | None = None
    strand: Strand = "+"

    def __iter__(self) -> Iterator[Prompt]:
        for number, text in enumerate(self.texts, 1):
            yield Prompt(f"prompt{number}", text)
        if self.fasta is not None:
            yield from _records(self.fasta)
        for region in self.regions:
            yield self._from_region(region)

    def _from_region(self, text: str) -> Prompt:
        assert self.reference is not None
        found = parse_region(text, self.reference.contigs)
        bases = self.reference.fetch(found.chrom, found.start, found.end)
        name = f"{found.chrom}:{found.start + 1}-{found.end}"
        if self.strand == "-":
            return Prompt(f"{name}(-)", reverse_complement(bases))
        return Prompt(name, bases)


@contextmanager
def opened_prompts(
    texts: tuple[str, ...],
    fasta: str | None,
    regions: tuple[str, ...],
    reference: Path | None,
    strand: Strand,
) -> Iterator[PromptSource]:
    """The prompts of a command, for the time of the block; standard input is copied to a file first.

    Raises:
        InputError: There are no prompts, or regions without a reference.
    """
    if not (texts or fasta or regions):
        raise InputError("nothing to continue; give --prompt ACGT, --prompts IN.fa or --region CHR:START-END")
    if regions and reference is None:
        raise InputError("--region needs the genome it lies in; give --reference REF.fa")
    with ExitStack() as open_files:
        path = None if fasta is None else open_files.enter_context(seekable(fasta))
        genome = open_files.enter_context(Fasta(reference)) if regions and reference else None
        yield PromptSource(texts, path, regions, genome, strand)


def _records(path: Path) -> Iterator[Prompt]:
    for name, pieces in stream_records(path):
        yield Prompt(name, b"".join(pieces).decode("ascii", "replace"))


def shown_name(fasta: str) -> str:
    """What to call a FASTA of prompts in messages."""
    return "standard input" if fasta == STREAM else Path(fasta).name
