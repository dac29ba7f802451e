"""A score belongs to its variant: not to its neighbours, its order, its batch or its spelling."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cistron.cli.scoring.request import ScoreRequest
from cistron.cli.scoring.run import run_score
from cistron.formats.fasta import Fasta

FLOAT32, FLOAT64 = 1e-4, 1e-8
"""The bounds, in nats, that scores of one variant keep."""

Key = tuple[str, int, str, str]
Run = Callable[..., Any]


@pytest.fixture(scope="module")
def records(chr20: Fasta) -> list[str]:
    """Substitutions, insertions, deletions and an MNV, often in one another's windows, as VCF lines."""
    choose = random.Random(3)
    lines = []
    for number in range(150):
        pos = 4_680_000 + number * 7 + choose.randrange(4)
        ref = chr20.fetch("20", pos - 1, pos - 1 + choose.choice([1, 1, 1, 2, 5]))
        alt = ref
        while alt == ref:
            alt = ref[0] + "".join(choose.choices("ACGT", k=choose.choice([0, 1, 4])))
            alt = choose.choice("ACGT") if len(ref) == 1 and choose.random() < 0.7 else alt
        lines.append(f"20\t{pos}\t.\t{ref}\t{alt}\t.\t.\t.")
    return lines


@pytest.fixture
def request64(example: Path, tiny: Path, tmp_path: Path) -> ScoreRequest:
    """Scores in float64, at full precision in a Parquet file."""
    return ScoreRequest(
        input="",
        reference=example / "prnp_chr20.fa.gz",
        output=str(tmp_path / "out.parquet"),
        model=str(tiny),
        width=96,
        dtype="float64",
    )


@pytest.fixture
def scored(tmp_path: Path) -> Callable[..., dict[Key, float]]:
    """Scores VCF lines and gives allele → llr; every allele must have a score."""

    def run(lines: list[str], request: ScoreRequest, **changes: Any) -> dict[Key, float]:
        path = tmp_path / "in.vcf"
        header = ["##fileformat=VCFv4.3", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]
        path.write_text("\n".join([*header, *lines]) + "\n")
        run_score(replace(request, input=str(path), **changes))
        rows = pq.read_table(request.output).to_pylist()
        assert all(row["status"] is None for row in rows)
        return {(row["chrom"], row["pos"], row["ref"], row["alt"]): row["llr"] for row in rows}

    return run


def largest_difference(left: dict[Key, float], right: dict[Key, float]) -> float:
    assert left.keys() == right.keys()
    assert len({round(value, 6) for value in left.values()}) > len(left) / 2
    return max(abs(left[key] - right[key]) for key in left)


@pytest.mark.parametrize(("dtype", "bound"), [("float32", FLOAT32), ("float64", FLOAT64)])
@pytest.mark.parametrize(
    "changes", [{"batch_tokens": 1}, {"batch_tokens": 1000}, {"threads": 2}], ids=lambda change: str(change)
)
def test_batches_and_threads_do_not_change_scores(
    records: list[str],
    request64: ScoreRequest,
    scored: Run,
    one_thread_after: None,
    changes: dict[str, Any],
    dtype: str,
    bound: float,
) -> None:
    request = replace(request64, dtype=dtype)
    some = records[:40]
    assert largest_difference(scored(some, request), scored(some, request, **changes)) <= bound


@pytest.mark.parametrize(("dtype", "bound"), [("float32", FLOAT32), ("float64", FLOAT64)])
def test_order_and_neighbours_do_not_change_scores(
    records: list[str], request64: ScoreRequest, scored: Run, dtype: str, bound: float
) -> None:
    request = replace(request64, dtype=dtype)
    whole = scored(records, request)
    shuffled = random.Random(1).sample(records, len(records))
    assert largest_difference(whole, scored(shuffled, request)) <= bound
    parts = scored(records[:50], request) | scored(records[50:], request)
    assert largest_difference(whole, parts) <= bound


def test_a_multi_allelic_record_scores_like_its_alleles_apart(
    chr20: Fasta, request64: ScoreRequest, scored: Run
) -> None:
    pos = 4_680_300
    ref = chr20.fetch("20", pos - 1, pos + 2)
    alts = [ref[0], ref + "A", "".join("ACGT"["CGTA".index(base)] for base in ref), ref[:2]]
    joined = scored([f"20\t{pos}\t.\t{ref}\t{','.join(alts)}\t.\t.\t."], request64)
    apart = scored([f"20\t{pos}\t.\t{ref}\t{alt}\t.\t.\t." for alt in alts], request64)
    assert largest_difference(joined, apart) <= FLOAT64


