"""Every kind of job is a command that the command line takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cistron.server.commands import KINDS, REPORT, command_of, input_path, result_path
from cistron.server.settings import Settings

FASTA = ">a\nACGTTGCA\n>b\nGGCATT\n"


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("score", {"genome": "hg19", "width": 64, "report": True}),
        ("score", {"genome": "hg19", "width": 64, "strands": "forward", "format": "tsv"}),
        ("score", {"genome": "hg19", "width": 64, "indel": "equal-tokens", "suffix": "auto"}),
        ("embed", {"pooling": "max", "strands": "both"}),
        ("embed", {"format": "npy"}),
        ("likelihood", {"strands": "both"}),
        ("likelihood", {"format": "parquet"}),
        ("generate", {"tokens": 5, "samples": 2, "top_k": 2, "top_p": 0.5, "temperature": 0.5}),
        ("generate", {"tokens": 5, "format": "jsonl"}),
    ],
)
def test_a_job_runs_as_a_command(
    command: Any, bench: Any, tmp_path: Path, kind: Any, options: dict[str, Any]
) -> None:
    settings = Settings(
        tmp_path, models={"tiny": str(bench.model)}, genomes={"hg19": bench.fasta()}, threads=1
    )
    filled = KINDS[kind].options(**options).model_dump()
    content = bench.vcf(bench.snv(500)).read_text() if KINDS[kind].variants else FASTA
    input_path(tmp_path, kind).write_text(content)
    ran = command(*command_of(kind, "tiny", filled, settings, tmp_path))
    assert ran.code == 0, ran.err
    assert result_path(tmp_path, filled).stat().st_size
    assert (tmp_path / REPORT).exists() == bool(options.get("report"))


def test_a_service_that_requires_screening_generates_nothing_unscreened(
    command: Any, bench: Any, tmp_path: Path
) -> None:
    settings = Settings(tmp_path, models={"tiny": str(bench.model)}, screening="require")
    input_path(tmp_path, "generate").write_text(FASTA)
    filled = KINDS["generate"].options(tokens=5).model_dump()
    assert "screen" in command(*command_of("generate", "tiny", filled, settings, tmp_path)).error
