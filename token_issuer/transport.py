"""The one place that speaks HTTP to a vendor.

A request goes to an https address, or to this machine (a stand-in). It has a deadline for the whole of it; an answer
has a largest size; redirects are not followed. A request that never left is sent a second time, and one that makes
nothing twice also after a time-out, a dropped connection or the vendor's own trouble (5xx).

What is raised never holds the request: no header, no body, no query. Needs httpx, which the extra ``vendors`` installs.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import ImproperlyConfigured

from token_issuer.errors import VendorUnavailable
from token_issuer.providers.addresses import is_safe
from token_issuer.providers.called import VendorResponse

if TYPE_CHECKING:
    import httpx

    from token_issuer.providers.called import VendorRequest

DEADLINE: Final = 5.0  # seconds for one call, retries and all
CONNECT: Final = 2.0  # seconds for one connection
LARGEST_ANSWER: Final = 256 * 1024  # bytes
_TRIES: Final = 2
_PAUSE: Final = 0.1  # seconds before the second try

_SENTENCES: Final = {
    "unreachable": "The vendor cannot be reached.",
    "timed_out": "The vendor did not answer in time.",
    "dropped": "The vendor ended the connection without an answer.",
    "garbled": "The vendor's answer cannot be read.",
}
MISSING: Final = 'Calling a vendor needs httpx: install "django-token-issuer[vendors]".'


def send(request: VendorRequest, *, deadline: float = DEADLINE) -> VendorResponse:
    """Return the vendor's answer, whatever its status.

    Raises:
        VendorUnavailable: there was none in time; ``reason`` says why (``unreachable``, ``timed_out``, ``dropped``,
            ``garbled``).
        ImproperlyConfigured: httpx is not installed, or the address is neither https nor this machine's.
    """
    require_safe(request.url)
    until = time.monotonic() + deadline
    for left in reversed(range(_TRIES)):
        try:
            response = _sent_once(request, until=until)
        except VendorUnavailable as error:
            may_repeat = error.reason == "unreachable" or request.repeatable
            if not left or not may_repeat or time.monotonic() + _PAUSE >= until:
                raise
        else:
            troubled = response.status >= HTTPStatus.INTERNAL_SERVER_ERROR and request.repeatable
            if not left or not troubled or time.monotonic() + _PAUSE >= until:
                return response
        time.sleep(_PAUSE)
    raise AssertionError  # pragma: no cover  the loop returns or raises


def require_safe(url: str) -> None:
    """Raise ImproperlyConfigured for an address that would carry a secret in clear over a network."""
    if not is_safe(url):
        msg = "A vendor's address must begin with https://."
        raise ImproperlyConfigured(msg)


def _sent_once(request: VendorRequest, *, until: float) -> VendorResponse:
    try:
        import httpx  # noqa: PLC0415  an extra
    except ImportError as error:
        raise ImproperlyConfigured(MISSING) from error
    left = max(until - time.monotonic(), 0.001)
    timeout = httpx.Timeout(left, connect=min(CONNECT, left))
    try:
        with _client().stream(
            request.method,
            request.url,
            params=list(request.query) or None,
            headers=dict(request.headers),
            timeout=timeout,
            **_body(request),
        ) as answer:
            body = _read(answer, until=until)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError):
        raise _none("unreachable") from None
    except httpx.TimeoutException:
        raise _none("timed_out") from None
    except (httpx.DecodingError, httpx.InvalidURL, httpx.TooManyRedirects):
        raise _none("garbled") from None
    except httpx.RequestError:
        raise _none("dropped") from None
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return VendorResponse(status=answer.status_code, reason=answer.reason_phrase, headers=headers, body=body)


def _none(reason: str) -> VendorUnavailable:
    return VendorUnavailable(_SENTENCES[reason], reason=reason)


def _body(request: VendorRequest) -> dict[str, Any]:
    if not request.values:
        return {}
    if request.encoding == "json":
        return {"json": dict(request.values)}
    if request.encoding == "multipart":
        return {"files": {name: (None, str(value)) for name, value in request.values.items()}}
    return {"data": _texts(request.values)}


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items()}


def _read(answer: httpx.Response, *, until: float) -> bytes:
    """Return the body: httpx limits each wait, this limits them together, and what they bring."""
    body = bytearray()
    for chunk in answer.iter_bytes():
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise _none("garbled")
        if time.monotonic() > until:
            raise _none("timed_out")
    return bytes(body)


@cache
def _client() -> httpx.Client:
    """Return the process's client. It keeps no connection: one that died unnoticed makes a sent request unsure."""
    import httpx  # noqa: PLC0415  an extra

    return httpx.Client(follow_redirects=False, limits=httpx.Limits(max_keepalive_connections=0))
