"""A scan or a likelihood run that is stopped at any moment continues, and ends in the very same files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cistron.formats.journal import Journal

Run = Callable[..., Any]


@pytest.fixture
def scan(command: Run, bench: Any, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `cistron scan` over the standard genome in shards of at least 2,000 tokens."""
    monkeypatch.setattr("cistron.inference.scan.SHARD_TOKENS", 2000)
    monkeypatch.setattr("sys.argv", ["cistron", "scan"])
    fasta = bench.fasta()

    def run(*more: object) -> Any:
        words = ["-o", bench.out / "out.bw", "-o", bench.out / "out.parquet", "-m", bench.model]
        width = () if "--width" in more else ("--width", 128)
        return command("scan", fasta, *words, *width, "--batch-tokens", 1000, *more)

    return run


@pytest.fixture
def likelihood(command: Run, bench: Any, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `cistron likelihood` over the standard genome in shards of at least 1,000 tokens."""
    monkeypatch.setattr("cistron.inference.next_base.SHARD_TOKENS", 1000)
    monkeypatch.setattr("sys.argv", ["cistron", "likelihood"])
    fasta = bench.fasta()

    def run(*more: object) -> Any:
        words = ["-o", bench.out / "out.tsv", "--track", bench.out / "out.bw", "-m", bench.model]
        window = () if "--window" in more else ("--window", 128)
        return command("likelihood", fasta, *words, *window, "--batch-tokens", 500, *more)

    return run


def stopped(run: Run, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Interrupt a run when everything is in the journal and nothing is written."""

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(where, stop)
        assert run().code == 130


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("verb", "where", "name"),
    [
        ("scan", "cistron.cli.scanning.run.write_output", "out.bw.journal"),
        ("likelihood", "cistron.cli.likelihoods.run.write_table", "out.tsv.journal"),
    ],
)
def test_a_journal_cut_anywhere_gives_the_same_files(
    request: pytest.FixtureRequest,
    bench: Any,
    monkeypatch: pytest.MonkeyPatch,
    verb: str,
    where: str,
    name: str,
) -> None:
    run = request.getfixturevalue(verb)
    stopped(run, monkeypatch, where)
    journal = bench.out / name
    assert bench.left() == [name]
    whole = journal.read_bytes()
    header = whole.index(b"\n") + 1
    assert "did not finish; give --resume to continue it" in run().error
    assert journal.read_bytes() == whole
    journal.unlink()
    assert run().code == 0
    expected = files(bench.out)
    assert name not in expected
    size = len(whole)
    for cut in (0, 5, header, header + 7, header + (size - header) // 3, size // 2, size - 1, size):
        for path in bench.out.iterdir():
            path.unlink()
        journal.write_bytes(whole[:cut])
        assert run("--resume").code == 0
        assert files(bench.out) == expected, cut


@pytest.mark.parametrize(
    ("verb", "where", "computes"),
    [
        ("scan", "cistron.cli.scanning.run.write_output", "cistron.inference.scan.scan_shard"),
        ("likelihood", "cistron.cli.likelihoods.run.write_table", "cistron.inference.likelihood.ref_log_p"),
    ],
)
def test_what_is_in_the_journal_is_not_computed_again(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, verb: str, where: str, computes: str
) -> None:
    run = request.getfixturevalue(verb)
    stopped(run, monkeypatch, where)

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(computes, fail)
    assert run("--resume").code == 0


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (("--width", 64), "width was 128 and is 64"),
        (("--strands", "forward"), "strands was 'both' and is 'forward'"),
        (("--regions", "1:1-50"), "regions was 'all' and is '1:1-50'"),
        (("--circular", "2"), "circular was [] and is ['2']"),
        (("--dtype", "bfloat16"), "dtype was 'float32' and is 'bfloat16'"),
    ],
)
def test_a_scan_with_other_settings_is_refused_and_the_journal_stays(
    scan: Run, bench: Any, monkeypatch: pytest.MonkeyPatch, changes: tuple[object, ...], told: str
) -> None:
    stopped(scan, monkeypatch, "cistron.cli.scanning.run.write_output")
    before = files(bench.out)
    assert told in scan("--resume", *changes).error
    assert files(bench.out) == before


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (("--window", 64), "window was 128 and is 64"),
        (("--stride", 32), "stride was 64 and is 32"),
        (("--strands", "both"), "strands was 'forward' and is 'both'"),
    ],
)
def test_a_likelihood_run_with_other_settings_is_refused_and_the_journal_stays(
    likelihood: Run, bench: Any, monkeypatch: pytest.MonkeyPatch, changes: tuple[object, ...], told: str
) -> None:
    stopped(likelihood, monkeypatch, "cistron.cli.likelihoods.run.write_table")
    before = files(bench.out)
    assert told in likelihood("--resume", *changes).error
    assert files(bench.out) == before


def test_standard_input_cannot_be_resumed(command: Run, bench: Any) -> None:
    content = bench.fasta().read_bytes()
    for words in (("scan", "-", "-o", bench.out / "a.bw"), ("likelihood", "-", "-o", bench.out / "a.tsv")):
        ran = command(*words, "-m", bench.model, "--resume", stdin=content)
        assert "--resume needs files" in ran.error
    assert bench.left() == []


def test_a_second_run_on_the_same_output_is_refused(scan: Run, bench: Any) -> None:
    with Journal(bench.out / "out.bw.journal", {}, resume=False):
        assert "is in use: another run is writing this output" in scan().error
