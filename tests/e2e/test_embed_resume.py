"""An embedding that is stopped at any moment continues, and ends in the very same files."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cistron.cli.embedding.request import EmbedRequest
from cistron.cli.embedding.run import run_embed
from cistron.errors import ResumeError
from cistron.inference.embed import embed_passages

Run = Callable[..., Any]


def content(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def clear(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


@pytest.fixture
def request_(bench: Any) -> EmbedRequest:
    """60 sequences in five blocks, both strands."""
    rng = random.Random(7)
    texts = {f"s{i}": "".join(rng.choices("ACGT", k=rng.randrange(20, 60))) for i in range(60)}
    fasta = bench.fasta("in.fa", **texts)
    return EmbedRequest(
        str(fasta), str(bench.out / "o.parquet"), model=str(bench.model), strands="both", batch_tokens=60
    )


def stopped_before_writing(request: EmbedRequest) -> Path:
    """The journal of a run that was interrupted when all was computed."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cistron.cli.embedding.run.open_vectors", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run_embed(request)
    return Path(request.output + ".journal")


@pytest.mark.parametrize("pooling", ["mean", "none"])
def test_a_journal_cut_anywhere_gives_the_same_files(
    request_: EmbedRequest, bench: Any, pooling: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Small blocks, so that the positions of one sequence lie in several of them.
    monkeypatch.setattr("cistron.cli.embedding.run.BLOCK_BYTES", 3000)
    request = replace(request_, pooling=pooling)
    whole = stopped_before_writing(request).read_bytes()
    assert bench.left() == ["o.parquet.journal"]
    with pytest.raises(ResumeError, match="did not finish; give --resume to continue it"):
        run_embed(request)
    assert (bench.out / "o.parquet.journal").read_bytes() == whole
    clear(bench.out)
    run_embed(request)
    expected = content(bench.out)
    header = whole.index(b"\n") + 1
    rng = random.Random(1)
    cuts = [
        0,
        header - 1,
        header,
        header + 12,
        *(rng.randrange(header, len(whole)) for _ in range(5)),
        len(whole),
    ]
    for cut in cuts:
        clear(bench.out)
        (bench.out / "o.parquet.journal").write_bytes(whole[:cut])
        run_embed(replace(request, resume=True))
        assert content(bench.out) == expected, cut


def test_what_is_in_the_journal_is_not_computed_again(
    request_: EmbedRequest, bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = stopped_before_writing(request_)
    whole = journal.read_bytes()
    journal.write_bytes(whole[: len(whole) * 3 // 4])
    read = 0

    def counting(*words: Any, **options: Any) -> Any:
        nonlocal read
        read += len(words[2])
        return embed_passages(*words, **options)

    monkeypatch.setattr("cistron.inference.embed.embed_passages", counting)
    run_embed(replace(request_, resume=True))
    assert 0 < read < 35


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"pooling": "max"}, "pooling was 'mean' and is 'max'"),
        ({"layers": (1,)}, "layers was"),
        ({"strands": "forward"}, "strands was 'both' and is 'forward'"),
        ({"batch_tokens": 30}, "batch_tokens was 60 and is 30"),
        ({"window": 30}, "window was None and is 30"),
    ],
)
def test_another_run_is_not_resumed(request_: EmbedRequest, change: dict[str, Any], named: str) -> None:
    stopped_before_writing(request_)
    with pytest.raises(ResumeError) as error:
        run_embed(replace(request_, resume=True, **change))
    assert named in str(error.value)


def test_another_input_is_not_resumed(request_: EmbedRequest) -> None:
    stopped_before_writing(request_)
    with Path(request_.input).open("a") as stream:
        stream.write(">more\nACGT\n")
    with pytest.raises(ResumeError, match="input_sha256"):
        run_embed(replace(request_, resume=True))


def listen_to_ctrl_c() -> None:
    """A job in the background ignores SIGINT, and so would every process that the tests start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_in_the_same_zarr(
    request_: EmbedRequest, bench: Any, installed: list[str], process: Run
) -> None:
    pytest.importorskip("zarr")
    out = bench.out / "o.zarr"
    journal = bench.out / "o.zarr.journal"
    words = ["embed", request_.input, "-o", out, "-m", bench.model, "--batch-tokens", 2, "--threads", 1]
    line = [*installed, *map(str, words)]
    moments = random.Random(3)
    for number, (stop, code) in enumerate(((signal.SIGKILL, -9), (signal.SIGINT, 130))):
        resume = ["--resume"] if number else []
        # A resumed run finds a journal there: it must have added to it before it is stopped.
        wanted = 1500 + (journal.stat().st_size if journal.exists() else 0)
        with subprocess.Popen(
            [*line, *resume], stderr=subprocess.PIPE, preexec_fn=listen_to_ctrl_c
        ) as started:
            while started.poll() is None and not (journal.exists() and journal.stat().st_size > wanted):
                time.sleep(0.002)
            time.sleep(moments.uniform(0, 0.02))
            started.send_signal(stop)
            started.communicate()
        assert started.returncode == code
        assert bench.left() == ["o.zarr.journal"]
    assert process(*words, "--resume").code == 0
    assert bench.left() == ["o.zarr", "o.zarr.manifest.json"]
    resumed = content(out)
    run_embed(replace(request_, output=str(out), strands=None, batch_tokens=2, threads=1))
    assert content(out) == resumed
    assert "embedding/c/0/0" in resumed
