"""Handing out the token of a pair that a vendor gave to a user before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from token_issuer.services import pair_rows, renewing

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.providers.base import MintedToken, MintOrder
    from token_issuer.services.deciding import Question


def handed_out(question: Question, order: MintOrder, *, device: str, at: datetime) -> MintedToken:
    """Return the token of the user's pair, renewed early where the provider renews pairs.

    Raises:
        PolicyDenied: he has no pair for this device (``not_connected``), or one that is of no use any more
            (``connect_again``).
        VendorUnavailable: it must be renewed, and the vendor gave nothing usable.
        Unavailable: somebody else is renewing it, and takes too long.
        NoActiveCertificate: it must be renewed, and there is nothing to call the vendor with.
    """
    keeper = pair_rows.keeper_of(question.provider)
    row = pair_rows.required(pair_rows.find(question.application, question.caller.principal_key, device))
    pair_rows.require_live(row, at=at)
    if keeper.renews_pairs and not row.is_fresh(at):
        row = renewing.renewed(question, order, row, at=at)
    return keeper.handed_out(order, pair_rows.opened(row))
