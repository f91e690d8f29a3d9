"""Login by an MD5 answer to a challenge: the HA1 of HTTP Digest, and what a vendor makes of it.

Source: RFC 2617 section 3.2.2.2 for the first; Voximplant's page "Authorization: one-time key" for the second. The
vectors in ``voximplant.json`` were made by passlib's htdigest and openssl.

    HA1     = md5_hex(user ":" realm ":" password)
    answer  = md5_hex(key "|" HA1)

Texts are UTF-8, hex is lower case, and nothing is escaped: a separator inside a part stays as it is. Whoever has an HA1
can answer every challenge of its user, so it is as secret as the password.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from token_issuer.errors import BadGrant, BadOption

HEX: Final = re.compile(r"[0-9a-f]{32}")


def ha1(*, user: str, realm: str, password: str) -> str:
    """Return the 32 hex digits that stand for a password.

    Raises:
        BadOption: a part is no Unicode text, or is empty; ``field`` names it.
    """
    for name, text in (("user", user), ("realm", realm), ("password", password)):
        if not _is_text(text):
            raise BadOption(name, "must be a text that is not empty")
    return _md5(f"{user}:{realm}:{password}")


def answer(*, key: str, ha1: str) -> str:
    """Return the 32 hex digits that answer a challenge.

    Raises:
        BadGrant: ``key`` is no Unicode text, or is empty.
        BadOption: ``ha1`` is not 32 lower-case hex digits; another case would give another answer.
    """
    if not _is_text(key):
        raise BadGrant("key", "must be a text that is not empty")
    if not HEX.fullmatch(ha1):
        raise BadOption("ha1", "must be 32 lower-case hex digits")
    return _md5(f"{key}|{ha1}")


def _md5(text: str) -> str:
    # The protocol's own hash, which no caller chooses. What rests on it is the vendor's affair, and a build that
    # forbids MD5 for security (FIPS 140) must still be able to compute it.
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _is_text(text: str) -> bool:
    try:
        return bool(text.encode())
    except UnicodeEncodeError:  # a lone surrogate
        return False
