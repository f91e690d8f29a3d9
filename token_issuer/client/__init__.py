"""Python client of an issuer, for threads and for asyncio: tokens that refresh themselves. No Django in it.

    from token_issuer.client import Client

    with Client("https://example.com/issuer/", api_key="ak_…", api_secret="tis_…") as client:
        token = client.issue("rooms", channel="room-42", on_behalf_of="17")

It needs httpx: ``pip install django-token-issuer[client]``. See ``docs/python-client.md``.
"""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("httpx") is None:
    message = "token_issuer.client needs httpx: pip install 'django-token-issuer[client]'"
    raise ModuleNotFoundError(message, name="httpx")

from token_issuer.client.asynchronous import AsyncClient
from token_issuer.client.bearer import AsyncBearerAuth, BearerAuth
from token_issuer.client.clock import Clock
from token_issuer.client.errors import (
    BadRequest,
    ClientError,
    ConfigurationError,
    Denied,
    KeyRefused,
    RateLimited,
    ServerUnavailable,
    SignedOut,
    StoreError,
    TokenExpired,
)
from token_issuer.client.file_store import FileStore
from token_issuer.client.hidden import TokenText
from token_issuer.client.pairs import Pair
from token_issuer.client.sealing import Sealer, new_key
from token_issuer.client.sources import AsyncTokenSource, TokenSource
from token_issuer.client.stores import MemoryStore, Store
from token_issuer.client.synchronous import Client
from token_issuer.client.tokens import Token

__all__ = [
    "AsyncBearerAuth",
    "AsyncClient",
    "AsyncTokenSource",
    "BadRequest",
    "BearerAuth",
    "Client",
    "ClientError",
    "Clock",
    "ConfigurationError",
    "Denied",
    "FileStore",
    "KeyRefused",
    "MemoryStore",
    "Pair",
    "RateLimited",
    "Sealer",
    "ServerUnavailable",
    "SignedOut",
    "Store",
    "StoreError",
    "Token",
    "TokenExpired",
    "TokenSource",
    "TokenText",
    "new_key",
]
