"""Loaders of published sets, on generated miniatures in the official layouts."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import numpy as np
import pytest

from cistron.errors import InputError
from cistron.evals import EmbedRequest, Plan, Setting, Task, Vectors
from cistron.evals.catalogue import find_tasks
from cistron.evals.tasks import genomic_benchmarks_full as coordinates
from cistron.evals.tasks import long_range
from cistron.formats.bgzf import bgzf_output
from cistron.genome.sequence import reverse_complement

pytest.importorskip("sklearn")

LETTERS = random.Random(7)
CHR1 = "".join(LETTERS.choices("ACGT", k=40_000))
CHR2 = "".join(LETTERS.choices("ACGT", k=40_000))


def _task(name: str) -> Task:
    (found,) = find_tasks([name])
    return found


def _prepared(name: str, data: Path, **options: str) -> Plan:
    task = _task(name)
    setting = Setting(data)
    assert task.missing(setting) is None
    return task.prepare(task.with_options(setting, options))


def _genome(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with bgzf_output(path) as stream:
        stream.write(f">chr1\n{CHR1}\n>2\n{CHR2}\n".encode())


def _sequences(plan: Plan, name: str = "sequences") -> tuple[str, ...]:
    request = plan.requests[name]
    assert isinstance(request, EmbedRequest)
    return request.sequences


@pytest.mark.parametrize("name", ["population-8k", "hotspot-8192"])
def test_sets_of_genos_are_read_from_json_lines(tmp_path: Path, name: str) -> None:
    stem = {"population-8k": "Human_classify_8k", "hotspot-8192": "CPC_8192"}[name]
    classes = 3 if name.startswith("population") else 2
    folder = tmp_path / "benchmarks/genos"
    folder.mkdir(parents=True)
    for part, count in (("train", 60), ("test", 30)):
        rows = [
            {
                "seq": "".join(LETTERS.choices("ACGT", weights=(1 + at % classes, 1, 1, 1), k=80)),
                "label": at % classes,
            }
            for at in range(count)
        ]
        (folder / f"{stem}_{part}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    plan = _prepared(f"genos-published/{name}", tmp_path, probe="logistic")
    assert len(_sequences(plan)) == 90
    assert plan.baselines[0].judge().main.name == {2: "auroc", 3: "accuracy"}[classes]
    if classes == 3:
        assert ("leak", True) in {(badge.verdict, "same people" in badge.finding) for badge in plan.badges}


@pytest.mark.parametrize("layout", ["folders", "column"])
def test_nucleotide_transformer_tasks_are_read_in_both_layouts(tmp_path: Path, layout: str) -> None:
    folder = tmp_path / "benchmarks/nucleotide_transformer/original"
    (folder / "H3").mkdir(parents=True)
    for part, count in (("train", 40), ("test", 20)):
        rows = [("".join(LETTERS.choices("ACGT", k=60)), at % 2) for at in range(count)]
        if layout == "folders":
            text = "".join(f">chrI:{at}|{label}\n{bases}\n" for at, (bases, label) in enumerate(rows))
            (folder / "H3" / f"{part}.fna").write_text(text)
        else:
            text = "".join(f"{bases}\tx\t{label}\tH3\n" for bases, label in rows)
            (folder / f"{part}.tsv").write_text(f"sequence\tname\tlabel\ttask\n{text}AC\tx\t1\tH4\n")
    if layout == "column":
        (folder / "H3").rmdir()
    assert len(_sequences(_prepared("nucleotide-transformer/original/H3", tmp_path))) == 60
    assert "yeast" in _task("nucleotide-transformer/original/H3").summary
    assert "yeast" not in _task("nucleotide-transformer/revised/H3K36me3").summary


@pytest.fixture
def coordinate_data(tmp_path: Path) -> Path:
    """A set of Genomic Benchmarks on a genome of two contigs; positives are on the minus strand."""
    for part, first in (("train", 0), ("test", 20_000)):
        for label, strand in (("negative", "+"), ("positive", "-")):
            rows = [
                f"{part}_{label}_{at},chr{2 - at % 2},{start},{start + 50},{strand}"
                for at, start in enumerate(range(first, first + 3600, 90))
            ]
            path = tmp_path / coordinates.FOLDER / "human_enhancers_cohn" / part / f"{label}.csv.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(
                gzip.compress(("id,region,start,end,strand\n" + "\n".join(rows) + "\n").encode())
            )
    _genome(tmp_path / coordinates.GENOMES["human"])
    return tmp_path


def test_sequences_are_cut_by_coordinates_on_their_strand(coordinate_data: Path) -> None:
    plan = _prepared("genomic-benchmarks-full/human_enhancers_cohn", coordinate_data)
    found = _sequences(plan)
    assert len(found) == 160
    assert found[:2] == (CHR2[:50], CHR1[90:140])
    assert found[40] == reverse_complement(CHR2[:50])
    assert {badge.verdict for badge in plan.badges} == {"clean"}


def test_coordinates_beyond_a_contig_and_a_known_other_build_are_refused(coordinate_data: Path) -> None:
    path = coordinate_data / coordinates.FOLDER / "human_enhancers_cohn/test/negative.csv.gz"
    path.write_bytes(gzip.compress(b"id,region,start,end,strand\na,chr1,39990,40040,+\n"))
    with pytest.raises(
        InputError, match=r"chr1:39,990-40,040 is not in GRCh38.fa.gz, where it has 40,000 bp"
    ):
        _prepared("genomic-benchmarks-full/human_enhancers_cohn", coordinate_data)
    path.write_bytes(gzip.compress(b"id,region,start,end,strand\na,chr1,here,40,+\n"))
    with pytest.raises(InputError, match="row 1 has start 'here'"):
        _prepared("genomic-benchmarks-full/human_enhancers_cohn", coordinate_data)
    path.write_bytes(gzip.compress(b"id,region,begin,end,strand\na,chr1,0,40,+\n"))
    with pytest.raises(InputError, match="has no column start"):
        _prepared("genomic-benchmarks-full/human_enhancers_cohn", coordinate_data)


def test_all_nine_sets_are_there_and_say_which_genome_they_need() -> None:
    tasks = find_tasks(["genomic-benchmarks-full"])
    assert len(tasks) == 9
    worm = _task("genomic-benchmarks-full/demo_human_or_worm")
    assert set(worm.needs[1:]) == {"genomes/GRCh38.fa.gz", "genomes/WBcel235.fa.gz"}
    assert (
        "genomes/GRCh38.cdna.fa.gz" in _task("genomic-benchmarks-full/demo_coding_vs_intergenomic_seqs").needs
    )


def _long_range(tmp_path: Path, file: str, header: str, rows: list[str]) -> Path:
    path = tmp_path / long_range.FOLDER / file
    path.parent.mkdir(parents=True)
    path.write_text("\n".join([header, *rows]) + "\n")
    _genome(tmp_path / long_range.FASTA)
    return tmp_path


def test_elements_stand_in_the_middle_of_their_windows_and_those_at_edges_are_dropped(tmp_path: Path) -> None:
    rows = [
        f"chr{1 + (at >= 30)},{3001 + 200 * at % 30_000},{3201 + 200 * at % 30_000},{at % 2},"
        f"{'train' if at < 30 else 'test'}"
        for at in range(60)
    ]
    rows += ["chr1,11,211,1,train", "chr2,39900,40000,0,test"]
    data = _long_range(
        tmp_path, "regulatory_elements/enhancer_dataset.csv", "CHROM,START,STOP,label,split", rows
    )
    plan = _prepared("long-range/enhancer", data, width="1000")
    found = _sequences(plan)
    assert len(found) == 60
    assert found[0] == CHR1[2600:3600]  # 3,000 to 3,200 with 400 bases on either side
    assert {badge.verdict for badge in plan.badges} == {"clean"}


def _variants(more: str) -> list[str]:
    rows = []
    for at in range(80):
        chrom, bases = ("chr1", CHR1) if at < 50 else ("chr2", CHR2)
        start = 2_000 + 300 * at
        alt = "ACGT".replace(bases[start], "")[at % 3]
        part = "train" if at < 50 else "test"
        told = more.format(distance=at % 2 * 900 + at)
        rows.append(f"{chrom},{start + 1},{bases[start]},{alt},{part},{at % 2}{told}")
    return rows


def test_a_variant_is_its_reference_window_and_the_difference_its_allele_makes(tmp_path: Path) -> None:
    header = "CHROM,POS,REF,ALT,split,label,tissue,distance_to_nearest_TSS"
    rows = _variants(",Liver,{distance}")
    data = _long_range(tmp_path, "variant_effect_causal_eqtl/All_Tissues.csv", header, rows)
    plan = _prepared("long-range/causal-eqtl", data, width="600")
    reference, alternative = (_sequences(plan, name) for name in ("reference", "alternative"))
    assert reference[0] == CHR1[1700:2300]
    changed = [at for at in range(600) if reference[0][at] != alternative[0][at]]
    assert changed == [300]
    vectors = np.random.default_rng(0).normal(size=(80, 4)).astype(np.float32)
    outcome = plan.judge({"reference": Vectors(vectors), "alternative": Vectors(vectors)})
    assert len(outcome.items["item"]) == 30
    rows_of = {each.name: each.judge().main.value for each in plan.baselines}
    assert rows_of["distance to TSS"] > 0.95
    assert 0.0 <= rows_of["change"] <= 1.0


def test_clinvar_has_no_distance_and_a_wrong_reference_is_named(tmp_path: Path) -> None:
    header = "CHROM,POS,REF,ALT,split,INT_LABEL"
    rows = _variants("")
    data = _long_range(tmp_path, "variant_effect_pathogenic/vep_pathogenic_coding.csv", header, rows)
    plan = _prepared("long-range/clinvar", data, width="512")
    assert "distance to TSS" not in {each.name for each in plan.baselines}
    wrong = [row.replace(",A,", ",N,", 1) if ",A,C" in row else row for row in rows]
    path = data / long_range.FOLDER / "variant_effect_pathogenic/vep_pathogenic_coding.csv"
    path.write_text("\n".join([header, *wrong]) + "\n")
    with pytest.raises(InputError, match="is not a change of one base"):
        _prepared("long-range/clinvar", data, width="512")
    shifted = [
        ",".join([chrom, str(int(pos) + 1), *rest]) for chrom, pos, *rest in (row.split(",") for row in rows)
    ]
    path.write_text("\n".join([header, *shifted]) + "\n")
    with pytest.raises(InputError, match="in the genome; is it of another build"):
        _prepared("long-range/clinvar", data, width="512")
    path.write_text("\n".join([header, *(row.replace("test", "valid") for row in rows)]) + "\n")
    with pytest.raises(InputError, match="has no rows whose split is test"):
        _prepared("long-range/clinvar", data, width="512")
