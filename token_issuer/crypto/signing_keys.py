"""What a token is signed with: parsed once, handed to providers ready for use.

Providers never parse PEM: it costs 138 times a signature. Algorithms and key sizes: RFC 7518 sections 3.2 to 3.4,
RFC 8037, and RFC 8725 sections 3.2 and 3.5.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from token_issuer.crypto.encoding import read_object, to_bytes
from token_issuer.crypto.secret import Mute, Secret, keep
from token_issuer.errors import BadOption

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey
Key = bytes | PrivateKey

HS256_BYTES: Final = 32
RSA_BITS: Final = 2048


class SigningKey(Mute):
    """An algorithm of RFC 7518, the id that headers name, and the key: bytes for HS256, else a private key."""

    __slots__ = ("_key", "algorithm", "key_id")
    algorithm: str
    key_id: str
    _key: Callable[[], Key]

    def __init__(self, algorithm: str, key_id: str, key: Key) -> None:
        keep(self, algorithm=algorithm, key_id=key_id, _key=lambda: key)

    @property
    def key(self) -> Key:
        """The key itself, for the one call that signs or verifies."""
        return self._key()

    def __repr__(self) -> str:
        return f"<SigningKey {self.algorithm} {self.key_id}>"


def signing_key(secret: Secret, *, part: str, algorithm: str, key_id: str) -> SigningKey:
    """Return the signing key that one part of a secret holds.

    Raises:
        BadOption: names the part: too short, not random, a key of another algorithm, unreadable. Never quotes it.
    """
    key = _key(algorithm, secret.part(part))
    if isinstance(key, str):
        raise BadOption(part, key)
    return SigningKey(algorithm, key_id, key)


def _key(algorithm: str, text: str) -> Key | str:
    """Return the key, or what is wrong with it."""
    if algorithm == "HS256":
        return _symmetric(text)
    if algorithm not in {"RS256", "ES256", "EdDSA"}:
        return f"there is no algorithm {algorithm!r} here; use HS256, RS256, ES256 or EdDSA"
    key = _private(to_bytes(text))
    if key is None:
        return "is not a private key in PEM without a password"
    return key if _fits(algorithm, key) else f"is not a key for {algorithm}"


def _symmetric(text: str) -> bytes | str:
    data = to_bytes(text)
    if "-----BEGIN" in text or read_object(text) is not None:
        return "is PEM or JSON; an HS256 key is random text"  # RFC 8725 section 2.1: a public key as an HMAC key
    if len(data) < HS256_BYTES:
        return f"must be at least {HS256_BYTES} bytes for HS256"
    return data if len(set(data)) > 1 else "is one byte repeated"


@lru_cache(maxsize=64)
def _private(pem: bytes) -> PrivateKey | None:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        return None
    return key if isinstance(key, RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey) else None


def _fits(algorithm: str, key: PrivateKey) -> bool:
    if isinstance(key, RSAPrivateKey):
        return algorithm == "RS256" and key.key_size >= RSA_BITS
    if isinstance(key, EllipticCurvePrivateKey):
        return algorithm == "ES256" and isinstance(key.curve, SECP256R1)
    return algorithm == "EdDSA"
