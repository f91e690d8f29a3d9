"""The rules by which one credential is kept fresh: no socket, no lock, no thread (see ``steps``).

Whoever drives the rules lets one run at a time. Other processes may hold the same credential: the store says who was
first, and the server's grace answers those who asked at the same time.
"""

from __future__ import annotations

import logging

from token_issuer.client import answers, calls
from token_issuer.client.answers import Answer, Result
from token_issuer.client.calls import Call
from token_issuer.client.clock import ServerClock
from token_issuer.client.cooldown import Cooldown
from token_issuer.client.errors import (
    ClientError,
    ConfigurationError,
    ServerUnavailable,
    SignedOut,
    StoreError,
    TokenExpired,
)
from token_issuer.client.hidden import TokenText, Unpicklable
from token_issuer.client.holding import Holding
from token_issuer.client.settings import Event, Settings
from token_issuer.client.steps import Ask, Begin, Steps
from token_issuer.client.tokens import Span, Token

logger = logging.getLogger("token_issuer.client")

_MARGIN = 0.5  # seconds of the grace that a retry needs to arrive
_LEAST = 0.05  # a retry that may wait fewer seconds than this is not worth sending
_PATIENCE = 60.0  # seconds until a token that is refused again and again is refreshed once more
_ROUNDS = 3  # what another process stored meanwhile may be refused too


