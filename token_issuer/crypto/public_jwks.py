"""Public keys as JSON Web Keys: what a site publishes so that others verify its tokens, and what it stores itself.

Source: RFC 7517 (JWK), RFC 7518 section 6 (EC and RSA members), RFC 8037 section 2 (Ed25519), RFC 7638 (thumbprints).
Members are written in their one canonical spelling and read in no other: base64url without padding, a coordinate in
exactly 32 bytes, an RSA number without leading zeros. An HS256 key has nothing to publish.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from token_issuer.crypto.encoding import base64url, canonical_json, from_base64url
from token_issuer.crypto.signing_keys import PublicKey, SigningKey, VerifyingKey, fits
from token_issuer.errors import BadOption

FIELD: Final = "public_jwk"

_COORDINATE_BYTES = 32
_LONGEST_NUMBER = 2048  # bytes; RSA keys of 16,384 bits
# RFC 7638 section 3.2, RFC 8037 section 2: the members that make the key what it is.
_ESSENTIAL: Final[Mapping[str, tuple[str, ...]]] = {
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
    "RSA": ("e", "kty", "n"),
}
_KTY: Final[Mapping[str, str]] = {"ES256": "EC", "EdDSA": "OKP", "RS256": "RSA"}


def public_jwk(key: SigningKey | VerifyingKey) -> dict[str, str] | None:
    """Return what may be published: ``kty`` and the key's members, ``kid``, ``use``, ``alg``; None for HS256."""
    public = (key.verifying_key if isinstance(key, SigningKey) else key).key
    if isinstance(public, bytes):
        return None
    return {**_members(public), "kid": key.key_id, "use": "sig", "alg": key.algorithm}


def thumbprint(jwk: Mapping[str, object]) -> str:
    """Return RFC 7638's SHA-256 thumbprint: the same key has the same one, whatever else the JWK says.

    Raises:
        BadOption: it is no public key of the kinds that are used here.
    """
    essential = {name: jwk.get(name) for name in _ESSENTIAL.get(str(jwk.get("kty")), ())}
    texts = {name: value for name, value in essential.items() if isinstance(value, str)}
    if not texts or len(texts) < len(essential):
        raise BadOption(FIELD, "is not an EC, OKP or RSA key with all its members")
    return base64url(hashlib.sha256(canonical_json(texts)).digest())


def verifying_key(jwk: Mapping[str, object]) -> VerifyingKey:
    """Return the key that a JWK of ours describes. A key is parsed once, however often it is asked for.

    Raises:
        BadOption: no public key for one of our algorithms, in another spelling, too small, or a private one.
    """
    texts = {name: value for name, value in jwk.items() if isinstance(value, str)}
    known = {*_ESSENTIAL.get(texts.get("kty", ""), ()), "kid", "use", "alg"}
    # "d" and the like would be a private key where everybody reads.
    if set(texts) != known or set(jwk) != known or texts["use"] != "sig" or not texts["kid"]:
        raise BadOption(FIELD, "is not a public key with its members and kid, use, alg, and no others")
    key = _parsed(tuple(sorted(texts.items()))) if _KTY.get(texts["alg"]) == texts["kty"] else None
    if key is None or not fits(texts["alg"], key):
        raise BadOption(FIELD, "is not a public key for its algorithm")
    return VerifyingKey(texts["alg"], texts["kid"], key)


def _members(key: PublicKey) -> dict[str, str]:
    if isinstance(key, RSAPublicKey):
        numbers = key.public_numbers()
        return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}
    if isinstance(key, EllipticCurvePublicKey):
        point = key.public_numbers()
        return {"kty": "EC", "crv": "P-256", "x": _coordinate(point.x), "y": _coordinate(point.y)}
    return {"kty": "OKP", "crv": "Ed25519", "x": base64url(key.public_bytes_raw())}


def _number(value: int) -> str:
    return base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _coordinate(value: int) -> str:
    # RFC 7518 section 6.2.1.2: the full size of the field, leading zeros included.
    return base64url(value.to_bytes(_COORDINATE_BYTES, "big"))


@lru_cache(maxsize=256)
def _parsed(members: tuple[tuple[str, str], ...]) -> PublicKey | None:
    """Return the key, or None when its members are none in their one spelling."""
    told = dict(members)
    try:
        key = _READERS[told["kty"]](told)
    except ValueError:  # not on the curve, an even exponent, another length
        return None
    # Whatever was written otherwise than we write it is refused here: padding, zeros, another curve's name.
    return key if key is not None and _members(key).items() <= told.items() else None


def _read_ec(told: Mapping[str, str]) -> PublicKey | None:
    x, y = from_base64url(told["x"]), from_base64url(told["y"])
    if x is None or y is None:
        return None
    return EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), SECP256R1()).public_key()


def _read_okp(told: Mapping[str, str]) -> PublicKey | None:
    x = from_base64url(told["x"])
    return Ed25519PublicKey.from_public_bytes(x) if x is not None else None


def _read_rsa(told: Mapping[str, str]) -> PublicKey | None:
    n, e = from_base64url(told["n"]), from_base64url(told["e"])
    if n is None or e is None or len(n) > _LONGEST_NUMBER:
        return None
    return RSAPublicNumbers(int.from_bytes(e, "big"), int.from_bytes(n, "big")).public_key()


_READERS = {"EC": _read_ec, "OKP": _read_okp, "RSA": _read_rsa}
