"""`cistron keys`: who may ask a service for what, and how much."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cistron.cli.commands.serve import HOME
from cistron.cli.progress import note
from cistron.cli.serving.options import require_server

if TYPE_CHECKING:
    from sqlalchemy import Engine

COMMAND = typer.Typer(help="Create, list and revoke the keys of a service.", no_args_is_help=True)

Home = Annotated[Path, typer.Option(metavar="DIR", help="The service's home.")]
Database = Annotated[
    str | None, typer.Option(metavar="URL", help="SQLAlchemy URL; default: SQLite in the home.")
]


@COMMAND.command()
def create(
    name: Annotated[str, typer.Argument(help="What to call it, such as its user.")],
    home: Home = HOME,
    database: Database = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(help="score, embed, generate, jobs, genomes or metrics; repeatable. Default: all."),
    ] = None,
    days: Annotated[float | None, typer.Option(help="Days until it expires; default: never.")] = None,
    per_minute: Annotated[int, typer.Option(min=1, help="Requests a minute.")] = 600,
    bases_per_day: Annotated[
        int | None, typer.Option(min=1, help="Bases read or generated a day; default: no limit.")
    ] = None,
) -> None:
    """Create a key and print it. It is shown this once: only a digest is kept."""
    with _store(home, database) as store:
        from cistron.server.keys import SCOPES, create_key

        secret = create_key(
            store,
            name,
            scopes=scope or SCOPES,
            days=days,
            per_minute=per_minute,
            bases_per_day=bases_per_day,
        )
    print(secret)


@COMMAND.command("list")
def list_(home: Home = HOME, database: Database = None) -> None:
    """List keys in columns: id, name, state, scopes, expiry, requests a minute, bases today and a day."""
    with _store(home, database) as store:
        from cistron.server.keys import list_keys

        keys = list_keys(store)
    for key in keys:
        state = "works" if key.works else "expired" if key.revoked is None else "revoked"
        expires = "never" if key.expires is None else datetime.fromtimestamp(key.expires, UTC).isoformat()
        quota = "no limit" if key.bases_per_day is None else str(key.bases_per_day)
        columns = (
            key.id,
            key.name,
            state,
            ",".join(key.scopes),
            expires,
            key.per_minute,
            key.bases_today,
            quota,
        )
        print(*columns, sep="\t")


@COMMAND.command()
def revoke(
    name: Annotated[str, typer.Argument(help="Name or id.")], home: Home = HOME, database: Database = None
) -> None:
    """Revoke a key; a running service refuses it within two seconds."""
    with _store(home, database) as store:
        from cistron.server.keys import revoke_key

        count = revoke_key(store, name)
    note(f"revoked {count} key{'' if count == 1 else 's'} called {name}")


@contextmanager
def _store(home: Path, database: str | None) -> Iterator[Engine]:
    """The service's database for the time of a block."""
    require_server()
    from cistron.server.settings import Settings
    from cistron.server.store import open_store

    store = open_store(Settings(home.expanduser().resolve(), database=database).database_url)
    try:
        yield store
    finally:
        store.dispose()
