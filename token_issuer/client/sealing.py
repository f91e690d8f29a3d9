"""Encrypts a pair for a store: AES-256-GCM under a key that the program keeps somewhere else.

    sealed = "tic1" ‖ nonce (12 bytes) ‖ ciphertext and tag

``cryptography`` is imported when a Sealer is made, so that a client without one does not need it.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from token_issuer.client.errors import ConfigurationError, StoreError
from token_issuer.client.hidden import Unpicklable
from token_issuer.client.pairs import Pair

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_MAGIC = b"tic1"
_NONCE_BYTES = 12
_KEY_BYTES = 32


def new_key() -> str:
    """Return a key for ``Sealer`` and ``FileStore``: 32 random bytes as URL-safe Base64. Keep it with your secrets."""
    return base64.urlsafe_b64encode(os.urandom(_KEY_BYTES)).decode()


class Sealer(Unpicklable):
    """Seals with the first key, opens with all of them: put a new key in front to replace one.

    Raises:
        ConfigurationError: no key, or one that ``new_key`` did not make. The message does not show it.
    """

    __slots__ = ("_ciphers",)

    def __init__(self, keys: str | Sequence[str], /) -> None:
        ciphers = [_cipher(key) for key in ([keys] if isinstance(keys, str) else keys)]
        if not ciphers:
            msg = "An encrypted store needs a key: see new_key()."
            raise ConfigurationError(msg)
        self._ciphers: Callable[[], list[AESGCM]] = lambda: ciphers

    def seal(self, pair: Pair) -> bytes:
        """Return the pair, encrypted and self-describing."""
        nonce = os.urandom(_NONCE_BYTES)
        return _MAGIC + nonce + self._ciphers()[0].encrypt(nonce, pair.reveal_json().encode(), _MAGIC)

    def open(self, sealed: bytes) -> Pair:
        """Return what was sealed.

        Raises:
            StoreError: damaged, altered, or sealed with a key that is not among ours.
        """
        body = sealed.removeprefix(_MAGIC)
        texts = [text for cipher in self._ciphers() if (text := _decrypted(cipher, body)) is not None]
        if len(body) == len(sealed) or not texts:
            msg = "What is stored cannot be opened: damaged, or sealed with another key."
            raise StoreError(msg)
        return Pair.from_json(texts[0])


def _cipher(key: str) -> AESGCM:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  see above
    except ModuleNotFoundError:
        msg = "An encrypted store needs the package cryptography."
        raise ConfigurationError(msg) from None
    raw = _decoded(key)
    if len(raw) != _KEY_BYTES:
        msg = "A store's key is 32 bytes as URL-safe Base64: see new_key()."
        raise ConfigurationError(msg)
    return AESGCM(raw)


def _decoded(key: str) -> bytes:
    try:
        return base64.b64decode(key, altchars=b"-_", validate=True)
    except ValueError:
        return b""


def _decrypted(cipher: AESGCM, body: bytes) -> str | None:
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415  see above

    try:
        return cipher.decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], _MAGIC).decode()
    except (InvalidTag, ValueError):
        return None
