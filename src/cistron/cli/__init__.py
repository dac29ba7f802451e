"""The command line: one command a file in `commands/`, wired to the rooms below."""

from __future__ import annotations

from collections.abc import Callable

import typer

from cistron.registry import Registry

Command = Callable[..., None] | typer.Typer
"""What a command's file publishes as `COMMAND`: a typed function, or a group of them."""

COMMANDS: Registry[Command] = Registry("cistron.cli.commands", "COMMAND", "command")
