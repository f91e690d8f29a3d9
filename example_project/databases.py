"""What each database engine needs to serve this app well."""

from __future__ import annotations

from typing import Any

SQLITE_BUSY_SECONDS = 20


def with_options(config: dict[str, Any]) -> dict[str, Any]:
    """Return a ``DATABASES`` entry, as django-environ read it, with the options of its engine."""
    match config["ENGINE"].rpartition(".")[2]:
        case "sqlite3":
            options = sqlite_options()
        case "mysql":
            options = mariadb_options()
        case _:
            options = {}
    return {**config, "OPTIONS": {**options, **config.get("OPTIONS", {})}}


def sqlite_options() -> dict[str, Any]:
    """Readers beside one writer, and a writer that waits for its turn instead of failing halfway.

    A transaction that begins by reading and then writes is refused at once when somebody wrote in between,
    whatever the busy time-out: IMMEDIATE takes the lock first (SQLite, "Write-Ahead Logging", section 6).
    """
    return {
        "transaction_mode": "IMMEDIATE",
        "timeout": SQLITE_BUSY_SECONDS,
        "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL",
    }


def mariadb_options() -> dict[str, Any]:
    """Full Unicode, and an error instead of a silently cut value. Also makes PyMySQL stand in for mysqlclient."""
    import pymysql  # noqa: PLC0415  only sites on MariaDB have it

    pymysql.install_as_MySQLdb()
    return {"charset": "utf8mb4", "sql_mode": "STRICT_TRANS_TABLES"}
