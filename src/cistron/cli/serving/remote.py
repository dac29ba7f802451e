"""Commands that let a service do the work: `--server URL`."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Final

import typer

from cistron.cli.progress import note
from cistron.errors import InputError

if TYPE_CHECKING:
    from cistron.client.remote import Kind

KEY: Final = "CISTRON_KEY"
"""Environment variable of the key: words of a command can be seen by everybody on a machine."""

_FORMATS: Final[Mapping[str, tuple[str, ...]]] = {
    "score": ("vcf.gz", "tsv", "parquet"),
    "embed": ("parquet", "npy", "h5ad"),
    "generate": ("fa", "jsonl"),
}


def run_on_server(
    context: typer.Context,
    url: str,
    kind: Kind,
    source: str,
    output: str,
    *,
    model: str,
    given: Mapping[str, Any],
    named: Collection[str] = (),
) -> None:
    """Send a file to a service as a job, wait, and write the result.

    Args:
        context: Of the running command.
        url: Where the service listens.
        kind: Of job.
        source: The file.
        output: Where the result goes; its ending chooses the format.
        model: As the service calls it; `default` is its first.
        given: Options of the job; None are left to the service.
        named: Parameters of the running command that are sent under another name.

    Raises:
        InputError: An option, or the output's ending, is not for a service.
        ServiceError: The service refuses, the job fails, or it stays out of reach.
    """
    from cistron.client.connecting import connect

    if unfit := _given_beyond(context, {*given, *named, "server", "output", "model"}):
        raise InputError(f"{', '.join(unfit)}: not with --server; leave it out, or work without --server")
    form = next((form for form in _FORMATS[kind] if output.endswith("." + form)), None)
    if form is None:
        raise InputError(f"a service cannot write {output}; end its name in .{', .'.join(_FORMATS[kind])}")
    options = {name: value for name, value in given.items() if value is not None}
    asked = None if model == "default" else model
    with connect(url, os.environ.get(KEY), model=asked) as service:
        service.run_file(kind, source, output, format=form, **options)
    note(f"{url} did the work; wrote {output}")


def _given_beyond(context: typer.Context, sent: Collection[str]) -> list[str]:
    """Options on the command line that make sense on one's own machine alone: those that are not sent."""
    return [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.param_type_name == "option"
        and parameter.name not in sent
        and (source := context.get_parameter_source(parameter.name or "")) is not None
        and source.name == "COMMANDLINE"
    ]
