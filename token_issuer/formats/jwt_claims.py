"""What the claims of a signed token of our own must be, and what the clock says to them.

Source: RFC 7519 section 4.1; RFC 8725 sections 3.8 and 3.9. Stricter than both: every registered claim but ``nbf`` must
be there, dates are whole seconds, and nothing is compared but for being equal (no prefix, no part of a text).

    iss sub jti    texts, not empty
    aud            a text, or a list of texts that has ours among them (RFC 7519 section 4.1.3)
    iat exp nbf    Unix seconds, whole, 0 to the end of the year 9999; ``nbf`` may be missing

Units: ``at`` is Unix seconds, with their fraction; ``leeway`` is seconds, 0 for tokens that we issued ourselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeGuard

LAST_SECOND: Final = 253_402_300_799  # what a datetime can hold

_TEXTS = ("iss", "sub", "jti")


def problems(
    claims: Mapping[str, object], *, issuer: str, audience: str, at: float, leeway: int = 0
) -> tuple[str, ...]:
    """Return stable words for what is wrong, none when all is well.

    ``claims_refused``: one is missing or of another type; then nothing else is judged. Otherwise ``issuer_differs``,
    ``audience_differs``, ``expired`` (on or after ``exp``), ``not_yet_valid`` (before ``iat`` or ``nbf``).
    """
    if not all(is_text(claims.get(name)) for name in _TEXTS) or not _are_texts(claims.get("aud")):
        return ("claims_refused",)
    wrong = tuple(clock_problems(claims, at=at, leeway=leeway))
    return wrong if wrong == ("claims_refused",) else (*_names(claims, issuer=issuer, audience=audience), *wrong)


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


def is_text(value: object) -> bool:
    """Whether a claim is a text that is not empty."""
    return isinstance(value, str) and value != ""


def is_second(value: object) -> TypeGuard[int]:
    """Whether a claim is a date: whole Unix seconds. A bool is an int to Python, and 1e9 a float to JSON."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LAST_SECOND


def _are_texts(value: object) -> bool:
    return is_text(value) or (isinstance(value, list) and bool(value) and all(is_text(one) for one in value))


def _names(claims: Mapping[str, object], *, issuer: str, audience: str) -> Iterator[str]:
    if claims["iss"] != issuer:
        yield "issuer_differs"
    found = claims["aud"]
    if audience not in (found if isinstance(found, list) else [found]):
        yield "audience_differs"
