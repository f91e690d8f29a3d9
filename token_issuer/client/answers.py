"""What came back, read strictly: a token, a refusal, or nothing that can be used."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from token_issuer.client.errors import (
    BadRequest,
    ClientError,
    Denied,
    KeyRefused,
    RateLimited,
    ServerUnavailable,
    SignedOut,
)
from token_issuer.client.settings import is_printable

LIMIT = 1024 * 1024  # bytes; a token's answer has a few thousand

_WORD = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
_REASON = re.compile(r"[^\x00-\x1f\x7f]{1,200}")  # a site's own policy writes it
_FIELD = re.compile(r"[A-Za-z][0-9A-Za-z_.]{0,63}")
_REQUEST_ID = re.compile(r"[0-9A-Za-z._-]{1,64}")
_LONGEST_WAIT = 3600.0

# Where the server means: not you, not this. The last three are of RFC 6749 section 5.2.
_DENIALS = frozenset({
    "policy_denied", "application_disabled", "insecure_transport", "unauthorized_client", "invalid_scope",
    "access_denied",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A status and a JSON object (None: something else). ``sent`` is our monotonic clock when its request left."""

    status: int
    sent: float
    reveal: Callable[[], Mapping[str, Any] | None]
    retry_after: float | None = None

    @property
    def succeeded(self) -> bool:
        """Tell whether the server did what it was asked."""
        return self.status in {200, 201}


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAnswer:
    """The line is dead. ``reached``: the server may have done what it was asked."""

    reached: bool


Result = Answer | NoAnswer


def is_ambiguous(result: Result) -> bool:
    """Tell whether the server may have acted although no usable answer came (a gateway's 502 and 504 are none)."""
    return result.reached if isinstance(result, NoAnswer) else result.status in {502, 504}


def json_object(content: bytes) -> Mapping[str, Any] | None:
    """Return the JSON object in a body, None for everything else."""
    try:
        read = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def seconds(retry_after: str | None, *, now: float) -> float | None:
    """Read a Retry-After header: seconds, or a date of a server whose clock says ``now`` (RFC 9110 section 10.2.3)."""
    if not retry_after:
        return None
    if retry_after.strip().isdecimal():
        return min(float(retry_after), _LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now), _LONGEST_WAIT)


def token_fields(answer: Answer) -> dict[str, Any]:
    """Return the answer with a token in the spelling of the issue call, whichever call it was.

    Raises:
        ServerUnavailable: there is no token in it, or no life.
    """
    if not is_token(_fields(answer)):
        msg = "The server answered something that is not a token."
        raise ServerUnavailable(msg, code="unexpected_answer")
    return _fields(answer)


def _fields(answer: Answer) -> dict[str, Any]:
    body = dict(answer.reveal() or {})
    text = body.pop("access_token", None)
    return body if text is None else {**body, "token": text}


def is_token(fields: Mapping[str, Any]) -> bool:
    """Tell whether there is a token in it, with a life, each of the right kind."""
    return (
        _is_text(fields.get("token"))
        and _is_life(fields.get("expires_in"))
        and (fields.get("refresh_token") is None or _is_text(fields["refresh_token"]))
        and (fields.get("renew_in") is None or _is_number(fields["renew_in"]))
    )


def refusal(result: Result, *, keyed: bool) -> ClientError:
    """Return the error that a result without success is. ``keyed``: it was the API key that asked."""
    if isinstance(result, NoAnswer):
        return ServerUnavailable("The server did not answer.", code="no_answer")
    if 300 <= result.status < 400:
        message = f"The server redirects ({result.status}) and credentials do not follow; is the base address right?"
        return ServerUnavailable(message, code="redirected")
    body = result.reveal() or {}
    code = _word(body.get("error"))
    error = _of_code(code, body) or _of_status(result.status, code, keyed=keyed)
    error.retry_after = _wait(result, body)
    error.request_id = _matching(_REQUEST_ID, body.get("request_id"))
    error.description = str(body.get("error_description") or "")[:500]
    return error


def _of_code(code: str, body: Mapping[str, Any]) -> ClientError | None:
    """Judge by the server's word, if it is one that we know."""
    if code == "invalid_grant":
        return SignedOut("The refresh token is no longer good; sign in again.")
    if code == "invalid_client":
        return KeyRefused("The server does not accept this API key.")
    if code in _DENIALS:
        return Denied.because(_matching(_REASON, body.get("reason")) or code, code=code)
    if code == "invalid_request":
        return _bad_request(body)
    return None


def _bad_request(body: Mapping[str, Any]) -> BadRequest:
    given = body.get("fields")
    fields = {str(name): _texts(texts) for name, texts in given.items()} if isinstance(given, dict) else {}
    names = ", ".join(sorted(_matching(_FIELD, name) or "?" for name in fields))
    error = BadRequest(f"The server does not understand the request; wrong: {names or 'see description'}.")
    error.fields = fields
    return error


def _of_status(status: int, code: str, *, keyed: bool) -> ClientError:
    if status == 401 and keyed:
        return KeyRefused("The server does not accept this API key.")
    if status in {401, 403}:
        return Denied.because(code or f"http_{status}", code=code or f"http_{status}")
    if status == 429:
        return RateLimited("Too many requests.")
    if status >= 500:
        return ServerUnavailable(f"The server cannot answer now ({code or status}).", code=code)
    return BadRequest(f"The server does not understand the request ({code or status}).", code=code)


def _wait(answer: Answer, body: Mapping[str, Any]) -> float | None:
    told = body.get("retry_after")
    return min(float(told), _LONGEST_WAIT) if _is_life(told) else answer.retry_after  # type: ignore[arg-type]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and is_printable(value)


def _is_life(value: object) -> bool:
    return _is_number(value) and value > 0  # type: ignore[operator]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _texts(value: object) -> list[str]:
    return [str(text) for text in value] if isinstance(value, list) else [str(value)]


def _word(value: object) -> str:
    return _matching(_WORD, value)


def _matching(pattern: re.Pattern[str], value: object) -> str:
    return value if isinstance(value, str) and pattern.fullmatch(value) else ""
