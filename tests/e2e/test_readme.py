"""The examples of the README do what it says, typed as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"
EXAMPLES = re.findall(r"<!-- tested: (\S+) -->\n```sh\n(.*?)```", README.read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def folder(example: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what `cistron demo` leaves."""
    made = tmp_path_factory.mktemp("readme")
    (made / "cistron-demo").mkdir()
    for path in example.glob("prnp*.*"):
        (made / "cistron-demo" / path.name).write_bytes(path.read_bytes())
    return made


def test_every_verb_has_an_example() -> None:
    assert {name for name, _ in EXAMPLES} == {
        "score",
        "calibrate",
        "scan",
        "mutate",
        "explain",
        "embed",
        "generate",
        "plan",
    }


@pytest.mark.parametrize(("name", "commands"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_an_example_runs(folder: Path, name: str, commands: str) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        ["bash", "-euc", commands], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    for output in re.findall(r"(?:-o|--report|--track|--png) (\S+)", commands):
        stem, _, ending = output.rpartition(".")
        assert list(folder.glob(f"{stem}*{ending}")), output


def test_the_chinese_page_gives_the_same_commands() -> None:
    blocks = re.compile(r"```\w+\n.*?```", re.DOTALL)
    chinese = blocks.findall(README.with_name("README.zh.md").read_text())
    assert len(chinese) > 15
    assert set(chinese) <= set(blocks.findall(README.read_text()))


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_links_lead_to_files(name: str) -> None:
    page = README.with_name(name)
    links = re.findall(r"\]\((?!http)([^)#]+)", page.read_text())
    assert links
    assert [link for link in links if not (page.parent / link).exists()] == []
