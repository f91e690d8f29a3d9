"""Who calls, from where, under which request id."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import SessionAuthentication

from token_issuer.api.authentication import carries_credential
from token_issuer.api.challenges import InvalidToken
from token_issuer.errors import TokenRejected
from token_issuer.ids import uuid7
from token_issuer.models import Origin
from token_issuer.services import authenticating
from token_issuer.services.addresses import address_of, audited_address
from token_issuer.services.callers import Caller
from token_issuer.services.verified import Kind, Verified

if TYPE_CHECKING:
    from django.http import HttpRequest
    from rest_framework.request import Request

    from token_issuer.models import ApiKey
    from token_issuer.services.addresses import Address

_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_REQUEST_ID = "_token_issuer_request_id"
# What opens this API, and the door that it comes by.
_DOORS: Final = {Kind.ACCESS: Origin.BEARER, Kind.API_KEY: Origin.API_KEY}


def caller_of(request: Request) -> Caller:
    """Return the caller; nobody is an AnonymousUser, whatever the site's DRF makes of one.

    Raises:
        TokenRejected: a credential of ours of a kind that this API does not take, whatever class a site lists, or one
            that comes as its user's session.
        InvalidToken: a server's own token from outside its key's networks.
    """
    meta = request._request.META
    authenticator = request.successful_authenticator
    session = authenticator is None or isinstance(authenticator, SessionAuthentication)
    credential = request.auth if isinstance(request.auth, Verified) else None
    if credential is not None and credential.kind not in _DOORS:
        raise TokenRejected("another_kind")
    if credential is None and session and authenticator is not None and carries_credential(request._request):
        raise TokenRejected("another_kind")
    whence = {"peer": meta.get("REMOTE_ADDR", ""), "forwarded_for": meta.get("HTTP_X_FORWARDED_FOR", "")}
    return Caller(
        user=AnonymousUser() if authenticator is None else request.user,
        origin=_DOORS[credential.kind] if credential else Origin.SESSION if session else Origin.BEARER,
        api_key=_key_of(credential, address_of(**whence)) if credential else None,
        scopes=credential.scopes if credential else None,
        presented=credential,
        by_cookie=not session and credential is None and not meta.get("HTTP_AUTHORIZATION", "").strip(),
        ip=audited_address(**whence),
        user_agent=meta.get("HTTP_USER_AGENT", ""),
        request_id=request_id_of(request._request),
    )


def _key_of(credential: Verified, ip: Address | None) -> ApiKey | None:
    if credential.kind is Kind.API_KEY:
        return credential.api_key  # whomever it acts as
    # A person's token is his own, also where a server asked for it.
    key = credential.api_key if credential.is_server else None
    if key is not None:
        try:
            # What a server has of its own opens nothing here from where the key does not.
            authenticating.require_network(key, ip)
        except TokenRejected as error:
            raise InvalidToken from error  # as if it were not good at all
    return key


def request_id_of(request: HttpRequest) -> str:
    """Return the id of this request: ``X-Request-ID`` when it is a plain short word, else a new one."""
    known = getattr(request, _REQUEST_ID, None)
    if known is None:
        offered = request.META.get("HTTP_X_REQUEST_ID", "")
        known = offered if _SANE_REQUEST_ID.fullmatch(offered) else str(uuid7())
        setattr(request, _REQUEST_ID, known)
    return str(known)
