"""The one place that speaks HTTP to a vendor.

A request goes to an https address, or to this machine (a stand-in). It has a deadline for the whole of it; an answer
has a largest size; redirects are not followed, cookies are not kept. A request that never left is sent a second time,
and one that makes nothing twice also after a time-out, a dropped connection or the vendor's own trouble (5xx).

https goes through the proxy that the environment names, as of any program: that one sees a host name and bytes of TLS.
Nothing else comes from the environment, so no ``.netrc`` adds credentials. Looking a name up has the resolver's own
time-out, which no deadline of ours can cut short.

What is raised never holds the request: no header, no body, no query, also not in ``__context__``, where httpx's own
errors would keep it. Needs httpx, which the extra ``vendors`` installs.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Final, Self, cast

from django.core.exceptions import ImproperlyConfigured

from token_issuer.errors import VendorUnavailable
from token_issuer.providers import addresses
from token_issuer.providers.called import VendorResponse

if TYPE_CHECKING:
    from types import TracebackType

    from httpx import Client, HTTPError, Response

    from token_issuer.providers.called import VendorRequest

DEADLINE: Final = 5.0  # seconds for one call, retries and all
CONNECT: Final = 2.0  # seconds for one connection
LARGEST_ANSWER: Final = 256 * 1024  # bytes, unpacked
_TRIES: Final = 2
_PAUSE: Final = 0.1  # seconds before the second try

# By what happened: the reason it is told as, and the sentence.
_OUTCOMES: Final = {
    "unreachable": ("unreachable", "The vendor cannot be reached."),
    "untrusted": ("unreachable", "The vendor cannot be reached: its certificate is not trusted."),
    "timed_out": ("timed_out", "The vendor did not answer in time."),
    "dropped": ("dropped", "The vendor ended the connection without an answer."),
    "garbled": ("garbled", "The vendor's answer cannot be read."),
}
MISSING: Final = 'Calling a vendor needs httpx: install "django-token-issuer[vendors]".'
ENVIRONMENT: Final = (
    "No vendor can be called: what the environment says of proxies (https_proxy, all_proxy) or of certificates"
    " (SSL_CERT_FILE, SSL_CERT_DIR) cannot be used."
)

# httpx's own refusal quotes what it refuses.
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"([!-~]([ \t!-~]*[!-~])?)?")

_HEADERS: Final = {"User-Agent": "django-token-issuer", "Accept-Encoding": "identity"}


def send(request: VendorRequest, *, deadline: float = DEADLINE) -> VendorResponse:
    """Return the vendor's answer, whatever its status.

    Raises:
        VendorUnavailable: there was none in time; ``reason`` says why (``unreachable``, ``timed_out``, ``dropped``,
            ``garbled``).
        ImproperlyConfigured: httpx is not installed, the address is neither https nor this machine's, or HTTP does not
            carry what a header or the body says.
    """
    require_safe(request.url)
    if trouble := _trouble_in(request.headers):
        raise ImproperlyConfigured(trouble)
    until = time.monotonic() + deadline
    for left in reversed(range(_TRIES)):
        outcome = _outcome(request, until=until)
        if not left or not _is_worth_repeating(request, outcome) or time.monotonic() + _PAUSE >= until:
            break
        time.sleep(_PAUSE)
    if isinstance(outcome, VendorResponse):
        return outcome
    # Outside every ``except``: httpx's errors hold the request, and would come along as the context of this one.
    raise _error(outcome)


def require_safe(url: str) -> None:
    """Raise ImproperlyConfigured for an address that would carry a secret in clear over a network."""
    if not addresses.is_safe(url) or not addresses.is_plain(url):
        msg = "A vendor's address must begin with https://, and have neither user nor query."
        raise ImproperlyConfigured(msg)


def is_header(name: str, value: str) -> bool:
    """Whether HTTP carries this header (RFC 9110 sections 5.1 and 5.5)."""
    return bool(_HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value))


def _trouble_in(headers: Mapping[str, str]) -> str:
    """Return what is wrong with a header, or nothing. It raises nowhere: an error's frames would show the values."""
    for name, value in headers.items():
        if not is_header(name, value):
            named = f"The header {name!r}" if is_header(name, "") else "A header"
            return f"{named} for the vendor has characters that HTTP does not carry."
    return ""


def _is_worth_repeating(request: VendorRequest, outcome: VendorResponse | str) -> bool:
    if isinstance(outcome, VendorResponse):
        return request.repeatable and outcome.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    return outcome == "unreachable" or (request.repeatable and outcome in {"timed_out", "dropped", "garbled"})


def _error(outcome: str) -> Exception:
    if outcome == "unsendable":
        return ImproperlyConfigured("A request to a vendor has characters that HTTP does not carry.")
    reason, sentence = _OUTCOMES[outcome]
    return VendorUnavailable(sentence, reason=reason)


