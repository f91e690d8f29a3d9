"""Closing a family: its refresh tokens and every access token that came from it end at once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from django.db import transaction

from token_issuer import signals
from token_issuer.models import AuditKind, IssuedToken, TokenFamily
from token_issuer.providers.base import Revocation
from token_issuer.services import auditing, forgetting, outbox
from token_issuer.services.callers import clean
from token_issuer.services.logged import facts
from token_issuer.services.outbox import Outbox
from token_issuer.services.pushing import Patience, push_first
from token_issuer.services.transactions import durable, retrying, write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.services.callers import Caller

logger = logging.getLogger("token_issuer.security")

LONGEST_REASON: Final = 200


def close_family(
    caller: Caller,
    family: TokenFamily,
    *,
    reason: str,
    at: datetime,
    kind: AuditKind = AuditKind.FAMILY_CLOSED,
    deliberate: bool = True,
) -> bool:
    """End a family in a transaction of its own; False when it had ended before, and then nothing is told again.

    ``caller`` is who did it; with ``deliberate`` off nobody did, and it is whose family it was.
    """

    box = Outbox(for_all=outbox.is_another(caller, family.user_id))

    def work() -> bool:
        with durable():
            closed = close_within(caller, family, reason=reason, at=at, kind=kind)
            if closed:
                members = IssuedToken.objects.using(write_alias()).filter(family=family, revoked_at__isnull=True)
                box.write(members, at=at, only=family.application)
        return closed

    closed = retrying(work)
    if closed:
        tell_closed(caller, family, reason=reason, at=at, deliberate=deliberate)
        push_first(box.ids, caller, at=at, patience=Patience())
    return closed


def close_within(
    caller: Caller, family: TokenFamily, *, reason: str, at: datetime, kind: AuditKind = AuditKind.FAMILY_CLOSED
) -> bool:
    """Do so inside the caller's transaction: one UPDATE whose row count is the answer, and its event.

    After the commit the caller says so with ``tell_closed``.
    """
    reason = clean(reason, LONGEST_REASON)
    rows = TokenFamily.objects.using(write_alias()).filter(pk=family.pk, closed_at__isnull=True)
    if not rows.update(closed_at=at, reason=reason):
        return False
    transaction.on_commit(forgetting.distrust, using=write_alias())
    detail = {"reason": reason, "of": family.subject, "generation": family.generation}
    auditing.record(kind, caller, at=at, application=family.application, family=family, detail=detail)
    return True


def tell_closed(caller: Caller, family: TokenFamily, *, reason: str, at: datetime, deliberate: bool = True) -> None:
    """Log the ending and send its one signal."""
    reason = clean(reason, LONGEST_REASON)
    logger.info(
        "family_closed",
        extra=facts(
            "family_closed",
            application=family.application.slug,
            provider=family.application.provider,
            reason=reason,
            request_id=caller.audited_request_id,
        ),
    )
    signals.token_revoked.send_robust(
        sender=TokenFamily,
        kind="family",
        key=str(family.pk),
        reason=reason,
        revoked_by=caller.person if deliberate else None,
        revocation=Revocation.IMMEDIATE.value,
        at=at,
    )
