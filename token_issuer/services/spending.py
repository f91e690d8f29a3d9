"""Answering a vendor's challenge: once for one account, in the transaction that records the answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from token_issuer.crypto import TokenText, digests
from token_issuer.errors import BadGrant
from token_issuer.models import AnsweredLoginKey
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.models import VendorAccount
    from token_issuer.providers.base import Grant, Spent
    from token_issuer.services.deciding import Question


def spending(question: Question, grant: Grant, *, at: datetime) -> Callable[[], None] | None:
    """Return what spends the grant's challenge inside the caller's transaction; None where it has none.

    What is returned raises BadGrant for one that was answered already.
    """
    spent = question.provider.spends(grant)
    account = question.account
    if spent is None or account is None:
        return None
    return lambda: _spend(account, spent, at=at)


def _spend(account: VendorAccount, spent: Spent, *, at: datetime) -> None:
    rows = AnsweredLoginKey.objects.using(write_alias())
    fresh = AnsweredLoginKey(
        account=account,
        digest=digests.digest(TokenText(spent.text)),
        answered_at=at,
        expires_at=at + timedelta(seconds=spent.lifetime),
    )
    # Another answer that is being written is waited for; then only one of the two rows is there. An IntegrityError
    # would spoil a host's transaction.
    rows.bulk_create([fresh], ignore_conflicts=True)
    if not rows.filter(pk=fresh.pk).exists():
        raise BadGrant(spent.name, "was answered already: ask the vendor for a new one")
