from __future__ import annotations

import inspect
import os
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

import cistron
from cistron.cli import COMMANDS
from cistron.cli.main import INTERRUPTED, _guarded, build_app
from cistron.errors import CistronError, InputError


def run(*words: str) -> tuple[int, str, str]:
    found = CliRunner().invoke(build_app(), list(words), catch_exceptions=False)
    return found.exit_code, found.stdout, found.stderr


def test_version_is_printed_without_a_subcommand() -> None:
    assert run("--version") == (0, cistron.__version__ + "\n", "")


def test_no_words_at_all_shows_the_help_and_is_a_usage_error() -> None:
    code, out, err = run()
    assert code == 2
    assert "score" in out + err


@pytest.mark.parametrize("name", COMMANDS.names())
def test_every_command_has_help_that_says_what_it_does(name: str) -> None:
    code, out, _ = run(name, "--help")
    assert code == 0
    plug = COMMANDS.get(name)
    text = plug.info.help if isinstance(plug, typer.Typer) else inspect.getdoc(plug)
    assert isinstance(text, str)
    assert text.splitlines()[0].split(":")[0].split(",")[0] in " ".join(out.split())


def test_help_shows_square_brackets_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert "OWNER/NAME[@REVISION]" in run("models", "download", "--help")[1]


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (InputError("a.vcf is empty; copy it again"), 1, "cistron: a.vcf is empty; copy it again\n"),
        (CistronError("other"), 1, "cistron: other\n"),
        (KeyboardInterrupt(), INTERRUPTED, "cistron: interrupted\n"),
    ],
)
def test_what_the_caller_can_fix_is_one_line_and_an_exit_code(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, said: str
) -> None:
    def command() -> None:
        raise error

    with pytest.raises(SystemExit) as left:
        _guarded(command)()
    assert left.value.code == code
    assert capsys.readouterr() == ("", said)


def test_a_bug_keeps_its_traceback() -> None:
    def command() -> None:
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError, match="a bug"):
        _guarded(command)()


def test_a_reader_that_leaves_early_is_no_traceback() -> None:
    code = """
from cistron.cli.main import _guarded
def command():
    while True:
        print("x" * 1000)
_guarded(command)()
"""
    read, write = os.pipe()
    with subprocess.Popen([sys.executable, "-c", code], stdout=write, stderr=subprocess.PIPE) as process:
        os.close(write)
        os.read(read, 10)
        os.close(read)
        _, err = process.communicate()
    assert process.returncode == 1
    assert err == b""


def test_options_pass_through_the_guard(capsys: pytest.CaptureFixture[str]) -> None:
    def command(word: str, times: int = 1) -> None:
        typer.echo(word * times)

    app = typer.Typer()
    app.command()(_guarded(command))
    found = CliRunner().invoke(app, ["ab", "--times", "3"])
    assert found.stdout == "ababab\n"
