"""Writing the row of a token: charged and inserted together, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from token_issuer.errors import RateLimited
from token_issuer.services import windows
from token_issuer.services.transactions import durable, in_transaction, retrying, write_alias
from token_issuer.services.vanished import refusing_the_vanished

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.models import IssuedToken, Origin, TokenFamily
    from token_issuer.policy import Charge


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one issue writes together: ``claim`` first (it raises when there is nothing to claim), then the charge, then
    the family of a new pair, then the token's row.

    A claim returns the door that the token leaves by where only claiming tells it, else None.
    """

    row: IssuedToken
    charge: Charge | None = None
    family: TokenFamily | None = None
    claim: Callable[[], Origin | None] | None = None


def record(entry: Entry, *, at: datetime, then: Callable[[], None]) -> None:
    """Write the entry in one transaction; ``then`` runs after its commit.

    In a host's open transaction (issuing allows that with ``on_commit`` only) it becomes part of that.

    Raises:
        RateLimited: the window is used up; nothing was written, nothing is claimed.
        NotAuthenticated, NotFound: the same, because whose token it is, or its application, was deleted meanwhile.
    """
    hosted = in_transaction()
    insert = _insert if hosted else _insert_durably
    if not insert(entry, at=at):
        _second_try(insert, entry, at=at)
    if hosted:
        transaction.on_commit(then, using=write_alias())
    else:
        then()


def _second_try(insert: Callable[..., bool], entry: Entry, *, at: datetime) -> None:
    row, charge = entry.row, entry.charge
    assert charge is not None  # noqa: S101  only a charge can fail
    # Out of the transaction: 0 rows may only mean that this window has no row yet.
    # Hosts that insert it and roll back make MariaDB's other inserters deadlock; the next try finds the row.
    retrying(lambda: windows.ensure(charge, row.principal_key, at=at))
    if not insert(entry, at=at):
        raise RateLimited(windows.seconds_left(charge.window, at))


class _NotCharged(Exception):
    """The window has no unit left, or no row yet: the transaction rolls back, and its claim with it."""


def _insert_durably(entry: Entry, *, at: datetime) -> bool:
    def work() -> None:
        with durable():
            _write(entry, at=at)

    try:
        with refusing_the_vanished(entry.row):
            retrying(work)
    except _NotCharged:
        return False
    return True


def _insert(entry: Entry, *, at: datetime) -> bool:
    try:
        # Nothing to take back when it is not charged: claims are made in transactions of our own only.
        _write(entry, at=at)
    except _NotCharged:
        return False
    return True


def _write(entry: Entry, *, at: datetime) -> None:
    if entry.claim is not None:
        entry.row.origin = entry.claim() or entry.row.origin
    if entry.charge is not None and not windows.charge(entry.charge, entry.row.principal_key, at=at):
        raise _NotCharged
    for row in (entry.family, entry.row):
        if row is not None:
            row.save(using=write_alias(), force_insert=True)
