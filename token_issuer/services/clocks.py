"""Is this machine's clock the one the others go by?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connections

from token_issuer.models import IssuedToken
from token_issuer.services.transactions import write_alias

TOLERANCE = timedelta(seconds=30)
# SQLite has no clock of its own.
_NOW = {"postgresql": "SELECT clock_timestamp()", "mysql": "SELECT UTC_TIMESTAMP(6)"}


def problem(at: datetime) -> str:
    """Return what is wrong with the clock that says ``at``, or an empty text."""
    theirs = _database_clock()
    if theirs is not None and abs(theirs - at) > TOLERANCE:
        return f"This machine's clock is {_seconds(at - theirs)} s away from the database's."
    newest = IssuedToken.objects.using(write_alias()).order_by("-pk").values_list("issued_at", flat=True).first()
    if newest is not None and newest - at > TOLERANCE:
        return f"The newest token was issued {_seconds(newest - at)} s in the future: the clock went back."
    return ""


def _database_clock() -> datetime | None:
    connection = connections[write_alias()]
    statement = _NOW.get(connection.vendor)
    if statement is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(statement)
        now: datetime = cursor.fetchone()[0]
    return now if now.tzinfo else now.replace(tzinfo=UTC)


def _seconds(difference: timedelta) -> int:
    return round(difference.total_seconds())
