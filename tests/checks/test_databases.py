"""Settings of databases that cost speed or writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connections

from token_issuer.checks import databases

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def default() -> Iterator[dict[str, Any]]:
    """The settings of the default database, put back afterwards."""
    before = connections.settings["default"]
    connections.settings["default"] = changed = {**before, "OPTIONS": dict(before["OPTIONS"])}
    yield changed
    connections.settings["default"] = before


@pytest.mark.engine("sqlite")
@pytest.mark.parametrize(("mode", "count"), [("IMMEDIATE", 0), ("EXCLUSIVE", 0), ("DEFERRED", 1), (None, 1)])
def test_sqlite_writers_wait_when_they_begin(default, mode: str | None, count: int) -> None:
    default["OPTIONS"]["transaction_mode"] = mode
    assert [m.id for m in databases.check_sqlite_writers_wait()] == ["token_issuer.W005"] * count


@pytest.mark.engine("sqlite")
def test_sqlite_may_connect_anew(default) -> None:
    default["CONN_MAX_AGE"] = 0
    assert databases.check_connections_last() == []


@pytest.mark.engine("postgresql")
@pytest.mark.parametrize(
    ("age", "pool", "count"), [(0, None, 1), (60, None, 0), (None, None, 0), (0, True, 0), (0, {"max_size": 4}, 0)]
)
def test_postgresql_connections_last(default, age: int | None, pool: object, count: int) -> None:
    default["CONN_MAX_AGE"] = age
    default["OPTIONS"]["pool"] = pool
    assert [m.id for m in databases.check_connections_last()] == ["token_issuer.W004"] * count


@pytest.mark.engine("postgresql", "mariadb")
def test_only_sqlite_needs_a_transaction_mode(default) -> None:
    assert databases.check_sqlite_writers_wait() == []
