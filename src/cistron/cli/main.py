"""Builds the command `cistron` from its plugs and turns errors into one line and an exit code."""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable
from typing import Annotated, NoReturn

import typer

from cistron import __version__
from cistron.cli import COMMANDS
from cistron.errors import CistronError

INTERRUPTED = 130


def main() -> None:
    """Run the command line.

    Exit codes: 0; 1, the caller's to fix; 2, usage; 130, interrupted; 143, terminated.
    """
    # A batch system that takes its machine back sends SIGTERM: temporary files go then as after Ctrl-C.
    signal.signal(signal.SIGTERM, _terminated)
    build_app()()


def build_app() -> typer.Typer:
    """The command with all its subcommands."""
    app = typer.Typer(
        name="cistron",
        help="Genomic foundation models: VCF in, annotated VCF out.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name in COMMANDS.names():
        command = COMMANDS.get(name)
        if isinstance(command, typer.Typer):
            for info in command.registered_commands:
                if info.callback is not None:
                    info.callback = _guarded(info.callback)
            app.add_typer(command, name=name)
        else:
            app.command(name)(_guarded(command))
    return app


def _trust_remote_code(wanted: bool) -> None:
    if wanted:
        os.environ["CISTRON_TRUST_REMOTE_CODE"] = "1"  # read by weights/huggingface.py


def _print_version(wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
    trust_remote_code: Annotated[
        bool,
        typer.Option(
            "--trust-remote-code",
            callback=_trust_remote_code,
            is_eager=True,
            help="Run Python code that a model folder brings. Read it first.",
        ),
    ] = False,
) -> None:
    """Takes the options that stand before any subcommand; their callbacks do the work."""


def _terminated(signum: int, frame: object) -> NoReturn:
    raise SystemExit(128 + signum)


def _guarded(command: Callable[..., None]) -> Callable[..., None]:
    """`command` with the caller's errors as one line on stderr; anything else keeps its traceback."""

    @functools.wraps(command)
    def run(*args: object, **options: object) -> None:
        try:
            command(*args, **options)
        except CistronError as error:
            print(f"cistron: {error}", file=sys.stderr)
            raise SystemExit(1) from None
        except KeyboardInterrupt:
            print("cistron: interrupted", file=sys.stderr)
            raise SystemExit(INTERRUPTED) from None
        except BrokenPipeError:
            # Whoever read our output has seen enough; Python would complain again when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(1) from None

    return run
