"""Consequences on hand-made genes: every kind of change, on both strands, however it is spelled."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest

from cistron.errors import InputError, ReferenceMismatchError
from cistron.formats.consequences import Consequences
from cistron.formats.csq import packed
from cistron.formats.fasta import Fasta
from cistron.genome import Variant
from cistron.genome.consequences import FIELDS
from cistron.genome.sequence import reverse_complement

LENGTH = 9_000
PROTEIN = "ATG" + "GCTAAACTGGATTGGCACGTTTTC" * 3 + "GCTAAACTGGAT" + "TAA"
"""90 bases: M, (A K L D W H V F) three times, A K L D, stop."""

EXONS = ((100, 200), (300, 400))
CDS = ((150, 200), (300, 340))


def _genome() -> str:
    """Bases of the plus-strand version: exons, an intron from GT to AG, and a gene without a protein."""
    bases = random.Random(4).choices("ACGT", k=LENGTH)
    for start, text in ((150, PROTEIN[:50]), (200, "GTAAGTCC"), (290, "CCTTCCACAG"), (300, PROTEIN[50:])):
        bases[start : start + len(text)] = text
    return "".join(bases)


GENOME = _genome()


def _features() -> list[tuple[str, int, int, str, str]]:
    return [
        ("gene", 100, 400, ".", "ID=G1;gene_name=ONE;gene_type=protein_coding"),
        ("transcript", 100, 400, ".", "ID=T1;Parent=G1;tag=basic,MANE_Select"),
        *(("exon", *exon, ".", "Parent=T1") for exon in EXONS),
        *(("CDS", *part, phase, "Parent=T1") for part, phase in zip(CDS, "01", strict=True)),
        ("gene", 600, 800, ".", "ID=G2;gene_name=TWO;gene_type=lncRNA"),
        ("lnc_RNA", 600, 800, ".", "ID=T2;Parent=G2"),
        *(("exon", *exon, ".", "Parent=T2") for exon in ((600, 700), (750, 800))),
    ]


CASES = {
    "missense": (153, 1, "C", "missense_variant", "2", "A/P"),
    "synonymous": (155, 1, "G", "synonymous_variant", "2", "A"),
    "stop gained": (156, 1, "T", "stop_gained", "3", "K/*"),
    "start lost": (150, 1, "C", "start_lost", "1", "M/L"),
    "whole start codon lost": (149, 5, "", "start_lost&5_prime_UTR_variant", "", ""),
    "stop lost": (337, 1, "G", "stop_lost", "30", "*/E"),
    "stop retained": (338, 1, "G", "stop_retained_variant", "30", "*"),
    "frameshift by insertion": (160, 0, "C", "frameshift_variant", None, None),
    "frameshift by deletion": (160, 1, "", "frameshift_variant", "4", None),
    "in-frame insertion": (159, 0, "GGG", "inframe_insertion", None, None),
    "in-frame deletion": (159, 3, "", "inframe_deletion", None, None),
    "codon replaced": (156, 3, "CCC", "missense_variant", "3", "K/P"),
    "donor": (200, 1, "C", "splice_donor_variant", "", ""),
    "donor, second base": (201, 1, "C", "splice_donor_variant", "", ""),
    "acceptor": (299, 1, "C", "splice_acceptor_variant", "", ""),
    "region in the intron": (204, 1, "C", "splice_region_variant&intron_variant", "", ""),
    "region in the exon": (198, 1, "C", "missense_variant&splice_region_variant", "17", None),
    "intron": (250, 1, None, "intron_variant", "", ""),
    "5' UTR": (120, 1, None, "5_prime_UTR_variant", "", ""),
    "3' UTR": (380, 1, None, "3_prime_UTR_variant", "", ""),
    "upstream": (60, 1, None, "upstream_gene_variant", "", ""),
    "downstream": (420, 1, None, "downstream_gene_variant", "", ""),
    "whole transcript": (90, 330, "", "transcript_ablation", "", ""),
}

OTHERS = {"exon of two": 650, "intron of two": 720, "between": 8_000, "before one": 60}


def _other(start: int) -> str:
    return reverse_complement(GENOME[start])


CHANGES = {
    **{
        name: (start, ref, alt if alt is not None else _other(start))
        for name, (start, ref, alt, *_) in CASES.items()
    },
    **{name: (start, 1, _other(start)) for name, start in OTHERS.items()},
}


class Place:
    """The genome, its genes and changes on one strand; all is mirrored on the other."""

    def __init__(self, folder: Path, strand: str) -> None:
        self.strand = strand
        self.bases = GENOME if strand == "+" else reverse_complement(GENOME)
        path = folder / f"genome{strand}.fa"
        path.write_text(f">chr7\n{self.bases.lower()}\n")
        self.fasta = Fasta(path)
        lines = [
            f"7\tx\t{kind}\t{a + 1}\t{b}\t.\t{strand}\t{phase}\t{told}"
            for kind, start, end, phase, told in _features()
            for a, b in [self.span(start, end)]
        ]
        self.annotation = folder / f"genes{strand}.gff3"
        self.annotation.write_text("##gff-version 3\n" + "\n".join(lines) + "\n")
        self.consequences = Consequences(self.annotation, self.fasta)
        told = self.consequences.of([self.variant(*change) for change in CHANGES.values()])
        self.told = dict(zip(CHANGES, told, strict=True))

    def span(self, start: int, end: int) -> tuple[int, int]:
        return (start, end) if self.strand == "+" else (LENGTH - end, LENGTH - start)

    def variant(self, start: int, ref: int, alt: str) -> Variant:
        """The replacement of so many bases, in VCF's spelling."""
        start, end = self.span(start, start + ref)
        alt = alt if self.strand == "+" else reverse_complement(alt)
        if ref and alt:
            return Variant("7", start + 1, self.bases[start:end], alt)
        return Variant("7", start, self.bases[start - 1 : end], self.bases[start - 1] + alt)


