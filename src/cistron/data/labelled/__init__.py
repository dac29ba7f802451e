"""Labelled sequences: what a head is trained on, from tables, FASTA, BED (also with bigWig) or VCF."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SPLITS = ("train", "validation", "test")
Split = Literal["train", "validation", "test"]
_LABELS = ("label",)


@dataclass(frozen=True, slots=True)
class Item:
    """One labelled example.

    Attributes:
        name: What the file calls it, or where it stands there.
        sequences: Upper-case bases: one, or the windows of reference and alternative allele.
        labels: As written, one for each label column; empty text where nothing is known.
        sites: Of each sequence the half-open span of bases that differs; none for single sequences.
        group: What must not be on both sides of a split, such as a gene; empty where nothing is known.
        place: Contig, start and end on the plus strand, 0-based half-open; None where not known.
        split: The part that the file puts it in; empty where it does not say.
    """

    name: str
    sequences: tuple[str, ...]
    labels: tuple[str, ...]
    sites: tuple[tuple[int, int], ...] = ()
    group: str = ""
    place: tuple[str, int, int] | None = None
    split: str = ""


@dataclass(frozen=True)
class LabelledData:
    """Where labelled examples come from and how they are split.

    Attributes:
        train: Files to learn from; `.tsv`, `.csv`, `.parquet`, `.fa`, `.bed`, `.vcf`, also compressed. A
            split by column, group or chromosome can take the other parts from them.
        validation: Files to stop by; a part of `train` where empty.
        test: Files to measure on; a part of `train` where empty.
        reference: FASTA that BED and VCF files lie on.
        labels: Columns with labels; names of INFO fields in a VCF; of a BED file, `name` is its fourth
            column. With `signal` they are the names of its files' tracks.
        signal: bigWig files; the mean of each over an interval of a BED file is a label.
        sequence: Column with bases.
        group: Column, or INFO field, of what must stay on one side.
        split: Column that says train, validation or test.
        table: For FASTA: a TSV or CSV file with a column `name` and the columns above.
        by: Where no file and no column says: `group` puts whole groups into parts, `chromosome` whole
            contigs, `random` single items. Items without a group or place count for themselves.
        shares: Of train, validation and test, where the split is by group or at random.
        validation_chromosomes: For the split by chromosome.
        test_chromosomes: For the split by chromosome.
        width: Bases around the middle of a BED interval, or the window of a VCF allele; None takes BED
            intervals as they are, and the model's own width for alleles.
        on_leak: What to do where the test or validation part shares something with the training part.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    reference: str | None = None
    labels: tuple[str, ...] = _LABELS
    signal: tuple[str, ...] = ()
    sequence: str = "sequence"
    group: str | None = None
    split: str | None = None
    table: str | None = None
    by: str = "group"
    shares: tuple[float, ...] = (0.8, 0.1, 0.1)
    validation_chromosomes: tuple[str, ...] = ()
    test_chromosomes: tuple[str, ...] = ()
    width: int | None = None
    on_leak: str = "refuse"

    def __post_init__(self) -> None:
        if self.signal and self.labels == _LABELS:
            object.__setattr__(self, "labels", tuple(Path(path).stem for path in self.signal))
