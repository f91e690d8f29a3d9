"""Texts that begin alike, found as one range of an index on every engine."""

from __future__ import annotations

from typing import Final

from django.db import connections
from django.db.models import Q

_LAST: Final = "\U0010ffff"
_SURROGATES: Final = range(0xD800, 0xE000)


def begins_with(column: str, prefix: str, *, using: str) -> Q:
    """Return the condition that a text column begins with exactly this.

    Served by an index whose text column is the last one that is compared; on PostgreSQL that column has the operator
    class ``varchar_pattern_ops``: a linguistic collation such as en_US.UTF-8 gives many characters no weight, so that
    a range under it loses rows. MariaDB's range is of its own, loose comparison and is compared again; SQLite's LIKE is
    loose too, but its indexes are in the order of the code points.
    """
    if not prefix:
        return Q()
    vendor = connections[using].vendor
    if vendor == "sqlite":
        return _between(column, prefix)
    exactly = Q(**{f"{column}__startswith": prefix})
    return exactly & Q(**{f"{column}__istartswith": prefix}) if vendor == "mysql" else exactly


def _between(column: str, prefix: str) -> Q:
    above = _next(prefix)
    reached = Q(**{f"{column}__gte": prefix})
    return reached & Q(**{f"{column}__lt": above}) if above else reached


def _next(prefix: str) -> str:
    """Return the first text behind all that begin with this; empty where there is none."""
    head = prefix.rstrip(_LAST)
    if not head:
        return ""
    following = ord(head[-1]) + 1
    return head[:-1] + chr(_SURROGATES.stop if following in _SURROGATES else following)
