"""A service on a free port of this machine, with a tiny model and a small genome."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch

from cistron.fusion.run import DnaSettings, FusionRun, LanguageSettings, ProjectorSettings
from cistron.fusion.saved import build, save_fused
from cistron.server.run import prepared
from cistron.server.service import Service
from cistron.server.settings import Limits, Settings

ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}


@dataclass
class Served:
    """A running service.

    Attributes:
        words: The command that starts it.
        home: Its home.
        genome: FASTA of its genome `hg19`, contigs 20 and 17.
        bases: The same as text.
        model: The model's folder.
        lines: What it wrote to stderr.
    """

    words: list[str]
    home: Path
    genome: Path
    bases: str
    model: Path
    lines: list[str] = field(default_factory=list)
    url: str = ""
    process: subprocess.Popen[str] | None = None
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60))

    def start(self, *more: str) -> None:
        """Start it and wait until it listens."""
        self.url = ""
        self.process = subprocess.Popen(
            [*self.words, *more], stderr=subprocess.PIPE, text=True, env=ONE_THREAD
        )
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()
        self.wait(lambda: bool(self.url))
        self.wait(self._answers)

    def _answers(self) -> bool:
        with suppress(httpx.TransportError):
            return self.get("/readyz").status_code == 200
        return False

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self.lines.append(line)
            if found := re.search(r"serving on (http://\S+)", line):
                self.url = found[1]
        process.stderr.close()

    def wait(self, done: Callable[[], bool], seconds: float = 300.0) -> None:
        """Until something is so."""
        for _ in range(int(seconds / 0.02)):
            if done():
                return
            if self.process is not None and self.process.poll() is not None:
                break
            time.sleep(0.02)
        pytest.fail("the service did not come so far:\n" + "".join(self.lines[-20:]))

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(60)

    def get(self, path: str, **options: Any) -> httpx.Response:
        """GET."""
        return self.http.get(self.url + path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> httpx.Response:
        """POST."""
        return self.http.post(self.url + path, json=json, **options)

    def submit(self, content: bytes | str, kind: str = "score", options: str = "{}", **more: Any) -> Any:
        """A job's JSON."""
        sent = self.post(
            "/v1/jobs", data={"kind": kind, "options": options}, files={"file": ("f", content)}, **more
        )
        assert sent.status_code == 202, sent.text
        return sent.json()

    def finished(self, job: Any, **more: Any) -> Any:
        """The job when it has ended."""

        def ended() -> bool:
            nonlocal job
            job = self.get(f"/v1/jobs/{job['id']}", **more).json()
            return job["state"] not in ("queued", "running")

        self.wait(ended)
        return job

    def variant(self, pos: int, *, alt: str | None = None) -> dict[str, Any]:
        """A substitution at a 1-based position."""
        ref = self.bases[pos - 1]
        other = {"A": "C", "C": "G", "G": "T", "T": "A"}[ref]
        return {"chrom": "chr20", "pos": pos, "ref": ref, "alt": alt or other}

    def vcf(self, positions: list[int], samples: tuple[str, ...] = ()) -> str:
        """A VCF of substitutions."""
        columns = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]
        columns += ["FORMAT", *samples] if samples else []
        lines = ["##fileformat=VCFv4.3", f"##contig=<ID=20,length={len(self.bases)}>"]
        lines += ['##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">'] if samples else []
        lines.append("\t".join(columns))
        for pos in positions:
            found = self.variant(pos)
            cells = ["20", str(pos), ".", found["ref"], found["alt"], ".", ".", "."]
            lines.append("\t".join([*cells, *(["GT", *("0|1" for _ in samples)] if samples else [])]))
        return "\n".join(lines) + "\n"


Make = Callable[..., Served]


def gff(name: str, start: int, end: int, strand: str) -> str:
    """A gene of two exons on contig 20; ends are 1-based, inclusive."""
    third = (end - start) // 3
    parts = [
        ("gene", start, end, f"ID=gene-{name};gene_name={name};gene_type=lncRNA"),
        ("transcript", start, end, f"ID={name};Parent=gene-{name};gene_name={name}"),
        ("exon", start, start + third, f"Parent={name}"),
        ("exon", end - third, end, f"Parent={name}"),
    ]
    return "".join(f"20\tx\t{kind}\t{a}\t{b}\t.\t{strand}\t.\t{told}\n" for kind, a, b, told in parts)


