"""One call over one connection: what did not leave, what may have arrived, what takes too long."""

from __future__ import annotations

import asyncio
import socket
import threading

import httpx
import pytest

from tests.client.conftest import TLS
from tests.client.issuer import answer_late, lose_answer, say
from token_issuer.client import calls
from token_issuer.client.answers import Answer, NoAnswer, is_ambiguous
from token_issuer.client.clock import Clock, ServerClock
from token_issuer.client.exchange import AsyncExchange, Exchange, http_options
from token_issuer.client.hidden import TokenText
from token_issuer.client.settings import settings


def send(kind, address, *, timeout=2.0):
    clock = Clock()
    server = ServerClock(clock)
    given = settings(address, api_key=None, api_secret=None, auto_refresh=True)
    call = calls.refresh(given, TokenText("tir_a.0"))
    if kind == "threads":
        with httpx.Client(**http_options(TLS)) as http:
            return Exchange(http, clock=clock, server=server).send(call, timeout)

    async def main():
        async with httpx.AsyncClient(**http_options(TLS)) as http:
            return await AsyncExchange(http, clock=clock, server=server).send(call, timeout)

    return asyncio.run(main())


def test_where_nobody_listens_nothing_has_arrived(kind):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        result = send(kind, f"http://127.0.0.1:{unused.getsockname()[1]}/")
    assert result == NoAnswer(reached=False)
    assert not is_ambiguous(result)


@pytest.mark.parametrize("trouble", [lose_answer, answer_late(0.4)], ids=["cut", "late"])
def test_what_was_sent_may_have_arrived(kind, issuer, trouble):
    issuer.trouble.append(trouble)
    result = send(kind, issuer.address, timeout=0.1)
    assert result == NoAnswer(reached=True)
    assert is_ambiguous(result)


def test_an_answer_that_drips_is_not_waited_for(kind, issuer):
    gone = threading.Event()

    def drip(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        while not gone.wait(0.02):
            handler.wfile.write(b" ")

    issuer.trouble.append(drip)
    try:
        assert send(kind, issuer.address, timeout=0.2) == NoAnswer(reached=True)
    finally:
        gone.set()


def test_an_answer_is_a_status_and_an_object(kind, issuer):
    issuer.trouble.append(say(418, {"a": 1}, Retry_After="7"))
    result = send(kind, issuer.address)
    assert isinstance(result, Answer)
    assert (result.status, result.reveal(), result.retry_after, result.succeeded) == (418, {"a": 1}, 7.0, False)


def test_an_answer_does_not_show_itself(kind, issuer):
    issuer.trouble.append(say(200, {"token": "not-to-be-seen"}))
    assert "not-to-be-seen" not in repr(send(kind, issuer.address))


def test_time_passes():
    clock = Clock()
    assert clock.monotonic() < clock.monotonic()
    assert 0 <= clock.chance() < 1
