"""The bundled PRNP example: every REF, every amino-acid change, and the script that builds it."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pysam
import pysam.bcftools
import pytest

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("CISTRON_DATA", ROOT.parent / "shared" / "data"))
EXAMPLE = Path(str(resources.files("cistron"))) / "resources" / "example"
GENETIC_CODE = {
    "A": "GCT GCC GCA GCG",
    "C": "TGT TGC",
    "D": "GAT GAC",
    "E": "GAA GAG",
    "F": "TTT TTC",
    "G": "GGT GGC GGA GGG",
    "H": "CAT CAC",
    "I": "ATT ATC ATA",
    "K": "AAA AAG",
    "L": "TTA TTG CTT CTC CTA CTG",
    "M": "ATG",
    "N": "AAT AAC",
    "P": "CCT CCC CCA CCG",
    "Q": "CAA CAG",
    "R": "CGT CGC CGA CGG AGA AGG",
    "S": "TCT TCC TCA TCG AGT AGC",
    "T": "ACT ACC ACA ACG",
    "V": "GTT GTC GTA GTG",
    "W": "TGG",
    "Y": "TAT TAC",
    "*": "TAA TAG TGA",
}
AMINO_ACID = {codon: letter for letter, codons in GENETIC_CODE.items() for codon in codons.split()}
FIRST, LAST = 4_679_867, 4_680_628  # of the coding sequence, 1-based inclusive


def alleles():
    """(pos, ref, alt, INFO of this allele) for every allele of the shipped VCF."""
    found = []
    for line in (EXAMPLE / "prnp.vcf").read_text().splitlines():
        if line.startswith("#"):
            continue
        chrom, pos, _, ref, alts, *_, text = line.split("\t")
        assert chrom == "20"
        info = dict(item.split("=") for item in text.split(";"))
        for number, alt in enumerate(alts.split(",")):
            own = {
                key: info[key].split(",")[number] for key in ("LABEL", "CLASS", "HGVSC", "HGVSP", "SOURCE")
            }
            found.append((int(pos), ref, alt, {**info, **own}))
    return found


@pytest.fixture(scope="module")
def genome():
    with pysam.FastaFile(str(EXAMPLE / "prnp_chr20.fa.gz")) as fasta:
        yield fasta


def protein(sequence):
    letters = "".join(AMINO_ACID[sequence[i : i + 3]] for i in range(0, len(sequence) - 2, 3))
    return letters.split("*")[0]


def expected_protein(wild, change):
    """`wild` after an amino-acid change in one-letter HGVS."""
    if found := re.fullmatch(r"p\.([A-Z])(\d+)([A-Z*])", change):
        before, at, after = found[1], int(found[2]), found[3]
        assert wild[at - 1] == before
        return wild[: at - 1] if after == "*" else wild[: at - 1] + after + wild[at:]
    found = re.fullmatch(r"p\.([A-Z])(\d+)_([A-Z])(\d+)(del|dup)", change)
    first, last = int(found[2]), int(found[4])
    assert (wild[first - 1], wild[last - 1]) == (found[1], found[3])
    return wild[: first - 1] + wild[first - 1 : last] * (0 if found[5] == "del" else 2) + wild[last:]


def test_contig_has_grch37_length_and_bases_only_around_prnp(genome):
    assert dict(zip(genome.references, genome.lengths, strict=True)) == {"20": 63_025_520}
    assert set(genome.fetch("20", 4_600_000, 4_750_000)) == set("ACGT")
    assert set(genome.fetch("20", 0, 4_600_000)) == set(genome.fetch("20", 4_750_000, 63_025_520)) == {"N"}


def test_coding_sequence_is_the_prion_protein(genome):
    wild = protein(genome.fetch("20", FIRST - 1, LAST))
    assert len(wild) == 253
    assert wild.startswith("MANLGCWMLVLFVATWSDLGLCKKRPKPGG")  # UniProt P04156
    assert wild.count("PHGGGWGQ") == 4
    assert wild[128] == "M"


def test_every_ref_matches_the_genome(genome):
    for pos, ref, _, info in alleles():
        assert genome.fetch("20", pos - 1, pos - 1 + len(ref)) == ref, info["HGVSC"]


def test_every_allele_gives_the_stated_amino_acid_change(genome):
    coding = genome.fetch("20", FIRST - 1, LAST)
    wild = protein(coding)
    for pos, ref, alt, info in alleles():
        if alt == "<DEL>":
            end = int(info["END"])
            assert int(info["SVLEN"]) == pos - end
            ref, alt = genome.fetch("20", pos - 1, end), ref
        at = pos - FIRST
        mutated = coding[:at] + alt + coding[at + len(ref) :]
        assert protein(mutated) == expected_protein(wild, info["HGVSP"]), info["HGVSP"]


def test_single_base_alleles_stand_where_their_coding_name_says():
    for pos, ref, alt, info in alleles():
        if found := re.fullmatch(r"c\.(\d+)([ACGT])>([ACGT])", info["HGVSC"]):
            assert (pos, ref, alt) == (FIRST + int(found[1]) - 1, found[2], found[3])
        else:
            assert len(ref) != len(alt)


def test_class_agrees_with_the_amino_acid_change():
    for _, _, _, info in alleles():
        change = info["HGVSP"][2:]
        kinds = {"del": "inframe_deletion", "dup": "inframe_insertion"}
        kind = kinds.get(change[-3:]) or ("stop_gained" if change.endswith("*") else "missense")
        assert info["CLASS"] == ("synonymous" if change[0] == change[-1] else kind)


def test_the_variants_people_know_carry_their_labels():
    labels = {info["HGVSP"][2:]: info["LABEL"] for _, _, _, info in alleles()}
    expected = {
        "high_penetrance": "P102L P105L A117V D178N T183A E196K F198S E200K Q217R",
        "low_penetrance": "V180I R208H V210I M232R",
        "stop_gained": "Y145* Q160*",
        "polymorphism": "M129V E219K N171S A117A",
        "protective": "G127V",
    }
    for label, names in expected.items():
        assert {labels[name] for name in names.split()} == {label}
    assert len(labels) == len(alleles()) >= 30


def test_records_are_sorted_and_of_every_kind():
    records = [line.split("\t") for line in (EXAMPLE / "prnp.vcf").read_text().splitlines() if line[0] != "#"]
    positions = [int(record[1]) for record in records]
    assert positions == sorted(positions)
    assert any("," in record[4] for record in records)
    assert any(record[4] == "<DEL>" for record in records)
    lengths = {len(record[4]) - len(record[3]) for record in records if record[4].isalpha()}
    assert lengths == {-24, 0, 24}


def test_bcftools_finds_nothing_to_normalise(tmp_path):
    vcf, fasta = str(EXAMPLE / "prnp.vcf"), str(EXAMPLE / "prnp_chr20.fa.gz")
    out = tmp_path / "norm.vcf"
    pysam.bcftools.norm("--check-ref", "e", "-f", fasta, "-o", str(out), vcf, catch_stdout=False)
    body = [line for line in out.read_text().splitlines() if line[0] != "#"]
    shipped = [line for line in Path(vcf).read_text().splitlines() if line[0] != "#"]
    assert sorted(body) == sorted(shipped)


def test_gene_model_agrees_with_the_coding_sequence():
    gene = json.loads((EXAMPLE / "prnp.json").read_text())
    assert gene["cds"] == [[FIRST - 1, LAST]]
    assert (gene["chrom"], gene["strand"]) == ("20", "+")
    assert any(start <= FIRST - 1 and end >= LAST for start, end in gene["exons"])


def test_example_is_small():
    assert sum(file.stat().st_size for file in EXAMPLE.iterdir()) < 400_000


def test_script_writes_the_shipped_files_byte_for_byte(tmp_path):
    source = DATA / "human" / "chr20.fa.gz"
    if not source.exists():
        pytest.skip("needs human/chr20.fa.gz of the shared data: set CISTRON_DATA")
    script = ROOT / "scripts" / "build_example.py"
    subprocess.run([sys.executable, str(script), str(source), "-o", str(tmp_path)], check=True)
    shipped = {file.name: file.read_bytes() for file in EXAMPLE.iterdir() if file.suffix != ".md"}
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == shipped


def test_script_refuses_another_sequence(tmp_path):
    other = tmp_path / "other.fa.gz"
    with pysam.BGZFile(str(other), "w") as out:
        out.write(b">20\nACGT\n")
    script = shutil.copy(ROOT / "scripts" / "build_example.py", tmp_path)
    command = [sys.executable, str(script), str(other), "-o", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "not GRCh37 chromosome 20" in done.stderr
    assert not (tmp_path / "out").exists()
