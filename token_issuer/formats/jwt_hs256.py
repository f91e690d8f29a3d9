"""JSON Web Token with HS256 and a vendor's secret in the compact form, and nothing else of RFC 7515.

Source: RFC 7515 (JWS), RFC 7519 (JWT), RFC 8725 (best practice); the gate of ``compact_jws`` reads, PyJWT makes and
checks the signature.

    token      base64url(header) "." base64url(claims) "." base64url(HMAC-SHA256(key, the first two parts))

``alg`` is exactly HS256. Claims are written in the caller's order, as the vendors' own packages do. Which claims there
must be, and what the clock says to them, is the provider's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import jwt
from jwt.algorithms import HMACAlgorithm

from token_issuer.errors import BadGrant, BadOption, TokenMalformed
from token_issuer.formats import compact_jws
from token_issuer.formats.compact_jws import Compact

ALGORITHM: Final = "HS256"

_SIGNATURE_BYTES = 32
_RESERVED_HEADERS = frozenset({"alg", "crit", "b64"})

_hmac = HMACAlgorithm(HMACAlgorithm.SHA256)


def encode(claims: Mapping[str, object], *, key: str, headers: Mapping[str, str] | None = None) -> str:
    """Return the signed token.

    Args:
        claims: JSON values; their order is kept. Lifetimes are the caller's: no claim is added.
        key: the secret, used as UTF-8 text and never decoded; its length is the vendor's choice.
        headers: further members, for example ``kid``; ``alg`` and ``typ`` (JWT) are there already.

    Raises:
        BadGrant: ``claims`` cannot be written as JSON or are too long, or ``headers`` names what is decided here.
        BadOption: ``key`` is empty or a key of another kind.
    """
    extra = dict(headers or {})
    if _RESERVED_HEADERS & extra.keys() or not all(isinstance(value, str) for value in extra.values()):
        raise BadGrant("headers", "must be texts, and not alg, crit or b64")
    secret = _checked(key)
    header = dict(sorted({"typ": "JWT", **extra, "alg": ALGORITHM}.items()))
    return compact_jws.write(header, claims, lambda signed: _hmac.sign(signed, secret))


def read(token: str) -> tuple[dict[str, object], dict[str, object]]:
    """Return header and claims without a secret. Reading proves nothing; see ``verify``.

    Raises:
        TokenMalformed: the text does not pass the gate.
    """
    compact = _parse(token)
    return compact.header, compact.claims()


def verify(token: str, *, key: str) -> bool:
    """Whether this key signed the token. Constant time; looks at no clock and no claim.

    Raises:
        TokenMalformed: the text does not pass the gate.
        BadOption: ``key`` is empty or a key of another kind.
    """
    compact = _parse(token)
    compact.claims()
    return _hmac.verify(compact.signed, _checked(key), compact.signature)


def check_key(key: str) -> None:
    """Raise BadOption("key") for a text that cannot sign: empty, or a key of another kind."""
    _checked(key)


def _parse(token: object) -> Compact:
    compact = compact_jws.parse(token)
    if compact.algorithm != ALGORITHM:
        message = "The token's algorithm is not HS256."
        raise TokenMalformed(message)
    if len(compact.signature) != _SIGNATURE_BYTES:
        message = "The token's signature is not 32 bytes."
        raise TokenMalformed(message)
    return compact


def _checked(key: object) -> bytes:
    if not isinstance(key, str) or not key:
        raise BadOption("key", "must be a text that is not empty")
    try:
        # The library refuses PEM and SSH keys: signing with a public text is the classic confusion of algorithms.
        return _hmac.prepare_key(key)
    except (jwt.InvalidKeyError, UnicodeEncodeError):
        raise BadOption("key", "must be a shared secret in valid Unicode, not a PEM or SSH key") from None
