"""Handing out the token of a pair that a vendor gave to a user before.

What was ended here is never handed out again, although the vendor would still take it: the pair is renewed first, or,
where only its user's device renews, he connects again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    pair_rows.require_live(row, at=at)
    if keeper.renews_pairs and not row.is_fresh(at):
        row = renewing.renewed(question, order, row, at=at)
    made = keeper.handed_out(order, pair_rows.opened(row))
    if keeper.renews_pairs and _was_ended(question, row, made):
        row = renewing.renewed(question, order, row, at=at, forced=True)
        made = keeper.handed_out(order, pair_rows.opened(row))
    if _was_ended(question, row, made):
        raise PolicyDenied(pair_rows.CONNECT_AGAIN, "The token of this connection was revoked: connect again.")
    return made


def _was_ended(question: Question, row: VendorPair, made: MintedToken) -> bool:
    """Whether a token with this text, or with the access token that left with it, was ended at this application."""
    texts = {digests.digest(made.value), digests.digest(pair_rows.opened(row).access)}
    tokens = IssuedToken.objects.using(write_alias()).filter(application=question.application, digest__in=texts)
    return reading(tokens.ended().exists)
