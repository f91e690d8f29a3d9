"""The text of a refresh token: which family, which generation, and a MAC that only this site can make.

    text       "tir_" base64url(content), in its one canonical spelling
    content    family (16 bytes), generation (uint32), MAC (32 bytes), key id (1 to 32 ASCII letters, digits, "-", "_")
    MAC        over ``signed_bytes``: family, generation, key id; ``crypto.refresh_texts`` makes and checks it

Integers are big-endian. There is no randomness: the text of a generation can be made again from its family's row, so
that a client whose answer was lost is given the same text once more, and none is ever stored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from token_issuer.errors import TokenMalformed
from token_issuer.formats import base64url

PREFIX: Final = "tir_"
FAMILY_BYTES: Final = 16
MAC_BYTES: Final = 32
GENERATION_MAX: Final = 0xFFFF_FFFF

_GENERATION_BYTES = 4
_MESSAGE_BYTES = FAMILY_BYTES + _GENERATION_BYTES
_KEY_ID = re.compile(rb"[A-Za-z0-9_-]{1,32}")
_TEXT = re.compile(r"tir_[A-Za-z0-9_-]{71,112}")  # 53 to 84 bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshText:
    """What a text says, proved by nothing until its MAC is."""

    family: bytes
    generation: int
    key_id: str
    mac: bytes = field(repr=False)


def signed_bytes(*, family: bytes, generation: int, key_id: str) -> bytes:
    """Return the bytes that the MAC is made over. Both parts before the key id are of fixed length.

    Args:
        family: 16 bytes.
        generation: 0 to 4,294,967,295.
        key_id: 1 to 32 ASCII letters, digits, ``-`` or ``_``.

    Raises:
        ValueError: an argument is of another shape.
    """
    if len(family) != FAMILY_BYTES:
        raise ValueError("a family is 16 bytes")
    if not 0 <= generation <= GENERATION_MAX:
        message = "a generation is 0 to 4,294,967,295"
        raise ValueError(message)
    name = key_id.encode("ascii", "replace")
    if not _KEY_ID.fullmatch(name):
        raise ValueError("not a key id of the ring")
    return family + generation.to_bytes(_GENERATION_BYTES, "big") + name


def encode(*, family: bytes, generation: int, key_id: str, mac: bytes) -> str:
    """Return the text. ``mac`` is 32 bytes; for the others, and ValueError, see ``signed_bytes``."""
    signed = signed_bytes(family=family, generation=generation, key_id=key_id)
    if len(mac) != MAC_BYTES:
        raise ValueError("a MAC is 32 bytes")
    return PREFIX + base64url.encode(signed[:_MESSAGE_BYTES] + mac + signed[_MESSAGE_BYTES:])


def read(text: object) -> RefreshText:
    """Read a text without a key. Reading proves nothing.

    Raises:
        TokenMalformed: not a text of this format, or not in its one spelling.
    """
    if not isinstance(text, str) or not _TEXT.fullmatch(text):
        message = "The text is not a refresh token."
        raise TokenMalformed(message)
    content = base64url.decode(text.removeprefix(PREFIX))
    key_id = content[_MESSAGE_BYTES + MAC_BYTES :]
    if not _KEY_ID.fullmatch(key_id):
        message = "The refresh token names no key of a ring."
        raise TokenMalformed(message)
    return RefreshText(
        family=content[:FAMILY_BYTES],
        generation=int.from_bytes(content[FAMILY_BYTES:_MESSAGE_BYTES], "big"),
        key_id=key_id.decode("ascii"),
        mac=content[_MESSAGE_BYTES : _MESSAGE_BYTES + MAC_BYTES],
    )
