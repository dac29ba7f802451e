"""Genotypes of people who have one allele each: a mitochondrion, a Y chromosome, one phased copy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Int8

from cistron.errors import InputError
from cistron.formats.vcf_reader import VcfReader

MISSING: Final = -1


@dataclass(frozen=True)
class Haploid:
    """Who has which allele.

    Attributes:
        chrom: The contig.
        samples: Names of the people.
        starts: First base of each site, 0-based.
        alleles: REF and the ALTs of each site.
        calls: Site by person: number of the allele, `MISSING` where it is not known.
    """

    chrom: str
    samples: tuple[str, ...]
    starts: tuple[int, ...]
    alleles: tuple[tuple[str, ...], ...]
    calls: Int8[np.ndarray, "sites people"]


def read_haploid(path: str | Path) -> Haploid:
    """Read a VCF of one contig with one allele a person.

    Raises:
        InputError: The file is missing or damaged, has no people or several contigs, or people have two
            alleles.
    """
    chroms, starts, alleles, calls = set(), [], [], []
    with VcfReader(path) as records:
        samples = tuple(records.samples)
        for record in records:
            columns = record.line.split("\t")
            chroms.add(record.chrom)
            starts.append(record.pos - 1)
            alleles.append((columns[3], *columns[4].split(",")))
            calls.append([_call(column, record.pos, path) for column in columns[9:]])
    if len(chroms) != 1 or not samples:
        raise InputError(f"{path} has {len(chroms)} contigs and {len(samples)} people; one contig is needed")
    return Haploid(chroms.pop(), samples, tuple(starts), tuple(alleles), np.array(calls, dtype=np.int8))


def _call(column: str, pos: int, path: str | Path) -> int:
    genotype = column.partition(":")[0]
    if genotype.isdecimal():
        return int(genotype)
    if genotype == ".":
        return MISSING
    raise InputError(f"{path}: genotype '{genotype}' at position {pos:,} is not that of one allele")
