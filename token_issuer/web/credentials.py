"""From a plain request to what is known of its credential, or to the answer that refuses it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, Any, Final

from asgiref.sync import sync_to_async
from django.utils import timezone

from token_issuer.errors import TokenRejected, Unavailable
from token_issuer.services import bearer, verifying
from token_issuer.services.addresses import Address, address_of
from token_issuer.services.logged import facts
from token_issuer.services.verified import Kind, Verified
from token_issuer.web import answers

if TYPE_CHECKING:
    from django.http import HttpRequest, JsonResponse

    from token_issuer.crypto import TokenText

logger = logging.getLogger("token_issuer.verify")

REUSABLE: Final = frozenset({Kind.ACCESS, Kind.API_KEY, Kind.SELF_SIGNED})
"""Kinds that are good more than once. A one-time token is used up by ``one_time``, and never taken here."""


def credential_of(
    request: HttpRequest, kinds: Collection[Kind], *, audience: str | None = None
) -> Verified | JsonResponse | None:
    """Return what is known of the request's credential; an answer where it is not good; None for other kinds and none.

    Call it in a thread where a database may be asked. It is asked once for a request, whoever calls first.
    """
    seen: tuple[str | None, Verified] | None = getattr(request, bearer.CREDENTIAL, None)
    if seen is not None and seen[0] == audience and seen[1].kind in kinds:
        return seen[1]
    found = _looked_at(request, kinds, audience=audience)
    if isinstance(found, Verified):
        setattr(request, bearer.CREDENTIAL, (audience, found))
    return found


def _looked_at(
    request: HttpRequest, kinds: Collection[Kind], *, audience: str | None
) -> Verified | JsonResponse | None:
    if bearer.in_address(value for _name, values in request.GET.lists() for value in values):
        return answers.in_address()
    text = _presented(request, "bearer")
    if text is not None:
        # An API key has a scheme of its own, as in REST views: nobody is to find one where he looks for tokens.
        kinds = frozenset(kinds) - {Kind.API_KEY}
    else:
        text, kinds = _presented(request, "api-key"), frozenset(kinds) & {Kind.API_KEY}
    if text is None:
        return None
    try:
        found = verifying.verify_if(text, kinds, at=timezone.now(), audience=audience, ip=_address_of(request))
    except TokenRejected:
        return answers.invalid()
    except Unavailable as error:
        logger.exception("a credential could not be verified", extra=facts("unavailable", reason=error.message))
        return answers.unavailable()
    # Verifying uses nothing up, so what is good once would be good for ever here.
    return answers.invalid() if found is not None and found.one_time else found


def _presented(request: HttpRequest, scheme: bearer.Scheme) -> TokenText | None:
    return bearer.presented(request.META.get("HTTP_AUTHORIZATION", ""), scheme)


def _address_of(request: HttpRequest) -> Address | None:
    meta = request.META
    return address_of(peer=meta.get("REMOTE_ADDR", ""), forwarded_for=meta.get("HTTP_X_FORWARDED_FOR", ""))


def refusal(request: HttpRequest, found: Verified, scopes: Collection[str]) -> JsonResponse | None:
    """Return the answer to a good credential that may not do this, None when it may."""
    if not found.has_scope(*scopes):
        return answers.insufficient(scopes)
    if found.access == "readonly" and request.method not in {"GET", "HEAD", "OPTIONS", "TRACE"}:
        return answers.insufficient()
    return None


def put_in(request: Any, found: Verified) -> None:  # noqa: ANN401  a request has no ``auth`` of Django's own
    """Let the request speak for whom the credential speaks for: only in a view that takes nothing but a credential."""
    request.user, request.auth = found.user, found
    request.auser = _later(found.user)


def _later(user: Any) -> Callable[[], Awaitable[Any]]:  # noqa: ANN401  the site's model
    async def auser() -> Any:  # noqa: ANN401
        # In the cache mode the user is read when somebody looks, which an event loop must not do itself.
        await sync_to_async(lambda: user.is_authenticated)()
        return user

    return auser
