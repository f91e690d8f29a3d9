"""Puts the access token on requests, and another one after a 401: once."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Generator
from typing import TYPE_CHECKING

import httpx

from token_issuer.client.addresses import Origin, guard
from token_issuer.client.errors import ConfigurationError

if TYPE_CHECKING:
    from token_issuer.client.sources import AsyncTokenSource, TokenSource
    from token_issuer.client.tokens import Token

_HEADER = "Authorization"


class BearerAuth(httpx.Auth):
    """For an ``httpx.Client`` of your own: ``httpx.Client(auth=client.auth)``.

    The token goes to the issuer's origin and to ``origins`` of the client only. A body that is streamed cannot be sent
    again, so its 401 is returned.
    """

    def __init__(self, source: TokenSource, *, origins: Collection[Origin]) -> None:
        self._source = source
        self._origins = origins

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        guard(request.url, origins=self._origins)
        token = self._source.get()
        try:
            response = _cleaned((yield _signed(request, token)))
            if response.status_code != httpx.codes.UNAUTHORIZED:
                return
            other = self._source.replace(token)
            if other is not None and _is_repeatable(request):
                response = _cleaned((yield _signed(request, other)))
                if response.status_code == httpx.codes.UNAUTHORIZED:
                    self._source.give_up(other)
        finally:
            _strip(request)

    def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        msg = "An httpx.AsyncClient needs the auth of an AsyncClient."
        raise ConfigurationError(msg)


class AsyncBearerAuth(httpx.Auth):
    """The same for an ``httpx.AsyncClient``."""

    def __init__(self, source: AsyncTokenSource, *, origins: Collection[Origin]) -> None:
        self._source = source
        self._origins = origins

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        guard(request.url, origins=self._origins)
        token = await self._source.get()
        try:
            response = _cleaned((yield _signed(request, token)))
            if response.status_code != httpx.codes.UNAUTHORIZED:
                return
            other = await self._source.replace(token)
            if other is not None and _is_repeatable(request):
                response = _cleaned((yield _signed(request, other)))
                if response.status_code == httpx.codes.UNAUTHORIZED:
                    self._source.give_up(other)
        finally:
            _strip(request)

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        msg = "An httpx.Client needs the auth of a Client."
        raise ConfigurationError(msg)


def _signed(request: httpx.Request, token: Token) -> httpx.Request:
    request.headers[_HEADER] = f"Bearer {token.reveal()}"
    return request


def _strip(request: httpx.Request) -> None:
    """Take the token off a request that is over: answers and exceptions of httpx keep it."""
    request.headers.pop(_HEADER, None)


def _cleaned(response: httpx.Response) -> httpx.Response:
    for one in (*response.history, response):
        _strip(one.request)  # after a redirect it is another one than we signed
    return response


def _is_repeatable(request: httpx.Request) -> bool:
    return isinstance(request.stream, httpx.ByteStream)
