"""Keys: who may ask for what, until when and how much. Only a digest of a key is kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Engine, case, func, insert, select, update

from cistron.errors import InputError, UnknownNameError
from cistron.registry import unknown
from cistron.server.store import KEYS, now

SCOPES: Final = ("score", "embed", "generate", "diagnose", "jobs", "genomes", "metrics")
"""What a key can be allowed; a key without any still sees which models there are."""

PER_MINUTE: Final = 600
"""Requests a minute that a key may make unless told otherwise."""

_PREFIX: Final = "cistron_"


@dataclass(frozen=True)
class Key:
    """A key without its secret.

    Attributes:
        id: Names it in lists and logs.
        name: What its owner calls it.
        scopes: What it may ask for.
        created: Seconds since 1970, as the other times.
        expires: When it stops to work; None is never.
        revoked: When it was revoked; None while it works.
        per_minute: Requests a minute.
        bases_per_day: Bases a day (UTC); None is no limit.
        bases_today: Bases asked for today.
    """

    id: str
    name: str
    scopes: tuple[str, ...]
    created: float
    expires: float | None
    revoked: float | None
    per_minute: int
    bases_per_day: int | None
    bases_today: int

    @property
    def works(self) -> bool:
        """Whether it opens anything now."""
        return self.revoked is None and (self.expires is None or now() < self.expires)


def create_key(
    store: Engine,
    name: str,
    *,
    scopes: Sequence[str] = SCOPES,
    days: float | None = None,
    per_minute: int = PER_MINUTE,
    bases_per_day: int | None = None,
) -> str:
    """Make a key and return its secret, which is kept nowhere.

    Args:
        store: The database.
        name: Its owner's name for it; no two working keys share one.
        scopes: Of `SCOPES`.
        days: Days until it expires; None is never.
        per_minute: Requests a minute.
        bases_per_day: Bases a day; None is no limit.

    Raises:
        UnknownNameError: There is no such scope.
        InputError: The name is empty, too long or taken, or a limit is not positive.
    """
    for scope in scopes:
        if scope not in SCOPES:
            raise UnknownNameError(unknown("scope", scope, SCOPES))
    if not name.strip() or len(name) > 200:
        raise InputError("a key needs a name of 1 to 200 characters")
    if min(per_minute, days or 1, bases_per_day or 1) <= 0 or bases_per_day == 0 or days == 0:
        raise InputError("a key's limits must be more than 0")
    if any(key.name == name and key.works for key in list_keys(store)):
        raise InputError(f"there is a key '{name}' already; revoke it or choose another name")
    secret, made = _PREFIX + secrets.token_urlsafe(32), now()
    row = {
        "id": secrets.token_hex(6),
        "name": name,
        "digest": digest(secret),
        "scopes": sorted(set(scopes)),
        "created": made,
        "expires": None if days is None else made + days * 86_400,
        "per_minute": per_minute,
        "bases_per_day": bases_per_day,
        "bases_today": 0,
    }
    with store.begin() as connection:
        connection.execute(insert(KEYS).values(**row))
    return secret


def list_keys(store: Engine) -> list[Key]:
    """All keys, oldest first, revoked ones too."""
    with store.connect() as connection:
        return [_key(row) for row in connection.execute(select(KEYS).order_by(KEYS.c.created)).mappings()]


def revoke_key(store: Engine, name: str) -> int:
    """Revoke the keys of that name or id, and return how many worked until now.

    Raises:
        UnknownNameError: There is none.
    """
    keys = list_keys(store)
    found = [key for key in keys if name in (key.name, key.id)]
    if not found:
        raise UnknownNameError(unknown("key", name, {key.name for key in keys}))
    working = [key.id for key in found if key.works]
    with store.begin() as connection:
        connection.execute(update(KEYS).where(KEYS.c.id.in_(working)).values(revoked=now()))
    return len(working)


def find_key(store: Engine, secret: str) -> Key | None:
    """The working key of that secret, or None."""
    with store.connect() as connection:
        row = connection.execute(select(KEYS).where(KEYS.c.digest == digest(secret))).mappings().first()
    key = None if row is None else _key(row)
    return key if key is not None and key.works else None


def any_key(store: Engine) -> bool:
    """Whether a key was ever created."""
    with store.connect() as connection:
        return bool(connection.execute(select(func.count()).select_from(KEYS)).scalar())


def spend(store: Engine, key: Key, bases: int) -> bool:
    """Charge bases to a key's day; False, and nothing charged, where that is beyond its quota."""
    today = _today()
    used = case((KEYS.c.day == today, KEYS.c.bases_today), else_=0) + bases
    charge = update(KEYS).where(KEYS.c.id == key.id).values(day=today, bases_today=used)
    if key.bases_per_day is not None:
        charge = charge.where(used <= key.bases_per_day)
    with store.begin() as connection:
        return connection.execute(charge).rowcount == 1


def digest(secret: str) -> str:
    """What is kept of a secret: 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _today() -> str:
    return datetime.now(UTC).date().isoformat()


def _key(row: Any) -> Key:
    values = {name: row[name] for name in Key.__dataclass_fields__}
    spent = row["bases_today"] if row["day"] == _today() else 0
    return Key(**{**values, "scopes": tuple(row["scopes"]), "bases_today": spent})
