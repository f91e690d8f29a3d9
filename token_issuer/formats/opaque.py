"""Our own opaque texts: random, recognised by their beginning, with a checksum at the end.

    text       prefix, body, checksum
    body       the 32 random bytes as one big-endian number in base 62, exactly 43 digits
    checksum   CRC32 of prefix and body in base 62, exactly 6 digits
    digits     0-9, A-Z, a-z, in this order

Secret scanners find a leaked text by its prefix and are sure of it by its checksum; a text that was cut or mistyped is
refused without a query. The checksum is no signature: whoever knows this page can write one. What a text opens is found
by its digest.
"""

from __future__ import annotations

import re
import string
import zlib
from typing import Final

ENTROPY_BYTES: Final = 32

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_BODY_DIGITS = 43  # 62**43 is the first power above 2**256
_CHECKSUM_DIGITS = 6  # 62**6 is the first power above 2**32
_PREFIX = re.compile(r"[a-z]{2,8}_")
_REST = re.compile(r"[0-9A-Za-z]{49}")
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}


def encode(prefix: str, entropy: bytes) -> str:
    """Return the text.

    Args:
        prefix: 2 to 8 lower-case letters and ``_``.
        entropy: 32 bytes. The caller supplies them, from the operating system.

    Raises:
        ValueError: an argument is of another shape. Its message holds neither.
    """
    if not _PREFIX.fullmatch(prefix):
        message = "a prefix is 2 to 8 lower-case letters and _"
        raise ValueError(message)
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError("the entropy is 32 bytes")
    text = prefix + base62(entropy, digits=_BODY_DIGITS)
    return text + _checksum(text)


def passes(prefix: str, text: object) -> bool:
    """Whether ``text`` is one that ``encode`` makes with this prefix. Never raises; knows nothing of who made it."""
    if not isinstance(text, str) or not text.startswith(prefix) or not _REST.fullmatch(text, len(prefix)):
        return False
    signed, checksum = text[:-_CHECKSUM_DIGITS], text[-_CHECKSUM_DIGITS:]
    # 43 digits reach a little beyond 32 bytes; nothing was ever made there.
    return checksum == _checksum(signed) and _number(signed[len(prefix) :]) < 1 << (8 * ENTROPY_BYTES)


def base62(data: bytes, *, digits: int) -> str:
    """Return bytes as one big-endian number of exactly ``digits`` digits; ValueError when they do not suffice."""
    number, found = int.from_bytes(data, "big"), ""
    for _ in range(digits):
        number, value = divmod(number, len(_DIGITS))
        found = _DIGITS[value] + found
    if number:
        raise ValueError("the digits do not suffice")
    return found


def _number(digits: str) -> int:
    number = 0
    for digit in digits:
        number = number * len(_DIGITS) + _VALUES[digit]
    return number


def _checksum(text: str) -> str:
    return base62(zlib.crc32(text.encode("ascii")).to_bytes(4, "big"), digits=_CHECKSUM_DIGITS)
