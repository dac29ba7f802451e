"""Deep mutational scans at the level of amino acids, as edits of a coding sequence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from cistron.errors import InputError
from cistron.formats.bgzf import read_lines
from cistron.genome import Reference
from cistron.genome.coding import CodingGene
from cistron.genome.edits import Edit, replaced, whole_codons
from cistron.genome.genetic_code import CODONS, GeneticCode

_MUTANT: Final = re.compile(r"([A-Z*])(\d+)([A-Z*])")


class Mutant(NamedTuple):
    """One measured protein.

    Attributes:
        wild: Amino acid in one letter.
        residue: Its number, from 1.
        mutant: What it became.
        fitness: As measured; higher is fitter.
    """

    wild: str
    residue: int
    mutant: str
    fitness: float


def read_mutants(path: Path) -> Iterator[Mutant]:
    """Single mutants of a ProteinGym table, plain or gzip, with `,` or `;` between columns.

    With `;` the decimal sign is a comma. Multiple mutants (`A1C:D2E`) are passed over.

    Raises:
        InputError: A column is missing, or a mutant or its score is malformed; the message names the line.
    """
    lines = read_lines(path)
    header = next(lines)
    mark = ";" if ";" in header else ","
    columns = header.split(mark)
    if not {"mutant", "DMS_score"} <= set(columns):
        raise InputError(f"{path} has the columns {', '.join(columns[:6])}; it needs mutant and DMS_score")
    where, score = columns.index("mutant"), columns.index("DMS_score")
    for number, line in enumerate(lines, 2):
        cells = line.split(mark)
        if len(cells) != len(columns):
            raise InputError(f"{path} line {number} has {len(cells)} columns, its header {len(columns)}")
        if ":" in cells[where]:
            continue
        found = _MUTANT.fullmatch(cells[where])
        try:
            fitness = float(cells[score].replace(",", ".") if mark == ";" else cells[score])
        except ValueError:
            found = None
        if found is None:
            raise InputError(
                f"{path} line {number}: '{cells[where]}' with score '{cells[score]}' is no mutant"
            )
        yield Mutant(found[1], int(found[2]), found[3], fitness)


def nearest_codon(codon: str, amino_acid: str, code: GeneticCode) -> str | None:
    """The codon of an amino acid that differs from `codon` in the fewest bases; the alphabet decides ties."""
    choices = [c for c in sorted(CODONS) if code.meaning[c] == amino_acid]
    return min(choices, key=lambda c: sum(a != b for a, b in zip(c, codon, strict=True)), default=None)


def mutant_edit(mutant: Mutant, gene: CodingGene, cds: str, reference: Reference) -> Edit | None:
    """The edit that makes a mutant from the coding sequence, by the nearest codon; None where it cannot be.

    It cannot where the sequence encodes another amino acid than the scan says, or where an intron divides the
    codon.

    Args:
        mutant: As measured.
        gene: Whose codon is replaced.
        cds: Its sequence in reading direction.
        reference: Its genome.
    """
    whole = {number: (start, end) for number, start, end in whole_codons(gene)}
    span = whole.get(mutant.residue - 1)
    codon = cds[3 * mutant.residue - 3 : 3 * mutant.residue]
    if span is None or gene.code.meaning.get(codon) != mutant.wild:
        return None
    new = nearest_codon(codon, mutant.mutant, gene.code)
    variant = new and replaced(reference, gene.chrom, gene.strand, *span, new)
    if not variant:
        return None
    unit = f"{mutant.wild}{mutant.residue}"
    return Edit(variant, gene.strand, unit, "amino acid", mutant.residue, f"{unit}{mutant.mutant}")
