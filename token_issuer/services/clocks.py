"""Is this machine's clock the one the others go by? And what time is it for all of them?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db import connections
from django.utils import timezone

from token_issuer.models import IssuedToken
from token_issuer.services.transactions import write_alias

TOLERANCE = timedelta(seconds=30)
# SQLite has no clock of its own.
_NOW = {"postgresql": "SELECT clock_timestamp()", "mysql": "SELECT UTC_TIMESTAMP(6)"}


def shared_now() -> datetime:
    """Return the instant that it is for all workers alike: by the database's clock; on SQLite by this machine's.

    For leases alone. What is decided of a request goes by its ``at``, which was read when it came: by now it may be
    older than a lease is long.
    """
    return _database_clock() or timezone.now()


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
