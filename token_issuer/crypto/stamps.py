"""Stamps: what a token remembers of a value that must not change while it lives, without keeping the value.

A family remembers the stamp of its user's stored password hash; a changed password changes the stamp and ends it. Made
under the same ring entry as fingerprints, so that a new entry in front of the ring ends nobody's session.
"""

from __future__ import annotations

from typing import Final

from token_issuer.crypto import keyring
from token_issuer.crypto.encoding import to_bytes
from token_issuer.crypto.primitives import hmac_sha256

STAMP_DIGITS: Final = 32


def password_stamp(password_hash: str) -> str:
    """Return 32 hex digits for what ``user.password`` holds. Raises ImproperlyConfigured without a key ring."""
    key = keyring.ring().fingerprint_key.subkey(keyring.PASSWORD_STAMP)
    return hmac_sha256(key, to_bytes(password_hash)).hex()[:STAMP_DIGITS]
