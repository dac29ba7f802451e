"""Labelled alleles from a ClinVar VCF: which are benign or pathogenic, of which gene, which were left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cistron.errors import InputError
from cistron.formats.clinvar import genes, molecular_consequences, significance, stars
from cistron.formats.vcf_reader import VcfReader, VcfRecord
from cistron.genome import Reference, Variant
from cistron.genome.alleles import check_ref, classify
from cistron.genome.contigs import ContigNames

LABELS = ("Benign", "Pathogenic")


@dataclass(frozen=True, slots=True)
class LabelledAllele:
    """One allele with a class.

    Attributes:
        variant: The allele, its contig called as the reference calls it.
        pathogenic: Its class.
        stars: Of its review, 0 to 4.
        group: Its gene; genes that share an allele are one group. The place where no gene is given.
        terms: Consequences as the file states them; none where it states none.
    """

    variant: Variant
    pathogenic: bool
    stars: int
    group: str
    terms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Clinvar:
    """What a ClinVar file gives.

    Attributes:
        alleles: In order of the reference's contigs and of position.
        dropped: Reason → alleles that were left out for it.
    """

    alleles: list[LabelledAllele]
    dropped: Mapping[str, int]


def read_clinvar(
    path: str | Path, reference: Reference, *, min_stars: int = 1, limit: int | None = None, seed: int = 0
) -> Clinvar:
    """The benign and pathogenic alleles of a VCF in ClinVar's layout that the reference has.

    Args:
        path: VCF or BCF with INFO/CLNSIG, and with CLNREVSTAT, GENEINFO and MC where known.
        reference: The genome it lies on.
        min_stars: Fewest stars of a review.
        limit: Most alleles; more are thinned at random.
        seed: Of the thinning.

    Raises:
        InputError: The file is missing, damaged, has no CLNSIG, or gives alleles of one class alone.
    """
    dropped: Counter[str] = Counter()
    found: dict[Variant, LabelledAllele | None] = {}
    with VcfReader(path) as reader:
        if "CLNSIG" not in reader.info_fields:
            raise InputError(f"{path} has no INFO/CLNSIG; give a VCF in ClinVar's layout")
        for allele in _alleles(reader, reference, min_stars, dropped):
            known = found.setdefault(allele.variant, allele)
            if known is not allele:
                dropped["given twice"] += 1
            if known is not None and known.pathogenic != allele.pathogenic:
                found[allele.variant] = None
                dropped["given with both classes"] += 1
    alleles = [allele for allele in found.values() if allele is not None]
    _require_both(path, alleles, dropped)
    chosen = _thinned(alleles, limit, seed)
    order = {name: number for number, name in enumerate(reference.contigs)}
    chosen.sort(key=lambda a: (order[a.variant.chrom], a.variant.pos, a.variant.ref, a.variant.alt))
    if len(chosen) < len(alleles):
        dropped["above the limit"] = len(alleles) - len(chosen)
    return Clinvar(chosen, dict(sorted(dropped.items())))


def _alleles(
    reader: VcfReader, reference: Reference, min_stars: int, dropped: Counter[str]
) -> Iterator[LabelledAllele]:
    names = ContigNames(reference.contigs)
    merged = _Joined()
    kept: list[tuple[LabelledAllele, str]] = []
    for record in reader:
        info = _info(record)
        label, reason = significance(info.get("CLNSIG", ""))
        earned = stars(info.get("CLNREVSTAT", ""))
        if label is not None and earned < min_stars:
            label, reason = None, f"fewer than {min_stars} stars"
        for variant in record.variants:
            chrom = names.resolve(variant.chrom, reader.contig_lengths.get(variant.chrom))
            why = reason if label is None else _unusable(variant, reference, chrom)
            if why or chrom is None:
                dropped[why] += 1
                continue
            symbols = genes(info.get("GENEINFO", "")) or (f"{chrom}:{variant.pos}",)
            merged.join(symbols)
            terms = molecular_consequences(info.get("MC", ""))
            here = replace(variant, chrom=chrom)
            kept.append((LabelledAllele(here, label == "Pathogenic", earned, "", terms), symbols[0]))
    for allele, symbol in kept:
        yield replace(allele, group=merged.name(symbol))


def _unusable(variant: Variant, reference: Reference, chrom: str | None) -> str:
    if chrom is None:
        return "contig not in the reference"
    status = classify(variant)
    if status is not None:
        return f"status {status}"
    return "REF differs from the reference" if check_ref(variant, reference, chrom) else ""


def _info(record: VcfRecord) -> dict[str, str]:
    fields = (field.partition("=") for field in record.line.split("\t", 8)[7].split(";"))
    return {name: value for name, _, value in fields}


def _require_both(path: str | Path, alleles: list[LabelledAllele], dropped: Counter[str]) -> None:
    counts = Counter(allele.pathogenic for allele in alleles)
    if counts[True] and counts[False]:
        return
    reasons = "; ".join(f"{count:,} {reason}" for reason, count in sorted(dropped.items()))
    raise InputError(
        f"{path} gives {counts[False]:,} benign and {counts[True]:,} pathogenic alleles; both are needed"
        + (f" (left out: {reasons})" if reasons else "")
    )


def _thinned(alleles: list[LabelledAllele], limit: int | None, seed: int) -> list[LabelledAllele]:
    if limit is None or limit >= len(alleles):
        return alleles
    drawn = np.random.default_rng(seed).permutation(len(alleles))[:limit]
    return [alleles[at] for at in sorted(drawn.tolist())]


class _Joined:
    """Symbols that occur together become one group, whose name is the first of them."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def join(self, symbols: Iterable[str]) -> None:
        first, *others = [self.name(symbol) for symbol in symbols]
        for other in others:
            low, high = sorted((first, other))
            self._parent[high] = first = low

    def name(self, symbol: str) -> str:
        while (above := self._parent.setdefault(symbol, symbol)) != symbol:
            symbol = above
        return symbol
