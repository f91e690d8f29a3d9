"""What both kinds of client are made of, so that they cannot differ."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from token_issuer.client import answers, calls
from token_issuer.client.answers import Result
from token_issuer.client.clock import ServerClock
from token_issuer.client.errors import ConfigurationError, ServerUnavailable
from token_issuer.client.hidden import TokenText, revealed
from token_issuer.client.holding import SIGN_IN
from token_issuer.client.keeper import Keeper
from token_issuer.client.settings import Settings, is_printable
from token_issuer.client.tokens import Span, Token

logger = logging.getLogger("token_issuer.client")

T = TypeVar("T")

CLIENT_CREDENTIALS = "client-credentials"

# Seconds that a caller whose token is good waits for the one who refreshes early.
SHORT = 1.0


class PerProcess(Generic[T]):
    """Something that a forked copy of this process must not share: connections, locks that a thread held."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._held = {os.getpid(): make()}

    def get(self) -> T:
        """Return this process's own."""
        process = os.getpid()
        held = self._held.get(process)
        return self._held.setdefault(process, self._make()) if held is None else held


class PerLoop(Generic[T]):
    """Something that belongs to an event loop: connections, and locks that tasks wait for."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._held: WeakKeyDictionary[asyncio.AbstractEventLoop, T] = WeakKeyDictionary()

    def get(self) -> T:
        """Return what belongs to the running loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._held:
            self._held[loop] = self._make()
        return self._held[loop]


def own_keeper(settings: Settings, server: ServerClock, refresh_token: TokenText | None) -> Keeper:
    """Return the keeper of the client's own credential: a person's refresh token, else the API key's own token."""
    seed = None if refresh_token is None else checked(refresh_token)
    alone = settings.api_key is not None and seed is None
    return Keeper(
        settings,
        server,
        name="own",
        labels=frozenset({SIGN_IN, CLIENT_CREDENTIALS}),
        first=CLIENT_CREDENTIALS if alone else None,
        seed=seed,
    )


def application_keeper(
    settings: Settings, server: ServerClock, *, application: str, grant: Mapping[str, Any]
) -> Keeper:
    """Return the keeper of a token of an application, which is asked for again when it is due."""
    label = f"issue {application} {calls.grant_json(grant)}"
    return Keeper(settings, server, name=application, labels=frozenset({label}), first=label)


def checked(refresh_token: TokenText) -> TokenText:
    """Return a refresh token.

    Raises:
        ConfigurationError: it can be none.
    """
    if not is_printable(refresh_token.reveal()):
        msg = "A refresh token is printable ASCII without blanks."
        raise ConfigurationError(msg)
    return refresh_token


def signed_in(token: Token | TokenText | str) -> Token | TokenText:
    """Return what somebody signed in with, checked."""
    return token if isinstance(token, Token) else checked(TokenText(revealed(token)))


def bearer(token: Token) -> str:
    """Return the Authorization header with an access token (RFC 6750 section 2.1)."""
    return f"Bearer {token.reveal()}"


def patience(keeper: Keeper, settings: Settings, *, force: bool) -> float:
    """Return the seconds to wait for somebody who is refreshing: not long while the token is good."""
    return SHORT if not force and keeper.usable() else 2 * settings.grace


def redeemed(result: Result, settings: Settings, server: ServerClock) -> Token:
    """Return the token that a login key was exchanged for.

    Raises:
        Denied, BadRequest, RateLimited, ServerUnavailable: there is none.
    """
    return token_of(result, replace(settings, api_key=None), server)


def token_of(result: Result, settings: Settings, server: ServerClock) -> Token:
    """Return the token in the answer to an issue call.

    Raises:
        KeyRefused, Denied, BadRequest, RateLimited, ServerUnavailable: there is none.
    """
    answer = accepted(result, settings)
    return Token(answers.token_fields(answer), span=Span.since(answer.sent, clock=settings.clock, server=server))


def accepted(result: Result, settings: Settings) -> answers.Answer:
    """Return the answer of a success; raise what it refuses otherwise."""
    if isinstance(result, answers.Answer) and result.succeeded:
        return result
    raise answers.refusal(result, keyed=settings.api_key is not None)


def introspected(result: Result, settings: Settings) -> dict[str, Any]:
    """Return what the server says about a token; at least ``active``.

    Raises:
        KeyRefused, ServerUnavailable: it says nothing.
    """
    body = accepted(result, settings).reveal()
    if body is None or not isinstance(body.get("active"), bool):
        msg = "The server answered something that is not an introspection."
        raise ServerUnavailable(msg, code="unexpected_answer")
    return dict(body)


def is_unauthorized(result: Result) -> bool:
    """Tell whether a token was refused as such."""
    return isinstance(result, answers.Answer) and result.status == 401


def deliver(keeper: Keeper, settings: Settings) -> None:
    """Tell the listener what happened, when no lock is held: it may call us."""
    for event in keeper.taken_events():
        if settings.listener is None:
            continue
        try:
            settings.listener(event)
        except Exception:
            logger.exception("The listener failed.", extra={"event": event})
