"""Keys and how much they allow."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, update

from cistron.errors import InputError
from cistron.server.keys import Key, any_key, create_key, find_key, list_keys, revoke_key, spend
from cistron.server.rates import Buckets
from cistron.server.store import KEYS, open_store


@pytest.fixture
def store(tmp_path: Path) -> Any:
    found = open_store(f"sqlite:///{tmp_path / 'keys.sqlite'}")
    yield found
    found.dispose()


def found(store: Engine, secret: str) -> Key:
    key = find_key(store, secret)
    assert key is not None
    return key


def test_a_key_is_found_by_its_secret_alone(store: Engine) -> None:
    assert not any_key(store)
    secret = create_key(store, "anna", scopes=["score"])
    assert any_key(store)
    assert found(store, secret).scopes == ("score",)
    assert find_key(store, secret[:-1]) is None
    assert find_key(store, found(store, secret).id) is None


def test_a_revoked_key_opens_nothing_but_was_there(store: Engine) -> None:
    secret = create_key(store, "anna")
    assert revoke_key(store, "anna") == 1
    assert find_key(store, secret) is None
    assert any_key(store)
    assert revoke_key(store, "anna") == 0
    assert create_key(store, "anna") != secret
    with pytest.raises(InputError, match="already"):
        create_key(store, "anna")


def test_bases_are_charged_up_to_the_quota_whoever_asks_at_once(store: Engine) -> None:
    key = found(store, create_key(store, "anna", bases_per_day=1_000))
    with ThreadPoolExecutor(8) as pool:
        charged = list(pool.map(lambda _: spend(store, key, 90), range(20)))
    assert sum(charged) == 11
    assert list_keys(store)[0].bases_today == 990


def test_a_new_day_begins_at_nothing(store: Engine) -> None:
    key = found(store, create_key(store, "anna", bases_per_day=100))
    assert spend(store, key, 100)
    assert not spend(store, key, 1)
    with store.begin() as connection:
        connection.execute(update(KEYS).values(day="2000-01-01"))
    assert list_keys(store)[0].bases_today == 0
    assert spend(store, key, 60)
    assert list_keys(store)[0].bases_today == 60


def test_a_bucket_fills_at_its_rate() -> None:
    time = 0.0
    buckets = Buckets(lambda: time)
    assert [buckets.take("a", 60) for _ in range(10)] == [0.0] * 10
    assert buckets.take("a", 60) == pytest.approx(1.0)
    assert buckets.take("b", 60) == 0.0
    time = 0.9
    assert buckets.take("a", 60) == pytest.approx(0.1)
    time = 1.0
    assert buckets.take("a", 60) == 0.0
    time = 1_000.0
    assert [buckets.take("a", 60) == 0.0 for _ in range(11)] == [True] * 10 + [False]
