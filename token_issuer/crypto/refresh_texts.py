"""Refresh tokens: made from a family's row whenever they are needed, stored nowhere.

The MAC is HMAC-SHA-256 under the subkey ``refresh`` of the ring entry that the text names. A family keeps the entry it
was born with, so that its successors can be made again while the ring rotates; an entry that has left the ring takes
its families with it.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from uuid import UUID

from token_issuer.crypto import keyring
from token_issuer.crypto.keyring import RingKey
from token_issuer.crypto.primitives import hmac_sha256
from token_issuer.crypto.secret import TokenText
from token_issuer.errors import TokenMalformed
from token_issuer.formats import refresh_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """A refresh token that this site made: which family it belongs to, and where in its chain it stands."""

    family_id: UUID
    generation: int
    key_id: str


def make(*, family: UUID, generation: int, key_id: str) -> TokenText:
    """Return the refresh token of one generation: the same text for the same arguments, whenever it is asked for.

    Args:
        generation: 0 to 4,294,967,295.
        key_id: the ring entry that the family was born with.

    Raises:
        ImproperlyConfigured: the ring lacks that entry, or there is no usable ring.
        ValueError: the generation is outside its range.
    """
    mac = _mac(keyring.ring().key(key_id), family=family.bytes, generation=generation)
    return TokenText(refresh_text.encode(family=family.bytes, generation=generation, key_id=key_id, mac=mac))


def read(text: str | TokenText) -> Presented | None:
    """Return what the text says when this site made it, else None: malformed, altered, or its entry has left the ring.

    Compares in constant time and asks no database. Raises ImproperlyConfigured when there is no usable ring.
    """
    try:
        found = refresh_text.read(text.reveal() if isinstance(text, TokenText) else text)
    except TokenMalformed:
        return None
    key = keyring.ring().keys.get(found.key_id)
    if key is None or not hmac.compare_digest(_mac(key, family=found.family, generation=found.generation), found.mac):
        return None
    return Presented(family_id=UUID(bytes=found.family), generation=found.generation, key_id=found.key_id)


def _mac(key: RingKey, *, family: bytes, generation: int) -> bytes:
    signed = refresh_text.signed_bytes(family=family, generation=generation, key_id=key.key_id)
    return hmac_sha256(key.subkey(keyring.REFRESH), signed)
