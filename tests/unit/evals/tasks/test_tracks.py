"""The task on measured signal: a miniature with a signal that follows GC, and predictions made of it."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cistron.errors import CistronError, InputError
from cistron.evals import Plan, Setting, Signals, TracksRequest
from cistron.evals.catalogue import find_tasks
from cistron.evals.report import verdicts_of
from cistron.evals.rows import Row
from cistron.formats.bgzf import bgzf_output
from cistron.formats.bigwig import Run, write_bigwig

LENGTH = 60_000
(TASK,) = find_tasks(["tracks/regions"])
MINIATURE: dict[str, int | str] = {
    "train": "22:1-20,000",
    "test": "22:24,577-57,344",
    "piece": 1024,
    "block": 2048,
}


def _bases() -> str:
    """Stretches of 512 bp, each with its own share of G and C, and an N."""
    letters = random.Random(4)
    parts = []
    for _ in range(-(-LENGTH // 512)):
        gc = letters.uniform(1, 6)
        parts.append("".join(letters.choices("ACGT", weights=(3, gc, gc, 3), k=512)))
    bases = "".join(parts)[:LENGTH]
    return bases[:30_000] + "N" + bases[30_001:]


BASES = _bases()


def _signal() -> np.ndarray:
    """G and C in the 512 bp around each base, with noise."""
    flags = np.array([base in "GC" for base in BASES], dtype=float)
    smooth = np.convolve(flags, np.ones(512) / 512, mode="same")
    return np.maximum(20 * smooth**2 + np.random.default_rng(0).normal(0, 0.5, LENGTH), 0)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    (folder / "human/gencode_v19").mkdir(parents=True)
    (folder / "tracks/encode_chr22").mkdir(parents=True)
    with bgzf_output(folder / "human/chr22_partial.fa.gz") as stream:
        stream.write(f">chr22\n{BASES}\n".encode())
    path = folder / "tracks/encode_chr22/ENCFF826FLP.bw"
    write_bigwig(path, {"chr22": LENGTH}, [Run("chr22", 0, _signal().astype(np.float32))])
    table = {
        "_labels": ["chr22"],
        "_starts": [26_001],
        "_ends": [40_000],
        "Strand": ["+"],
        "gene_name": ["G"],
    }
    for name in ("genes", "exons", "hg19_repeats_chr20_22_X"):
        pq.write_table(pa.table(table), folder / f"human/gencode_v19/{name}.parquet")
    return folder


def _plan(data: Path, limit: int | None = None, **options: int | str) -> Plan:
    return TASK.prepare(Setting(data, limit=limit, options={**TASK.options, **MINIATURE, **options}))


def _request(plan: Plan) -> TracksRequest:
    request = plan.requests["regions"]
    assert isinstance(request, TracksRequest)
    return request


def _truth(request: TracksRequest) -> np.ndarray:
    signal = _signal()
    return np.stack([signal[each.start : each.end].reshape(-1, 128).mean(axis=1) for each in request.regions])


def test_the_truth_correlates_with_itself_and_regions_exchanged_do_not(data: Path) -> None:
    plan = _plan(data)
    request = _request(plan)
    answer = {"regions": Signals(_truth(request).astype(np.float32))}
    outcome = plan.judge(answer)
    assert outcome.main.name == "pearson"
    assert outcome.main.value == pytest.approx(1, abs=1e-6)
    assert outcome.main.n == 16
    (control,) = plan.controls
    assert abs(control.judge(answer).main.value) < 0.5


def test_metrics_are_those_of_scipy_on_the_bins_without_n(data: Path) -> None:
    stats = pytest.importorskip("scipy.stats")
    plan = _plan(data)
    request = _request(plan)
    truth = _truth(request)
    predicted = truth + np.random.default_rng(1).gamma(2, 2, truth.shape)
    outcome = plan.judge({"regions": Signals(predicted.astype(np.float32))})
    kept = np.ones(truth.shape, dtype=bool)
    kept[(30_000 - 24_576) // 1024, (30_000 - 24_576) % 1024 // 128] = False
    assert len(outcome.items["item"]) == kept.sum() == 255
    x, y = np.log1p(predicted[kept].astype(np.float32).astype(np.float64)), np.log1p(truth[kept])
    assert outcome.metric("pearson").value == pytest.approx(stats.pearsonr(x, y).statistic, abs=1e-5)
    assert outcome.metric("spearman").value == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-5)
    assert outcome.metric("rmse").value == pytest.approx(np.sqrt(np.mean((x - y) ** 2)), abs=1e-5)
    inside = np.array([int(name.split(":")[1]) + 63 for name in outcome.items["item"]])
    of_gene = (inside >= 26_000) & (inside < 40_000)
    expected = stats.pearsonr(x[of_gene], y[of_gene]).statistic
    assert outcome.metric("pearson:exons").value == pytest.approx(expected, abs=1e-5)


def test_composition_tells_a_signal_that_follows_it_and_the_mean_has_no_correlation(data: Path) -> None:
    rows = {each.name: each.judge() for each in _plan(data).baselines}
    assert set(rows) == {"mean signal", "GC", "CpG", "annotation"}
    assert rows["GC"].main.value > 0.7
    assert np.isnan(rows["mean signal"].main.value)
    assert "the same everywhere" in rows["mean signal"].main.note
    assert rows["mean signal"].metric("rmse").value > rows["GC"].metric("rmse").value
    row = Row("tracks/regions", 1, "head", "model", outcome=rows["GC"])
    flat = Row("tracks/regions", 1, "mean signal", "baseline", outcome=rows["mean signal"])
    other = Row("tracks/regions", 1, "CpG", "baseline", outcome=rows["CpG"])
    assert verdicts_of([[row, flat, other]])[("tracks/regions", "head")] in ("better", "tie")


def test_bins_without_a_prediction_are_left_out_and_counted(data: Path) -> None:
    plan = _plan(data)
    values = _truth(_request(plan)).astype(np.float32)
    values[0, :3] = np.nan
    outcome = plan.judge({"regions": Signals(values)})
    assert outcome.notes == ("3 bins have no prediction",)
    assert len(outcome.items["item"]) == 252


def test_regions_may_stand_in_a_file_and_are_sampled(data: Path, tmp_path: Path) -> None:
    bed = tmp_path / "test.bed"
    bed.write_text("chr22\t24576\t57344\n")
    assert _request(_plan(data, test=str(bed))) == _request(_plan(data))
    assert len(_request(_plan(data, limit=5)).regions) == 5


def test_a_test_region_that_was_trained_on_is_a_leak(data: Path) -> None:
    assert [badge.verdict for badge in _plan(data).badges] == ["clean"]
    assert [badge.verdict for badge in _plan(data, train="22:1-57,344").badges] == ["leak"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"piece": 1000}, "must be a multiple of 128"),
        ({"piece": 65_536}, "no test region holds 65,536 bp"),
        ({"test": "22:30,001-30,001", "piece": 1}, "must be a multiple of 128"),
        ({"test": ""}, "no regions are given"),
        ({"test": "21:1-9"}, "contig"),
        ({"truth": "human/chr22_partial.fa.gz"}, "is not a bigWig"),
    ],
)
def test_what_cannot_be_judged_is_one_line(data: Path, options: dict[str, int | str], message: str) -> None:
    with pytest.raises(CistronError, match=message):
        _plan(data, **options)


def test_signal_of_another_assembly_is_refused(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.bw"
    write_bigwig(path, {"chr22": 50_818_468}, [Run("chr22", 0, np.ones(9, dtype=np.float32))])
    with pytest.raises(InputError, match="different assemblies"):
        _plan(data, truth=str(path))
