"""Python client of an issuer: tokens that refresh themselves. No Django in it."""

from __future__ import annotations

from token_issuer.client.errors import ClientError, ConfigurationError, StoreError
from token_issuer.client.file_store import FileStore
from token_issuer.client.hidden import TokenText
from token_issuer.client.pairs import Pair
from token_issuer.client.sealing import Sealer, new_key
from token_issuer.client.stores import MemoryStore, Store

__all__ = [
    "ClientError",
    "ConfigurationError",
    "FileStore",
    "MemoryStore",
    "Pair",
    "Sealer",
    "Store",
    "StoreError",
    "TokenText",
    "new_key",
]
