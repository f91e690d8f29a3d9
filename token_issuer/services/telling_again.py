"""Telling vendors again of revocations that were given up: somebody has put right what was in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q

from token_issuer.models import IssuedToken, VendorPush
from token_issuer.services.transactions import durable, retrying, write_alias

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


def tell_again(*, at: datetime, token_id: UUID | None = None) -> int:
    """Let what was given up be due again, and return how many revocations that are.

    If a token is named, only its own is, with those that are told together with it.

    A token that has expired is left alone: no vendor honours it. It may be done at any time, and several times.

    Raises:
        OpenTransaction: inside a transaction.
        Unavailable: the database was busy three times in a row.
    """
    honoured = IssuedToken.objects.using(write_alias()).filter(pk=OuterRef("token_id"), expires_at__gt=at)
    rows = VendorPush.objects.using(write_alias()).filter(Exists(honoured.order_by()), failed_at__isnull=False)
    if token_id is not None:
        named = VendorPush.objects.using(write_alias()).filter(token_id=token_id).values_list("told_by", "pk")
        told_by, pk = named.first() or (None, None)
        rows = rows.filter(Q(pk=told_by or pk) | Q(told_by=told_by or pk))

    def work() -> int:
        with durable():
            return rows.update(failed_at=None, next_try_at=at, attempts=0)

    return retrying(work)
