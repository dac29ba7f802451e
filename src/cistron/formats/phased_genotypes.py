"""Genotypes of people with two copies of a contig, and which of their sites are phased with which."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from jaxtyping import Bool, Int8, Int32

from cistron.errors import InputError
from cistron.formats.haploid_genotypes import MISSING, Haploid
from cistron.formats.vcf_reader import VcfReader

UNPHASED: Final = -1
WHOLE_CONTIG: Final = 0


class _Call(NamedTuple):
    first: int
    second: int
    phase_set: int


@dataclass(frozen=True)
class Diploid:
    """Who has which two alleles.

    Attributes:
        chrom: The contig.
        samples: Names of the people.
        starts: First base of each site, 0-based.
        alleles: REF and the ALTs of each site.
        calls: Site by person by copy: number of the allele, `MISSING` where it is not known.
        phase_sets: Site by person: calls of one set have their copies in one order; `WHOLE_CONTIG` is the
            set of phased calls without a number, `UNPHASED` says that the order is not known.
    """

    chrom: str
    samples: tuple[str, ...]
    starts: tuple[int, ...]
    alleles: tuple[tuple[str, ...], ...]
    calls: Int8[np.ndarray, "sites people 2"]
    phase_sets: Int32[np.ndarray, "sites people"]

    def within(self, start: int, end: int) -> Diploid:
        """The sites that begin in `start` to `end`, 0-based half-open."""
        first, last = np.searchsorted(self.starts, (start, end)).tolist()
        return Diploid(
            self.chrom,
            self.samples,
            self.starts[first:last],
            self.alleles[first:last],
            self.calls[first:last],
            self.phase_sets[first:last],
        )

    def phased(self) -> Bool[np.ndarray, "people"]:
        """Whose two copies are known: at most one heterozygous site, or all of them in one phase set."""
        different = self.calls[:, :, 0] != self.calls[:, :, 1]
        large = np.iinfo(np.int32).max
        least = np.where(different, self.phase_sets, large).min(axis=0, initial=large)
        most = np.where(different, self.phase_sets, UNPHASED).max(axis=0, initial=UNPHASED)
        known: Bool[np.ndarray, "people"] = (least == most) & (least != UNPHASED)
        return np.asarray(known | (different.sum(axis=0) <= 1))

    def copies(self) -> Haploid:
        """Each person as two, `NAME/1` and `NAME/2`, one after the other."""
        names = tuple(f"{name}/{copy}" for name in self.samples for copy in (1, 2))
        calls = self.calls.reshape(len(self.starts), -1)
        return Haploid(self.chrom, names, self.starts, self.alleles, calls)


def read_diploid(path: str | Path) -> Diploid:
    """Read a sorted VCF of one contig with two alleles a person.

    Raises:
        InputError: The file is missing or damaged, has no people, several contigs or positions that fall, or
            a person has another number of alleles.
    """
    chroms, starts, alleles, calls = set(), [], [], []
    known = _Calls(str(path))
    with VcfReader(path) as records:
        samples = tuple(records.samples)
        for record in records:
            columns = record.line.split("\t")
            chroms.add(record.chrom)
            starts.append(record.pos - 1)
            alleles.append((columns[3], *columns[4].split(",")))
            of_format = known.of(columns[8], record.pos)
            calls.append([of_format[column] for column in columns[9:]])
    if len(chroms) != 1 or not samples:
        raise InputError(f"{path} has {len(chroms)} contigs and {len(samples)} people; one contig is needed")
    if starts != sorted(starts):
        raise InputError(f"{path} is not sorted by position; sort it with bcftools sort")
    table = np.array(calls, dtype=np.int32)
    return Diploid(
        chroms.pop(),
        samples,
        tuple(starts),
        tuple(alleles),
        table[:, :, :2].astype(np.int8),
        table[:, :, 2].copy(),
    )


def joined(first: Diploid, second: Diploid) -> Diploid:
    """The people of both, at the sites that both have.

    Raises:
        InputError: They have a person, or no site, in common, or different contigs.
    """
    twice = set(first.samples) & set(second.samples)
    if twice or first.chrom != second.chrom:
        what = f"person {sorted(twice)[0]}" if twice else f"contigs {first.chrom} and {second.chrom}"
        raise InputError(f"two files of genotypes cannot be joined: {what}")
    places = [list(zip(each.starts, each.alleles, strict=True)) for each in (first, second)]
    shared = set(places[0]) & set(places[1])
    if not shared:
        raise InputError("two files of genotypes have no site in common")
    rows = [[row for row, site in enumerate(each) if site in shared] for each in places]
    kept = [places[0][row] for row in rows[0]]
    return Diploid(
        first.chrom,
        (*first.samples, *second.samples),
        tuple(start for start, _ in kept),
        tuple(alleles for _, alleles in kept),
        np.concatenate([first.calls[rows[0]], second.calls[rows[1]]], axis=1),
        np.concatenate([first.phase_sets[rows[0]], second.phase_sets[rows[1]]], axis=1),
    )


class _Calls:
    """Columns of people as calls; the few different ones are read once."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._known: dict[str, _OfFormat] = {}

    def of(self, form: str, pos: int) -> _OfFormat:
        """Those of one FORMAT column."""
        keys = form.split(":")
        found = self._known.setdefault(form, _OfFormat(keys.index("PS") if "PS" in keys else None))
        found.where = f"{self._name}: genotype at position {pos:,}"
        return found


class _OfFormat(dict[str, _Call]):
    """Text of a column → its call."""

    def __init__(self, phase_set: int | None) -> None:
        self._phase_set = phase_set
        self.where = ""

    def __missing__(self, column: str) -> _Call:
        cells = column.split(":")
        sign = "|" if "|" in cells[0] else "/"
        parts = cells[0].split(sign)
        if cells[0] == ".":
            parts = [".", "."]
        if len(parts) != 2 or not all(part == "." or part.isdecimal() for part in parts):
            raise InputError(f"{self.where} is '{cells[0]}', which is not that of two alleles")
        one, other = (MISSING if part == "." else int(part) for part in parts)
        self[column] = found = _Call(one, other, self._set(cells) if sign == "|" else UNPHASED)
        return found

    def _set(self, cells: list[str]) -> int:
        text = cells[self._phase_set] if self._phase_set is not None and self._phase_set < len(cells) else "."
        return int(text) if text.isdecimal() else WHOLE_CONTIG