@pytest.fixture(scope="module", params="+-")
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(tmp_path_factory.mktemp("genes"), request.param)


@pytest.mark.parametrize("case", CASES)
def test_a_change_has_the_terms_of_its_place_on_either_strand(place: Place, case: str):
    *_, terms, position, amino_acids = CASES[case]
    one = next(c for c in place.told[case] if c.symbol == "ONE")
    assert "&".join(one.terms) == terms
    assert position in (None, one.protein_position)
    assert amino_acids in (None, one.amino_acids)
    assert (one.gene, one.transcript, one.biotype, one.mane) == ("G1", "T1", "protein_coding", True)


def test_a_gene_without_protein_has_exons_and_introns(place: Place):
    terms = {
        name: next(c for c in place.told[name] if c.symbol == "TWO").terms
        for name in ("exon of two", "intron of two")
    }
    assert terms == {
        "exon of two": ("non_coding_transcript_exon_variant",),
        "intron of two": ("intron_variant", "non_coding_transcript_variant"),
    }


def test_far_from_genes_there_is_the_nearest_start_and_its_distance(place: Place):
    (one,) = place.told["between"]
    assert (one.terms, one.nearest, one.tss_distance) == (("intergenic_variant",), "TWO", 7_400)


def test_distances_count_in_reading_direction(place: Place):
    assert {c.symbol: c.tss_distance for c in place.told["before one"]} == {"ONE": -40, "TWO": -540}


def test_every_spelling_of_a_haplotype_has_one_answer(place: Place):
    plain = place.variant(160, 1, "")
    first = plain.pos - 6
    padded = place.bases[first - 1 : first + 12]
    at = plain.pos - first + 1
    spelled = Variant("7", first, padded, padded[:at] + padded[at + 1 :])
    one, other = place.consequences.of([plain, spelled])
    assert one == other


def test_what_cannot_be_told_is_an_entry_without_content(place: Place):
    wrong = "A" if place.bases[159] != "A" else "C"
    variants = [
        Variant("7", 160, wrong, "G" if wrong != "G" else "T"),
        Variant("7", 160, place.bases[159], "<DUP>"),
        Variant("9", 1, "A", "C"),
    ]
    assert place.consequences.of(variants) == [[], [], []]
    assert packed("<DUP>", []) == "<DUP>" + "|" * (len(FIELDS) - 1)


def test_a_long_symbolic_deletion_is_told_by_what_it_covers(place: Place):
    start, end = place.span(90, 410)
    (found,) = place.consequences.of([Variant("7", start, place.bases[start - 1], "<DEL>", end)])
    assert found[0].terms == ("transcript_ablation",)