def _outcome(request: VendorRequest, *, until: float) -> VendorResponse | str:
    """Return the answer, or a word of ``_OUTCOMES`` for what happened instead."""
    httpx = _httpx()
    left = max(until - time.monotonic(), 0.001)
    deadline = _Deadline(until)
    try:
        with (
            deadline,
            _client(request.url.startswith("https:")).stream(
                request.method,
                request.url,
                params=list(request.query) or None,
                headers={**_HEADERS, **request.headers},
                timeout=httpx.Timeout(left, connect=min(CONNECT, left)),
                extensions={"trace": deadline.trace},
                **_body(request),
            ) as answer,
        ):
            outcome = _read(answer)
    except (httpx.InvalidURL, UnicodeError):
        # httpx reads where a redirect leads, although none is followed: then it is the vendor's answer that is wrong.
        return "garbled" if deadline.has_answer else "unsendable"
    except httpx.HTTPError as error:
        return _word_for(error, is_late=deadline.has_passed)
    # An answer without a length ends with its connection, also where it was us who ended that.
    return "timed_out" if deadline.has_passed else outcome


def _word_for(error: HTTPError, *, is_late: bool) -> str:
    httpx = _httpx()
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout | httpx.ProxyError):
        return "untrusted" if _is_about_trust(error) else "unreachable"
    if is_late or isinstance(error, httpx.TimeoutException):
        return "timed_out"
    # Ended before the answer was whole, or no HTTP at all: httpx has one class for both.
    if isinstance(error, httpx.RemoteProtocolError) and not re.search(r"disconnected|closed connection", str(error)):
        return "garbled"
    return "dropped"


def _is_about_trust(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None


def _body(request: VendorRequest) -> dict[str, Any]:
    if not request.values:
        return {}
    if request.encoding == "json":
        return {"json": dict(request.values)}
    if request.encoding == "multipart":
        return {"files": {name: (None, str(value)) for name, value in request.values.items()}}
    return {"data": {name: str(value) for name, value in request.values.items()}}


def _read(answer: Response) -> VendorResponse | str:
    raw = bytearray()
    for chunk in answer.iter_raw():
        raw += chunk
        if len(raw) > LARGEST_ANSWER:
            return "garbled"
    body = _unpacked(bytes(raw), answer.headers.get("content-encoding", "identity"))
    if body is None:
        return "garbled"
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return VendorResponse(status=answer.status_code, reason=answer.reason_phrase, headers=headers, body=body)


def _unpacked(raw: bytes, encoding: str) -> bytes | None:
    """Return the body; None for one that is packed otherwise, or grows too large. We ask for none that is packed."""
    if encoding.lower() == "identity" or not raw:
        return raw
    if encoding.lower() not in {"gzip", "x-gzip"}:
        return None
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    with suppress(zlib.error):
        body = unpacker.decompress(raw, LARGEST_ANSWER + 1)
        if unpacker.eof and len(body) <= LARGEST_ANSWER:
            return body
    return None


class _Deadline:
    """Ends a connection at an instant, whatever it waits for, and knows how far it came.

    httpx limits each wait, so a vendor that sends a byte now and then would be waited for without end.
    """

    def __init__(self, until: float) -> None:
        self._stream: Any = None
        self.has_passed = False
        self.has_answer = False
        self._timer = threading.Timer(max(until - time.monotonic(), 0), self._end)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._timer.cancel()

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Take note of the connection, of which TLS makes another socket, and of the answer's head."""
        self.has_answer |= event.endswith("receive_response_headers.complete")
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._stream = info["return_value"]
            if self.has_passed:
                self._end()

    def _end(self) -> None:
        self.has_passed = True
        if self._stream is not None:
            # The plain socket's: TLS's own would change the object that another thread reads from.
            with suppress(OSError):
                socket.socket.shutdown(self._stream.get_extra_info("socket"), socket.SHUT_RDWR)


@cache
def _client(is_private: bool) -> Client:
    """Return the process's client. It keeps no connection: one that died unnoticed makes a sent request unsure.

    Nor does it keep a cookie, which would tell one account's requests from another's. Only what is private (TLS) passes
    proxies: what is in clear goes to this machine.
    """
    httpx, client = _httpx(), None
    with suppress(ImportError, ValueError, OSError, httpx.InvalidURL):
        client = httpx.Client(
            follow_redirects=False,
            limits=httpx.Limits(max_keepalive_connections=0),
            cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
            trust_env=is_private,
        )
    if client is None:  # outside: httpx quotes the proxy's address, where a password may stand
        raise ImproperlyConfigured(ENVIRONMENT)
    return cast("Client", client)


def _httpx() -> Any:  # noqa: ANN401  a module
    try:
        import httpx  # noqa: PLC0415  an extra
    except ImportError as error:
        raise ImproperlyConfigured(MISSING) from error
    return httpx
