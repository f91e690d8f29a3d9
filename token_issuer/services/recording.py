"""Writing the row of a token: charged and inserted together, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import transaction

from token_issuer.errors import RateLimited
from token_issuer.services import windows
from token_issuer.services.transactions import durable, in_transaction, retrying, write_alias
from token_issuer.services.vanished import refusing_the_vanished

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from token_issuer.models import IssuedToken, Origin, TokenFamily
    from token_issuer.policy import Charge


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What one issue writes together: ``claim`` first (it raises when there is nothing to claim), then ``spend`` (it
    raises when there is nothing left to spend), then the charge, then the family of a new pair, then the token's row.

    A claim returns the door that the token leaves by where only claiming tells it, else None.
    """

    row: IssuedToken
    charge: Charge | None = None
    family: TokenFamily | None = None
    claim: Callable[[], Origin | None] | None = None
    spend: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """What is claimed and charged before a vendor is asked. What was charged can be given back, a claim cannot."""

    principal_key: UUID
    charge: Charge | None = None
    claim: Callable[[], Origin | None] | None = field(default=None, repr=False)


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


def reserve(reservation: Reservation, *, at: datetime) -> None:
    """Claim and charge in one transaction.

    Raises:
        RateLimited: the window is used up; nothing is charged, nothing is claimed.
    """
    if reservation.charge is None and reservation.claim is None:
        return
    if _reserved(reservation, at=at):
        return
    charge = reservation.charge
    assert charge is not None  # noqa: S101  only a charge can fail
    retrying(lambda: windows.ensure(charge, reservation.principal_key, at=at))
    if not _reserved(reservation, at=at):
        raise RateLimited(windows.seconds_left(charge.window, at))


def _reserved(reservation: Reservation, *, at: datetime) -> bool:
    def work() -> None:
        with durable():
            if reservation.claim is not None:
                reservation.claim()
            charge = reservation.charge
            if charge is not None and not windows.charge(charge, reservation.principal_key, at=at):
                raise _NotCharged

    try:
        retrying(work)
    except _NotCharged:
        return False
    return True


def release(reservation: Reservation, *, at: datetime) -> None:
    """Give back what was charged: one UPDATE."""
    charge = reservation.charge
    if charge is not None:
        retrying(lambda: windows.give_back(charge, reservation.principal_key, at=at))


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
    if entry.spend is not None:
        entry.spend()
    if entry.charge is not None and not windows.charge(entry.charge, entry.row.principal_key, at=at):
        raise _NotCharged
    for row in (entry.family, entry.row):
        if row is not None:
            row.save(using=write_alias(), force_insert=True)
