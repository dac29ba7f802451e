"""What every command promises: help that says what it does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import typer

from cistron.cli import COMMANDS
from cistron.cli.main import build_app

ROOT = typer.main.get_command(build_app())


def commands(node=ROOT, path: str = "cistron") -> Iterator[tuple[str, object]]:
    """Every command that can be run, with its full name."""
    inside = getattr(node, "commands", None)
    if inside is None:
        yield path, node
        return
    for name, command in inside.items():
        yield from commands(command, f"{path} {name}")


ALL = dict(commands())
every_command = pytest.mark.parametrize("name", ALL)


def test_every_plug_is_a_command():
    assert {name.split()[1] for name in ALL} == set(COMMANDS.names())


@every_command
def test_a_command_says_what_it_does_in_one_line(name):
    first = ALL[name].help.strip().splitlines()[0]
    assert 10 < len(first) <= 100
    assert first[0].isupper()
    assert first[-1] in ".?;"


@every_command
def test_help_is_printed(name, capsys):
    with pytest.raises(SystemExit) as caught:
        ROOT.main([*name.split()[1:], "--help"], prog_name="cistron")
    assert caught.value.code == 0
    assert "Usage: " in capsys.readouterr().out
