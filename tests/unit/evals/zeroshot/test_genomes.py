from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from cistron.errors import InputError
from cistron.evals.requests import Contigs
from cistron.evals.task import Setting
from cistron.evals.tasks.zeroshot_essential import essential_names
from cistron.evals.zeroshot.genomes import Source, open_genome, sequences_of

CDS = "ATG" + "GCACGT" * 10 + "TAA"
GFF = f"c\tx\tCDS\t5\t{4 + len(CDS)}\t.\t+\t0\tID=a;gene=a\nc\tx\tCDS\t2\t70\t.\t+\t0\tID=b;gene=b\n"


def written(folder: Path, *, ordinary_gzip: bool) -> Setting:
    text = f">c first\nacgt{CDS.lower()}\nTTTT\n>d\nACGN\n"
    (folder / "g.gff").write_text(GFF)
    if ordinary_gzip:
        (folder / "g.fa").write_bytes(gzip.compress(text.encode()))
    else:
        (folder / "g.fa").write_text(text)
    return Setting(folder)


@pytest.mark.parametrize("ordinary_gzip", [True, False])
def test_a_genome_is_the_same_plain_and_in_ordinary_gzip(tmp_path: Path, ordinary_gzip: bool) -> None:
    genome = open_genome(Source("x", "x", "g.fa", "g.gff"), written(tmp_path, ordinary_gzip=ordinary_gzip))
    assert isinstance(genome.asked, Contigs) == ordinary_gzip
    assert [gene.name for gene in genome.genes] == ["a"]
    assert genome.genes[0].sequence(genome.reference) == CDS
    assert genome.notes == ("1 coding genes read cleanly; left out: 1 does not begin with a start codon",)


def test_contigs_are_read_whole_and_in_upper_case(tmp_path: Path) -> None:
    written(tmp_path, ordinary_gzip=True)
    assert dict(sequences_of(tmp_path / "g.fa")) == {"c": f"ACGT{CDS}TTTT", "d": "ACGN"}


def test_a_genome_without_clean_genes_says_why_and_what_to_set(tmp_path: Path) -> None:
    setting = written(tmp_path, ordinary_gzip=False)
    (tmp_path / "g.gff").write_text("c\tx\tCDS\t4\t70\t.\t+\t0\tID=a\n")
    with pytest.raises(InputError, match=r"1 length is not a multiple of 3.*set first=0"):
        open_genome(Source("x", "x", "g.fa", "g.gff"), setting)


def test_essential_genes_are_known_by_their_synonyms(tmp_path: Path) -> None:
    (tmp_path / "list.tsv").write_text('"FrameID"\t"rnaID"\n"EG1"\t"x"\n')
    (tmp_path / "genes.tsv").write_text(
        '# a comment\n"id"\t"symbol"\t"synonyms"\n"EG1"\t"alr"\t["alr5", "b4053"]\n"EG2"\t"modB"\t["chlJ"]\n'
    )
    assert essential_names(tmp_path / "list.tsv", None) == {"EG1"}
    found = essential_names(tmp_path / "list.tsv", tmp_path / "genes.tsv")
    assert found == {"EG1", "alr", "alr5", "b4053"}
    (tmp_path / "genes.tsv").write_text("id\tname\n")
    with pytest.raises(InputError, match="it needs id, symbol and synonyms"):
        essential_names(tmp_path / "list.tsv", tmp_path / "genes.tsv")


def test_a_part_of_a_genome_can_be_asked_for_by_contig_and_first_base(tmp_path: Path) -> None:
    setting = written(tmp_path, ordinary_gzip=False)
    source = Source("x", "x", "g.fa", "g.gff")
    assert open_genome(source, Setting(tmp_path, options={"contig": "c", "begin": 4})).genes
    with pytest.raises(InputError, match=r"no gene of g.gff reads cleanly"):
        open_genome(source, Setting(tmp_path, options={"contig": "c", "begin": 5}))
    with pytest.raises(InputError, match=r"contig=z is not in g.fa, whose contigs are c, d"):
        open_genome(source, Setting(setting.data, options={"contig": "z"}))
