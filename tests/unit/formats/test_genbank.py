from __future__ import annotations

from pathlib import Path

import pytest

from cistron.errors import InputError, SequenceError
from cistron.evals.requests import Contigs
from cistron.formats.genbank import read_genbank

CDS = "ATG" + "GCACGT" * 10 + "TAA"
RING = CDS[30:] + "tttttttttt" + CDS[:30]
FEATURES = f"""LOCUS       plasmid {len(RING)} bp DNA circular
FEATURES             Location/Qualifiers
     source          1..{len(RING)}
     CDS             join({len(RING) - 29}..{len(RING)},
                     1..36)
                     /gene="abc"
                     /note="two
                     lines"
                     /transl_table=11
     CDS             complement(<1..9)
                     /locus_tag="b2"
     tRNA            40..45
                     /product="tRNA-Ile"
                     /anticodon=(pos:41..43,aa:Ile,seq:gau)
"""


def record(features: str = FEATURES, bases: str = RING) -> str:
    lines = [
        f"{at + 1:>9} {bases[at : at + 10]} {bases[at + 10 : at + 20]}" for at in range(0, len(bases), 20)
    ]
    return features + "ORIGIN\n" + "\n".join(lines) + "\n//\n"


def read(folder: Path, text: str, end: str = "\n") -> tuple[object, dict[str, str]]:
    path = folder / "a.gb"
    path.write_bytes(text.replace("\n", end).encode())
    return read_genbank(path)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_gene_across_the_origin_of_a_plasmid_is_read_whole(tmp_path: Path, end: str) -> None:
    annotation, sequences = read(tmp_path, record(), end)
    assert sequences == {"plasmid": RING.upper()}
    first, second = annotation.coding  # type: ignore[attr-defined]
    assert (first.name, first.table) == ("abc", 11)
    assert first.sequence(Contigs(tuple(sequences.items()))) == CDS
    assert (second.name, second.strand, second.partial) == ("b2", "-", True)
    assert annotation.circular == {"plasmid"}  # type: ignore[attr-defined]
    assert (annotation.rna[0].kind, annotation.rna[0].anticodon) == ("tRNA", "GAT")  # type: ignore[attr-defined]


def test_the_version_names_a_record_and_several_records_follow_one_another(tmp_path: Path) -> None:
    head = "LOCUS       a 10 bp DNA linear\nVERSION     A.1\n"
    _, sequences = read(tmp_path, record(head, "ACGT") + record(head.replace("A.1", "B.2"), "GGCC"))
    assert sequences == {"A.1": "ACGT", "B.2": "GGCC"}


def test_exons_of_a_complement_are_given_in_reading_order(tmp_path: Path) -> None:
    text = "LOCUS       a\nFEATURES\n     CDS             complement(join(1..3,7..9))\n"
    annotation, _ = read(tmp_path, record(text, "ACGTACGTACGT"))
    assert annotation.coding[0].parts == ((6, 9), (0, 3))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("hello\n", InputError, "holds no GenBank record"),
        ("LOCUS       a\n//\n", InputError, "has no sequence for record a"),
        (record()[:-4], InputError, "ends within record plasmid"),
        (record(bases="ACGT!"), SequenceError, "'!' at position 5"),
        (record(bases="ACGT"), InputError, "4 bp has a feature at"),
    ],
)
def test_damaged_records_say_what_is_wrong(
    tmp_path: Path, text: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        read(tmp_path, text)
