"""What a token is signed with and checked against: parsed once, handed to providers ready for use.

Providers never parse PEM: it costs 138 times a signature. Algorithms and key sizes: RFC 7518 sections 3.2 to 3.4,
RFC 8037, and RFC 8725 sections 3.2 and 3.5. What is published of a key is in ``public_jwks``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as new_ec_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as new_rsa_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from token_issuer.crypto.encoding import read_object, to_bytes
from token_issuer.crypto.generating import new_secret_text
from token_issuer.crypto.secret import Mute, Secret, keep
from token_issuer.errors import BadOption

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey
PublicKey = RSAPublicKey | EllipticCurvePublicKey | Ed25519PublicKey

ALGORITHMS: Final = ("HS256", "ES256", "EdDSA", "RS256")
HS256_BYTES: Final = 32
RSA_BITS: Final = 2048

_NEW_RSA_BITS = 3072  # NIST SP 800-57 part 1: 128 bits of strength, as the other three have
_RSA_EXPONENT = 65_537


class VerifyingKey(Mute):
    """An algorithm of RFC 7518, the id that headers name, and what verifies: bytes for HS256, else a public key."""

    __slots__ = ("_key", "algorithm", "key_id")
    algorithm: str
    key_id: str
    _key: Callable[[], bytes | PublicKey]

    def __init__(self, algorithm: str, key_id: str, key: bytes | PublicKey) -> None:
        keep(self, algorithm=algorithm, key_id=key_id, _key=lambda: key)

    @property
    def key(self) -> bytes | PublicKey:
        """The key itself, for the one call that verifies."""
        return self._key()

    @property
    def verifying_key(self) -> VerifyingKey:
        """Itself: whoever verifies takes both kinds of key."""
        return self

    def __repr__(self) -> str:
        return f"<VerifyingKey {self.algorithm} {self.key_id}>"


class SigningKey(Mute):
    """An algorithm of RFC 7518, the id that headers name, and the key: bytes for HS256, else a private key."""

    __slots__ = ("_key", "algorithm", "key_id")
    algorithm: str
    key_id: str
    _key: Callable[[], bytes | PrivateKey]

    def __init__(self, algorithm: str, key_id: str, key: bytes | PrivateKey) -> None:
        keep(self, algorithm=algorithm, key_id=key_id, _key=lambda: key)

    @property
    def key(self) -> bytes | PrivateKey:
        """The key itself, for the one call that signs."""
        return self._key()

    def named(self, key_id: str) -> SigningKey:
        """Return the same key under the id that somebody else knows it by."""
        return SigningKey(self.algorithm, key_id, self.key)

    @property
    def verifying_key(self) -> VerifyingKey:
        """What verifies the tokens that this key signs; nothing is parsed for it."""
        key = self.key
        return VerifyingKey(self.algorithm, self.key_id, key if isinstance(key, bytes) else _public(key))

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


def new_secret(algorithm: str, *, part: str = "key") -> dict[str, str]:
    """Return a new secret for an algorithm: ``part`` and 32 random bytes in hex (HS256), or a private key in PEM.

    Raises:
        BadOption: there is no such algorithm here.
    """
    if algorithm == "HS256":
        return {part: new_secret_text(HS256_BYTES).reveal()}
    if algorithm == "ES256":
        return {part: _pem(new_ec_key(SECP256R1()))}
    if algorithm == "EdDSA":
        return {part: _pem(Ed25519PrivateKey.generate())}
    if algorithm == "RS256":
        return {part: _pem(new_rsa_key(_RSA_EXPONENT, _NEW_RSA_BITS))}
    raise BadOption("algorithm", _unknown(algorithm))


def fits(algorithm: str, key: PrivateKey | PublicKey) -> bool:
    """Whether a parsed key is one for this algorithm, and large enough."""
    if isinstance(key, RSAPrivateKey | RSAPublicKey):
        return algorithm == "RS256" and key.key_size >= RSA_BITS
    if isinstance(key, EllipticCurvePrivateKey | EllipticCurvePublicKey):
        return algorithm == "ES256" and isinstance(key.curve, SECP256R1)
    return algorithm == "EdDSA"


def _unknown(algorithm: str) -> str:
    return f"there is no algorithm {algorithm!r} here; use {', '.join(ALGORITHMS[:-1])} or {ALGORITHMS[-1]}"


def _key(algorithm: str, text: str) -> bytes | PrivateKey | str:
    """Return the key, or what is wrong with it."""
    if algorithm == "HS256":
        return _symmetric(text)
    if algorithm not in ALGORITHMS:
        return _unknown(algorithm)
    key = _private(to_bytes(text))
    if key is None:
        return "is not a private key in PEM without a password"
    return key if fits(algorithm, key) else f"is not a key for {algorithm}"


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


@lru_cache(maxsize=64)
def _public(key: PrivateKey) -> PublicKey:
    return key.public_key()


def _pem(key: PrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
