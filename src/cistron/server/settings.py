"""What an operator decides, and every limit there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, Literal

ScreeningPolicy = Literal["mark", "require"]

Worker = Callable[[Sequence[str], Path, "Connection[int, None]"], None]

CLIENT_NAMES: Final = ("Genos-1.2B", "1.2B")
"""What the published client calls the model it asks for when nobody says otherwise."""

HEADS: Final = ("pathogenicity", "tracks")
"""Heads that change what the service can answer."""


@dataclass(frozen=True)
class Limits:
    """What is refused, and when; every one has a test.

    Attributes:
        body: Bytes of a request that is not an upload.
        upload: Bytes of an uploaded file as it is sent.
        decompressed: Bytes of an uploaded file when decompressed.
        ratio: Decompressed bytes for each sent one, beyond the first megabyte.
        depth: Nested arrays and objects in JSON.
        read_seconds: Time a request's head may take, and again its body.
        sequence: Bases of one sequence.
        sequences: Sequences in a request.
        rows: Vectors of a sequence that is not pooled.
        variants: Variants in a request; longer lists are jobs.
        job_variants: Records of an uploaded VCF.
        allele: Bases of one allele.
        generated: Bases that one request may generate, all samples together.
        region: Bases of a region that is mutated base by base.
        slice: Bases of the genome in one answer.
        question: Characters of a question to a fused model.
        spoken: Tokens of its free answer.
        windows: Windows of a sequence that are hidden from it in turn.
        queue: Requests that wait for the model.
        jobs: Jobs of one key that wait or run.
        streams: Connections that stay open for events.
    """

    body: int = 4 << 20
    upload: int = 512 << 20
    decompressed: int = 4 << 30
    ratio: int = 200
    depth: int = 16
    read_seconds: float = 30.0
    sequence: int = 131_072
    sequences: int = 256
    rows: int = 8_192
    variants: int = 1_000
    job_variants: int = 5_000_000
    allele: int = 10_000
    generated: int = 16_384
    region: int = 400
    slice: int = 1_000_000
    question: int = 16_384
    spoken: int = 2_048
    windows: int = 128
    queue: int = 256
    jobs: int = 16
    streams: int = 64


@dataclass(frozen=True)
class Settings:
    """What an operator decides; see `cistron serve --help`.

    Attributes:
        home: Folder of everything that outlives the process.
        host: Address to listen on.
        port: Port; 0 takes a free one.
        models: Name → shipped name, folder or hub id. The first one answers when none is named.
        genomes: Name → FASTA.
        annotations: Genome's name → its genes.
        heads: One of `HEADS` → head folder.
        fusions: Name → folder of a fused model. The first one answers when none is named.
        languages: Name of a fused model → its language model, where that has moved.
        database: SQLAlchemy URL; None is SQLite in `home`.
        device: Where models run.
        dtype: Their arithmetic.
        threads: Processor threads of one request; None leaves that to PyTorch.
        memory: Most bytes of weights that stay loaded; None is no limit.
        workers: Jobs that run at a time.
        keep_hours: Hours until a finished job's files are deleted.
        drain_seconds: Time that requests get to finish when the service stops.
        screening: `require` refuses to generate without a screen.
        origins: Web origins that may read answers; none switches cross-origin requests off.
        worker: Runs a job in a process of its own, from words, folder and a pipe for progress.
        limits: What is refused.
    """

    home: Path
    host: str = "127.0.0.1"
    port: int = 8080
    models: Mapping[str, str] = field(default_factory=lambda: {"default": "default"})
    genomes: Mapping[str, Path] = field(default_factory=dict)
    annotations: Mapping[str, Path] = field(default_factory=dict)
    heads: Mapping[str, Path] = field(default_factory=dict)
    fusions: Mapping[str, Path] = field(default_factory=dict)
    languages: Mapping[str, str] = field(default_factory=dict)
    database: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    threads: int | None = None
    memory: int | None = None
    workers: int = 1
    keep_hours: float = 72.0
    drain_seconds: float = 20.0
    screening: ScreeningPolicy = "mark"
    origins: tuple[str, ...] = ()
    worker: Worker | None = None
    limits: Limits = field(default_factory=Limits)

    @property
    def database_url(self) -> str:
        """Where the tables lie."""
        return self.database or f"sqlite:///{self.home / 'cistron.sqlite'}"

    @property
    def jobs_folder(self) -> Path:
        """Where every job has a folder of its own."""
        return self.home / "jobs"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    def model_named(self, name: str | None) -> str | None:
        """The name of a model that is served, for what a request calls it; None where there is none.

        The published client's own names mean the first model unless one of that name is served.
        """
        if name in self.models:
            return name
        if name is not None and (other := name.removeprefix("Genos-")) != name and other in self.models:
            return other
        if name is not None and f"Genos-{name}" in self.models:
            return f"Genos-{name}"
        return next(iter(self.models)) if name is None or name in CLIENT_NAMES else None
