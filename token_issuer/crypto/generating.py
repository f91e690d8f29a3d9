"""New randomness from the operating system: an entry for the key ring, and texts for secrets we make ourselves."""

from __future__ import annotations

import base64
import os
import secrets
import string
from collections.abc import Collection
from typing import Final

from token_issuer.crypto.primitives import KEY_BYTES
from token_issuer.crypto.secret import TokenText

_FEWEST_BYTES = 16  # OWASP ASVS 5.0, 11.5.1: at least 128 bits

PASSWORD_CHARACTERS: Final = 32
# No colon, bar, quote, backslash or blank: vendors join passwords with these, or escape them.
_MARKS: Final = "-_.!*"
_KINDS: Final = (string.ascii_uppercase, string.ascii_lowercase, string.digits, _MARKS)


def new_ring_entry(taken: Collection[str] = ()) -> TokenText:
    """Return a new ``"id:base64 of 32 bytes"`` for ENCRYPTION_KEYS.

    Args:
        taken: ids in use, or used once; the new one is the first of ``k1``, ``k2`` … not among them.
    """
    number = next(number for number in range(1, len(taken) + 2) if f"k{number}" not in taken)
    return TokenText(f"k{number}:{base64.b64encode(os.urandom(KEY_BYTES)).decode('ascii')}")


def new_secret_text(byte_count: int = 32) -> TokenText:
    """Return ``byte_count`` random bytes as lower-case hex; 16 or more."""
    if byte_count < _FEWEST_BYTES:
        msg = f"a secret has at least {_FEWEST_BYTES} random bytes"
        raise ValueError(msg)
    return TokenText(os.urandom(byte_count).hex())


def new_password() -> TokenText:
    """Return 32 random characters, over 190 bits, with an upper-case and a lower-case letter, a digit and a mark.

    Vendors ask for one of each; a text without one (fewer than one in ten) is thrown away and made anew.
    """
    while True:
        text = "".join(secrets.choice("".join(_KINDS)) for _ in range(PASSWORD_CHARACTERS))
        if all(any(mark in text for mark in kind) for kind in _KINDS):
            return TokenText(text)
