"""Whose text is this? Told by its look alone: pure, without a query, and no proof of anything."""

from __future__ import annotations

from typing import Final

from token_issuer.crypto import opaque
from token_issuer.services.verified import Kind

LONGEST_TOKEN: Final = 16 * 1024  # characters; nothing we issue comes near it

_API_KEY: Final = "ak_"
_PREFIXES: Final = {opaque.SHORT_TOKEN: Kind.ONE_TIME, _API_KEY: Kind.API_KEY}
# What opens nothing by itself here: refresh tokens, login keys and API keys' secrets have doors of their own.
_ELSEWHERE: Final = ("tir_", opaque.LOGIN_KEY, opaque.API_KEY_SECRET)


def recognise(text: str) -> Kind | None:
    """Return which kind of ours a text claims to be, None when it is not ours.

    A vendor's token looks like anybody's and is None here; whether we issued it is a question for its row.
    """
    if not text or len(text) > LONGEST_TOKEN or not text.isascii():
        return None
    return next((kind for prefix, kind in _PREFIXES.items() if text.startswith(prefix)), None)


def is_ours(text: str) -> bool:
    """Whether a text claims to be any secret of ours, also one that is no credential of a request."""
    kind = recognise(text)
    if kind is Kind.API_KEY:
        return "." in text  # the public id alone is no secret
    return kind is not None or text.startswith(_ELSEWHERE)
