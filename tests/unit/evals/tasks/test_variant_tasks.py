"""Population and hotspot tasks on generated genomes and genotypes in the layout of the real ones."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from cistron.errors import InputError
from cistron.evals import EmbedRequest, Plan, Setting, Task
from cistron.evals.tasks import hotspot, population
from cistron.formats.bgzf import bgzf_output

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
    plan = _prepared(population.TASK, mito_data, width="400")
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
        _prepared(population.TASK, mito_data, width="20000")
    _packed(mito_data / population.FASTA, f">chrM\n{'A' * 16_569}\n")
    with pytest.raises(InputError, match="is it of another build"):
        _prepared(population.TASK, mito_data, width="400")
