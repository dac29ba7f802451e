"""Common substitutions against singletons: does the score call alleles that spread more plausible?

Both classes come from one file of genotypes, so they share place, people and calling, and in both ALT is the
rarer allele. Each common substitution is paired with the nearest singleton of the same change in the same
neighbours (`ACG>ATG`), since what mutates often and what spreads often differ for reasons of chemistry alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
from jaxtyping import Bool, Float

from cistron.errors import InputError
from cistron.evals.answers import Scores
from cistron.evals.outcome import Metric, Outcome
from cistron.evals.requests import ScoreRequest
from cistron.evals.task import Answers, Baseline, Control, MarkovRule, Plan, Setting, Task
from cistron.evals.zeroshot.experiment import MARKOV_ORDER
from cistron.evals.zeroshot.genomes import sequences_of
from cistron.formats.fasta import Fasta
from cistron.formats.vcf_reader import VcfReader
from cistron.genome import Reference, Variant
from cistron.genome.contigs import ContigNames
from cistron.genome.sequence import is_acgt, reverse_complement
from cistron.metrics.ranking import auroc_interval

VCF: Final = "populations/kg_chr20_1_4Mb/reference.vcf.gz"
FASTA: Final = "human/chr20.fa.gz"
_MARKOV: Final = "human/chr22_partial.fa.gz"
COMMON: Final = (0.05, 0.5)
"""Frequency of ALT in the file's people."""

_BLOCK: Final = 100_000
"""Bases whose variants are drawn together: about the reach of linkage."""


@dataclass(frozen=True)
class _Pairs:
    """Variants, the common one and its singleton one after the other."""

    variants: tuple[Variant, ...]
    reference: Fasta

    @property
    def common(self) -> Bool[np.ndarray, "N"]:
        return np.asarray(np.arange(len(self.variants)) % 2 == 0)

    def judge(self, answers: Answers) -> Outcome:
        return self._outcome(cast(Scores, answers["scores"]).llr)

    def shuffled(self, answers: Answers) -> Outcome:
        llr = cast(Scores, answers["scores"]).llr
        return self._outcome(np.random.default_rng(0).permutation(llr))

    def gc(self) -> Outcome:
        """Share of G and C around the variant."""
        found = []
        for variant in self.variants:
            start = max(variant.start - 100, 0)
            bases = self.reference.fetch(variant.chrom, start, variant.start + 101)
            found.append((bases.count("G") + bases.count("C")) / len(bases))
        return self._outcome(np.array(found))

    def _outcome(self, score: Float[np.ndarray, "N"]) -> Outcome:
        known = np.isfinite(score)
        blocks = np.array([variant.start // _BLOCK for variant in self.variants])
        label, groups = self.common[known], blocks[known]
        names = [f"{v.chrom}:{v.pos} {v.ref}>{v.alt}" for v in self.variants]
        metric = Metric.of(
            "auroc",
            auroc_interval(score[known], label, groups),
            len(np.unique(groups)),
            note="blocks of 100 kb",
        )
        items = {"item": np.array(names)[known], "group": groups, "label": label, "score": score[known]}
        lost = int((~known).sum())
        return Outcome((metric,), items, (f"{lost} variants have no score",) if lost else ())


def prepare(setting: Setting) -> Plan:
    """Pair common substitutions with singletons, and ask for the score of all.

    Raises:
        InputError: A file is missing or damaged, they do not belong together, or no pair is found.
    """
    reference = Fasta(setting.path(FASTA))
    common, rare = _by_change(setting, reference)
    pairs = list(_paired(common, rare))
    if not pairs:
        raise InputError(f"{VCF} has no common substitution with a singleton of the same change")
    most = setting.limit or int(setting.options["pairs"]) or len(pairs)
    drawn = sorted(np.random.default_rng(setting.seed).permutation(len(pairs))[:most].tolist())
    found = _Pairs(tuple(variant for at in drawn for variant in pairs[at]), reference)
    request = ScoreRequest(
        found.variants, setting.path(FASTA), width=int(setting.options["width"]) or None, strands="both"
    )
    chr22 = setting.path(_MARKOV)
    return Plan(
        {"scores": request},
        found.judge,
        markov=MarkovRule(MARKOV_ORDER, lambda: (bases for _, bases in sequences_of(chr22)), "human chr22"),
        twin=True,
        controls=(Control("scores shuffled", "dealt out anew among all variants", found.shuffled),),
        baselines=(Baseline("GC", "share of G and C in the 201 bases around the variant", found.gc),),
        notes=(
            f"{len(drawn):,} of {len(pairs):,} pairs: {_count(common):,} substitutions with an ALT frequency"
            f" of {COMMON[0]:.0%} to {COMMON[1]:.0%}, {_count(rare):,} singletons; paired by change and"
            " neighbours",
            "0.5 is what the change itself, and the neighbouring bases, tell: both are the same in a pair",
        ),
    )


_Changes = dict[str, list[Variant]]


def _count(changes: _Changes) -> int:
    return sum(map(len, changes.values()))


def _by_change(setting: Setting, reference: Reference) -> tuple[_Changes, _Changes]:
    """Common substitutions and singletons, by change in its neighbours."""
    common: _Changes = {}
    rare: _Changes = {}
    names = ContigNames(reference.contigs)
    with VcfReader(setting.path(VCF)) as records:
        for record in records:
            columns = record.line.split("\t")
            if len(record.variants) != 1 or len(columns[3] + columns[4]) != 2 or not is_acgt(columns[4]):
                continue
            alleles = "".join(column[:3] for column in columns[9:])
            count, total = alleles.count("1"), alleles.count("0") + alleles.count("1")
            chrom = names.resolve(record.chrom)
            if chrom is None:
                raise InputError(f"{FASTA} has no contig {record.chrom} of the variants in {VCF}")
            into = rare if count == 1 else common if COMMON[0] <= count / max(total, 1) <= COMMON[1] else None
            if into is not None:
                variant = Variant(chrom, record.pos, columns[3], columns[4])
                into.setdefault(_change(variant, reference), []).append(variant)
    return common, rare


def _change(variant: Variant, reference: Reference) -> str:
    """The change in its neighbours, on the strand where the middle base is A or C.

    Raises:
        InputError: REF is not what the reference has.
    """
    before = reference.fetch(variant.chrom, variant.start - 1, variant.start + 2)
    if before[1] != variant.ref:
        raise InputError(
            f"REF {variant.ref} at {variant.chrom}:{variant.pos:,} is {before[1]} in the reference; is it of"
            " another build?"
        )
    after = before[0] + variant.alt + before[2]
    if variant.ref in "GT":
        before, after = reverse_complement(before), reverse_complement(after)
    return f"{before}>{after}"


def _paired(common: _Changes, rare: _Changes) -> Iterator[tuple[Variant, Variant]]:
    """Each common substitution with the nearest singleton of its change that is left."""
    for change in sorted(common):
        left = list(rare.get(change, ()))
        for variant in common[change]:
            if not left:
                break
            nearest = min(range(len(left)), key=lambda at: abs(left[at].pos - variant.pos))
            yield variant, left.pop(nearest)


TASK = Task(
    "zeroshot-common-vs-rare",
    1,
    "Common substitutions against singletons of the same change, chr20:1-4 Mb",
    "auroc",
    "1000 Genomes Project phase 3, chr20:1-4 Mb of GRCh37",
    "open (1000 Genomes)",
    prepare,
    needs=(VCF, FASTA, _MARKOV),
    suites=("zeroshot",),
    options={"width": 0, "pairs": 300},
)
