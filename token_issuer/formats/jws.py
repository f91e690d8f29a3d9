"""Signed tokens of our own: JSON Web Signature in the compact form with HS256, RS256, ES256 or EdDSA (Ed25519).

Source: RFC 7515 (JWS), RFC 7518 section 3 (algorithms), RFC 8037 (Ed25519), RFC 8725 (best practice); the gate of
``compact_jws`` reads, PyJWT's algorithms make and check the signature.

    header     {"alg": ..., "typ": ..., "kid": ...}
    signature  HS256 32 bytes; ES256 64 bytes, r and s (RFC 7518 section 3.4); EdDSA 64 bytes; RS256 as long as its key

A key is bound to one algorithm before any token is seen. The header's ``alg`` is compared with that, never obeyed, so
that no token can choose how it is judged. Which ``typ`` and which claims there must be, and what the clock says to
them, is the provider's business.

An ES256 signature has a twin (``r``, ``order - s``) that is as good, so a token has two texts: what is revoked or used
once is known by its ``jti``, never by its text.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final, Literal, Protocol

import jwt
from jwt.algorithms import Algorithm, get_default_algorithms

from token_issuer.errors import BadOption, TokenMalformed
from token_issuer.formats import compact_jws
from token_issuer.formats.compact_jws import Compact

ALGORITHMS: Final = ("HS256", "ES256", "EdDSA", "RS256")

_LIBRARY: Final[Mapping[str, Algorithm]] = MappingProxyType(
    {name: algorithm for name, algorithm in get_default_algorithms().items() if name in ALGORITHMS}
)
_SIGNATURE_BYTES: Final[Mapping[str, range]] = MappingProxyType(
    {"HS256": range(32, 33), "ES256": range(64, 65), "EdDSA": range(64, 65), "RS256": range(256, 2049)}
)


class SigningKey(Protocol):
    """A parsed key and the one algorithm it is for; ``crypto`` makes them."""

    @property
    def algorithm(self) -> str: ...
    @property
    def key_id(self) -> str: ...
    @property
    def key(self) -> object: ...


def encode(claims: Mapping[str, object], *, key: SigningKey, typ: str) -> str:
    """Return the signed token.

    Args:
        claims: JSON values; their order is kept. No claim is added.
        key: HS256: at least 32 bytes; otherwise a parsed private key.
        typ: what kind of token it is, for example ``at+jwt``.

    Raises:
        BadGrant: ``claims`` cannot be written as JSON, or are too long.
        BadOption: ``key`` is not a private key for its algorithm.
    """
    ready = _fitting(key.algorithm, key.key, use="sign")
    header = {"alg": key.algorithm, "typ": typ, "kid": key.key_id}
    return compact_jws.write(header, claims, partial(_sign, algorithm=key.algorithm, key=ready))


def parse(token: object) -> Compact:
    """Read a token up to its payload's bytes, without a key. Reading proves nothing; see ``verify``.

    Raises:
        TokenMalformed: the text does not pass the gate, or its algorithm or signature is none of this format's.
    """
    compact = compact_jws.parse(token)
    lengths = _SIGNATURE_BYTES.get(compact.algorithm)
    if lengths is None:
        message = f"The token's algorithm is none of {', '.join(ALGORITHMS)}."
        raise TokenMalformed(message)
    if len(compact.signature) not in lengths:
        message = "The token's signature has not the length that its algorithm gives."
        raise TokenMalformed(message)
    return compact


def read(token: str | Compact) -> tuple[dict[str, object], dict[str, object]]:
    """Return header and claims without a key. Reading proves nothing; see ``verify``.

    Raises:
        TokenMalformed: as ``parse`` does, or the payload is not a JSON object.
    """
    compact = token if isinstance(token, Compact) else parse(token)
    return compact.header, compact.claims()


def verify(token: str | Compact, *, algorithm: str, key: object) -> bool:
    """Whether this key signed the token with its own algorithm. Looks at no clock and no claim.

    Args:
        token: the text, or what ``parse`` made of it, which is then not read again.
        algorithm: the key's, from where the key is kept; a header that names another one is refused.
        key: HS256: at least 32 bytes; otherwise a parsed public key.

    Raises:
        TokenMalformed: as ``parse`` does.
        BadOption: ``key`` is not a key for ``algorithm``.
    """
    ready = _fitting(algorithm, key, use="verify")
    compact = token if isinstance(token, Compact) else parse(token)
    if compact.algorithm != algorithm:
        return False
    return _LIBRARY[algorithm].verify(compact.signed, ready, compact.signature)


def _sign(signed: bytes, *, algorithm: str, key: Any) -> bytes:  # noqa: ANN401  see _fitting
    signature = _LIBRARY[algorithm].sign(signed, key)
    if len(signature) not in _SIGNATURE_BYTES[algorithm]:  # Ed448, to the library, is EdDSA as well
        raise BadOption("key", f"is not a key for {algorithm}")
    return signature


def _fitting(algorithm: str, key: object, *, use: Literal["sign", "verify"]) -> Any:  # noqa: ANN401  PyJWT's own word
    """Return the key, if it is one for this algorithm and use."""
    if algorithm not in _LIBRARY:
        raise BadOption("algorithm", f"must be one of {', '.join(ALGORITHMS)}")
    # The library parses texts as PEM, at 138 times the cost of a signature: keys come here parsed.
    if isinstance(key, bytes) is not (algorithm == "HS256") or isinstance(key, str):
        raise BadOption("key", f"is not a parsed key for {algorithm}")
    library = _LIBRARY[algorithm]
    try:
        # RFC 7518 sections 3.2 and 3.3: 32 bytes at least for HS256, 2,048 bits for RS256.
        fits = isinstance(key, bytes) or (library.prepare_key(key) is key and hasattr(key, use))
        short = library.check_key_length(key) if fits else None
    except (jwt.InvalidKeyError, TypeError):
        fits, short = False, None
    if not fits or short:
        raise BadOption("key", f"is not a {'private' if use == 'sign' else 'public'} key for {algorithm}, or too short")
    return key
