"""Likelihood by region, and common against rare substitutions, on generated genomes."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cistron.errors import InputError
from cistron.evals import LikelihoodRequest, Likelihoods, Plan, ScoreRequest, Scores, Setting, Task
from cistron.evals.tasks import likelihood, zeroshot_common_vs_rare
from cistron.formats.bgzf import bgzf_output

LETTERS = random.Random(11)
BASES = "".join(LETTERS.choices("ACGT", k=6_000))


def _packed(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with bgzf_output(path) as stream:
        stream.write(text.encode())


def _prepared(task: Task, data: Path, **options: str) -> Plan:
    return task.prepare(task.with_options(Setting(data), options))


@pytest.fixture
def genome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A gene with two exons, the first of them coding, and a repeat between genes; an N in the intron."""
    monkeypatch.setattr(likelihood, "FIRST", 1_000)
    text = BASES[:3_000] + "N" + BASES[3_001:]
    _packed(tmp_path / likelihood.FASTA, f">chr20\n{text}\n")
    _packed(tmp_path / "human/chr22_partial.fa.gz", f">chr22\n{'ACGT' * 500}{'A' * 500}\n")
    folder = tmp_path / likelihood.TABLES
    folder.mkdir(parents=True)
    features = {
        "genes": [(2_001, 4_000)],
        "exons": [(2_001, 2_300), (3_701, 4_000)],
        "CDSs": [(2_001, 2_300)],
        "hg19_repeats_chr20_22_X": [(5_000, 5_300)],
    }
    for name, spans in features.items():
        columns = {"_labels": ["chr20"] * len(spans)}
        columns |= {"_starts": [start for start, _ in spans], "_ends": [end for _, end in spans]}
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    return tmp_path


def test_pieces_lie_in_their_regions_and_are_judged_behind_their_context(genome: Path) -> None:
    plan = _prepared(likelihood.TASK, genome, piece="20", context="50", pieces="30")
    pieces, contexts = plan.requests["pieces"], plan.requests["contexts"]
    assert isinstance(pieces, LikelihoodRequest)
    assert isinstance(contexts, LikelihoodRequest)
    assert len(pieces.sequences) == 6 * 30
    starts = [BASES.index(each) + 50 for each in pieces.sequences]
    assert all(2_000 <= start <= 2_280 for start in starts[:30])
    assert all(5_000 <= start <= 5_280 for start in starts[120:150])
    assert all(
        whole.startswith(part) for whole, part in zip(pieces.sequences, contexts.sequences, strict=True)
    )
    bases = np.ones(180, dtype=np.int64)
    answers = {
        "pieces": Likelihoods(np.full(180, -90.0), bases),
        "contexts": Likelihoods(np.full(180, -50.0), bases),
    }
    outcome = plan.judge(answers)
    assert {metric.value for metric in outcome.metrics} == {2.0}
    assert [metric.name for metric in outcome.metrics][:3] == ["nats", "nats:coding", "nats:exons"]
    rows = {each.name: each.judge().main.value for each in plan.baselines}
    assert rows["uniform"] == pytest.approx(np.log(4))
    assert rows["composition"] > rows["uniform"]  # A and T are frequent in the other contig alone


def test_a_region_without_room_for_a_piece_is_named(genome: Path) -> None:
    with pytest.raises(InputError, match="no 400 bp in a row lie in coding of chr20"):
        _prepared(likelihood.TASK, genome, piece="400", context="50")


@pytest.fixture
def genotypes(tmp_path: Path) -> Path:
    """40 people; every other site is a singleton, the others have a frequency of 20 %."""
    people = [f"p{number}" for number in range(40)]
    head = "\t".join(("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *people))
    lines = ["##fileformat=VCFv4.2", "##contig=<ID=20>", head]
    for number, start in enumerate(range(100, 5_900, 10)):
        alt = "ACGT".replace(BASES[start], "")[number % 3]
        carriers = {number % 40} if number % 2 else set(range(0, 40, 3))
        calls = ["0|1" if person in carriers else "0|0" for person in range(40)]
        lines.append("\t".join(("20", str(start + 1), ".", BASES[start], alt, ".", ".", ".", "GT", *calls)))
    _packed(tmp_path / zeroshot_common_vs_rare.VCF, "\n".join(lines) + "\n")
    _packed(tmp_path / zeroshot_common_vs_rare.FASTA, f">chr20\n{BASES}\n")
    _packed(tmp_path / "human/chr22_partial.fa.gz", ">chr22\nACGT\n")
    return tmp_path


def test_a_pair_has_the_same_change_in_the_same_neighbours(genotypes: Path) -> None:
    plan = _prepared(zeroshot_common_vs_rare.TASK, genotypes, pairs="50")
    request = plan.requests["scores"]
    assert isinstance(request, ScoreRequest)
    assert len(request.variants) == 100
    places = [variant.start for variant in request.variants]
    assert all((start // 10) % 2 == 0 for start in places[::2])
    assert all((start // 10) % 2 == 1 for start in places[1::2])
    turn = str.maketrans("ACGT", "TGCA")

    def change(at: int) -> str:
        variant = request.variants[at]
        around = BASES[variant.start - 1 : variant.start + 2]
        after = around[0] + variant.alt + around[2]
        flipped = around.translate(turn)[::-1] + after.translate(turn)[::-1]
        return around + after if variant.ref in "AC" else flipped

    assert all(change(at) == change(at + 1) for at in range(0, 100, 2))


def test_a_score_that_likes_common_alleles_is_right_and_unscored_variants_are_counted(
    genotypes: Path,
) -> None:
    plan = _prepared(zeroshot_common_vs_rare.TASK, genotypes, pairs="50")
    llr = np.where(np.arange(100) % 2 == 0, 1.0, -1.0)
    llr[5] = np.nan
    outcome = plan.judge({"scores": Scores(llr, llr, np.full(100, ""))})
    assert outcome.main.value == 1.0
    assert outcome.notes == ("1 variants have no score",)
    assert plan.controls[0].judge({"scores": Scores(llr, llr, np.full(100, ""))}).main.value < 0.8


def test_a_reference_of_another_build_is_refused(genotypes: Path) -> None:
    _packed(genotypes / zeroshot_common_vs_rare.FASTA, f">chr20\n{'A' * 6_000}\n")
    with pytest.raises(InputError, match="is A in the reference; is it of another build"):
        _prepared(zeroshot_common_vs_rare.TASK, genotypes)
