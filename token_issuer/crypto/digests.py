"""How a secret text is found again, and how people recognise it.

A **digest** finds what we verify: SHA-256, 64 lower-case hex digits, under a unique index, never shown. A slow hash
would add nothing: such texts hold at least 128 random bits (NIST SP 800-63B, look-up secrets).
A **fingerprint** is shown to people: 16 hex digits of HMAC-SHA-256 under a subkey of the ring, because some vendors'
secrets come from human passwords and a plain hash of one could be guessed. It stays the same through resealing and
through rotation of the ring; ``keyring`` says how.
"""

from __future__ import annotations

import hashlib
import hmac

from token_issuer.crypto import keyring
from token_issuer.crypto.encoding import canonical_json, to_bytes
from token_issuer.crypto.primitives import hmac_sha256
from token_issuer.crypto.secret import Secret, TokenText

FINGERPRINT_DIGITS = 16


def digest(text: str | TokenText) -> str:
    """Return the SHA-256 of a token text's UTF-8, 64 lower-case hex digits. Total: any text has one."""
    value = text.reveal() if isinstance(text, TokenText) else text
    return hashlib.sha256(to_bytes(value)).hexdigest()


def fingerprint(secret: Secret) -> str:
    """Return 16 hex digits by which people recognise a secret. Raises ImproperlyConfigured without a key ring."""
    key = keyring.ring().fingerprint_key.subkey(keyring.FINGERPRINT)
    return hmac_sha256(key, canonical_json(secret.parts)).hex()[:FINGERPRINT_DIGITS]


def token_fingerprint(text: str | TokenText) -> str:
    """Return the first 16 digits of a token's digest: signed or random text cannot be guessed, so no key is needed."""
    return digest(text)[:FINGERPRINT_DIGITS]


def same(left: str, right: str) -> bool:
    """Compare two texts in constant time; databases compare without case and trailing blanks on some engines."""
    return hmac.compare_digest(to_bytes(left), to_bytes(right))
