"""Durable transactions, and the one function that repeats them.

Every deciding service commits before it answers. Inside a host's open transaction that cannot be promised, so it
refuses there and says what to do instead.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final, TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.db import InterfaceError, OperationalError, connections, router, transaction

from token_issuer.errors import Unavailable
from token_issuer.models import IssuedToken

Result = TypeVar("Result")

ATTEMPTS = 3
_LONGEST_PAUSE = 0.05  # seconds, times the attempt
# PostgreSQL: serialization_failure, deadlock_detected, lock_not_available.
_SQLSTATES = frozenset({"40001", "40P01", "55P03"})
# MariaDB: lock wait time-out, deadlock, record changed since last read.
_ERROR_NUMBERS = frozenset({1205, 1213, 1020})

_jitter = random.SystemRandom()


_HANDED_OUT: Final = (
    "token_issuer was called inside an open transaction: its audit row could be rolled back after the token has left."
    " Call it outside transaction.atomic (with ATOMIC_REQUESTS, mark the view @transaction.non_atomic_requests), or"
    " pass on_commit=callback to get the token after your commit."
)
USED_UP: Final = (
    "token_issuer was called inside an open transaction, whose rollback would give a used token back. Put @one_time on"
    " the view, outermost: it begins the transactions of ATOMIC_REQUESTS when the token is used up. Elsewhere call"
    " consume before transaction.atomic."
)


class OpenTransaction(ImproperlyConfigured):
    """What must outlive this call cannot be done inside a transaction that may still roll back."""

    def __init__(self, message: str = _HANDED_OUT) -> None:
        super().__init__(message)


def write_alias() -> str:
    """The database that decides. Reads that decide go there too, never to a replica."""
    return router.db_for_write(IssuedToken)


def durable() -> AbstractContextManager[None]:
    """A transaction that is committed when the block ends."""
    require_no_transaction()
    return transaction.atomic(using=write_alias(), durable=True)


def in_transaction() -> bool:
    """Whether the caller holds a transaction open. One of a test case's own does not count, as in Django itself."""
    connection = connections[write_alias()]
    if not connection.in_atomic_block:
        return False
    blocks: list[Any] = connection.atomic_blocks
    return not (blocks and blocks[-1]._from_testcase)


def require_no_transaction(message: str = _HANDED_OUT) -> None:
    """Raise OpenTransaction with this message when the caller holds a transaction open."""
    if in_transaction():
        raise OpenTransaction(message)


def retrying(work: Callable[[], Result]) -> Result:
    """Return ``work()``, repeated after a deadlock, a serialization failure or a busy database.

    Raises:
        Unavailable: it failed three times.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return work()
        except OperationalError as error:
            if in_transaction() or not is_passing(error):
                raise
            if attempt == ATTEMPTS:
                msg = "The database was busy three times in a row."
                raise Unavailable(msg) from error
            time.sleep(_jitter.uniform(0, _LONGEST_PAUSE * attempt))
    raise AssertionError  # pragma: no cover  the loop returns or raises


def reading(work: Callable[[], Result]) -> Result:
    """Return ``work()``, which only reads and whose answer decides about access.

    Raises:
        Unavailable: the database does not answer. Nobody is let in on a guess.
    """
    try:
        return retrying(work)
    except (OperationalError, InterfaceError) as error:
        msg = "The database does not answer."
        raise Unavailable(msg) from error


def is_passing(error: OperationalError) -> bool:
    """Whether the same statement may well succeed the next time."""
    if getattr(error.__cause__, "sqlstate", None) in _SQLSTATES:
        return True
    if error.args and error.args[0] in _ERROR_NUMBERS:
        return True
    return "database is locked" in str(error) or "database table is locked" in str(error)
