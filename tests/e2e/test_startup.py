"""The command before any work: quick, and its exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cistron

HEAVY = ("torch", "transformers", "matplotlib", "pyarrow", "huggingface_hub", "scipy")
COMPILERS = ("torch._dynamo", "torch._inductor", "torch.onnx", "sympy", "triton")
HELP = "sys.argv = ['cistron', '--help']; from cistron.__main__ import main; main()"


@pytest.mark.parametrize("code", ["import cistron", HELP], ids=["import", "help"])
def test_nothing_heavy_is_imported_before_there_is_work(code: str) -> None:
    report = f"""
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))
{code}
"""
    ran = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    imported = set(json.loads(ran.stderr))
    assert "cistron" in imported
    assert imported.isdisjoint(HEAVY)


def test_a_score_imports_neither_a_compiler_nor_what_draws_figures(example: Path, tmp_path: Path) -> None:
    lines = (example / "prnp.vcf").read_text().splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    (tmp_path / "one.vcf").write_text("".join(lines[: first + 1]))
    words = ["score", str(tmp_path / "one.vcf"), "-r", str(example / "prnp_chr20.fa.gz")]
    report = f"""
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted(sys.modules))))
sys.argv = ["cistron", *{words!r}, "-o", {str(tmp_path / "out.vcf")!r}]
from cistron.__main__ import main
main()
"""
    ran = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True)
    imported = set(json.loads(ran.stdout))
    assert "CISTRON_LLR" in (tmp_path / "out.vcf").read_text()
    assert "torch" in imported
    assert imported.isdisjoint(COMPILERS)
    assert imported.isdisjoint(set(HEAVY) - {"torch"})


def test_the_installed_command_and_the_module_are_the_same(process: Callable[..., Any]) -> None:
    module = subprocess.run(
        [sys.executable, "-m", "cistron", "--version"], capture_output=True, text=True, check=True
    )
    installed = process("--version")
    assert installed.code == 0
    assert installed.out.decode() == module.stdout == cistron.__version__ + "\n"


def test_help_names_every_command(command: Callable[..., Any]) -> None:
    shown = command("--help")
    assert shown.code == 0
    listed = {line.split()[1] for line in shown.out.decode().splitlines() if line.startswith("│ ")}
    assert {"score", "demo", "doctor", "models", "train"} <= listed


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["scor"], "score"),
        (["score"], "IN.vcf"),
        (["score", "in.vcf"], "--reference"),
        (["score", "in.vcf", "-r", "a.fa", "--strands", "reverse"], "--strands"),
        (["score", "in.vcf", "-r", "a.fa", "--width", "7"], "--width"),
        (["score", "in.vcf", "-r", "a.fa", "--batch-tokens", "0"], "--batch-tokens"),
        (["score", "in.vcf", "-r", "a.fa", "--fast"], "--fast"),
        (["score", "a.vcf", "b.vcf", "-r", "a.fa"], "b.vcf"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_usage_error_exits_2_and_names_what_is_wrong(
    command: Callable[..., Any], words: list[str], named: str
) -> None:
    ran = command(*words)
    assert ran.code == 2
    assert named in ran.err
    assert not ran.out


def test_a_command_without_its_model_says_so_in_one_line(command: Callable[..., Any], tmp_path: Path) -> None:
    ran = command("models", "show", tmp_path)
    assert "config.json" in ran.error
