"""Sends a call and reads the answer. What httpx raises holds the request with its body, so it ends here as a value."""

from __future__ import annotations

import asyncio
import ssl
import time
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from token_issuer.client import answers
from token_issuer.client.answers import Answer, NoAnswer, Result
from token_issuer.client.calls import Call
from token_issuer.client.clock import Clock, ServerClock

# The request has not left: nothing can have happened.
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol, httpx.ProxyError)

# With fewer idle connections than connections, httpcore closes one that another thread has just been given: with 50
# threads, 3 of 6000 requests failed or hung. So none is surplus.
_LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=100)


def http_options(verify: ssl.SSLContext | None) -> dict[str, Any]:
    """Return what both kinds of httpx client are made with: no redirects, and no cookies, which are credentials too."""
    jar = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
    return {"follow_redirects": False, "cookies": jar, "limits": _LIMITS, "verify": True if verify is None else verify}


class Exchange:
    """Calls to the issuer from threads."""

    def __init__(self, http: httpx.Client, *, clock: Clock, server: ServerClock) -> None:
        self._http = http
        self._clock = clock
        self._server = server

    def send(self, call: Call, timeout: float) -> Result:
        """Send once, wait ``timeout`` seconds at most for each part of the answer, and for all of its body."""
        sent, wall, until = self._clock.monotonic(), self._clock.wall(), time.monotonic() + timeout
        try:
            response = self._http.send(call.request(timeout=_phases(timeout)), stream=True, auth=None)
            try:
                content = _collected(response, until=until)
            finally:
                response.close()
        except _UNSENT:
            return NoAnswer(reached=False)
        except httpx.HTTPError:
            return NoAnswer(reached=True)
        return _answer(response, content, sent=sent, wall=wall, server=self._server)


class AsyncExchange:
    """Calls to the issuer from tasks."""

    def __init__(self, http: httpx.AsyncClient, *, clock: Clock, server: ServerClock) -> None:
        self._http = http
        self._clock = clock
        self._server = server

    async def send(self, call: Call, timeout: float) -> Result:
        """Send once, wait ``timeout`` seconds at most for the whole answer."""
        sent, wall = self._clock.monotonic(), self._clock.wall()
        try:
            async with asyncio.timeout(timeout):
                response = await self._http.send(call.request(timeout=_phases(timeout)), stream=True, auth=None)
                try:
                    content = await _acollected(response)
                finally:
                    await response.aclose()
        except _UNSENT:
            return NoAnswer(reached=False)
        except (httpx.HTTPError, TimeoutError):
            return NoAnswer(reached=True)
        return _answer(response, content, sent=sent, wall=wall, server=self._server)


def _phases(timeout: float) -> httpx.Timeout:
    # httpx counts each phase by itself. Half for connecting leaves the retry its place in the server's grace.
    return httpx.Timeout(timeout, connect=timeout / 2, pool=timeout / 2)


def _collected(response: httpx.Response, *, until: float) -> bytes:
    content = bytearray()
    for chunk in response.iter_raw():
        content += chunk
        if len(content) > answers.LIMIT or time.monotonic() > until:
            raise httpx.ReadTimeout("too much, or too slow")
    return bytes(content)


async def _acollected(response: httpx.Response) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > answers.LIMIT:
            raise httpx.ReadTimeout("too much")
    return bytes(content)


def _answer(response: httpx.Response, content: bytes, *, sent: float, wall: float, server: ServerClock) -> Answer:
    server.hear(response.headers.get("Date", ""), sent=wall)
    body = answers.json_object(content)
    retry_after = answers.seconds(response.headers.get("Retry-After"), now=server.now())
    return Answer(status=response.status_code, sent=sent, retry_after=retry_after, reveal=lambda: body)
