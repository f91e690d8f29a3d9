"""Writing events. Refusals are counted: a flood of the same one is one row a minute."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError
from django.db.models import F

from token_issuer import signals
from token_issuer.errors import PolicyDenied, PolicyUnavailable, RateLimited, VendorUnavailable
from token_issuer.ids import named_uuid
from token_issuer.models import Application, AuditEvent, AuditKind
from token_issuer.services.logged import facts
from token_issuer.services.transactions import write_alias

if TYPE_CHECKING:
    from datetime import datetime

    from token_issuer.errors import TokenIssuerError
    from token_issuer.models import IssuedToken, TokenFamily
    from token_issuer.services.callers import Caller

logger = logging.getLogger("token_issuer.security")
vendor_logger = logging.getLogger("token_issuer.vendor")


def record(
    kind: AuditKind,
    caller: Caller,
    *,
    at: datetime,
    application: Application | None = None,
    token: IssuedToken | None = None,
    family: TokenFamily | None = None,
    detail: dict[str, Any] | None = None,
) -> AuditEvent:
    """Write one event inside the caller's transaction."""
    return AuditEvent.objects.using(write_alias()).create(
        kind=kind,
        at=at,
        user_id=caller.user_id,
        application=application,
        token=token,
        family=family,
        detail={**(detail or {}), **_server(caller)},
        **caller.circumstances,
    )


@contextmanager
def counting_refusals(caller: Caller, application: Application, *, at: datetime) -> Iterator[None]:
    """Count what policy and its limits refuse in the block; the refusal goes on."""
    try:
        yield
    except (PolicyDenied, PolicyUnavailable, RateLimited) as error:
        reason = error.reason if isinstance(error, PolicyDenied) else error.code
        refused(caller, application, error, reason=reason, at=at)
        raise


def refused(caller: Caller, application: Application, error: TokenIssuerError, *, reason: str, at: datetime) -> None:
    """Count a refusal, log it and send ``token_refused``."""
    _count(caller, application, reason=reason, at=at)
    logger.warning(
        "a token for %s was refused: %s",
        application.slug,
        reason,
        extra=facts(
            "refused",
            application=application.slug,
            provider=application.provider,
            decision="denied",
            reason=reason,
            request_id=caller.audited_request_id,
        ),
    )
    signals.token_refused.send_robust(
        sender=Application,
        application=application,
        user=caller.person,
        code=error.code,
        reason=reason,
        origin=str(caller.origin),
        at=at,
    )


def vendor_failed(caller: Caller, application: Application, error: VendorUnavailable, *, at: datetime) -> None:
    """Count and log that a vendor gave nothing usable. The message says what, and holds no secret."""
    _count(caller, application, kind=AuditKind.VENDOR_FAILED, reason=error.reason, at=at)
    vendor_logger.warning(
        "%s was asked for %s: %s",
        application.provider,
        application.slug,
        error.message,
        extra=facts(
            "vendor_failed",
            application=application.slug,
            provider=application.provider,
            reason=error.reason,
            request_id=caller.audited_request_id,
            ms=error.ms,
        ),
    )


@contextmanager
def counting_vendor_failures(caller: Caller, application: Application, *, at: datetime) -> Iterator[None]:
    """Count where a vendor gives nothing usable in the block; the failure goes on."""
    try:
        yield
    except VendorUnavailable as error:
        vendor_failed(caller, application, error, at=at)
        raise


def _count(
    caller: Caller, application: Application, *, reason: str, at: datetime, kind: AuditKind = AuditKind.DENIED
) -> None:
    minute = at.replace(second=0, microsecond=0)
    server = _server(caller)
    who = (str(caller.user.pk), *server.values())
    bucket = named_uuid(kind.value, *who, str(application.pk), reason, minute.isoformat())
    events = AuditEvent.objects.using(write_alias())
    if events.filter(bucket=bucket).update(count=F("count") + 1):
        return
    fresh = AuditEvent(
        kind=kind,
        at=at,
        bucket=bucket,
        application=application,
        detail={"reason": reason, "origin": str(caller.origin), **server},
        count=0,
        **caller.circumstances,
    )
    for user_id in (caller.user_id, None):  # None where the user was deleted while he was being refused
        fresh.user_id = user_id
        # Two first refusals of a minute at once: one row is kept, both are counted.
        with suppress(IntegrityError):
            events.bulk_create([fresh], ignore_conflicts=True)
        if events.filter(bucket=bucket).update(count=F("count") + 1):
            return


def _server(caller: Caller) -> dict[str, str]:
    """Which key asked, by the id that is no secret; nothing for a person."""
    return {} if caller.api_key is None else {"by_api_key": caller.api_key.public_id}
