"""The access token of ours that a caller came with: what it makes must not outlive the moment that ended it.

It was judged when the request came, and a site's policy may take its time. So its row is judged again before anything
is written, and what is written checks its epochs in the INSERT itself.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from django.db.models import BigIntegerField, Case, Value, When
from django.db.models.lookups import Exact

from token_issuer.models import epochs_now
from token_issuer.models.revocation_epoch import EVERYTHING_KEY
from token_issuer.services.judging import objection, reject, row_of
from token_issuer.services.verified import Kind

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.db.models.expressions import Combinable

    from token_issuer.models import IssuedToken
    from token_issuer.services.callers import Caller

STILLBORN: Final = -1
"""What is written instead of a sum of epochs, which is never negative: a row that is dead at its first use."""


def judged_again(caller: Caller, *, at: datetime) -> IssuedToken | None:
    """Return the row of the access token that the caller came with; None for whoever came with none. One SELECT.

    Raises:
        TokenRejected: it has ended since it was presented, by itself or with its family.
        Unavailable: the database does not answer.
    """
    presented = caller.presented
    if presented is None or presented.kind is not Kind.ACCESS or presented.token_id is None:
        return None
    token = row_of(presented.token_id)
    if token is None:
        reject("unknown")
    if verdict := objection(token, at=at):
        reject(verdict, token)
    return token


def epochs_under(parent: IssuedToken | None, keys: Collection[UUID]) -> Combinable:
    """Return the sum of the epochs of these keys, to be read in an INSERT; ``STILLBORN`` where the parent has ended.

    The parent's own row is not looked at: MariaDB lets no INSERT read its own table (error 1093).
    """
    if parent is None:
        return epochs_now(keys)
    # Sub-selects of one statement see one state of the table: both sums are of before an ending, or of after it.
    alive = Exact(epochs_now(_keys_of(parent)), Value(parent.epochs, output_field=BigIntegerField()))
    return Case(
        When(alive, then=epochs_now(keys)),
        default=Value(STILLBORN, output_field=BigIntegerField()),
        output_field=BigIntegerField(),
    )


def _keys_of(token: IssuedToken) -> set[UUID]:
    """Return what ``IssuedTokenQuerySet.with_epochs_now`` sums, of one row."""
    keys = {token.principal_key, token.application_id, token.resource_key, EVERYTHING_KEY}
    return keys | {key for key in (token.certificate_id, token.api_key_id) if key is not None}
