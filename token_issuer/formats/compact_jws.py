"""The compact form of a JSON Web Signature, read strictly: the gate in front of every key.

Source: RFC 7515 (JWS), RFC 7519 (JWT), RFC 8725 and its successor's draft (best practice).

    token      base64url(header) "." base64url(payload) "." base64url(signature)

JSON and Base64 let one content be written in many ways, and readers differ in what they forgive, so a gate stands in
front of the library: at most 16,384 characters, three parts, the URL alphabet without ``=`` and without unused bits,
UTF-8, JSON objects without repeated members, finite numbers, at most 32 levels deep, ``alg`` a text, ``typ`` and
``kid`` texts where they are there, neither ``crit`` nor ``b64``. ``jku``, ``x5u``, ``jwk`` and ``x5c`` are members
like any other: nothing here looks at them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NoReturn

from token_issuer.errors import BadGrant, TokenMalformed
from token_issuer.formats import base64url

MAX_TOKEN_CHARS: Final = 16_384
MAX_DEPTH: Final = 32

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compact:
    """What passed the gate, proved by nothing until a key says so. ``signed`` is the signed bytes as they came."""

    header: dict[str, object]
    payload: bytes = field(repr=False)
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @property
    def algorithm(self) -> str:
        """What the header says it was signed with: for comparing with a key's own algorithm, never for choosing."""
        return str(self.header["alg"])

    def claims(self) -> dict[str, object]:
        """Return the payload as claims, read anew at each call. Raises TokenMalformed when it is no JSON object."""
        return _object(self.payload, "claims")


def parse(token: object) -> Compact:
    """Read a token up to its payload's bytes, without a key.

    Raises:
        TokenMalformed: the text does not pass the gate.
    """
    # Before anything is decoded: the time and memory that a refusal costs stay small.
    if not isinstance(token, str) or len(token) > MAX_TOKEN_CHARS:
        message = "The token is not a text of at most 16,384 characters."
        raise TokenMalformed(message)
    if not _COMPACT.fullmatch(token):
        message = "The token is not three parts of base64url."
        raise TokenMalformed(message)
    signed, _, signature = token.rpartition(".")
    header, _, payload = signed.partition(".")
    return Compact(
        header=_header(base64url.decode(header)),
        payload=base64url.decode(payload),
        signed=signed.encode("ascii"),
        signature=base64url.decode(signature),
    )


def write(header: Mapping[str, str], claims: Mapping[str, object], sign: Callable[[bytes], bytes]) -> str:
    """Return the token: both objects in the caller's order as compact JSON, without escaping beyond ASCII.

    Raises:
        BadGrant: ``headers`` or ``claims`` cannot be written as JSON, or ``claims`` are too long.
    """
    parts = (_to_json(header, "headers"), _to_json(claims, "claims"))
    signed = ".".join(base64url.encode(part) for part in parts)
    token = f"{signed}.{base64url.encode(sign(signed.encode('ascii')))}"
    if len(token) > MAX_TOKEN_CHARS:
        raise BadGrant("claims", "must fit a token of 16,384 characters")
    return token


def _header(data: bytes) -> dict[str, object]:
    header = _object(data, "header")
    if not isinstance(header.get("alg"), str):
        message = "The token names no algorithm."
        raise TokenMalformed(message)
    if "crit" in header or "b64" in header:
        message = "The token's header asks for an extension."
        raise TokenMalformed(message)
    if not isinstance(header.get("kid", ""), str):
        message = "The token's key id is not a text."
        raise TokenMalformed(message)
    if not isinstance(header.get("typ", ""), str):
        message = "The token's type is not a text."
        raise TokenMalformed(message)
    return header


def _to_json(values: Mapping[str, object], name: str) -> bytes:
    try:
        return _encoder.encode(dict(values)).encode()
    except (TypeError, ValueError, RecursionError):
        raise BadGrant(name, "must be JSON values: finite numbers, valid Unicode") from None


def _object(data: bytes, part: str) -> dict[str, object]:
    try:
        found = _decoder.decode(data.decode())
        if b"\\u" in data:  # an escaped lone surrogate, which no text may have, does not encode
            _encoder.encode(found).encode()
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        message = f"The token's {part} is not one JSON object without repeated members."
        raise TokenMalformed(message)
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH and _too_deep(found):
        message = f"The token's {part} is more than {MAX_DEPTH} levels deep."
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


# Made once: the functions of the library make a new one at each call with settings of one's own.
_encoder = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)
_decoder = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_refuse_constant, parse_float=_finite)


def _too_deep(found: dict[str, object]) -> bool:
    # What goes deeper than this would only meet the recursion limit of whoever shows or compares it.
    level: list[object] = [found]
    for _ in range(MAX_DEPTH):
        level = [inner for value in level for inner in _inside(value)]
    return any(isinstance(value, dict | list) for value in level)


def _inside(value: object) -> list[object]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