class Keeper(Unpicklable):
    """One credential, and when and how it is renewed.

    Args:
        name: what logs call it.
        labels: how a token that the store holds may have been got.
        first: the label of what ``Begin`` gets; None where nothing begins without somebody who signs in.
        seed: the refresh token to begin with, if the store has not seen it yet.
    """

    def __init__(
        self,
        settings: Settings,
        server: ServerClock,
        *,
        name: str,
        labels: frozenset[str],
        first: str | None,
        seed: TokenText | None = None,
    ) -> None:
        self._settings = settings
        self._server = server
        self._name = name
        self._first = first
        self._holding = Holding(settings, server, labels=labels, seed=seed)
        self._cooldown = Cooldown(settings.clock)
        self._announced: tuple[Token, Event] | None = None
        self._given_up: tuple[Token, float] | None = None
        self._events: list[Event] = []

    # ---------------------------------------------------------------------------------------------------- questions

    @property
    def current(self) -> Token | None:
        """The token there is, good or not."""
        return self._holding.token

    def ready(self) -> Token | None:
        """Return the token while there is nothing to do. It is asked for at each call, so it takes no lock."""
        token = self.usable()
        if token is None or not self._settings.auto_refresh or not token.is_due():
            return token
        return token if self._cooldown.error() is not None else None

    def usable(self) -> Token | None:
        """Return the token while it is good, also when it is time for the next one."""
        token = self.current
        return token if token is not None and token.is_valid() else None

    def tired(self) -> Token:
        """Answer somebody who has waited long enough for another caller who is refreshing.

        Raises:
            ServerUnavailable: what there is has expired.
        """
        token = self.usable()
        if token is None:
            msg = "Another caller is still refreshing."
            raise ServerUnavailable(msg, code="busy", retry_after=1.0)
        return token

    def give_up(self, token: Token) -> None:
        """Remember that a new token was refused as the old one was: another one would not help either."""
        self._given_up = (token, self._settings.clock.monotonic() + _PATIENCE)

    def has_given_up(self, token: Token) -> bool:
        """Tell whether a refusal of this token is known, and not long ago."""
        if self._given_up is None or self._given_up[0] is not token:
            return False
        return self._settings.clock.monotonic() < self._given_up[1]

    def taken_events(self) -> list[Event]:
        """Return what has happened since this was asked last."""
        events, self._events = self._events, []
        return events

    # -------------------------------------------------------------------------------------------------------- rules

    def renew(self, seen: Token | None, *, force: bool) -> Steps[Token]:
        """Return a good token that is not the one the caller has ``seen``, or that one while there is no other.

        ``force``: he wants another one although his is good.

        Raises:
            SignedOut, KeyRefused, Denied, BadRequest, RateLimited, ServerUnavailable, StoreError: there is none.
            TokenExpired: there is none, and refreshing by itself is off.
        """
        token = self.ready()
        if token is not None and token is not seen:
            return token  # whoever had the lock before us got it
        try:
            return (yield from self._renewed(seen, force=force))
        except (ConfigurationError, SignedOut, TokenExpired):
            raise
        except ClientError:
            token = None if force else self.usable()
            if token is None:
                raise
        return token  # early is early: what we have is still good

    def sign_in(self, signed_in: Token | TokenText) -> Steps[None]:
        """Hold and store what somebody signed in with."""
        yield from self._holding.replace(signed_in)
        self._cooldown.clear()

    def sign_out(self) -> Steps[Result | None]:
        """End the credential at the server, then forget it here whatever the server said. Returns what it said."""
        yield from self._look()
        pair = self._holding.pair
        if pair is None:
            return None
        token = pair.refresh or TokenText(pair.reveal()["token"])
        result: Result = yield Ask(calls.revoke(self._settings, token), self._settings.timeout)
        while not (yield from self._holding.forget()):
            if self._holding.pair is None or self._holding.pair.seeds != pair.seeds:
                return result  # somebody else signed in or out meanwhile
        self._tell("signed-out")
        return result

    def _renewed(self, seen: Token | None, *, force: bool) -> Steps[Token]:
        yield from self._look()
        token = self.ready()
        if token is not None and token is not seen and not (force and seen is None):
            return token  # another process got it
        if not force and not self._settings.auto_refresh:
            msg = "There is no valid token, and auto_refresh is off: call refresh()."
            raise TokenExpired(msg)
        failure = self._cooldown.error()
        if failure is not None:
            raise failure
        self._announce()
        try:
            return (yield from self._obtained())
        except (ConfigurationError, SignedOut, StoreError):
            raise
        except ClientError as error:
            failure = self._cooldown.start(error)
        logger.warning("Could not refresh: %s", failure, extra=self._facts("refresh_failed", reason=failure.code))
        raise failure

    def _obtained(self) -> Steps[Token]:
        for _ in range(_ROUNDS):
            token = yield from self._round()
            if token is not None:
                return token
        msg = "The store changed under each attempt to refresh."
        raise ServerUnavailable(msg, code="contention")

    def _round(self) -> Steps[Token | None]:
        """Ask once. None: what we hold now must be refreshed itself."""
        result, label = yield from self._asked()
        if isinstance(result, Answer) and result.succeeded:
            return (yield from self._kept(result, label=label))
        refused = answers.refusal(result, keyed=self._settings.api_key is not None)
        if not isinstance(refused, SignedOut):
            raise refused
        # Refused for good; unless another process was faster, and what it got is in the store.
        if not (yield from self._look()):
            yield from self._ended(refused)
        return self.ready()

    def _asked(self) -> Steps[tuple[Result, str]]:
        pair = self._holding.pair
        if pair is not None and pair.refresh is not None:
            result = yield from self._asked_twice(calls.refresh(self._settings, pair.refresh))
            return result, pair.label
        first = self._beginning()
        if first is None:
            msg = "Nobody is signed in."
            raise SignedOut(msg, code="not_signed_in")
        result = yield Begin()
        return result, first

    def _asked_twice(self, call: Call) -> Steps[Result]:
        """Send the same refresh token again when the answer was lost: within the grace the same successor comes."""
        clock, wait = self._settings.clock, self._settings.timeout
        sent = clock.monotonic()
        result: Result = yield Ask(call, wait)
        left = self._settings.grace - _MARGIN - (clock.monotonic() - sent)
        if answers.is_ambiguous(result) and left >= _LEAST:
            result = yield Ask(call, min(wait, left))
        return result

    def _kept(self, answer: Answer, *, label: str) -> Steps[Token | None]:
        # Texts stay out of local variables wherever something may raise: some reporters of errors show those.
        span = Span.since(answer.sent, clock=self._settings.clock, server=self._server)
        token = Token(self._inherited(answers.token_fields(answer)), span=span)
        try:
            kept = yield from self._holding.keep(token, label=label)
        except StoreError as error:
            facts = self._facts("store_failed", reason=error.code)
            logger.error("A new token could not be stored: %s", error, extra=facts)  # noqa: TRY400  says it all
        else:
            if not kept:
                return self._overtaken()
        finally:
            self._cooldown.clear()
        self._tell("refreshed")
        return token

    def _overtaken(self) -> Token | None:
        """Throw away what we got: the stored pair was replaced or removed while the request ran."""
        if self._holding.pair is None and self._beginning() is None:
            self._tell("signed-out")
            msg = "Signed out while the request ran."
            raise SignedOut(msg, code="signed_out")
        return self.ready()

    def _ended(self, refused: SignedOut) -> Steps[None]:
        """Forget a refresh token that is no longer good; then begin anew if that needs nobody."""
        try:
            forgotten = yield from self._holding.forget()
        except StoreError:
            forgotten = True  # what stays in the store opens nothing
        if not forgotten:
            return
        self._tell("signed-out")
        if self._beginning() is None:
            raise refused

    # ------------------------------------------------------------------------------------------------------ helpers

    def _beginning(self) -> str | None:
        return None if self._holding.is_personal else self._first

    def _look(self) -> Steps[bool]:
        moved = yield from self._holding.look()
        if moved:
            self._cooldown.clear()
        return moved

    def _inherited(self, fields: dict[str, object]) -> dict[str, object]:
        """Add what a refresh may leave out because it has not changed (RFC 6749 sections 5.1 and 6)."""
        pair = self._holding.pair
        old = pair.reveal() if pair is not None and pair.refresh else {}
        unsaid = [name for name in ("refresh_token", "scope") if name in old and fields.get(name) is None]
        return {**fields, **{name: old[name] for name in unsaid}}

    def _announce(self) -> None:
        """Tell once for each token that it will expire, and once that it did."""
        event: Event = "will-expire" if self.usable() else "did-expire"
        if self.current is not None and self._announced != (self.current, event):
            self._announced = (self.current, event)
            self._tell(event)

    def _tell(self, event: Event) -> None:
        logger.info("The access token: %s.", event, extra=self._facts(event))
        self._events.append(event)

    def _facts(self, event: str, **more: str) -> dict[str, str]:
        return {"event": event, "credential": self._name, **more}
