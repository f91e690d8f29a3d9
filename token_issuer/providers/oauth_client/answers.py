"""Reading what a token endpoint answers: RFC 6749, sections 5.1 and 5.2."""

from __future__ import annotations

from typing import Any, Final

from token_issuer.errors import VendorUnavailable
from token_issuer.providers.called import PairRefused, VendorResponse

LONGEST_TEXT: Final = 7000  # bytes of a token: a pair fits into one body
LONGEST_LIFE: Final = 10 * 366 * 86_400  # seconds; what a vendor calls longer is a mistake

# RFC 6749 section 5.2: what may be shown of an error is its word, and only one that the standard has.
_WORDS: Final = frozenset({
    "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
    "invalid_scope",
})  # fmt: skip
_ENDED: Final = "invalid_grant"


def refusal(response: VendorResponse) -> VendorUnavailable:
    """Return what the vendor's no means. Only the standard's words are repeated: a text of its own may quote us."""
    try:
        answer = response.json()
    except VendorUnavailable:
        answer = None
    word = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(word, str) or response.status >= 500:
        word = ""
    if word == _ENDED:
        return PairRefused(f"The vendor renews it no more ({_ENDED}).", reason="refused", final=True)
    if word in _WORDS:
        return VendorUnavailable(f"The vendor refused ({word}).", reason="refused")
    reason = "failed" if response.status >= 500 or response.status == 429 else "refused"
    return VendorUnavailable(f"The vendor answered {response.status} and no word of OAuth's.", reason=reason)


def text(answer: Any, name: str, *, optional: bool = False) -> str | None:  # noqa: ANN401  whatever came
    """Return a token or its type; None for an ``optional`` one that is not there."""
    value = answer.get(name) if isinstance(answer, dict) else None
    if value is None and optional:
        return None
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_TEXT or not value.isascii():
        raise garbled()
    if not value.isprintable():
        raise garbled()
    return value


def seconds(answer: Any, name: str) -> int | None:  # noqa: ANN401
    """Return a lifetime; None where the vendor says none, or 0, as some do. Some send it as a text."""
    value = answer.get(name)
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 10:
        value = int(value)
    if value is None or (value == 0 and not isinstance(value, bool)):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= LONGEST_LIFE:
        raise garbled()
    return int(value)


def garbled() -> VendorUnavailable:
    """Return what is raised for an answer that is none."""
    return VendorUnavailable("The vendor's answer is no token of RFC 6749's.", reason="garbled")
