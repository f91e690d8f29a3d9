"""Writing the row of a token: charged and inserted together, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from django.db import transaction

from token_issuer.errors import RateLimited
from token_issuer.services import windows
from token_issuer.services.transactions import durable, in_transaction, retrying, write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.models import IssuedToken
    from token_issuer.policy import Charge


def record(row: IssuedToken, charge: Charge | None, *, at: datetime, then: Callable[[], None]) -> None:
    """Charge the window and insert the row in one transaction; ``then`` runs after its commit.

    In a host's open transaction (issuing allows that with ``on_commit`` only) both become part of it.

    Raises:
        RateLimited: the window is used up; nothing was written.
    """
    hosted = in_transaction()
    insert = _insert if hosted else _insert_durably
    if not insert(row, charge, at=at):
        _second_try(insert, row, charge, at=at)
    if hosted:
        transaction.on_commit(then, using=write_alias())
    else:
        then()


def _second_try(insert: Callable[..., bool], row: IssuedToken, charge: Charge | None, *, at: datetime) -> None:
    assert charge is not None  # noqa: S101  only a charge can fail
    # Out of the transaction: 0 rows may only mean that this window has no row yet.
    # Hosts that insert it and roll back make MariaDB's other inserters deadlock; the next try finds the row.
    retrying(lambda: windows.ensure(charge, row.principal_key, at=at))
    if not insert(row, charge, at=at):
        raise RateLimited(windows.seconds_left(charge.window, at))


def _insert_durably(row: IssuedToken, charge: Charge | None, *, at: datetime) -> bool:
    def work() -> bool:
        with durable():
            return _insert(row, charge, at=at)

    return retrying(work)


def _insert(row: IssuedToken, charge: Charge | None, *, at: datetime) -> bool:
    if charge is not None and not windows.charge(charge, row.principal_key, at=at):
        return False
    row.save(using=write_alias(), force_insert=True)
    return True
