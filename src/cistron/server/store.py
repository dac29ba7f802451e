"""The tables: keys and jobs, in SQLite in the service's home, or in what SQLAlchemy finds at a URL."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Engine,
    Float,
    Index,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    event,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from cistron.errors import InputError

_BUSY_SECONDS: Final = 2.0
"""How long to wait for another writer of SQLite."""

_CONNECT_SECONDS: Final = 5
"""How long to wait for PostgreSQL to take a connection."""

_POSTGRESQL: Final = "postgresql+psycopg"
"""The driver that a plain `postgresql://` means here."""

_TABLES: Final = MetaData()

KEYS: Final = Table(
    "keys",
    _TABLES,
    Column("id", String(16), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("digest", String(64), nullable=False, unique=True),
    Column("scopes", JSON, nullable=False),
    Column("created", Float, nullable=False),
    Column("expires", Float),
    Column("revoked", Float),
    Column("per_minute", BigInteger, nullable=False),
    Column("bases_per_day", BigInteger),
    Column("day", String(10)),
    Column("bases_today", BigInteger, nullable=False, default=0),
)

JOBS: Final = Table(
    "jobs",
    _TABLES,
    Column("id", String(32), primary_key=True),
    Column("owner", String(16), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("model", String(200), nullable=False),
    Column("options", JSON, nullable=False),
    Column("total", BigInteger),
    Column("error", Text),
    Column("created", Float, nullable=False),
    Column("started", Float),
    Column("finished", Float),
    Column("attempts", BigInteger, nullable=False, default=0),
    Column("lease", String(32)),
    Column("lease_until", Float),
    Column("request_key", String(200)),
    Column("request_digest", String(64)),
    Index("jobs_request", "owner", "request_key", unique=True),
    Index("jobs_state", "state", "created"),
)


def open_store(url: str) -> Engine:
    """The database at `url`, with its tables made where they are missing.

    Raises:
        InputError: It is no database URL, or the database cannot be opened.
    """
    try:
        place = make_url(url)
        if place.drivername == "postgresql":
            place = place.set(drivername=_POSTGRESQL)
        if place.get_backend_name() == "sqlite" and place.database:
            Path(place.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(place, connect_args=_options(place), pool_pre_ping=True)
    except ModuleNotFoundError as error:
        hint = "; pip install 'cistron[postgresql]'" if error.name == "psycopg" else ""
        raise InputError(f"cannot use the database: {error}{hint}") from None
    except (ArgumentError, OSError) as error:
        raise InputError(f"cannot use the database: {error}; give an SQLAlchemy URL") from None
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _tuned)
    try:
        _TABLES.create_all(engine)
    except OperationalError as error:
        engine.dispose()
        raise InputError(f"cannot open the database: {' '.join(str(error.orig).split())}") from None
    return engine


def now() -> float:
    """Seconds since 1970, as all times in the tables."""
    return datetime.now(UTC).timestamp()


def _options(place: URL) -> dict[str, Any]:
    """How long to wait for the database, in the words of its driver."""
    if place.get_backend_name() == "sqlite":
        return {"timeout": _BUSY_SECONDS}
    return {"connect_timeout": _CONNECT_SECONDS} if place.drivername == _POSTGRESQL else {}


def _tuned(connection: Any, record: object) -> None:
    """Readers do not wait for writers, and a write waits for the disk only now and then."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
