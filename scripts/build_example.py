"""Build the bundled example again: `python scripts/build_example.py chr20.fa.gz`.

The prion gene PRNP on GRCh37 chromosome 20 with its surroundings, documented variants of it, and its exons.
`chr20.fa.gz` is the file of that name in Debian's package `vt-examples`. Every variant is stated by c. name
and amino-acid change; position, REF and ALT follow from the coding sequence, and a change that it does not
confirm stops the script.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import pysam

EXAMPLE = Path(__file__).parents[1] / "src" / "cistron" / "resources" / "example"
CONTIG, LENGTH = "20", 63_025_520
KEPT = (4_600_000, 4_750_000)  # 0-based half-open, as all coordinates below
CDS = (4_679_866, 4_680_628)
EXONS = ((4_666_881, 4_667_158), (4_679_856, 4_682_236))  # GENCODE v19 ENST00000379440
LINE = 60

CODONS = dict(
    zip(
        map("".join, itertools.product("TCAG", repeat=3)),
        "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        strict=True,
    )
)

# c. name, amino-acid change, label, an early report, dbSNP identifier where two sources agree on it.
# `symbolic` spells a deletion as <DEL>.
KNOWN = """
c.160G>A       p.G54S        polymorphism     Beck_2010         .
c.204_227del   p.P84_Q91del  repeat_indel     Palmer_1993       .
c.204_227dup   p.P84_Q91dup  repeat_indel     Laplanche_1995    .
c.180_227del   p.P76_Q91del  repeat_indel     Beck_2001         .            symbolic
c.250C>T       p.P84S        uncertain        Jones_2014        .
c.290G>A       p.S97N        uncertain        Zheng_2008        .
c.305C>T       p.P102L       high_penetrance  Hsiao_1989        rs74315401
c.313C>A       p.P105T       uncertain        Rogaeva_2006      .
c.313C>T       p.P105S       uncertain        Tunnell_2008      .
c.314C>T       p.P105L       high_penetrance  Kitamoto_1993     rs11538758
c.341G>T       p.G114V       uncertain        Rodriguez_2005    .
c.350C>T       p.A117V       high_penetrance  Doh-ura_1989      rs74315402
c.351A>G       p.A117A       polymorphism     dbSNP             rs8124214
c.380G>T       p.G127V       protective       Mead_2009         .
c.385A>G       p.M129V       polymorphism     Owen_1990         rs1799990
c.392G>T       p.G131V       uncertain        Panegyres_2001    rs74315410
c.398C>T       p.A133V       uncertain        Rowe_2007         rs74315415
c.424G>A       p.G142S       polymorphism     Beck_2010         .
c.435T>G       p.Y145*       stop_gained      Kitamoto_1993     .
c.443G>A       p.R148H       uncertain        Pastore_2005      .
c.478C>T       p.Q160*       stop_gained      Finckh_2000       .
c.489C>G       p.Y163*       stop_gained      Mead_2013         .
c.499G>A       p.D167N       uncertain        Beck_2010         .
c.500A>G       p.D167G       uncertain        Bishop_2009       .
c.512A>G       p.N171S       polymorphism     Samaia_1997       .
c.527T>G       p.V176G       uncertain        Simpson_2013      .
c.532G>A       p.D178N       high_penetrance  Goldfarb_1991     rs74315403
c.538G>A       p.V180I       low_penetrance   Kitamoto_1993     rs74315408
c.547A>G       p.T183A       high_penetrance  Nitrini_1997      rs74315411
c.560A>G       p.H187R       uncertain        Cervenakova_1999  .
c.562A>G       p.T188A       uncertain        Collins_2000      .
c.563C>A       p.T188K       uncertain        Finckh_2000       .
c.563C>G       p.T188R       uncertain        Windl_1999        .
c.578C>T       p.T193I       uncertain        Kotta_2006        .
c.586G>A       p.E196K       high_penetrance  Peoch_2000        .
c.587A>C       p.E196A       uncertain        Zhang_2014        .
c.592T>G       p.F198V       uncertain        Zheng_2008        rs55871421
c.593T>C       p.F198S       high_penetrance  Dlouhy_1992       rs74315405
c.598G>A       p.E200K       high_penetrance  Goldgaber_1989    rs28933385
c.599A>G       p.E200G       uncertain        Kim_2013          .
c.604G>A       p.D202N       uncertain        Piccardo_1998     .
c.605A>G       p.D202G       uncertain        Heinemann_2008    .
c.607G>A       p.V203I       uncertain        Peoch_2000        .
c.623G>A       p.R208H       low_penetrance   Mastrianni_1996   rs74315412
c.628G>A       p.V210I       low_penetrance   Pocchiari_1993    rs74315407
c.631G>C       p.E211Q       uncertain        Peoch_2000        .
c.635A>C       p.Q212P       uncertain        Piccardo_1998     .
c.643A>G       p.I215V       uncertain        Munoz-Nieto_2013  .
c.650A>G       p.Q217R       high_penetrance  Hsiao_1992        rs74315406
c.655G>A       p.E219K       polymorphism     Kitamoto_1994     rs1800014
c.679C>T       p.Q227*       stop_gained      Jansen_2010       .
c.695T>G       p.M232R       low_penetrance   Kitamoto_1993     rs74315409
c.695T>C       p.M232T       uncertain        Bratosiewicz_2000 .
c.712C>T       p.P238S       uncertain        Windl_1999        .
"""

HEADER = f"""\
##fileformat=VCFv4.3
##source=scripts/build_example.py
##reference=prnp_chr20.fa.gz
##contig=<ID={CONTIG},length={LENGTH},assembly=GRCh37>
##ALT=<ID=DEL,Description="Deletion">
##INFO=<ID=END,Number=1,Type=Integer,Description="Last deleted base, 1-based">
##INFO=<ID=SVTYPE,Number=1,Type=String,Description="Kind of symbolic allele">
##INFO=<ID=SVLEN,Number=.,Type=Integer,Description="Length of ALT minus length of REF, in bp">
##INFO=<ID=GENE,Number=1,Type=String,Description="Gene symbol">
##INFO=<ID=LABEL,Number=A,Type=String,Description="What is reported of carriers: high_penetrance, \
low_penetrance (or disputed), stop_gained, polymorphism, protective, uncertain (seen in patients, penetrance \
not established), repeat_indel (octapeptide repeats). For demonstration, not for clinical use">
##INFO=<ID=CLASS,Number=A,Type=String,Description="Consequence on the protein">
##INFO=<ID=HGVSC,Number=A,Type=String,Description="Coding change, NM_000311.5">
##INFO=<ID=HGVSP,Number=A,Type=String,Description="Amino-acid change, one-letter">
##INFO=<ID=SOURCE,Number=A,Type=String,Description="An early report, first author and year">
#CHROM	POS	ID	REF	ALT	QUAL	FILTER	INFO
"""


@dataclass(frozen=True)
class Allele:
    """One documented allele; `start` is the 0-based position of the first base of `ref` on the contig."""

    start: int
    ref: str
    alt: str
    rsid: str
    info: tuple[tuple[str, str], ...]


def excerpt(source: Path) -> str:
    """Bases of the kept stretch, upper case."""
    with pysam.FastaFile(str(source)) as fasta:
        name = next((n for n in fasta.references if n.removeprefix("chr") == CONTIG), None)
        if name is None or fasta.get_reference_length(name) != LENGTH:
            raise SystemExit(f"{source} is not GRCh37 chromosome 20: no contig '{CONTIG}' of {LENGTH:,} bp")
        return str(fasta.fetch(name, *KEPT)).upper()


def write_fasta(path: Path, kept: str) -> None:
    """Write the contig at full length, N outside `kept`, as BGZF with its .fai and .gzi."""
    sequence = ("N" * KEPT[0] + kept).ljust(LENGTH, "N")
    with pysam.BGZFile(str(path), "w", None) as out:
        out.write(f">{CONTIG}\n".encode())
        for begin in range(0, LENGTH, LINE):
            out.write(f"{sequence[begin : begin + LINE]}\n".encode())
    pysam.faidx(str(path))


def translate(cds: str) -> str:
    """Protein of a coding sequence, up to and including the first stop."""
    protein = "".join(CODONS[cds[i : i + 3]] for i in range(0, len(cds) - 2, 3))
    return protein.partition("*")[0] + "*" * ("*" in protein)


def change(name: str, cds: str) -> tuple[int, str, str]:
    """The 0-based offset in `cds`, deleted bases and inserted bases of a c. name.

    Raises:
        SystemExit: The name states a base that is not there, or is not shifted to the 3' end as HGVS asks.
    """
    if found := re.fullmatch(r"c\.(\d+)([ACGT])>([ACGT])", name):
        at, ref = int(found[1]) - 1, found[2]
        if cds[at] != ref:
            raise SystemExit(f"{name}: the coding sequence has {cds[at]}")
        return at, ref, found[3]
    found = re.fullmatch(r"c\.(\d+)_(\d+)(del|dup)", name)
    if found is None:
        raise SystemExit(f"{name}: only substitutions, deletions and duplications are understood")
    at, end = int(found[1]) - 1, int(found[2])
    if cds[at] == cds[end]:
        raise SystemExit(f"{name} can be shifted further in 3' direction")
    unit = cds[at:end]
    return (at, unit, "") if found[3] == "del" else (at, "", unit)


def protein_change(before: str, after: str) -> tuple[str, str]:
    """The amino-acid change between two proteins, one-letter HGVS, and its class."""
    same = next((i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), len(after))
    size = abs(len(before) - len(after))
    if before == after:
        return "", "synonymous"
    if after[same] == "*":
        return f"p.{before[same]}{same + 1}*", "stop_gained"
    if size == 0:
        assert before[same + 1 :] == after[same + 1 :]
        return f"p.{before[same]}{same + 1}{after[same]}", "missense"
    kind, last = ("del", same + size) if len(after) < len(before) else ("dup", same)
    first = last - size + 1
    label = {"del": "inframe_deletion", "dup": "inframe_insertion"}[kind]
    return f"p.{before[first - 1]}{first}_{before[last - 1]}{last}{kind}", label


def left_aligned(genome: str, at: int, ref: str, alt: str) -> tuple[int, str, str]:
    """An indel shifted to the left as VCF wants it, with its anchor base; a substitution as it is."""
    if ref and alt:
        return at, ref, alt
    unit = ref or alt
    while genome[at - 1] == unit[-1]:
        at, unit = at - 1, unit[-1] + unit[:-1]
    anchor = genome[at - 1]
    return at - 1, anchor + (unit if ref else ""), anchor + (unit if alt else "")


def allele(line: str, kept: str) -> Allele:
    """One line of `KNOWN` as an allele, checked against the sequence."""
    name, stated, label, source, rsid, *spelling = line.split()
    offset = CDS[0] - KEPT[0]
    cds = kept[offset : CDS[1] - KEPT[0]]
    at, ref, alt = change(name, cds)
    found, kind = protein_change(translate(cds), translate(cds[:at] + alt + cds[at + len(ref) :]))
    residue = at // 3 + 1
    found = found or f"p.{translate(cds)[residue - 1]}{residue}{translate(cds)[residue - 1]}"
    if found != stated:
        raise SystemExit(f"{name} is stated as {stated}, but the sequence gives {found}")
    start, ref, alt = left_aligned(kept, offset + at, ref, alt)
    info = [("LABEL", label), ("CLASS", kind), ("HGVSC", name), ("HGVSP", stated), ("SOURCE", source)]
    if spelling == ["symbolic"]:
        length = len(ref) - len(alt)
        end = KEPT[0] + start + len(ref)
        info = [("END", str(end)), ("SVTYPE", "DEL"), ("SVLEN", str(-length)), *info]
        ref, alt = alt, "<DEL>"
    return Allele(KEPT[0] + start, ref, alt, rsid, tuple(info))


def vcf(kept: str) -> str:
    """The whole VCF; alleles of one position and REF share a record, symbolic ones stay alone."""
    sites: dict[tuple[int, str, str], list[Allele]] = defaultdict(list)
    for line in KNOWN.strip().splitlines():
        one = allele(line, kept)
        alone = one.alt if len(one.ref) != len(one.alt) else ""
        sites[one.start, one.ref, alone].append(one)
    lines = []
    for (start, ref, _), alleles in sorted(sites.items()):
        ids = ";".join(a.rsid for a in alleles if a.rsid != ".") or "."
        columns = zip(*(a.info for a in alleles), strict=True)
        info = ";".join(f"{fields[0][0]}={','.join(value for _, value in fields)}" for fields in columns)
        alts = ",".join(a.alt for a in alleles)
        lines.append(f"{CONTIG}\t{start + 1}\t{ids}\t{ref}\t{alts}\t.\t.\tGENE=PRNP;{info}\n")
    return HEADER + "".join(lines)


def build(source: Path, folder: Path) -> None:
    """Write the four kinds of file into `folder`, which is made if missing."""
    kept = excerpt(source)
    folder.mkdir(parents=True, exist_ok=True)
    write_fasta(folder / "prnp_chr20.fa.gz", kept)
    (folder / "prnp.vcf").write_text(vcf(kept), encoding="ascii")
    gene = {"name": "PRNP", "chrom": CONTIG, "strand": "+", "exons": EXONS, "cds": [CDS]}
    (folder / "prnp.json").write_text(json.dumps(gene, indent=2) + "\n", encoding="ascii")


def main() -> None:
    parser = argparse.ArgumentParser(description="Build the bundled PRNP example again.")
    parser.add_argument("source", type=Path, help="GRCh37 chromosome 20, BGZF FASTA (Debian: vt-examples)")
    parser.add_argument("-o", "--output", type=Path, default=EXAMPLE, help="folder to write into")
    arguments = parser.parse_args()
    build(arguments.source, arguments.output)


if __name__ == "__main__":
    main()
