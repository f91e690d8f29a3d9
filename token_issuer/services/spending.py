"""Answering a vendor's challenge: once for one account, in the transaction that records the answer.

The account's proof, by which it is answered, and its name must still be the same then: ending all that a person has
forgets the proof (``proving.forget``), an administrator changes both, and nothing is answered after that.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from token_issuer.crypto import TokenText, digests
from token_issuer.errors import BadGrant, PolicyDenied
from token_issuer.models import AnsweredLoginKey, VendorAccount
from token_issuer.providers.called import AccountProver
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.providers.base import Grant, Spent
    from token_issuer.services.deciding import Question


def spending(question: Question, grant: Grant, *, at: datetime) -> Callable[[], None] | None:
    """Return what spends the grant's challenge inside the caller's transaction; None where no account answers.

    What is returned raises BadGrant for one that was answered already, and PolicyDenied("ended_meanwhile") where the
    account's name or proof was changed, or the proof forgotten, since they were read.
    """
    spent = question.provider.spends(grant)
    account = question.account
    if account is None or not isinstance(question.provider, AccountProver):
        return None

    def spend() -> None:
        # In this order: an inserted answer holds the account's row in a weaker way, and two that want more of it then
        # would wait for each other.
        _require_proof(account)
        if spent is not None:
            _spend(account, spent, at=at)

    return spend


def require_unanswered(question: Question) -> None:
    """Raise BadGrant for a challenge that was answered already; nothing is spent."""
    spent, account = question.provider.spends(question.grant), question.account
    if spent is None or account is None:
        return
    rows = AnsweredLoginKey.objects.using(write_alias())
    if rows.filter(account=account, digest=digests.digest(TokenText(spent.text))).exists():
        raise _answered(spent)


def _answered(spent: Spent) -> BadGrant:
    return BadGrant(spent.name, "was answered already: ask the vendor for a new one")


def _require_proof(account: VendorAccount) -> None:
    """Hold the account's row until the answer is recorded: whoever changes it waits, or has done so before."""
    rows = VendorAccount.objects.using(write_alias()).filter(pk=account.pk, sealed_secret__isnull=False)
    # Compared here: MariaDB compares names loosely.
    now = rows.select_for_update().values_list("subject", "proved_at").first()
    if now != (account.subject, account.proved_at):
        raise PolicyDenied("ended_meanwhile", "What proves you at the vendor was changed or taken back meanwhile.")


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
        raise _answered(spent)
