"""Clients of both kinds, and time that tests move."""

from __future__ import annotations

import asyncio
import inspect
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.client.issuer import Issuer, running
from token_issuer.client import AsyncClient, Client, Clock

NOW = 1_790_000_000.0
TLS = ssl.create_default_context()  # made once: reading the authorities takes longer than most tests here


class Time:
    """Two clocks of one machine, and chance: all three stand still until a test moves them."""

    def __init__(self) -> None:
        self.ticks = 1000.0
        self.wall = NOW
        self.chance = 0.0
        self.server_ahead = 0.0

    def pass_by(self, seconds: float) -> None:
        self.ticks += seconds
        self.wall += seconds

    def clock(self) -> Clock:
        return Clock(monotonic=lambda: self.ticks, wall=lambda: self.wall, chance=lambda: self.chance)

    def at_server(self) -> float:
        return self.wall + self.server_ahead


class Blocking:
    """Calls an asynchronous thing from a test that is not: each call runs in the loop to its end."""

    def __init__(self, thing: Any, runner: asyncio.Runner) -> None:
        self._thing = thing
        self._runner = runner

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._thing, {"close": "aclose"}.get(name, name))
        return self._called(member) if callable(member) else member

    def _called(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **kwargs: Any) -> Any:
            result = function(*args, **kwargs)
            if inspect.iscoroutine(result):
                return self._runner.run(result)
            return Blocking(result, self._runner) if hasattr(result, "get") else result

        return called


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def issuer(time: Time) -> Iterator[Issuer]:
    with running(Issuer(clock=time.at_server)) as issuer:
        yield issuer


@pytest.fixture(params=["threads", "tasks"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(kind: str, issuer: Issuer, time: Time) -> Iterator[Callable[..., Any]]:
    """Make a client of either kind; it is called the same way."""
    made: list[Any] = []
    with asyncio.Runner() as runner:

        def client(**options: Any) -> Any:
            options = {"clock": time.clock(), "verify": TLS, **options}
            if kind == "threads":
                made.append(Client(issuer.address, **options))
            else:
                made.append(Blocking(AsyncClient(issuer.address, **options), runner))
            return made[-1]

        yield client
        for one in made:
            one.close()