def spellings_of_a_deletion(chr20: Fasta) -> Iterator[tuple[int, str, str]]:
    """One base taken out of a run of equal bases, spelled at each base of the run and with longer anchors."""
    text = chr20.fetch("20", 4_680_000, 4_690_000)
    run = next(i for i in range(20, len(text)) if len(set(text[i : i + 5])) == 1 and text[i - 1] != text[i])
    start = 4_680_000 + run
    for place in range(start, start + 5):
        yield place, chr20.fetch("20", place - 1, place + 1), chr20.fetch("20", place - 1, place)
    for before, after in ((2, 6), (7, 9)):
        whole = chr20.fetch("20", start - before, start + after)
        yield start - before + 1, whole, whole[:before] + whole[before + 1 :]


def test_every_spelling_of_one_deletion_scores_alike(
    chr20: Fasta, request64: ScoreRequest, scored: Run
) -> None:
    spelled = list(spellings_of_a_deletion(chr20))
    assert len(spelled) == 7
    found = scored([f"20\t{pos}\t.\t{ref}\t{alt}\t.\t.\t." for pos, ref, alt in spelled], request64)
    assert len(found) == 7
    assert max(found.values()) - min(found.values()) <= FLOAT64
    assert abs(min(found.values())) > 1e-3


def test_a_padded_substitution_and_a_lower_case_one_score_like_the_plain_one(
    chr20: Fasta, request64: ScoreRequest, scored: Run
) -> None:
    context = chr20.fetch("20", 4_680_245, 4_680_256)
    assert context[5] == "A"
    found = scored(
        [
            "20\t4680251\t.\tA\tG\t.\t.\t.",
            "20\t4680251\t.\ta\tg\t.\t.\t.",
            f"20\t4680246\t.\t{context}\t{context[:5]}G{context[6:]}\t.\t.\t.",
        ],
        request64,
    )
    assert len(found) == 3
    assert max(found.values()) - min(found.values()) <= FLOAT64


def test_a_symbolic_deletion_scores_like_the_spelled_one(
    chr20: Fasta, request64: ScoreRequest, scored: Run
) -> None:
    ref = chr20.fetch("20", 4_680_299, 4_680_310)
    found = scored(
        [
            f"20\t4680300\t.\t{ref}\t{ref[0]}\t.\t.\t.",
            f"20\t4680300\t.\t{ref[0]}\t<DEL>\t.\t.\tEND=4680310",
            f"20\t4680300\t.\t{ref[0]}\t<DEL:ME>\t.\t.\tSVLEN=-10",
        ],
        request64,
    )
    assert len(found) == 3
    assert max(found.values()) - min(found.values()) <= FLOAT64


def test_the_reverse_complement_of_everything_scores_alike(
    bench: Any, request64: ScoreRequest, scored: Run
) -> None:
    complement = str.maketrans("ACGT", "TGCA")
    bases = bench.sequences["1"]
    forward = bench.fasta("forward.fa", **{"1": bases})
    backward = bench.fasta("backward.fa", **{"1": bases[::-1].translate(complement)})
    pairs = [(pos, bases[pos - 1], "ACGT"["CGTA".index(bases[pos - 1])]) for pos in range(1000, 1200, 9)]
    plus = scored(
        [f"1\t{p}\t.\t{ref}\t{alt}\t.\t.\t." for p, ref, alt in pairs], request64, reference=forward
    )
    minus = scored(
        [
            f"1\t{3001 - p}\t.\t{r.translate(complement)}\t{a.translate(complement)}\t.\t.\t."
            for p, r, a in pairs
        ],
        request64,
        reference=backward,
    )
    for pos, ref, alt in pairs:
        mirrored = minus["1", 3001 - pos, ref.translate(complement), alt.translate(complement)]
        assert plus["1", pos, ref, alt] == pytest.approx(mirrored, abs=FLOAT64)


def test_lower_case_in_the_reference_does_not_change_scores(bench: Any, score: Run) -> None:
    upper = bench.fasta("upper.fa")
    soft = {name: bases[:500] + bases[500:].lower() for name, bases in bench.sequences.items()}
    lower = bench.fasta("lower.fa", **soft)
    vcf = bench.vcf(
        bench.snv(400), bench.snv(505), bench.snv(900), f"1 600 {bench.ref(600, 4)} {bench.ref(600)}"
    )
    score(vcf, upper, bench.out / "upper.vcf")
    score(vcf, lower, bench.out / "lower.vcf")
    assert (bench.out / "upper.vcf").read_bytes() == (bench.out / "lower.vcf").read_bytes()


def test_other_names_of_a_contig_do_not_change_scores(bench: Any, score: Run, scores_of: Run) -> None:
    genome = bench.fasta("genome.fa", chr1=bench.sequences["1"])
    score(bench.vcf(bench.snv(400), bench.snv(900)), genome, bench.out / "alias.vcf")
    score(bench.vcf(bench.snv(400), bench.snv(900)), bench.fasta("same.fa"), bench.out / "same.vcf")
    assert scores_of(bench.out / "alias.vcf") == scores_of(bench.out / "same.vcf")
    assert scores_of(bench.out / "same.vcf")[0]["llr"] is not None
