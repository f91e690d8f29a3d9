"""Using a short token up: looked at, then claimed by one conditional UPDATE that is committed before the work begins.

What is returned is a lease: work that has begun is not disturbed when the token expires meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import F

from token_issuer.crypto import TokenText, opaque
from token_issuer.errors import ReadOnly
from token_issuer.models import IssuedToken
from token_issuer.registry import get_provider
from token_issuer.services.claiming import application_stands, person_stands
from token_issuer.services.judging import objection, reject, verified
from token_issuer.services.transactions import USED_UP, durable, reading, require_no_transaction, write_alias
from token_issuer.services.verified import Kind, Verified
from token_issuer.services.verifying import find

if TYPE_CHECKING:
    from datetime import datetime


def consume(text: str | TokenText, *, at: datetime, safe: bool, application: str | None = None) -> Verified:
    """Return what a short token is good for, and use it up if it works once.

    One SELECT looks, one UPDATE claims: of many who present it at the same moment, one gets it. A token that is good
    until it expires is only verified.

    Args:
        safe: whether the work it is presented for changes nothing (GET, HEAD, OPTIONS).
        application: the slug of the application that it must be of; None for any.

    Raises:
        OpenTransaction: inside a transaction, whose rollback would give the token back.
        TokenRejected: no short token, unknown, of another application, expired, revoked or consumed.
        ReadOnly: it may only read, and this is not safe; it is not consumed.
        Unavailable: the database does not answer.
    """
    wrapped = TokenText(text) if isinstance(text, str) else text
    del text  # what an error reporter would print of this frame
    require_no_transaction(USED_UP)
    token = _looked_at(wrapped, at=at, application=application)
    found = verified(token, Kind.ONE_TIME)
    if found.access == "readonly" and not safe:
        raise ReadOnly
    if token.one_time:
        _use_up(token, at=at)
    return found


def _looked_at(text: TokenText, *, at: datetime, application: str | None) -> IssuedToken:
    if not opaque.passes(opaque.SHORT_TOKEN, text):
        reject("malformed")
    token = find(text)
    if token is None:
        reject("unknown")
    if not get_provider(token.application.provider).verified_here:
        reject("another_kind", token)
    if application is not None and token.application.slug != application:
        reject("another_application", token)
    verdict = objection(token, at=at)
    if verdict:
        reject(verdict, token)
    return token


def _use_up(token: IssuedToken, *, at: datetime) -> None:
    standing = [application_stands(token.application)]
    if token.user is not None:
        standing.append(person_stands(token.user))
    rows = (
        IssuedToken.objects.using(write_alias())
        .with_epochs_now()
        .filter(
            *standing,
            pk=token.pk,
            one_time=True,
            consumed_at__isnull=True,
            revoked_at__isnull=True,
            expires_at__gt=at,
            epochs=F("epochs_now"),
        )
    )

    def work() -> int:
        with durable():
            return rows.update(consumed_at=at)

    if reading(work) != 1:
        reject("consumed", token)