def _gtf(place: Place) -> str:
    """The same genes as GTF, where the stop codon stands apart."""
    lines = []
    parts = [("CDS", *CDS[0]), ("CDS", 300, 337), ("stop_codon", 337, 340)]
    for kind, start, end in [("transcript", 100, 400), *(("exon", *exon) for exon in EXONS), *parts]:
        a, b = place.span(start, end)
        names = 'gene_id "G1"; transcript_id "T1"; gene_name "ONE"; tag "basic"; tag "MANE_Select";'
        lines.append(f"7\tx\t{kind}\t{a + 1}\t{b}\t.\t{place.strand}\t.\t{names}")
    return "\n".join(lines) + "\n"


def test_gtf_without_phases_and_compressed_says_the_same(place: Place, tmp_path: Path):
    path = tmp_path / "genes.gtf.gz"
    path.write_bytes(gzip.compress(_gtf(place).encode()))
    variants = [place.variant(337, 1, "G"), place.variant(310, 1, reverse_complement(GENOME[310]))]
    told = [[c for c in found if c.symbol == "ONE"] for found in place.consequences.of(variants)]
    again = Consequences(path, place.fasta).of(variants)
    assert [[(c.terms, c.amino_acids, c.mane) for c in found] for found in again] == [
        [(c.terms, c.amino_acids, c.mane) for c in found] for found in told
    ]


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("8\tx\texon\t1\t90\t.\t+\t.\tParent=T\n", InputError, "contigs are 8, the reference's chr7"),
        ("7\tx\tgene\t1\t90\t.\t+\t.\tID=G\n", InputError, "no transcripts"),
        ("7\tx\texon\t1\t99999\t.\t+\t.\tParent=T\n", ReferenceMismatchError, "beyond the 9,000 bp"),
        ("##sequence-region 7 1 159138663\n", ReferenceMismatchError, "is on GRCh37"),
        ("7\tx\texon\t90\t1\t.\t+\t.\tParent=T\n", InputError, "line 1 runs from '90' to '1'"),
        ("7 x exon 1 90\n", InputError, "line 1 has 1 columns"),
        ("".join(f"7\tx\texon\t1\t9\t.\t{s}\t.\tParent=T\n" for s in "+-"), InputError, "both strands"),
    ],
)  # fmt: skip
def test_bad_annotations_are_refused(place: Place, tmp_path: Path, text: str, error: type, words: str):
    path = tmp_path / "genes.gff3"
    path.write_text(text)
    with pytest.raises(error, match=words):
        Consequences(path, place.fasta)


def test_an_annotation_whose_genes_do_not_start_here_is_of_another_assembly(place: Place, tmp_path: Path):
    path = tmp_path / "genes.gff3"
    lines = [f"7\tx\tCDS\t{at}\t{at + 89}\t.\t+\t0\tParent=T{at}" for at in range(2_001, 5_000, 90)]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(ReferenceMismatchError, match="begin with a start codon"):
        Consequences(path, place.fasta)


def test_a_file_of_another_kind_is_named(place: Place, tmp_path: Path):
    with pytest.raises(InputError, match="is no annotation by its name"):
        Consequences(tmp_path / "genes.bed", place.fasta)
    with pytest.raises(InputError, match="does not exist"):
        Consequences(tmp_path / "none.gff3", place.fasta)


def test_the_mitochondrion_is_read_with_its_own_code(tmp_path: Path):
    bases = "T" * 50 + "ATGGCATGAGCAAGAGCATAA" + "C" * 50
    fasta = tmp_path / "mt.fa"
    fasta.write_text(f">chrM\n{bases}\n")
    genes = tmp_path / "genes.gff3"
    genes.write_text("chrM\tx\tCDS\t51\t71\t.\t+\t0\tID=C;Parent=T\n")
    with Fasta(fasta) as reference:
        found = Consequences(genes, reference).of(
            [Variant("chrM", 59, "A", "C"), Variant("chrM", 58, "G", "A")]
        )
    assert [(one[0].terms, one[0].amino_acids) for one in found] == [
        (("missense_variant",), "W/C"),
        (("stop_gained",), "W/*"),
    ]
