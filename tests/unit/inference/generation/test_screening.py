from __future__ import annotations

import shlex
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from cistron.errors import InputError
from cistron.inference.generation import screening
from cistron.inference.generation.screening import (
    Screen,
    ScreeningError,
    command_screen,
    installed_screens,
    refusal_of,
    require_screens,
)


def no_poly_a(sequence: str) -> str | None:
    return "poly-A" if "AAAA" in sequence else None


def python(code: str, *arguments: str) -> str:
    return shlex.join([sys.executable, "-c", code, *arguments])


@pytest.fixture
def installed(monkeypatch):
    """Puts entry points into force: `installed(name=value)`."""

    def install(**points: str) -> None:
        found = EntryPoints(EntryPoint(name, value, screening.GROUP) for name, value in points.items())
        monkeypatch.setattr(screening, "entry_points", lambda group: found.select(group=group))

    return install


def test_a_command_passes_with_status_0_and_refuses_with_any_other():
    screen = command_screen(python("import sys; sys.exit('GATTACA' in open(sys.argv[1]).read())", "{fasta}"))
    assert screen.refusal("ACGT") is None
    assert screen.refusal("ACGGATTACAC") == "exit status 1"
    assert refusal_of([screen], "GATTACA") == f"refused by {Path(sys.executable).name}: exit status 1"


def test_the_command_reads_a_fasta_of_the_sequence_which_is_gone_afterwards(tmp_path):
    copy = tmp_path / "copy.txt"
    code = "import sys; name = sys.argv[1]; open(sys.argv[2], 'w').write(name + open(name).read())"
    assert command_screen(python(code, "{fasta}", str(copy))).refusal("ACGT" * 30) is None
    path, _, content = copy.read_text().partition(">")
    assert content.splitlines() == ["sequence", "ACGT" * 20, "ACGT" * 10]
    assert not Path(path).exists()


def test_the_command_is_started_without_a_shell(tmp_path):
    witness = tmp_path / "witness"
    command_screen(f"{sys.executable} -c pass {{fasta}} ; touch {witness}").refusal("ACGT")
    assert not witness.exists()


@pytest.mark.parametrize(
    ("template", "named"),
    [
        ("screener --input", "must hold {fasta}"),
        ("{fasta}", "must hold {fasta}"),
        ("", "must hold {fasta}"),
        ("screener 'x {fasta}", "cannot be split into words"),
    ],
)
def test_a_template_that_cannot_work_is_refused(template, named):
    with pytest.raises(InputError, match=named):
        command_screen(template)


def test_a_command_that_is_not_there_lets_nothing_pass():
    with pytest.raises(ScreeningError, match="no-such-screener cannot be started: No such file"):
        command_screen("no-such-screener {fasta}").refusal("ACGT")


def test_a_command_that_is_killed_lets_nothing_pass():
    with pytest.raises(ScreeningError, match="ended by signal 9; nothing passed"):
        command_screen(python("import os; os.kill(os.getpid(), 9)", "{fasta}")).refusal("ACGT")


def test_one_refusal_is_enough():
    easy, strict = Screen("easy", lambda sequence: None), Screen("strict", no_poly_a)
    assert refusal_of([easy, strict], "ACGT") is None
    assert refusal_of([easy, strict], "AAAAA") == "refused by strict: poly-A"
    assert refusal_of([], "AAAAA") is None


def test_installing_a_package_puts_its_screen_in_force(installed):
    assert installed_screens() == []
    installed(zeta=f"{__name__}:no_poly_a", alpha="builtins:repr")
    sys.modules[__name__] = sys.modules.get(__name__) or __import__("types").SimpleNamespace(
        no_poly_a=no_poly_a
    )
    assert [screen.name for screen in installed_screens()] == ["alpha", "zeta"]
    assert installed_screens()[1].refusal("AAAA") == "poly-A"


@pytest.mark.parametrize("value", ["no_such_module:screen", "builtins:no_such_screen"])
def test_a_screen_that_cannot_be_imported_stops_everything(installed, value):
    installed(broken=value)
    with pytest.raises(ScreeningError, match="the screen broken cannot be imported"):
        installed_screens()


def test_required_screening_needs_a_screen():
    with pytest.raises(ScreeningError, match=r"no screen is configured.*cistron.screens"):
        require_screens([])
    require_screens([Screen("any", no_poly_a)])
