"""One key of each algorithm, made once a run, and texts that are well signed whatever they say."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import get_default_algorithms

HMAC_KEY = bytes(range(32))


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What ``jws.encode`` takes, and what verifies it."""

    algorithm: str
    key: Any
    public: Any
    key_id: str = "k1"


def _pair(algorithm: str, private: Any) -> Key:
    return Key(algorithm=algorithm, key=private, public=private.public_key())


KEYS = {
    "HS256": Key(algorithm="HS256", key=HMAC_KEY, public=HMAC_KEY),
    "ES256": _pair("ES256", ec.generate_private_key(ec.SECP256R1())),
    "EdDSA": _pair("EdDSA", ed25519.Ed25519PrivateKey.generate()),
    "RS256": _pair("RS256", rsa.generate_private_key(65537, 2048)),
}
OTHERS = {
    "HS256": Key(algorithm="HS256", key=HMAC_KEY[::-1], public=HMAC_KEY[::-1]),
    "ES256": _pair("ES256", ec.generate_private_key(ec.SECP256R1())),
    "EdDSA": _pair("EdDSA", ed25519.Ed25519PrivateKey.generate()),
    "RS256": _pair("RS256", rsa.generate_private_key(65537, 2048)),
}


def part(data: str | bytes) -> str:
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header: str | bytes, payload: str | bytes, *, key: Key | None = None, algorithm: str = "") -> str:
    """Whatever is handed in, well signed; with the key's own algorithm unless another is named."""
    used = key or KEYS["HS256"]
    text = f"{part(header)}.{part(payload)}"
    return f"{text}.{part(get_default_algorithms()[algorithm or used.algorithm].sign(text.encode(), used.key))}"
