"""Texts that mean nothing by themselves and are found by their digest: short tokens, login keys, API-key secrets."""

from __future__ import annotations

import os
import re
from typing import Final

from token_issuer.crypto.secret import TokenText, revealed
from token_issuer.formats import opaque

SHORT_TOKEN: Final = "tio_"  # noqa: S105  a prefix
LOGIN_KEY: Final = "til_"
API_KEY_SECRET: Final = "tis_"  # noqa: S105  a prefix
PUBLIC_ID: Final = "ak_"

_PUBLIC_ID_BYTES = 16
_PUBLIC_ID_DIGITS = 22  # 62**22 is the first power above 2**128
_IS_PUBLIC_ID = re.compile(rf"{PUBLIC_ID}[0-9A-Za-z]{{{_PUBLIC_ID_DIGITS}}}")


def new(prefix: str) -> TokenText:
    """Return a text of 256 random bits from the operating system behind one of the prefixes above."""
    return TokenText(opaque.encode(prefix, os.urandom(opaque.ENTROPY_BYTES)))


def passes(prefix: str, text: str | TokenText) -> bool:
    """Whether ``text`` can be one of ours with this prefix: shape and checksum, before any query. Never raises."""
    return opaque.passes(prefix, revealed(text))


def new_public_id() -> str:
    """Return a new API key's public id: ``ak_`` and 22 digits of 128 random bits. It is no secret."""
    return PUBLIC_ID + opaque.base62(os.urandom(_PUBLIC_ID_BYTES), digits=_PUBLIC_ID_DIGITS)


def is_public_id(text: str) -> bool:
    """Whether a text has the shape of an API key's public id."""
    return _IS_PUBLIC_ID.fullmatch(text) is not None
