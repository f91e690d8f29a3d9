"""Sealing at rest: AES-256-GCM, bound to the place where the value is stored.

    sealed     = "v1." key-id "." base64url(nonce) "." base64url(ciphertext + tag)      as ASCII bytes
    plaintext  = the secret's parts as canonical JSON
    associated = version, table, field, the row's UUID (16 bytes), key id; each with its length before it (uint32)

So a value that is copied to another row, column or table, or given another key id, does not open. ``table`` is a
constant of the model's choosing, not a table's name in the database: renaming a table must not lose its secrets.
Key: the HKDF subkey ``seal`` of the entry that the value names. The nonce is 96 random bits for every sealing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured

from token_issuer.crypto import keyring
from token_issuer.crypto.encoding import base64url, canonical_json, from_base64url, read_parts
from token_issuer.crypto.primitives import NONCE_BYTES, aead_open, aead_seal
from token_issuer.crypto.secret import Secret

VERSION = "v1"
_PIECES = 4


class SealBroken(ImproperlyConfigured):
    """A sealed value was altered, cut short or moved to another place. There is nothing to fall back on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    table: str
    field: str
    row: UUID

    def associated(self, key_id: str) -> bytes:
        pieces = (VERSION.encode(), self.table.encode(), self.field.encode(), self.row.bytes, key_id.encode())
        return b"".join(len(piece).to_bytes(4, "big") + piece for piece in pieces)

    def __str__(self) -> str:
        return f"{self.table}.{self.field} of row {self.row}"


def seal(secret: Secret, *, table: str, field: str, row: UUID) -> bytes:
    """Return the sealed value for exactly this place. Raises ImproperlyConfigured without a usable key ring."""
    place = _Place(table=table, field=field, row=row)
    key = keyring.ring().sealing_key
    nonce = os.urandom(NONCE_BYTES)
    data = aead_seal(
        key.subkey(keyring.SEAL), canonical_json(secret.parts), nonce=nonce, associated=place.associated(key.key_id)
    )
    return f"{VERSION}.{key.key_id}.{base64url(nonce)}.{base64url(data)}".encode("ascii")


@contextmanager
def open(sealed: bytes | memoryview, *, table: str, field: str, row: UUID) -> Iterator[Secret]:  # noqa: A001  the vault's verb
    """Open a sealed value for the length of a ``with`` block.

    Raises:
        SealBroken: the value was altered or moved, or is no sealed value.
        ImproperlyConfigured: the ring lacks the key that the value names, or the version is unknown; both are named.
    """
    yield _opened(sealed, _Place(table=table, field=field, row=row))


def reseal(sealed: bytes | memoryview, *, table: str, field: str, row: UUID) -> bytes | None:
    """Return the value sealed anew under the first key, or None when it is under that key already."""
    if key_id_of(sealed) == keyring.ring().sealing_key.key_id:
        return None
    return seal(_opened(sealed, _Place(table=table, field=field, row=row)), table=table, field=field, row=row)


def key_id_of(sealed: bytes | memoryview) -> str:
    """Return the id of the key that a value names, without opening it or asking the ring."""
    return _split(sealed)[0]


def _opened(sealed: bytes | memoryview, place: _Place) -> Secret:
    key_id, nonce, data = _split(sealed)
    key = keyring.ring().key(key_id)
    secret = _read(aead_open(key.subkey(keyring.SEAL), data, nonce=nonce, associated=place.associated(key_id)))
    if secret is None:
        msg = f"The sealed {place} cannot be opened with the key {key_id!r}: it was altered or moved."
        raise SealBroken(msg)
    return secret


def _read(plaintext: bytes | None) -> Secret | None:
    parts = read_parts(plaintext) if plaintext is not None else None
    return Secret(**parts) if parts else None


def _split(sealed: bytes | memoryview) -> tuple[str, bytes, bytes]:
    """Return key id, nonce and ciphertext with tag."""
    pieces = bytes(sealed).decode("ascii", "replace").split(".")
    if len(pieces) != _PIECES or not keyring.KEY_ID.fullmatch(pieces[1]):
        msg = "A stored value is not a sealed one; restore it from a backup or enter the secret again."
        raise SealBroken(msg)
    version, key_id, nonce, data = pieces
    if version != VERSION:
        msg = f"A sealed value has the unknown version {version!r}; a newer release wrote it."
        raise ImproperlyConfigured(msg)
    return key_id, from_base64url(nonce) or b"", from_base64url(data) or b""
