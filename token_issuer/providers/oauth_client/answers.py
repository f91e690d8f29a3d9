"""Reading what a token endpoint answers: RFC 6749, sections 5.1 and 5.2."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Given:
    """What a vendor gave: ``life`` and ``refresh_life`` in seconds, None where it says none that can be."""

    access: str
    refresh: str | None
    life: int | None
    refresh_life: int | None


def given(answer: Any) -> Given | VendorUnavailable:  # noqa: ANN401  whatever came
    """Return what is in an answer, or what to raise where there is no access token to bear.

    It raises nowhere itself: an error's frames would show the tokens. Nothing else spoils them: the refresh token that
    was sent may be spent by now, and the one that came is all there is.
    """
    access = _token(answer, "access_token")
    if access is None or not _is_bearer(answer.get("token_type")):
        return VendorUnavailable("The vendor's answer is no token of RFC 6749's.", reason="garbled")
    return Given(
        access=access,
        refresh=_token(answer, "refresh_token"),
        life=_seconds(answer.get("expires_in")),
        refresh_life=_seconds(answer.get("refresh_expires_in")),
    )


def _token(answer: Any, name: str) -> str | None:  # noqa: ANN401
    """Return a token; None for what cannot be one, and for the empty text that some send for none."""
    value = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(value, str) or not 1 <= len(value) <= LONGEST_TEXT:
        return None
    return value if value.isascii() and value.isprintable() else None


def _is_bearer(kind: object) -> bool:
    # Section 5.1 requires the type, section 7.1 has it without regard to case; not every vendor says it.
    return kind is None or (isinstance(kind, str) and kind.lower() == "bearer")


def _seconds(value: object) -> int | None:
    """Return a lifetime; None where the vendor says none, 0, or what cannot be one. Some send it as a text."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 10:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= LONGEST_LIFE:
        return None
    return int(value)
