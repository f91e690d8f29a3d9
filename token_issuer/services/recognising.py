"""Whose text is this? Told by its look alone: pure, without a query, and no proof of anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from token_issuer.conf import conf
from token_issuer.crypto import SignedText, TokenText, opaque, revealed, signed_texts
from token_issuer.services.verified import Kind

LONGEST_TOKEN: Final = 16 * 1024  # characters; nothing we issue comes near it

REFRESH_TOKEN: Final = "tir_"  # noqa: S105  a prefix

_API_KEY: Final = "ak_"
_PREFIXES: Final = {opaque.SHORT_TOKEN: Kind.ONE_TIME, _API_KEY: Kind.API_KEY}
# What opens nothing by itself here: refresh tokens, login keys and API keys' secrets have doors of their own.
_ELSEWHERE: Final = (REFRESH_TOKEN, opaque.LOGIN_KEY, opaque.API_KEY_SECRET)
_JSON_OBJECT: Final = "ey"  # how base64url of '{"' begins


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Which kind a text claims to be, and what a signed one says, so that it is read only once.

    An access token of another issuer is signed, and of no kind of ours.
    """

    kind: Kind | None = None
    signed: SignedText | None = None


def recognise(text: str | TokenText) -> Kind | None:
    """Return which kind of ours a text claims to be, None when it is not ours.

    A vendor's token looks like anybody's and is None here; whether we issued it is a question for its row.
    """
    return look(text).kind


def look(text: str | TokenText) -> Look:
    """Return what ``recognise`` returns, and what was read on the way."""
    value = revealed(text)
    if not is_plausible(value):
        return Look()
    if value.startswith(_JSON_OBJECT):
        return _look_inside(value)
    return Look(kind=next((kind for prefix, kind in _PREFIXES.items() if value.startswith(prefix)), None))


def is_plausible(text: str | TokenText) -> bool:
    """Whether a text can be anybody's token at all, by its length and its letters, before anything is decoded."""
    value = revealed(text)
    return 0 < len(value) <= LONGEST_TOKEN and value.isascii()


def is_ours(text: str | TokenText) -> bool:
    """Whether a text claims to be any secret of ours, also one that is no credential of a request."""
    value, kind = revealed(text), recognise(text)
    if kind is Kind.API_KEY:
        return "." in value  # the public id alone is no secret
    return kind is not None or value.startswith(_ELSEWHERE)


def _look_inside(text: str) -> Look:
    signed = signed_texts.read(text)
    if signed is None:
        return Look()
    # RFC 8725 section 3.11: a kind of token is known by its type, before anything else is believed of it.
    if signed.typ == signed_texts.ACCESS_TOKEN:
        ours = conf.issuer is not None and signed.claims.get("iss") == conf.issuer
        return Look(kind=Kind.ACCESS if ours else None, signed=signed)
    key = signed.claims.get("apikey")
    if isinstance(key, str) and key.startswith(_API_KEY):
        return Look(kind=Kind.SELF_SIGNED, signed=signed)
    return Look()
