"""JSON Web Token with HS256 in the compact form, and nothing else of RFC 7515.

Source: RFC 7515 (JWS), RFC 7519 (JWT), RFC 8725 (best practice); PyJWT makes and checks the signature.

    token      base64url(header) "." base64url(claims) "." base64url(HMAC-SHA256(key, the first two parts))

A strict gate stands in front of the library, because JSON and Base64 let one content be written in many ways and
readers differ in what they forgive: at most 16,384 characters, three parts, the URL alphabet without ``=`` and without
unused bits, UTF-8, JSON objects without repeated members, finite numbers, ``alg`` exactly HS256, neither ``crit`` nor
``b64``.

Claims are written in the caller's order as compact JSON without escaping beyond ASCII, as the vendors' own packages
do. Which claims there must be, and what the clock says to them, is the provider's business.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Mapping
from typing import Final, NoReturn

import jwt
from jwt.algorithms import HMACAlgorithm

from token_issuer.errors import BadGrant, BadOption, TokenMalformed

ALGORITHM: Final = "HS256"
MAX_TOKEN_CHARS: Final = 16_384

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_SIGNATURE_BYTES = 32
_RESERVED_HEADERS = frozenset({"alg", "crit", "b64"})


class _AnyLength(HMACAlgorithm):
    """HMAC for vendors' secrets, whose length is the vendor's choice: no warning at each call when one is short."""

    def check_key_length(self, key: bytes) -> None:
        return None


_hmac = _AnyLength(HMACAlgorithm.SHA256)
_jws = jwt.PyJWS(algorithms=())
_jws.register_algorithm(ALGORITHM, _hmac)


def encode(claims: Mapping[str, object], *, key: str, headers: Mapping[str, str] | None = None) -> str:
    """Return the signed token.

    Args:
        claims: JSON values; their order is kept. Lifetimes are the caller's: no claim is added.
        key: the secret, used as UTF-8 text and never decoded.
        headers: further members, for example ``kid``; ``alg`` and ``typ`` (JWT) are there already.

    Raises:
        BadGrant: ``claims`` cannot be written as JSON or are too long, or ``headers`` names what is decided here.
        BadOption: ``key`` is empty or a key of another kind.
    """
    extra = dict(headers or {})
    if _RESERVED_HEADERS & extra.keys() or not all(isinstance(value, str) for value in extra.values()):
        raise BadGrant("headers", "must be texts, and not alg, crit or b64")
    token = _jws.encode(_compact(claims), _checked(key), algorithm=ALGORITHM, headers=extra)
    if len(token) > MAX_TOKEN_CHARS:
        raise BadGrant("claims", "must fit a token of 16,384 characters")
    return token


def read(token: str) -> tuple[dict[str, object], dict[str, object]]:
    """Return header and claims without a secret. Reading proves nothing; see ``verify``.

    Raises:
        TokenMalformed: the text does not pass the gate.
    """
    header_part, claims_part, signature_part = _parts(token)
    header, claims = _object(header_part, "header"), _object(claims_part, "claims")
    _check_header(header)
    if len(signature_part) != _SIGNATURE_BYTES:
        message = "The token's signature is not 32 bytes."
        raise TokenMalformed(message)
    return header, claims


def verify(token: str, *, key: str) -> bool:
    """Whether this key signed the token. Constant time; looks at no clock and no claim.

    Raises:
        TokenMalformed: the text does not pass the gate.
        BadOption: ``key`` is empty or a key of another kind.
    """
    read(token)
    try:
        _jws.decode(token, _checked(key), algorithms=[ALGORITHM])
    except jwt.InvalidTokenError:
        return False
    return True


def _check_header(header: Mapping[str, object]) -> None:
    if header.get("alg") != ALGORITHM:
        message = "The token's algorithm is not HS256."
        raise TokenMalformed(message)
    if "crit" in header or "b64" in header:
        message = "The token's header asks for an extension."
        raise TokenMalformed(message)
    if not isinstance(header.get("kid", ""), str):
        message = "The token's key id is not a text."
        raise TokenMalformed(message)


def _parts(token: object) -> list[bytes]:
    # Before anything is decoded: the time and memory that a refusal costs stay small.
    if not isinstance(token, str) or len(token) > MAX_TOKEN_CHARS:
        message = "The token is not a text of at most 16,384 characters."
        raise TokenMalformed(message)
    if not _COMPACT.fullmatch(token):
        message = "The token is not three parts of base64url."
        raise TokenMalformed(message)
    return [_from_base64url(part) for part in token.split(".")]


def check_key(key: str) -> None:
    """Raise BadOption("key") for a text that cannot sign: empty, or a key of another kind."""
    _checked(key)


def _checked(key: object) -> bytes:
    if not isinstance(key, str) or not key:
        raise BadOption("key", "must be a text that is not empty")
    try:
        # The library refuses PEM and SSH keys: signing with a public text is the classic confusion of algorithms.
        return _hmac.prepare_key(key)
    except (jwt.InvalidKeyError, UnicodeEncodeError):
        raise BadOption("key", "must be a shared secret in valid Unicode, not a PEM or SSH key") from None


def _compact(claims: Mapping[str, object]) -> bytes:
    try:
        return json.dumps(dict(claims), separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        raise BadGrant("claims", "must be JSON values: finite numbers, valid Unicode") from None


def _from_base64url(part: str) -> bytes:
    try:
        data = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise TokenMalformed("The token is not base64url.") from None
    if base64.urlsafe_b64encode(data).rstrip(b"=") != part.encode("ascii"):
        message = "The token is not canonical base64url."
        raise TokenMalformed(message)
    return data


def _object(data: bytes, part: str) -> dict[str, object]:
    try:
        found = json.loads(
            data.decode(), object_pairs_hook=_members, parse_constant=_refuse_constant, parse_float=_finite
        )
        json.dumps(found, ensure_ascii=False).encode()  # fails on an escaped lone surrogate, which no text may have
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        message = f"The token's {part} is not one JSON object without repeated members."
        raise TokenMalformed(message)
    return found


def _members(members: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("repeated member")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("not finite")
    return number
