"""Counting statements as the design counts them: without BEGIN, COMMIT and SAVEPOINT."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.test.utils import CaptureQueriesContext

_BOOKKEEPING = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


@contextmanager
def counted(number: int) -> Iterator[list[str]]:
    """Fail unless the block runs exactly this many statements; the list shows them."""
    seen: list[str] = []
    with CaptureQueriesContext(connection) as captured:
        yield seen
    seen.extend(
        query["sql"] for query in captured.captured_queries if not query["sql"].upper().startswith(_BOOKKEEPING)
    )
    assert len(seen) == number, "\n".join(seen)
