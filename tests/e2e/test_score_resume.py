"""A run that is stopped at any moment continues, and ends in the very same files."""

from __future__ import annotations

import json
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cistron.cli.scoring.finished import ScoredRun
from cistron.cli.scoring.request import ScoreRequest
from cistron.cli.scoring.run import run_score
from cistron.formats.fasta import Fasta
from cistron.formats.journal import Journal
from cistron.inference import score as score_module

Run = Callable[..., Any]
BLOCK_BYTES = 20 + 128 * 25
"""Size of a whole block in the journal."""

RESULTS = ("out.vcf.gz", "out.vcf.gz.tbi", "out.vcf.gz.manifest.json")


class Stopped(NamedTuple):
    """How a run ended that was sent a signal, and what lay in its folder then."""

    code: int
    err: str
    left: list[str]
    blocks: int


class History(NamedTuple):
    """Runs of one command that were stopped one after the other, and what came of the last one."""

    stopped: list[Stopped]
    results: dict[str, bytes]
    uninterrupted: dict[str, bytes]


@pytest.fixture(scope="module")
def variants(chr20: Fasta, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,500 substitutions and some deletions: twelve blocks."""
    lines = ["##fileformat=VCFv4.3", "##contig=<ID=20,length=63025520>"]
    lines.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO")
    for pos in range(4_610_000, 4_640_000, 20):
        ref = chr20.fetch("20", pos - 1, pos + 2)
        alleles = (ref, ref[0]) if pos % 7 == 0 else (ref[0], "ACGT"["CGTA".index(ref[0])])
        lines.append(f"20\t{pos}\t.\t{alleles[0]}\t{alleles[1]}\t.\t.\t.")
    path = tmp_path_factory.mktemp("resume") / "in.vcf"
    path.write_text("\n".join(lines) + "\n")
    return path


def blocks_in(journal: Path) -> int:
    """Whole blocks in a journal, judged by its size alone."""
    if not journal.exists():
        return 0
    header = journal.read_bytes().partition(b"\n")[0] + b"\n"
    return max(0, journal.stat().st_size - len(header)) // BLOCK_BYTES


def listen_to_ctrl_c() -> None:
    """A job in the background ignores SIGINT, and so would every process that the tests start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture(scope="module")
def history(
    installed: list[str], example: Path, tiny: Path, variants: Path, tmp_path_factory: pytest.TempPathFactory
) -> History:
    """One command stopped four times, by three signals, at random moments after given numbers of blocks."""
    folder = tmp_path_factory.mktemp("stopped")
    out, journal = folder / "out.vcf.gz", folder / "out.vcf.gz.journal"
    words = [*installed, "score", variants, "-r", example / "prnp_chr20.fa.gz", "-o", out, "-m", tiny]
    line = [*map(str, words), "--width", "128", "--threads", "1"]
    moments = random.Random(2)
    stopped = []
    plan = ((signal.SIGKILL, 1), (signal.SIGINT, 3), (signal.SIGTERM, 5), (signal.SIGKILL, 7))
    for number, (stop, blocks) in enumerate(plan):
        resume = ["--resume"] if number else []
        with subprocess.Popen(
            [*line, *resume], stderr=subprocess.PIPE, text=True, preexec_fn=listen_to_ctrl_c
        ) as process:
            while blocks_in(journal) < blocks and process.poll() is None:
                time.sleep(0.005)
            time.sleep(moments.uniform(0, 0.1))
            process.send_signal(stop)
            _, err = process.communicate()
        left = sorted(path.name for path in folder.iterdir())
        stopped.append(Stopped(process.returncode, err, left, blocks_in(journal)))
    subprocess.run([*line, "--resume"], check=True, capture_output=True)
    results = {path.name: path.read_bytes() for path in folder.iterdir()}

    for path in folder.iterdir():
        path.unlink()
    subprocess.run(line, check=True, capture_output=True)
    return History(stopped, results, {path.name: path.read_bytes() for path in folder.iterdir()})


def test_a_run_killed_again_and_again_ends_in_the_same_bytes(history: History) -> None:
    assert sorted(history.results) == sorted(history.uninterrupted) == sorted(RESULTS)
    for name in RESULTS:
        assert history.results[name] == history.uninterrupted[name], name
    # Otherwise the runs were stopped too late for this test to mean anything.
    assert all(run.blocks < 12 for run in history.stopped)
    assert [run.blocks for run in history.stopped] == sorted(run.blocks for run in history.stopped)


def test_a_killed_run_leaves_its_journal_and_no_output(history: History) -> None:
    for killed in (history.stopped[0], history.stopped[3]):
        assert killed.code == -signal.SIGKILL
        assert killed.left == ["out.vcf.gz.journal"]


def test_ctrl_c_exits_130_and_says_how_to_continue(history: History) -> None:
    interrupted = history.stopped[1]
    assert interrupted.code == 130
    assert interrupted.left == ["out.vcf.gz.journal"]
    assert interrupted.err.splitlines() == [
        "cistron: stopped; the same command with --resume continues where it was",
        "cistron: interrupted",
    ]


def test_a_terminated_run_exits_143_and_says_how_to_continue(history: History) -> None:
    terminated = history.stopped[2]
    assert terminated.code == 143
    assert terminated.left == ["out.vcf.gz.journal"]
    assert "--resume continues" in terminated.err
    assert "Traceback" not in terminated.err


def test_ctrl_c_before_anything_is_scored_leaves_nothing(bench: Any) -> None:
    class Interrupting(Fasta):
        def fetch(self, chrom: str, start: int, end: int) -> str:
            raise KeyboardInterrupt

    request = ScoreRequest(
        str(bench.vcf(bench.snv(500))), bench.fasta(), str(bench.out / "out.vcf"), str(bench.model), width=64
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cistron.cli.scoring.run.Fasta", Interrupting)
        with pytest.raises(KeyboardInterrupt):
            run_score(request)
    assert bench.left() == []


@pytest.fixture
def request_(bench: Any) -> ScoreRequest:
    """300 variants, three blocks, into `out.vcf.gz`."""
    vcf = bench.vcf(*(bench.snv(pos) for pos in range(40, 2740, 9)))
    return ScoreRequest(str(vcf), bench.fasta(), str(bench.out / "out.vcf.gz"), str(bench.model), width=64)


def stop(run: ScoredRun) -> None:
    raise KeyboardInterrupt


@pytest.fixture
def full_journal(request_: ScoreRequest) -> Path:
    """The journal of a run that was stopped when all was written; nothing else is left of it."""
    with pytest.raises(KeyboardInterrupt):
        run_score(request_, then=stop)
    journal = Path(request_.output + ".journal")
    for path in journal.parent.iterdir():
        if path != journal:
            path.unlink()
    return journal


def resumed(request: ScoreRequest) -> ScoreRequest:
    return ScoreRequest(**{**vars(request), "resume": True})


def test_a_journal_cut_anywhere_gives_the_same_files(
    request_: ScoreRequest, full_journal: Path, bench: Any
) -> None:
    whole = full_journal.read_bytes()
    header = whole.index(b"\n") + 1
    full_journal.unlink()
    run_score(request_)
    expected = {path.name: path.read_bytes() for path in bench.out.iterdir()}
    assert full_journal.name not in expected
    block = header + BLOCK_BYTES
    cuts = [0, 1, 10, header - 1, header, header + 3, header + 20, header + 50, block - 1, block, block + 5]
    for cut in [*cuts, block + BLOCK_BYTES + 100, len(whole) - 1, len(whole)]:
        for path in bench.out.iterdir():
            path.unlink()
        full_journal.write_bytes(whole[:cut])
        run_score(resumed(request_))
        assert {path.name: path.read_bytes() for path in bench.out.iterdir()} == expected, cut


def test_a_resumed_run_takes_what_is_in_the_journal_and_does_not_score_it_again(
    request_: ScoreRequest, full_journal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise AssertionError("scored again")

    monkeypatch.setattr("cistron.inference.score._score_block", fail)
    run_score(resumed(request_))
    assert not full_journal.exists()
    assert Path(request_.output).exists()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"width": 80}, "width was 64 and is 80"),
        ({"strands": "forward"}, "strands was 'both' and is 'forward'"),
        ({"check_ref": "warn"}, "check_ref was 'error' and is 'warn'"),
        ({"batch_tokens": 99}, "batch_tokens was 4096 and is 99"),
        ({"indel": "equal-tokens"}, "indel was 'neutral' and is 'equal-tokens'"),
        ({"regions": ("1:1-100",)}, "regions was [] and is ['1:1-100']"),
        ({"dtype": "bfloat16"}, "dtype was 'float32' and is 'bfloat16'"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_other_settings_are_refused_and_the_journal_stays(
    score: Run, request_: ScoreRequest, full_journal: Path, changes: dict[str, Any], named: str
) -> None:
    before = full_journal.read_bytes()
    words = [
        word
        for name, value in changes.items()
        for word in (f"--{name.replace('_', '-')}", value[0] if isinstance(value, tuple) else value)
    ]
    line = score(request_.input, request_.reference, request_.output, "--resume", *words).error
    assert f"cannot resume {full_journal}" in line
    assert named in line
    assert full_journal.read_bytes() == before


def test_changed_inputs_are_refused(
    score: Run, request_: ScoreRequest, full_journal: Path, bench: Any
) -> None:
    fasta, vcf = Path(request_.reference), Path(request_.input)
    shutil.copy(vcf, bench.folder / "kept.vcf")
    vcf.write_text(vcf.read_text().replace("\t.\t.\t.\n", "\t7\t.\t.\n", 1))
    assert "input_sha256 was" in score(vcf, fasta, request_.output, "--resume").error
    shutil.copy(bench.folder / "kept.vcf", vcf)
    fasta.write_text(fasta.read_text().replace("\n>2", "\n\n>2") + "\n")
    assert "reference_sha256 was" in score(vcf, fasta, request_.output, "--resume").error


def test_a_second_run_on_the_same_output_is_refused(score: Run, request_: ScoreRequest, bench: Any) -> None:
    journal = Path(request_.output + ".journal")
    with Journal(journal, {}, resume=False):
        line = score(request_.input, request_.reference, request_.output).error
        assert "is in use: another run is writing this output" in line
        assert bench.left() == [journal.name]


def test_a_file_that_is_no_journal_is_never_written_over(
    score: Run, request_: ScoreRequest, bench: Any
) -> None:
    precious = Path(request_.output + ".journal")
    precious.write_text("dear diary\n")
    for more in ((), ("--resume",)):
        line = score(request_.input, request_.reference, request_.output, *more).error
        assert "is in the way and is not a journal of a run" in line
    assert precious.read_text() == "dear diary\n"


def test_without_resume_nothing_that_was_scored_is_thrown_away(
    score: Run, request_: ScoreRequest, full_journal: Path, bench: Any
) -> None:
    before = full_journal.read_bytes()
    for width in (64, 80):
        line = score(request_.input, request_.reference, request_.output, "--width", width).error
        assert line == (
            f"{full_journal} is of a run that did not finish; give --resume to continue it, or remove that "
            "file to start over"
        )
        assert full_journal.read_bytes() == before
    full_journal.unlink()
    run_score(request_)
    assert bench.left() == sorted(RESULTS)


def test_the_size_of_batches_outlives_a_stop(request_: ScoreRequest, bench: Any) -> None:
    def short_of_memory(*words: Any) -> Any:
        if words[4] > 500:
            raise MemoryError
        return whole(*words)

    whole = score_module._score_block
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(score_module, "_score_block", short_of_memory)
        with pytest.raises(KeyboardInterrupt):
            run_score(request_, then=stop)
    journal = Path(request_.output + ".journal")
    header = journal.read_bytes().index(b"\n") + 1
    with journal.open("r+b") as file:
        file.truncate(header + BLOCK_BYTES)
    run_score(resumed(request_))
    manifest = json.loads(Path(request_.output + ".manifest.json").read_text())
    assert (manifest["batches"], manifest["batch_tokens"]) == ([256], 4096)


@pytest.mark.parametrize("stream", ["input", "output"])
def test_standard_streams_cannot_be_resumed(
    score: Run, request_: ScoreRequest, bench: Any, stream: str
) -> None:
    source = "-" if stream == "input" else request_.input
    out = "-" if stream == "output" else request_.output
    assert "--resume needs files" in score(source, request_.reference, out, "--resume").error
    assert bench.left() == []
