"""What the claims of a signed token of our own must be, and what the clock says to them.

Source: RFC 7519 section 4.1; RFC 8725 sections 3.8 and 3.9. Stricter than both: every registered claim but ``nbf`` must
be there, dates are whole seconds, and nothing is compared but for being equal (no prefix, no part of a text).

    iss sub jti    texts, not empty
    aud            a text, or a list of texts that has ours among them (RFC 7519 section 4.1.3)
    iat exp nbf    Unix seconds, whole, 0 to the end of the year 9999; ``nbf`` may be missing

An access token (RFC 9068) has ``typ`` at+jwt, a ``kid``, a ``client_id``, the UUID of its audit row as ``jti``, and
``scope`` (RFC 6749 section 3.3) unless it is empty.

Units: ``at`` is Unix seconds, with their fraction; ``leeway`` is seconds, 0 for tokens that we issued ourselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeGuard
from uuid import UUID

TYP: Final = "at+jwt"
SCOPE: Final = r"([!#-\[\]-~]+( [!#-\[\]-~]+)*)?"  # printable ASCII but blank, quote and backslash; may be empty
LAST_SECOND: Final = 253_402_300_799  # what a datetime can hold

_TEXTS = ("iss", "sub", "jti")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """What an access token of ours says, proved by nothing until its key says so."""

    key_id: str
    token_id: UUID
    issuer: str
    subject: str
    client_id: str
    scopes: frozenset[str]
    issued_at: datetime
    expires_at: datetime


def access_token(header: Mapping[str, object], claims: Mapping[str, object]) -> AccessToken | None:
    """Return what an access token says; None unless it says it as this site writes it."""
    issued, expires = claims.get("iat"), claims.get("exp")
    told = {"kid": header.get("kid"), **{name: claims.get(name) for name in ("iss", "sub", "client_id", "jti")}}
    texts = {name: value for name, value in told.items() if is_text(value)}
    if len(texts) < len(told) or header.get("typ") != TYP or not are_whole(claims):
        return None
    token_id, scopes = _uuid(texts["jti"]), _scopes(claims)
    if token_id is None or scopes is None:
        return None
    assert is_second(issued) and is_second(expires)  # noqa: S101, PT018  the claims are whole
    return AccessToken(
        key_id=texts["kid"],
        token_id=token_id,
        issuer=texts["iss"],
        subject=texts["sub"],
        client_id=texts["client_id"],
        scopes=scopes,
        issued_at=datetime.fromtimestamp(issued, tz=UTC),
        expires_at=datetime.fromtimestamp(expires, tz=UTC),
    )


def problems(
    claims: Mapping[str, object], *, issuer: str, audience: str, at: float, leeway: int = 0
) -> tuple[str, ...]:
    """Return stable words for what is wrong, none when all is well.

    ``claims_refused``: one is missing or of another type; then nothing else is judged. Otherwise ``issuer_differs``,
    ``audience_differs``, ``expired`` (on or after ``exp``), ``not_yet_valid`` (before ``iat`` or ``nbf``).
    """
    if not are_whole(claims):
        return ("claims_refused",)
    names = _names(claims, issuer=issuer, audience=audience)
    return (*names, *clock_problems(claims, at=at, leeway=leeway))


def are_whole(claims: Mapping[str, object]) -> bool:
    """Whether every claim that must be there is, each of its type; the clock and the names are not looked at."""
    texts = all(is_text(claims.get(name)) for name in _TEXTS) and _are_texts(claims.get("aud"))
    return texts and all(is_second(claims.get(name, 0 if name == "nbf" else None)) for name in ("iat", "exp", "nbf"))


def clock_problems(claims: Mapping[str, object], *, at: float, leeway: int = 0) -> Iterator[str]:
    """Yield what the clock says to ``iat`` and ``exp``, which must be there, and ``nbf``: words as in ``problems``."""
    issued, expires, not_before = claims.get("iat"), claims.get("exp"), claims.get("nbf", claims.get("iat"))
    if not is_second(issued) or not is_second(expires) or not is_second(not_before):
        yield "claims_refused"
        return
    # RFC 7519 section 4.1.4: on or after this second the token is no longer taken.
    if at >= expires + leeway:
        yield "expired"
    if at < max(issued, not_before) - leeway:
        yield "not_yet_valid"


def is_text(value: object) -> TypeGuard[str]:
    """Whether a claim is a text that is not empty."""
    return isinstance(value, str) and value != ""


def is_second(value: object) -> TypeGuard[int]:
    """Whether a claim is a date: whole Unix seconds. A bool is an int to Python, and 1e9 a float to JSON."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LAST_SECOND


def _scopes(claims: Mapping[str, object]) -> frozenset[str] | None:
    if "scope" not in claims:
        return frozenset()
    scope = claims["scope"]
    return frozenset(scope.split()) if is_text(scope) and re.fullmatch(SCOPE, scope) else None


def _uuid(text: str) -> UUID | None:
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text else None  # it reads braces, capitals and more


def _are_texts(value: object) -> bool:
    return is_text(value) or (isinstance(value, list) and bool(value) and all(is_text(one) for one in value))


def _names(claims: Mapping[str, object], *, issuer: str, audience: str) -> Iterator[str]:
    if claims["iss"] != issuer:
        yield "issuer_differs"
    found = claims["aud"]
    if audience not in (found if isinstance(found, list) else [found]):
        yield "audience_differs"
