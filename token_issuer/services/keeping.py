"""Handing out the token of a pair that a vendor gave to a user before.

What was ended here is never handed out again, although the vendor would still take it: the pair is renewed first, or,
where only its user's device renews, he connects again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from token_issuer.crypto import digests
from token_issuer.errors import PolicyDenied
from token_issuer.models import IssuedToken
from token_issuer.services import pair_rows, renewing
from token_issuer.services.transactions import reading, write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.models import VendorPair
    from token_issuer.providers.base import MintedToken, MintOrder
    from token_issuer.services.deciding import Question

LIFETIME_NOT_GRANTED: Final = "lifetime_not_granted"


def handed_out(question: Question, order: MintOrder, *, device: str, at: datetime) -> MintedToken:
    """Return the token of the user's pair, renewed early where the provider renews pairs.

    Raises:
        PolicyDenied: he has no pair for this device (``not_connected``), or one that is of no use any more, or whose
            token was ended and cannot be renewed (``connect_again``).
        VendorUnavailable: it must be renewed, and the vendor gave nothing usable.
        Unavailable: somebody else is renewing it, and takes too long.
        NoActiveCertificate: it must be renewed, and there is nothing to call the vendor with.
    """
    keeper = pair_rows.keeper_of(question.provider)
    row = pair_rows.required(pair_rows.find(question.application, question.caller.principal_key, device))
    pair_rows.require_usable(row, at=at)
    if keeper.renews_pairs and not row.is_fresh(at):
        row = renewing.renewed(question, order, row, at=at)
    made = keeper.handed_out(order, pair_rows.opened(row))
    if keeper.renews_pairs and _was_ended(question, row, made.value):
        row = renewing.renewed(question, order, row, at=at, forced=True)
        made = keeper.handed_out(order, pair_rows.opened(row))
    if _was_ended(question, row, made.value):
        raise PolicyDenied(pair_rows.CONNECT_AGAIN, "The token of this connection was revoked: connect again.")
    return made


def _was_ended(question: Question, row: VendorPair, text: str) -> bool:
    """Whether a token with this text, or with the access token that left with it, was ended at this application."""
    texts = {digests.digest(text), digests.digest(pair_rows.opened(row).access)}
    tokens = IssuedToken.objects.using(write_alias()).filter(application=question.application, digest__in=texts)
    return reading(tokens.ended().exists)


def objection(question: Question, *, device: str, lifetime: int, at: datetime) -> str:
    """Return why ``handed_out`` would give nothing that may live for ``lifetime`` seconds; empty when it would.

    What comes of renewing is not foreseen: whether there is something to call the vendor with, whether he renews, and
    for how long.
    """
    row = pair_rows.find(question.application, question.caller.principal_key, device)
    if row is None:
        return pair_rows.NOT_CONNECTED
    if not pair_rows.is_usable(row, at=at):
        return pair_rows.CONNECT_AGAIN
    if pair_rows.keeper_of(question.provider).renews_pairs:
        return _of_renewed(question, row, lifetime=lifetime, at=at)
    is_good, pair = row.access_expires_at > at, pair_rows.opened(row)
    if _was_ended(question, row, pair.access if is_good else pair.refresh or ""):
        return pair_rows.CONNECT_AGAIN
    # Both leave.
    ends_at = max(row.access_expires_at, row.refresh_expires_at or row.access_expires_at)
    return _too_long(ends_at, lifetime=lifetime, at=at)


def _of_renewed(question: Question, row: VendorPair, *, lifetime: int, at: datetime) -> str:
    was_ended = _was_ended(question, row, pair_rows.opened(row).access)
    if row.is_fresh(at) and not was_ended:
        return _too_long(row.access_expires_at, lifetime=lifetime, at=at)
    will_do = row.access_expires_at > at and not was_ended
    return "" if will_do or pair_rows.is_renewable(row, at=at) else pair_rows.CONNECT_AGAIN


def _too_long(ends_at: datetime, *, lifetime: int, at: datetime) -> str:
    is_longer = ends_at - at > timedelta(seconds=lifetime)
    return LIFETIME_NOT_GRANTED if is_longer else ""
