"""Access tokens that are almost right: signed with a certificate's own key, and different in one thing."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from token_issuer.crypto import Secret, SigningKey, signing_keys
from token_issuer.formats import jws
from token_issuer.models import Certificate
from token_issuer.registry import get_provider
from token_issuer.services.opening import opened_secret

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""FIPS 186-5, curve P-256: n."""

Change = Callable[[dict[str, Any]], object]


def key_of(certificate: Certificate) -> SigningKey:
    """The key that the certificate signs with."""
    provider = get_provider(certificate.application.provider)
    with opened_secret(certificate, provider) as secret:
        return signing_keys.signing_key(
            secret, part=provider.signing_part, algorithm=certificate.algorithm, key_id=certificate.key_id
        )


def new_key(algorithm: str, key_id: str) -> SigningKey:
    """A key that nobody knows, with somebody's id."""
    secret = Secret(**signing_keys.new_secret(algorithm))
    return signing_keys.signing_key(secret, part="key", algorithm=algorithm, key_id=key_id)


def signed_again(text: str, key: SigningKey, change: Change = dict, *, typ: str = "at+jwt") -> str:
    """The same claims, changed and signed."""
    claims = jws.read(text)[1]
    change(claims)
    return jws.encode(claims, key=key, typ=typ)


def twin_of(text: str) -> str:
    """The same ES256 token with the other signature that is as good: (r, n - s) for (r, s)."""
    signed, _, signature = text.rpartition(".")
    pair = base64.urlsafe_b64decode(signature + "==")
    other = pair[:32] + (P256_ORDER - int.from_bytes(pair[32:])).to_bytes(32)
    return signed + "." + base64.urlsafe_b64encode(other).decode().rstrip("=")
