"""A database that is too busy for one statement."""

from __future__ import annotations

from contextlib import AbstractContextManager

from django.db import OperationalError, connection


def busy(verb: str, table: str) -> AbstractContextManager[None]:
    """Refuse every statement of this kind while the block runs, as SQLite does when somebody else writes."""

    def refuse(execute, sql, params, many, context):
        if sql.startswith(verb) and table in sql:
            raise OperationalError("database is locked")
        return execute(sql, params, many, context)

    return connection.execute_wrapper(refuse)
