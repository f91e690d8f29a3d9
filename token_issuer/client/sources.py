"""One credential, kept fresh for everybody in this process: under a lock for threads, and under one for tasks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

from token_issuer.client import parts
from token_issuer.client.answers import Result
from token_issuer.client.calls import Call
from token_issuer.client.hidden import Unpicklable
from token_issuer.client.keeper import Keeper
from token_issuer.client.settings import Settings
from token_issuer.client.steps import Ask, Load, Step, Steps, Swap, T, adrive, drive
from token_issuer.client.stores import Store
from token_issuer.client.tokens import Token


class TokenSource(Unpicklable):
    """A credential for threads: whoever comes while it is refreshed waits, and gets the same token."""

    def __init__(
        self,
        keeper: Keeper,
        settings: Settings,
        store: Store,
        *,
        send: Callable[[Call, float], Result],
        begin: Callable[[], Result],
    ) -> None:
        self._keeper = keeper
        self._settings = settings
        self._store = store
        self._send = send
        self._begin = begin
        self._lock = parts.PerProcess(threading.Lock)

    def get(self) -> Token:
        """Return a token that is good now; the next one when it is due.

        Raises:
            ClientError: there is none, and why (see ``errors``). While the old token is good, a failure to refresh it
                early is only logged.
        """
        return self._keeper.ready() or self._flight(self._keeper.current, force=False)

    def refresh(self) -> Token:
        """Return another token than the one there was, although that one is not due.

        Raises:
            ClientError: there is none, and why; also while the old token is good.
        """
        return self._flight(self._keeper.current, force=True)

    def replace(self, refused: Token) -> Token | None:
        """Return another token than the one a server has just refused; None when there is no use in it.

        Raises:
            ClientError: there is none, and why.
        """
        if not self._settings.auto_refresh or self._keeper.has_given_up(refused):
            return None
        return self._flight(refused, force=True)

    def give_up(self, token: Token) -> None:
        """Say that a replacement was refused as well, so that not each request asks for another one."""
        self._keeper.give_up(token)

    def run(self, steps: Steps[T]) -> T:
        """Follow other rules of the keeper while nobody refreshes."""
        try:
            with self._lock.get():
                return drive(steps, self._perform)
        finally:
            parts.deliver(self._keeper, self._settings)

    def _flight(self, seen: Token | None, *, force: bool) -> Token:
        lock = self._lock.get()
        patience = parts.patience(self._keeper, self._settings, force=force)
        if not lock.acquire(timeout=patience):
            return self._keeper.tired()
        try:
            return drive(self._keeper.renew(seen, force=force), self._perform)
        finally:
            lock.release()
            parts.deliver(self._keeper, self._settings)

    def _perform(self, step: Step) -> object:
        if isinstance(step, Load):
            return self._store.load()
        if isinstance(step, Swap):
            return self._store.swap(step.expected_version, step.pair)
        if isinstance(step, Ask):
            return self._send(step.call, step.timeout)
        return self._begin()


class AsyncTokenSource(Unpicklable):
    """A credential for the tasks of one event loop. A task that is cancelled does not take the refresh with it."""

    def __init__(
        self,
        keeper: Keeper,
        settings: Settings,
        store: Store,
        *,
        send: Callable[[Call, float], Awaitable[Result]],
        begin: Callable[[], Awaitable[Result]],
        flights: set[asyncio.Task[Token]],
    ) -> None:
        self._keeper = keeper
        self._settings = settings
        self._store = store
        self._send = send
        self._begin = begin
        self._lock = parts.PerLoop(asyncio.Lock)
        self._flights = flights

    async def get(self) -> Token:
        """Return a token that is good now; the next one when it is due.

        Raises:
            ClientError: there is none, and why (see ``errors``). While the old token is good, a failure to refresh it
                early is only logged.
        """
        return self._keeper.ready() or await self._flight(self._keeper.current, force=False)

    async def refresh(self) -> Token:
        """Return another token than the one there was, although that one is not due.

        Raises:
            ClientError: there is none, and why; also while the old token is good.
        """
        return await self._flight(self._keeper.current, force=True)

    async def replace(self, refused: Token) -> Token | None:
        """Return another token than the one a server has just refused; None when there is no use in it.

        Raises:
            ClientError: there is none, and why.
        """
        if not self._settings.auto_refresh or self._keeper.has_given_up(refused):
            return None
        return await self._flight(refused, force=True)

    def give_up(self, token: Token) -> None:
        """Say that a replacement was refused as well, so that not each request asks for another one."""
        self._keeper.give_up(token)

    async def run(self, steps: Steps[T]) -> T:
        """Follow other rules of the keeper while nobody refreshes."""
        try:
            async with self._lock.get():
                return await adrive(steps, self._perform)
        finally:
            parts.deliver(self._keeper, self._settings)

    async def _flight(self, seen: Token | None, *, force: bool) -> Token:
        """Wait for a task of its own, so that the caller may go and the server's answer is still stored."""
        flight = asyncio.create_task(self.run(self._keeper.renew(seen, force=force)))
        self._flights.add(flight)
        flight.add_done_callback(self._landed)
        patience = parts.patience(self._keeper, self._settings, force=force)
        done, _ = await asyncio.wait({flight}, timeout=patience)
        return flight.result() if done else self._keeper.tired()

    def _landed(self, flight: asyncio.Task[Token]) -> None:
        self._flights.discard(flight)
        if not flight.cancelled():
            flight.exception()  # looked at, so that asyncio does not report what nobody waits for

    async def _perform(self, step: Step) -> object:
        if isinstance(step, Load):
            return await asyncio.to_thread(self._store.load)
        if isinstance(step, Swap):
            return await asyncio.to_thread(self._store.swap, step.expected_version, step.pair)
        if isinstance(step, Ask):
            return await self._send(step.call, step.timeout)
        return await self._begin()
