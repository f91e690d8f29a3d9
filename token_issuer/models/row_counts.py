"""How many rows there are, without reading them all: what the planner believes, or a count that stops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import connections

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet

MOST_COUNTED: Final = 10_000
"""How far what people decide about is counted: beyond it they read "more than that"."""

# A missing table is no error to either. -1: never analysed.
_QUESTIONS = {
    "postgresql": "SELECT reltuples::bigint FROM pg_class WHERE oid = to_regclass(quote_ident(%s))",
    "mysql": "SELECT table_rows FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = %s",
}


def estimated_rows(model: type[Model], *, using: str) -> int | None:
    """Return the planner's estimate, which may be old; None on an engine that keeps none, or has made none yet."""
    connection = connections[using]
    question = _QUESTIONS.get(connection.vendor)
    if question is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute(question, [model._meta.db_table])
        row = cursor.fetchone()
    return int(row[0]) if row and row[0] is not None and row[0] >= 0 else None


def counted_to(rows: QuerySet[Any], most: int) -> int:
    """Return how many rows there are, reading at most ``most`` of them and neither order nor annotations."""
    return rows.order_by().values("pk")[:most].count()
