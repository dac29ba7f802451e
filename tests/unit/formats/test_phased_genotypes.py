from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cistron.errors import InputError
from cistron.formats.haploid_genotypes import MISSING
from cistron.formats.phased_genotypes import joined, read_diploid

PEOPLE = ("a", "b", "c", "d")


def _vcf(path: Path, rows: list[tuple[int, str, list[str]]], people: tuple[str, ...] = PEOPLE) -> Path:
    columns = "\t".join(("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *people))
    lines = [f"20\t{pos}\t.\tA\tC,G\t.\t.\t.\t{form}\t" + "\t".join(calls) for pos, form, calls in rows]
    head = '##fileformat=VCFv4.2\n##contig=<ID=20>\n##FORMAT=<ID=GT,Number=1,Type=String,Description="x">\n'
    head += '##FORMAT=<ID=PS,Number=1,Type=Integer,Description="x">\n'
    path.write_text(head + columns + "\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture
def vcf(tmp_path: Path) -> Path:
    return _vcf(
        tmp_path / "a.vcf",
        [
            (10, "GT", ["0|1", "0/1", "0|0", "./."]),
            (20, "GT:PS", ["1|0:.", "0|0:.", "0|1:20", ".:."]),
            (30, "GT:PS", ["2|2:.", "1|1:.", "0|1:30", "1|0:."]),
        ],
    )


def test_each_person_has_two_copies_with_the_alleles_of_each_side(vcf: Path) -> None:
    found = read_diploid(vcf)
    copies = found.copies()
    assert copies.samples[:3] == ("a/1", "a/2", "b/1")
    assert copies.calls[:, 0].tolist() == [0, 1, 2]
    assert copies.calls[:, 1].tolist() == [1, 0, 2]
    assert copies.calls[0, 6:].tolist() == [MISSING, MISSING]
    assert found.starts == (9, 19, 29)
    assert found.alleles[0] == ("A", "C", "G")


def test_phase_is_known_with_one_heterozygous_site_or_all_in_one_set(vcf: Path) -> None:
    found = read_diploid(vcf)
    assert found.phased().tolist() == [True, True, False, True]
    assert found.within(9, 20).phased().tolist() == [True, True, True, True]
    assert found.within(100, 200).phased().tolist() == [True] * 4


def test_two_files_are_joined_at_the_sites_that_both_have(tmp_path: Path, vcf: Path) -> None:
    rows = [(20, "GT", ["1|1", "0|0"]), (30, "GT", ["0|1", "0|0"]), (40, "GT", ["0|0", "0|0"])]
    other = read_diploid(_vcf(tmp_path / "b.vcf", rows, ("e", "f")))
    both = joined(read_diploid(vcf), other)
    assert both.samples == ("a", "b", "c", "d", "e", "f")
    assert both.starts == (19, 29)
    np.testing.assert_array_equal(both.calls[0, 4], [1, 1])
    with pytest.raises(InputError, match="cannot be joined: person e"):
        joined(other, other)


def test_haploid_calls_and_falling_positions_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="genotype at position 10 is '1', which is not that of two alleles"):
        read_diploid(_vcf(tmp_path / "a.vcf", [(10, "GT", ["1", "0|0", "0|0", "0|0"])]))
    rows = [(30, "GT", ["0|0"] * 4), (10, "GT", ["0|0"] * 4)]
    with pytest.raises(InputError, match="is not sorted by position"):
        read_diploid(_vcf(tmp_path / "b.vcf", rows))
