"""Population and hotspot tasks on generated genomes and genotypes in the layout of the real ones."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from cistron.errors import InputError
from cistron.evals import EmbedRequest, Plan, Setting, Task
from cistron.evals.hotspots import Windows, windows_of
from cistron.evals.tasks import hotspot, population
from cistron.formats.bgzf import bgzf_output
from cistron.formats.fasta import Fasta

pytest.importorskip("sklearn")
pytest.importorskip("scipy")

LETTERS = random.Random(4)


def _packed(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with bgzf_output(path) as stream:
        stream.write(text.encode())


def _vcf(path: Path, chrom: str, lines: list[str], people: list[str]) -> None:
    columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *people]
    head = f"##fileformat=VCFv4.1\n##contig=<ID={chrom}>\n" + "\t".join(columns) + "\n"
    _packed(path, head + "".join(f"{line}\n" for line in lines))


def _snv(chrom: str, bases: str, start: int, *calls: int | str) -> str:
    alt = "ACGT".replace(bases[start], "")[0]
    genotypes = "\t".join(map(str, calls))
    return f"{chrom}\t{start + 1}\t.\t{bases[start]}\t{alt}\t.\t.\t.\tGT\t{genotypes}"


def _prepared(task: Task, data: Path, **options: str) -> Plan:
    return task.prepare(task.with_options(Setting(data), options))


@pytest.fixture
def hot_data(tmp_path: Path) -> Path:
    """60 windows of 500 bp from 1,000 on with 5 variants each; twelve of them have 40; two hold an N."""
    bases = list(LETTERS.choices("ACGT", k=33_000))
    bases[6_100] = bases[9_100] = "N"
    text = "".join(bases)
    lines = []
    for window in range(2, 62):
        count = 40 if window % 5 == 0 else 5
        places = sorted(LETTERS.sample(range(window * 500, window * 500 + 500), count))
        lines += [_snv("20", text, place, "0|1") for place in places if text[place] != "N"]
    lines.append(_snv("20", text, 32_000, "0|1"))
    _vcf(tmp_path / hotspot.VCF, "20", lines, ["a"])
    _packed(tmp_path / hotspot.FASTA, f">chr20\n{text}\n")
    return tmp_path


def test_windows_with_many_variants_are_hotspots_and_gaps_are_left_out(hot_data: Path) -> None:
    plan = _prepared(hotspot.TASK, hot_data, width="500")
    request = plan.requests["sequences"]
    assert isinstance(request, EmbedRequest)
    assert len(request.sequences) == 24
    assert {len(each) for each in request.sequences} == {500}
    assert not any("N" in each for each in request.sequences)
    majority = next(each for each in plan.baselines if each.name == "majority").judge()
    names, labels = np.asarray(majority.items["item"]), np.asarray(majority.items["label"])
    hot = {int(name.partition(":")[2].partition("-")[0]) - 1 for name in names[labels == 1]}
    assert hot == {window * 500 for window in range(5, 62, 5)}
    assert "12 hotspots" in " ".join(plan.notes)


def test_too_few_hotspots_and_an_unknown_test_are_refused(hot_data: Path) -> None:
    with pytest.raises(InputError, match="test=guess is not known"):
        _prepared(hotspot.TASK, hot_data, width="500", test="guess")
    with pytest.raises(InputError, match="0 of 59 windows are hotspots"):
        _prepared(hotspot.TASK, hot_data, width="500", test="negative-binomial")


def test_a_mask_makes_windows_less_callable_and_the_rate_is_per_callable_base(hot_data: Path) -> None:
    plain = _windows(hot_data, "")
    gaps = _windows(hot_data, "gaps")
    assert len(gaps.starts) == len(plain.starts) + 2
    (hot_data / "mask.bed").write_text("chr20\t5000\t5200\nchr20\t8000\t8400\nchr1\t0\t9000\n")
    masked = _windows(hot_data, "mask.bed")
    share = dict(zip(masked.starts.tolist(), masked.callable_share.tolist(), strict=True))
    assert share[5_000] == pytest.approx(0.6)
    assert 8_000 not in share
    at = masked.starts.tolist().index(5_000)
    assert masked.expected[at] == pytest.approx(0.6 * masked.expected.max(), rel=1e-6)
    assert masked.rates("poisson")[at] < plain.rates("poisson")[plain.starts.tolist().index(5_000)]


@pytest.mark.parametrize("width", [250, 1000])
def test_hotspots_of_other_lengths(hot_data: Path, width: int) -> None:
    request = _prepared(hotspot.TASK, hot_data, width=str(width)).requests["sequences"]
    assert isinstance(request, EmbedRequest)
    assert {len(each) for each in request.sequences} == {width}


def test_variants_beyond_the_contig_name_the_build(hot_data: Path) -> None:
    _packed(hot_data / hotspot.FASTA, f">chr20\n{'ACGT' * 5_000}\n")
    with pytest.raises(InputError, match=r"beyond the 20,000 bp of chr20; is it of another build\?"):
        _prepared(hotspot.TASK, hot_data, width="500")


def _windows(data: Path, mask: str) -> Windows:
    with Fasta(data / hotspot.FASTA) as reference:
        return windows_of(data / hotspot.VCF, reference, 500, mask, data)


@pytest.fixture
def autosome_data(tmp_path: Path) -> Path:
    """50 people in two files; each haplotype has an allele of its own, and one that its population has."""
    text = "".join(LETTERS.choices("ACGT", k=30_000))
    people = [f"p{number:02d}" for number in range(50)]
    files = {population.PHASED: people[:30], population.PARTLY_PHASED: people[30:]}
    for path, names in files.items():
        sites = [(12_000 + 20 * site, site) for site in range(101)]
        lines = []
        for start, site in sites:
            calls = []
            for name in names:
                number = int(name[1:])
                one, other = (
                    int(site == 2 * number + copy or (site == 100 and number % 2)) for copy in (0, 1)
                )
                calls.append(f"{one}/{other}" if name == "p49" else f"{one}|{other}")
            lines.append(_snv("20", text, start, *calls))
        _vcf(tmp_path / path, "20", lines, names)
    _packed(tmp_path / population.CHR20, f">chr20\n{text}\n")
    panel = [f"{name}\t{'TSI' if int(name[1:]) % 2 else 'FIN'}\tEUR\tmale" for name in people[1:]]
    (tmp_path / population.PANEL).write_text("sample\tpop\tsuper_pop\tgender\n" + "\n".join(panel) + "\n")
    return tmp_path


def test_both_haplotypes_of_phased_people_with_a_label_are_told(autosome_data: Path) -> None:
    plan = _prepared(_autosome("chr20"), autosome_data, width="2100", probe="logistic")
    request = plan.requests["sequences"]
    assert isinstance(request, EmbedRequest)
    assert len(request.sequences) == 2 * 48
    assert "48 of 50 people: 1 have no label, 1 are not phased in the windows" in plan.notes[2]
    rows = {each.name: each.judge().main.value for each in plan.baselines}
    assert rows["alleles"] > 0.95
    assert rows["alleles of the region, PCA"] > 0.9
    assert rows["majority"] < 0.6
    assert "leak" not in {badge.verdict for badge in plan.badges}


def test_the_published_split_is_called_a_leak(autosome_data: Path) -> None:
    plan = _prepared(_autosome("chr20-by-sequence"), autosome_data, width="2100")
    assert plan.badges[0].verdict == "leak"
    assert "belong to a person in it" in plan.badges[0].finding


def test_several_windows_do_not_overlap(autosome_data: Path) -> None:
    plan = _prepared(_autosome("chr20"), autosome_data, width="600", windows="3")
    request = plan.requests["sequences"]
    assert isinstance(request, EmbedRequest)
    assert len(request.sequences) == 3 * 2 * 49  # p49 has one heterozygous site at most in these
    with pytest.raises(
        InputError, match=r"windows of 600 bp hold variants and do not overlap; fewer than 30"
    ):
        _prepared(_autosome("chr20"), autosome_data, width="600", windows="30")


def _autosome(name: str) -> Task:
    return next(task for task in population.TASK if task.name == f"population/{name}")


@pytest.fixture
def mito_data(tmp_path: Path) -> Path:
    """24 people, half of each population told apart by two sites; one has no label, two are alike."""
    text = "".join(LETTERS.choices("ACGT", k=16_569))
    people = [f"p{number:02d}" for number in range(24)]
    lines = [
        _snv("MT", text, start, *(int(number % 2 == parity) for number in range(24)))
        for start, parity in ((3_000, 0), (3_100, 1))
    ]
    lines += [
        _snv("MT", text, 3_010 + 7 * number, *(int(other == number) for other in range(24)))
        for number in range(2, 24)
    ]
    lines.sort(key=lambda line: int(line.split("\t")[1]))
    _vcf(tmp_path / population.VCF, "MT", lines, people)
    _packed(tmp_path / population.FASTA, f">chrM\n{text}\n")
    panel = [f"{name}\tX\t{'AFR' if number % 2 else 'EUR'}\tmale" for number, name in enumerate(people[:-1])]
    (tmp_path / population.PANEL).write_text("sample\tpop\tsuper_pop\tgender\n" + "\n".join(panel) + "\n")
    return tmp_path


def test_people_have_their_own_sequences_and_those_without_a_label_are_left_out(mito_data: Path) -> None:
    plan = _prepared(population.TASK[0], mito_data, width="400")
    request = plan.requests["sequences"]
    assert isinstance(request, EmbedRequest)
    assert len(request.sequences) == 23
    assert len(set(request.sequences)) == 23
    assert "1 people without a label left out" in " ".join(plan.notes)
    rows = {each.name: each.judge().main.value for each in plan.baselines}
    assert rows["alleles"] == 1.0
    assert rows["majority"] < 0.6


def test_a_reference_of_another_build_and_a_width_beyond_it_are_refused(mito_data: Path) -> None:
    with pytest.raises(InputError, match="width 20,000 is not between 1 and 16,569"):
        _prepared(population.TASK[0], mito_data, width="20000")
    _packed(mito_data / population.FASTA, f">chrM\n{'A' * 16_569}\n")
    with pytest.raises(InputError, match="is it of another build"):
        _prepared(population.TASK[0], mito_data, width="400")
