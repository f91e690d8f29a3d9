"""The three primitives, each with its key, nonce and input as arguments so that known answers can drive them.

Sources: AES-256-GCM, NIST SP 800-38D; HMAC-SHA-256, FIPS 198-1 and RFC 2104; HKDF-SHA-256, RFC 5869.
Nothing else in this package touches a cipher.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
NONCE_BYTES = 12  # SP 800-38D section 8.2.2: random 96 bits, at most 2**32 messages under one key
TAG_BYTES = 16


def aead_seal(key: bytes, plaintext: bytes, *, nonce: bytes, associated: bytes) -> bytes:
    """Return AES-256-GCM ciphertext followed by its 16-byte tag. A nonce serves one message of a key, ever."""
    return AESGCM(key).encrypt(nonce, plaintext, associated)


def aead_open(key: bytes, sealed: bytes, *, nonce: bytes, associated: bytes) -> bytes | None:
    """Return the plaintext, or None when anything differs.

    It does not raise: an exception would carry this frame, and the key in it, to whoever prints local variables.
    """
    if len(sealed) < TAG_BYTES or len(nonce) != NONCE_BYTES:
        return None
    try:
        return AESGCM(key).decrypt(nonce, sealed, associated)
    except InvalidTag:
        return None


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """Return the full 32-byte tag."""
    return hmac.new(key, message, hashlib.sha256).digest()


def hkdf_sha256(key: bytes, label: str) -> bytes:
    """Return the 32-byte subkey of ``key`` for one use. The label is the purpose, and stays for ever."""
    derivation = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"token_issuer/v1/" + label.encode("ascii"))
    return derivation.derive(key)