@pytest.fixture(scope="session")
def make_served(tmp_path_factory: pytest.TempPathFactory, tiny: Path, installed: list[str]) -> Iterator[Make]:
    """Gives services that are not started yet, and ends those that are still running at the end."""
    folder = tmp_path_factory.mktemp("served")
    bases = "".join(random.Random(3).choices("ACGT", k=40_000))
    genome = folder / "genome.fa"
    genome.write_text(f">20\n{bases}\n>17\n{bases[:4_000]}\n")
    genes = folder / "genes.gff3"
    genes.write_text(gff("PRNP", 101, 900, "+") + gff("PRND", 2_001, 2_500, "-"))
    made: list[Served] = []

    def make(name: str, *more: str) -> Served:
        words = [*installed, "serve", "--home", str(folder / name), "--port", "0", "-m", f"tiny={tiny}"]
        words += ["--genome", f"hg19={genome}", "--annotation", f"hg19={genes}", *more]
        made.append(Served(words, folder / name, genome, bases, tiny))
        return made[-1]

    yield make
    for served in made:
        served.http.close()
        if served.process is not None and served.process.poll() is None:
            served.end()


@pytest.fixture(scope="session")
def served(make_served: Make) -> Served:
    """A service without keys, for all tests that leave it as it was."""
    found = make_served("open")
    found.start()
    return found


@dataclass
class Bounded:
    """A service inside this process, with small limits and without anybody who runs jobs.

    Attributes:
        service: Everything behind its routes.
        http: A client of it.
        port: Where it listens.
    """

    service: Service
    http: httpx.Client
    port: int

    def raw(self, data: bytes, seconds: float = 10.0) -> bytes:
        """The head of what comes back for bytes; less where the service hangs up."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            connection.sendall(data)
            found = b""
            with suppress(TimeoutError, ConnectionResetError):
                while b"\r\n\r\n" not in found and (chunk := connection.recv(65_536)):
                    found += chunk
            return found


@contextmanager
def inside(settings: Settings) -> Iterator[Bounded]:
    """A service that runs inside this process for the time of the block."""
    server, listening = prepared(settings)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    port = listening.getsockname()[1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
        yield Bounded(server.service, http, port)
    server.service.draining.set()
    server.should_exit = True
    thread.join(30)


@pytest.fixture(scope="session")
def run_inside() -> Callable[[Settings], AbstractContextManager[Bounded]]:
    """Runs a service inside this process."""
    return inside


@pytest.fixture(scope="session")
def fused(tmp_path_factory: pytest.TempPathFactory, tiny: Path, language: Path) -> Path:
    """A fused model with random weights and three answers, for `cistron serve --fusion`."""
    run = FusionRun(
        dna=DnaSettings(model=str(tiny), width=65),
        projector=ProjectorSettings(positions=2, inner=16, heads=2, depth=1),
        language=LanguageSettings(model=str(language), dtype="float32", rank=2),
        device="cpu",
    )
    folder = tmp_path_factory.mktemp("fused") / "kegg"
    with torch.random.fork_rng():
        save_fused(folder, build(run, ["ague", "croup", "gout"]))
    return folder


@pytest.fixture(scope="session")
def bounded(tmp_path_factory: pytest.TempPathFactory, tiny: Path) -> Iterator[Bounded]:
    """A service whose limits can be reached quickly."""
    folder = tmp_path_factory.mktemp("bounded")
    genome = folder / "genome.fa"
    genome.write_text(">20\n" + "ACGTTGCAAC" * 100 + "\n")
    limits = Limits(
        body=20_000,
        upload=50_000,
        decompressed=3_000_000,
        ratio=100,
        depth=8,
        read_seconds=1.0,
        job_variants=50,
        allele=100,
        queue=4,
        jobs=3,
        streams=2,
        sequence=5_000,
        generated=1_000,
    )
    settings = Settings(
        folder / "home", port=0, models={"tiny": str(tiny)}, genomes={"hg19": genome}, limits=limits
    )
    with inside(settings) as found:
        yield found
