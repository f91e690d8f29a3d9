"""Who sits in front of the admin, as a service wants to know it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from token_issuer.models import Origin
from token_issuer.services.addresses import audited_address
from token_issuer.services.callers import Caller

if TYPE_CHECKING:
    from django.http import HttpRequest


def caller_of(request: HttpRequest) -> Caller:
    """Return the member of staff who sent this request; the admin site has checked that there is one."""
    return Caller(
        user=request.user,
        origin=Origin.ADMIN,
        ip=audited_address(
            peer=request.META.get("REMOTE_ADDR", ""), forwarded_for=request.headers.get("X-Forwarded-For", "")
        ),
        user_agent=request.headers.get("User-Agent", ""),
        request_id=request.headers.get("X-Request-ID", ""),
    )
