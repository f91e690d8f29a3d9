"""What Agora's two token formats share: little-endian packing, identifiers and strict Base64 and zlib.

Source: the vendor's published packers (``AgoraIO/Tools``, ``DynamicKey/AgoraDynamicKey``).

    u16 u32     unsigned, little-endian          i16    signed, little-endian
    text        u16 length in bytes, then UTF-8  (at most 65,535 bytes)
    map         u16 count, then (u16 key, u32 value) pairs in ascending key order

Packing a value that does not fit raises ``BadGrant`` (``BadOption`` for an application's identifier and certificate)
naming the field; reading bytes that do not fit raises ``TokenMalformed``. No message quotes a value.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeVar

from token_issuer.errors import BadGrant, BadOption, TokenMalformed

U16_MAX: Final = 0xFFFF
U32_MAX: Final = 0xFFFFFFFF
I16_MIN: Final = -0x8000
I16_MAX: Final = 0x7FFF
SIGNATURE_BYTES: Final = 32  # HMAC-SHA256
ID_CHARS: Final = 32
MAX_TOKEN_CHARS: Final = 16_384  # a few hundred are normal

V = TypeVar("V")

_HEX_ID = re.compile(r"[0-9A-Fa-f]{32}")


# Identifiers


def app_id_bytes(app_id: object) -> bytes:
    """Return the App ID as it is signed: its own 32 characters, case kept. Raises BadOption("app_id")."""
    if not isinstance(app_id, str) or not _HEX_ID.fullmatch(app_id):
        raise BadOption("app_id", "must be 32 hexadecimal digits")
    return app_id.encode("ascii")


def check_certificate(certificate: object) -> bytes:
    """Return the App certificate: 32 hexadecimal digits as ASCII bytes, never decoded. Raises BadOption."""
    if not isinstance(certificate, bytes) or not _HEX_ID.fullmatch(certificate.decode("latin-1")):
        raise BadOption("certificate", "must be 32 hexadecimal digits, as ASCII bytes")
    return certificate


def uid_text(uid: int | str, field: str = "uid") -> str:
    """Return a user id as both formats write it: 0 is the empty text (any user), other integers are decimal digits.

    A text is kept as it is, so the text ``"0"`` is the account called 0 and not a wildcard.

    Raises:
        BadGrant: not a text, and not an integer from 0 to 4,294,967,295.
    """
    if isinstance(uid, str):
        return uid
    number = whole_number(uid, field, high=U32_MAX)
    return str(number) if number else ""


# Packing


def whole_number(value: int, field: str, *, high: int, low: int = 0) -> int:
    """Return ``value`` if it is an integer from ``low`` to ``high``; BadGrant(field) otherwise."""
    # A bool is an int to Python and would be signed as 0 or 1.
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadGrant(field, "must be an integer")
    if not low <= value <= high:
        raise BadGrant(field, f"must be {low:,} to {high:,}")
    return value


def u16(value: int, field: str) -> bytes:
    """Pack 0 to 65,535 in two bytes."""
    return whole_number(value, field, high=U16_MAX).to_bytes(2, "little")


def u32(value: int, field: str) -> bytes:
    """Pack 0 to 4,294,967,295 in four bytes."""
    return whole_number(value, field, high=U32_MAX).to_bytes(4, "little")


def i16(value: int, field: str) -> bytes:
    """Pack -32,768 to 32,767 in two bytes."""
    return whole_number(value, field, low=I16_MIN, high=I16_MAX).to_bytes(2, "little", signed=True)


def utf8(value: str, field: str) -> bytes:
    """Return the UTF-8 bytes of a text; BadGrant(field) for anything else and for unpaired surrogates."""
    if not isinstance(value, str):
        raise BadGrant(field, "must be a text")
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise BadGrant(field, "must be valid Unicode") from None


def raw(value: bytes, field: str) -> bytes:
    """Pack bytes behind their u16 length."""
    if len(value) > U16_MAX:
        raise BadGrant(field, "must be at most 65,535 bytes in UTF-8")
    return len(value).to_bytes(2, "little") + value


def text(value: str, field: str) -> bytes:
    """Pack a text: u16 length in bytes, then UTF-8."""
    return raw(utf8(value, field), field)


def mapping(value: Mapping[int, V], field: str, *, pack_value: Callable[[V, str], bytes]) -> bytes:
    """Pack a map from u16 keys to whatever ``pack_value`` packs."""
    if not isinstance(value, Mapping):
        raise BadGrant(field, "must be a map")
    # The vendor's packer writes keys in ascending order; ours must match it byte for byte.
    keys = sorted(whole_number(key, field, high=U16_MAX) for key in value)
    return u16(len(keys), field) + b"".join(u16(key, field) + pack_value(value[key], field) for key in keys)


def pairs(value: Mapping[int, int], field: str) -> bytes:
    """Pack a map of u16 keys to u32 values."""
    return mapping(value, field, pack_value=u32)


# Reading


def after_prefix(token: object, prefix: str) -> str:
    """Return what follows the version of a token of bounded length."""
    if not isinstance(token, str) or not token.startswith(prefix):
        message = f"The token does not begin with {prefix}."
        raise TokenMalformed(message)
    if len(token) > MAX_TOKEN_CHARS:
        message = f"The token is longer than {MAX_TOKEN_CHARS:,} characters."
        raise TokenMalformed(message)
    return token[len(prefix) :]


def from_base64(content: str) -> bytes:
    """Decode standard Base64 with padding. Only the one canonical spelling is read, so a token has one text."""
    try:
        data = base64.b64decode(content, validate=True)
    except (ValueError, binascii.Error):
        raise TokenMalformed("The token is not Base64.") from None
    if base64.b64encode(data).decode("ascii") != content:
        message = "The token is not canonical Base64."
        raise TokenMalformed(message)
    return data


def inflate(data: bytes, *, limit: int) -> bytes:
    """Inflate zlib data that fills its text exactly and gives at most ``limit`` bytes."""
    stream = zlib.decompressobj()
    try:
        found = stream.decompress(data, limit + 1)
    except zlib.error:
        raise TokenMalformed("The token is not zlib data.") from None
    if len(found) > limit:
        message = f"The token inflates to more than {limit:,} bytes."
        raise TokenMalformed(message)
    if not stream.eof:
        message = "The token's zlib data ends too early."
        raise TokenMalformed(message)
    if stream.unused_data:
        message = "The token has bytes after its zlib data."
        raise TokenMalformed(message)
    return found


def read_app_id(found: str) -> str:
    """Return what stands where the App ID must be, if it can be one."""
    if not _HEX_ID.fullmatch(found):
        message = "The token's App ID is not 32 hexadecimal digits."
        raise TokenMalformed(message)
    return found


class Reader:
    """Takes packed values off a bounded buffer; TokenMalformed as soon as one does not fit."""

    __slots__ = ("_data", "_position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def take(self, count: int) -> bytes:
        """Return the next ``count`` bytes."""
        end = self._position + count
        if end > len(self._data):
            raise TokenMalformed("The token ends too early.")
        taken = self._data[self._position : end]
        self._position = end
        return taken

    def u16(self) -> int:
        """Read an unsigned 16-bit integer."""
        return int.from_bytes(self.take(2), "little")

    def u32(self) -> int:
        """Read an unsigned 32-bit integer."""
        return int.from_bytes(self.take(4), "little")

    def i16(self) -> int:
        """Read a signed 16-bit integer."""
        return int.from_bytes(self.take(2), "little", signed=True)

    def raw(self) -> bytes:
        """Read bytes behind their u16 length."""
        return self.take(self.u16())

    def text(self) -> str:
        """Read a text; it must be UTF-8."""
        try:
            return self.raw().decode()
        except UnicodeDecodeError:
            message = "The token has a text that is not UTF-8."
            raise TokenMalformed(message) from None

    def map(self, read_value: Callable[[], V]) -> Mapping[int, V]:
        """Read a map from u16 keys to what ``read_value`` reads; a key that comes twice is refused."""
        found: dict[int, V] = {}
        for _ in range(self.u16()):
            key = self.u16()
            if key in found:
                message = "The token has a map with a repeated key."
                raise TokenMalformed(message)
            found[key] = read_value()
        return MappingProxyType(found)

    def pairs(self) -> Mapping[int, int]:
        """Read a map of u16 keys to u32 values."""
        return self.map(self.u32)

    def signature(self) -> bytes:
        """Read a packed HMAC-SHA256."""
        found = self.raw()
        if len(found) != SIGNATURE_BYTES:
            message = "The token's signature is not 32 bytes."
            raise TokenMalformed(message)
        return found

    def rest(self) -> bytes:
        """Return everything that is left."""
        return self.take(len(self._data) - self._position)

    def end(self) -> None:
        """Refuse bytes after the last value: an attacker's place to write."""
        if self._position != len(self._data):
            message = "The token has bytes after its end."
            raise TokenMalformed(message)
