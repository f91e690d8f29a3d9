"""Who calls, from where, under which request id."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final

from django.contrib.auth.models import AnonymousUser
from rest_framework.authentication import SessionAuthentication

from token_issuer.conf import conf
from token_issuer.ids import uuid7
from token_issuer.models import Origin
from token_issuer.services.callers import Caller

if TYPE_CHECKING:
    from django.http import HttpRequest
    from rest_framework.request import Request

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_KEPT_BITS: Final = {4: 24, 6: 48}  # of a truncated address
_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_WITH_PORT = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<four>[0-9.]+))(?::[0-9]{1,5})?")
_REQUEST_ID = "_token_issuer_request_id"


def caller_of(request: Request) -> Caller:
    """Return the caller; nobody is an AnonymousUser, whatever the site's DRF makes of one."""
    authenticator = request.successful_authenticator
    session = authenticator is None or isinstance(authenticator, SessionAuthentication)
    return Caller(
        user=AnonymousUser() if authenticator is None else request.user,
        origin=Origin.SESSION if session else Origin.BEARER,
        ip=audited_address(request._request),
        user_agent=request._request.META.get("HTTP_USER_AGENT", ""),
        request_id=request_id_of(request._request),
    )


def request_id_of(request: HttpRequest) -> str:
    """Return the id of this request: ``X-Request-ID`` when it is a plain short word, else a new one."""
    known = getattr(request, _REQUEST_ID, None)
    if known is None:
        offered = request.META.get("HTTP_X_REQUEST_ID", "")
        known = offered if _SANE_REQUEST_ID.fullmatch(offered) else str(uuid7())
        setattr(request, _REQUEST_ID, known)
    return str(known)


def audited_address(request: HttpRequest) -> str | None:
    """Return the caller's address as ``AUDIT_NETWORK`` wants it kept, None when it is not known or not wanted."""
    kept = conf.audit_network
    address = None if kept == "off" else address_of(request)
    if address is None or kept == "full":
        return None if address is None else str(address)
    network = ipaddress.ip_network((address, _KEPT_BITS[address.version]), strict=False)
    return str(network.network_address)


def address_of(request: HttpRequest) -> Address | None:
    """Return the connection's address, or the one that a trusted proxy says it speaks for.

    ``X-Forwarded-For`` is read from the right, where our own proxies wrote, up to the first hop that is not
    ``TRUSTED_PROXIES``; whatever a caller put on its left changes nothing.
    """
    found = _address(request.META.get("REMOTE_ADDR", ""))
    hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    while found is not None and hops and _is_trusted(found):
        hop = _address(hops.pop())
        if hop is None:
            break
        found = hop
    return found


def _is_trusted(address: Address) -> bool:
    return any(address in network for network in conf.trusted_proxies)


def _address(text: str) -> Address | None:
    named = _WITH_PORT.fullmatch(text.strip())
    try:
        address = ipaddress.ip_address((named and (named["six"] or named["four"])) or text.strip())
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return address
    # No zone: a database's address column has no place for one.
    return address.ipv4_mapped or ipaddress.IPv6Address(int(address))
