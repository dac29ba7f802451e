"""Names and lengths of contigs: aliases between naming styles, and human genome builds by their lengths."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final

from cistron.errors import UnknownContigError
from cistron.genome import Reference

RCRS_LENGTH: Final = 16_569
"""Length of the revised Cambridge reference sequence, the mitochondrion of GRCh37 and later, in bp."""

HG19_CHRM_LENGTH: Final = 16_571
"""Length of chrM in UCSC's hg19 (NC_001807), which is not the rCRS and has other coordinates, in bp."""

_CHROMOSOMES: Final = (*map(str, range(1, 23)), "X", "Y")
_MITOCHONDRION: Final = frozenset({"M", "MT"})

# Source: assembly reports of the Genome Reference Consortium and the T2T consortium; the first three agree
# with the sizes in UCSC's liftOver chains hg18ToHg19, hg19ToHg38 and hg38ToHg19.
_LENGTHS: Final[dict[str, str]] = {
    "NCBI36": """
        247249719 242951149 199501827 191273063 180857866 170899992 158821424 146274826 140273252 135374737
        134452384 132349534 114142980 106368585 100338915 88827254 78774742 76117153 63811651 62435964
        46944323 49691432 154913754 57772954""",
    "GRCh37": """
        249250621 243199373 198022430 191154276 180915260 171115067 159138663 146364022 141213431 135534747
        135006516 133851895 115169878 107349540 102531392 90354753 81195210 78077248 59128983 63025520
        48129895 51304566 155270560 59373566""",
    "GRCh38": """
        248956422 242193529 198295559 190214555 181538259 170805979 159345973 145138636 138394717 133797422
        135086622 133275309 114364328 107043718 101991189 90338345 83257441 80373285 58617616 64444167
        46709983 50818468 156040895 57227415""",
    "T2T-CHM13v2": """
        248387328 242696752 201105948 193574945 182045439 172126628 160567428 146259331 150617247 134758134
        135127769 133324548 113566686 101161492 99753195 96330374 84276897 80542538 61707364 66210255
        45090682 51324926 154259566 62460029""",
}

BUILDS: Final[dict[str, dict[str, int]]] = {
    build: dict(zip(_CHROMOSOMES, map(int, lengths.split()), strict=True))
    for build, lengths in _LENGTHS.items()
}
"""Human genome build → chromosome (1 to 22, X, Y) → length in bp."""

_PREFIX: Final = re.compile(r"^chr(?=.)", re.IGNORECASE)
_REFSEQ: Final = re.compile(r"^NC_0*(\d+)\.\d+$")
_REFSEQ_FIRST: Final = (
    1,
    60925,
)  # chromosome 1 of the GRC builds and of T2T-CHM13v2; the others follow in order
_REFSEQ_RCRS: Final = 12920


class ContigNames:
    """Finds the contig of a genome that a file calls by another name.

    `20`, `chr20` and `NC_000020.11` mean the same chromosome. A mitochondrion called by another name (`M`,
    `MT`, `chrM`, `NC_012920.1`) is the same only when the lengths are known and equal, because UCSC's hg19
    has another one.

    Args:
        contigs: Contig name → length in bp of the genome.
    """

    def __init__(self, contigs: Mapping[str, int]) -> None:
        self._contigs = dict(contigs)
        plain = Counter(map(plain_name, contigs))
        # A genome with both `20` and `chr20` means two different sequences: then only exact names count.
        self._aliases = {plain_name(name): name for name in contigs if plain[plain_name(name)] == 1}

    def resolve(self, name: str, length: int | None = None) -> str | None:
        """The genome's own name for the contig that a file calls `name`; None when it has none.

        Args:
            name: Contig name in the file.
            length: Length in bp that the file gives for it, None when it gives none.
        """
        if name in self._contigs:
            return name
        found = self._aliases.get(plain_name(name))
        if found is None or plain_name(name) not in _MITOCHONDRION:
            return found
        if length is None and _refseq_number(name) == _REFSEQ_RCRS:
            length = RCRS_LENGTH
        return found if self._contigs[found] == length else None


def plain_name(name: str) -> str:
    """`name` as aliases are compared: without `chr`, RefSeq chromosomes by number, `MT` for every M.

    `chr20`, `20` and `NC_000020.10` give `20`; `chrM` and `NC_012920.1` give `MT`.
    """
    number = _refseq_number(name)
    if number == _REFSEQ_RCRS:
        return "MT"
    for first in _REFSEQ_FIRST:
        if number is not None and first <= number < first + len(_CHROMOSOMES):
            return _CHROMOSOMES[number - first]
    plain = _PREFIX.sub("", name)
    return "MT" if plain in _MITOCHONDRION else plain


def recognise_build(contigs: Mapping[str, int]) -> str | None:
    """The human genome build that most chromosomes agree with in length; None when none does or two tie.

    Args:
        contigs: Contig name in any style → length in bp. One chromosome is enough.
    """
    agreeing = Counter(
        build
        for name, length in contigs.items()
        for build, lengths in BUILDS.items()
        if lengths.get(plain_name(name)) == length
    )
    best = agreeing.most_common(2)
    if not best or (len(best) == 2 and best[0][1] == best[1][1]):
        return None
    return best[0][0]


def is_rcrs(name: str, length: int) -> bool:
    """Whether a contig is the human reference mitochondrion by name and length, and so circular.

    Args:
        name: Contig name in any style.
        length: Its length in bp.
    """
    return plain_name(name) == "MT" and length == RCRS_LENGTH


def contig_length(reference: Reference, chrom: str) -> int:
    """Length of a contig in bp.

    Raises:
        UnknownContigError: The contig is not in `reference`.
    """
    length = reference.contigs.get(chrom)
    if length is None:
        raise UnknownContigError(f"contig '{chrom}' is not in {reference.name}")
    return length


def _refseq_number(name: str) -> int | None:
    match = _REFSEQ.match(name)
    return int(match[1]) if match else None
